"""Argon2id has its price, and tests ask it for the same again and again: they log in by passwords of ready-made keys.

What it gave is kept as long as the process lives; what it is asked for the first time it works out.
"""

from collections.abc import Iterator
from functools import cache

import pytest

from faxplan import passphrases

_once = cache(passphrases.derive)


@pytest.fixture(scope="module", autouse=True)
def derived_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passphrases, "derive", _once)
        yield
