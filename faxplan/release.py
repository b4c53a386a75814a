"""Which release this code is, where FreeSWITCH's loader has imported it as a package of the release's own name.

Outside of FreeSWITCH, and in a checkout, it is imported as plain `faxplan`: both names are empty then
(docs/decisions/releases-in-the-switch.md).
"""

import sys

PACKAGE = __name__.removesuffix("faxplan.release").rstrip(".")
"""Such as faxplan_release_0_1_0."""
NAME: str = getattr(sys.modules.get(PACKAGE), "__release__", "")
"""Such as 0.1.0."""


def plain(module: str) -> str:
    """A module's name as any other process has it: faxplan.rendering."""
    return module.removeprefix(f"{PACKAGE}.") if PACKAGE else module
