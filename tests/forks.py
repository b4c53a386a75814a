"""Documents in work beside pytest-xdist, as they are in a worker of ours: in a fork of the process, which costs less.

pytest-xdist's worker has a thread that listens to whoever started it, so that every test's document would have a fresh
interpreter (faxplan.sandbox.call): a third of a second each. That thread holds nothing which a child of ours needs.
Where a test has threads of its own, it is as ever. tests/unit/test_sandbox.py has both ways: this ends with each module
that takes it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from faxplan import sandbox

_PYTEST_ITSELF = 2


@pytest.fixture(scope="module", autouse=True)
def forks() -> Iterator[None]:
    spawned = sandbox._spawned

    def started(asked: dict[str, Any]) -> AbstractContextManager[tuple[int, BinaryIO]]:
        is_alone = len(list(Path("/proc/self/task").iterdir())) <= _PYTEST_ITSELF
        return (sandbox._forked if is_alone else spawned)(asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_spawned", started)
        yield
