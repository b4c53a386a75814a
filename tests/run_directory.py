"""The directory of a run of tests: its PostgreSQL lies there, and goes with it.

Whoever started the run owns the directory and holds a lock in it. A run that was killed cannot clean up, but the kernel
has released its lock, so the next run finds the directory and does it.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

from tests import installations

GIVEN = "FAXPLAN_TESTS_RUN_DIRECTORY"
"""In the environment: the directory of a run that others own, which has several runs of pytest (tests/mutants/)."""
_PREFIX = "faxplan-tests-"
_LOCK_NAME = "owner.lock"
_MEMORY = Path("/dev/shm")
_ROOM = 4 * 1024**3


def make() -> tuple[Path, int]:
    """A new one, once those of killed runs are gone; and the descriptor of its lock."""
    for directory in (found for place in {Path(tempfile.gettempdir()), _MEMORY} for found in place.glob(f"{_PREFIX}*")):
        with contextlib.suppress(FileNotFoundError):
            if directory.stat().st_uid == os.geteuid():
                _remove_if_abandoned(directory)
    starting = Path(tempfile.mkdtemp(prefix="faxplan-starting-", dir=_place()))
    # The account that runs PostgreSQL for root passes through; the data inside are its own, 0700.
    starting.chmod(0o711)
    lock = os.open(starting / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Renamed once it is locked: another run must not take it for an abandoned one.
    directory = starting.with_name(starting.name.replace("faxplan-starting-", _PREFIX))
    starting.rename(directory)
    return directory, lock


def _place() -> Path:
    """In memory where there is plenty: each test has a database of its own, of a dozen megabytes, and a slow disk has
    nothing else to do."""
    try:
        room = shutil.disk_usage(_MEMORY).free
        free = (
            int(re.findall(r"^MemAvailable: +([0-9]+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)[0]) * 1024
        )
    except (OSError, IndexError):
        return Path(tempfile.gettempdir())
    is_ours = os.access(_MEMORY, os.W_OK | os.X_OK)
    return _MEMORY if is_ours and min(room, free // 2) >= _ROOM else Path(tempfile.gettempdir())


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
