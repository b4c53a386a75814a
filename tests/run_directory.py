"""The directory of a run of tests: its PostgreSQL lies there, and goes with it.

Whoever started the run owns the directory and holds a lock in it. A run that was killed cannot clean up, but the kernel
has released its lock, so the next run finds the directory and does it.
"""

import fcntl
import os
import tempfile
from pathlib import Path

from tests import installations

GIVEN = "FAXPLAN_TESTS_RUN_DIRECTORY"
"""In the environment: the directory of a run that others own, which has several runs of pytest (tests/mutants/)."""
_PREFIX = "faxplan-tests-"
_LOCK_NAME = "owner.lock"


def make() -> tuple[Path, int]:
    """A new one, once those of killed runs are gone; and the descriptor of its lock."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if directory.stat().st_uid == os.geteuid():
            _remove_if_abandoned(directory)
    starting = Path(tempfile.mkdtemp(prefix="faxplan-starting-"))
    # The account that runs PostgreSQL for root passes through; the data inside are its own, 0700.
    starting.chmod(0o711)
    lock = os.open(starting / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Renamed once it is locked: another run must not take it for an abandoned one.
    directory = starting.with_name(starting.name.replace("faxplan-starting-", _PREFIX))
    starting.rename(directory)
    return directory, lock


def remove(directory: Path, lock: int) -> None:
    """Ends what runs there, and deletes everything."""
    installations.remove(directory)
    os.close(lock)


def _remove_if_abandoned(directory: Path) -> None:
    try:
        lock = os.open(directory / _LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:
        # Another run is just removing it.
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        installations.remove(directory)
    except BlockingIOError:
        # Its owner is alive.
        return
    finally:
        os.close(lock)
