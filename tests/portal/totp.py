"""A telephone that makes codes."""

import time

from faxplan import second_factor


def code(secret: bytes, *, steps: int = 0) -> str:
    """Of now, or of so many half minutes later."""
    return second_factor.code_at(secret, int(time.time()) // second_factor.STEP_SECONDS + steps)
