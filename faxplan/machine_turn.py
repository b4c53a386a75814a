"""The turn to change what is installed on a machine: one at a time, whoever it is, by a lock on one file.

`PREFIX/.lock`, beside the releases: locked (flock(2), exclusive) while `faxplan install`, `uninstall`, `upgrade`,
`backup`, `restore` or install/release.sh is at work, and never removed. In it stands who that is, in one line, until
the end.

Programs that the holder starts for a change (pip, a migration) are to inherit the lock, by `close_fds=False`: were the
holder killed, the next one would otherwise change what they still write.
"""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from faxplan.errors import FaxplanError

NAME = ".lock"
_PROCESS = re.compile(r", process (\d+), since ")
_LOOK_SECONDS = 0.2


class MachineBusy(FaxplanError):
    """Somebody else changes what is installed here. The message says who, and since when."""

    error_id = "machine-busy"
    retryable = True


@contextmanager
def machine_turn(
    folder: Path, what: str, *, wait_seconds: float = 0, told: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """While it lasts nobody else changes what is installed below `folder`, the prefix. It is made where it is missing.

    what: a command, for whoever comes meanwhile. told: whom it waits for. Raises MachineBusy.
    """
    _make(folder)
    lock = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _take(lock, folder / NAME, time.monotonic() + wait_seconds, told)
        os.set_inheritable(lock, True)
        _note(lock, f"{what}, process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S UTC}\n")
        try:
            yield
        finally:
            _note(lock, "")
    finally:
        os.close(lock)


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    # Programs of other accounts lie in it, whatever root's umask is.
    folder.chmod(0o755)


def holder(file: Path) -> str:
    """Who has the lock, in a sentence."""
    with suppress(OSError):
        said = file.read_text(encoding="utf-8", errors="replace").strip()[:300]
        found = _PROCESS.search(said)
        if found and Path("/proc", found[1]).exists():
            return f"{said}, is at work here. Wait for its end."
        if said:
            left = ", ".join(f"process {pid} ({name})" for pid, name in _openers(file)) or "programs"
            return f"{said}, was killed, and what it had started is still at work: {left}. Wait for its end, or end it."
    return "Somebody else is just at work here. Wait for the end of that."


def _take(lock: int, file: Path, deadline: float, told: Callable[[str], None]) -> None:
    said = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise MachineBusy(f"{holder(file)} Nothing was changed.") from None
            if not said:
                told(f"waits: {holder(file)}")
            said = True
            time.sleep(_LOOK_SECONDS)
        else:
            return


def _note(lock: int, text: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, text.encode(), 0)


def _openers(file: Path) -> list[tuple[int, str]]:
    """Processes that have it open, with their programs' names; those that we may look at."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(process.name) != os.getpid() and any(
                each.samefile(file) for each in (process / "fd").iterdir() if each.exists()
            ):
                found.append((int(process.name), (process / "comm").read_text().strip()))
    return found
