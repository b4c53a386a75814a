"""Ends a piece of work by SIGKILL before one of its changes to the machine: in a fork of the test's process, which
costs a hundredth of what a fresh interpreter does.

A change is what Python tells an audit hook of: a file opened for writing, a name made, moved or taken away, a mode or
an owner, a program started; and STEP, which a test raises. Killed before each of them in turn, a piece of work has been
in every state that it leaves between two of them.
"""

import faulthandler
import os
import random
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_MOVES = frozenset(
    ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.chown", "os.truncate",
     "subprocess.Popen")
)  # fmt: skip
_NO_CHANGE = ("/dev/", "/proc/", "__pycache__")
HOW_MANY = pytest.mark.parametrize(
    "some", [2, pytest.param(None, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])], ids=["some", "all"]
)
"""Of a work's changes: by a seed in the small form of a test, all in the large one."""
STEP = "faxplan.tests.step"
"""The audit event of a change that Python does not tell of, such as a statement to PostgreSQL."""


def changes(work: Callable[[], object]) -> list[str]:
    """Does it in a fork, to its end; what it changed, in order."""
    with tempfile.NamedTemporaryFile("w+") as noted:
        ended = _forked(work, None, noted.fileno())
        noted.seek(0)
        told = noted.read()
    assert ended == 0, told
    return [line for line in told.splitlines() if line.startswith("+")]


def kill_before(work: Callable[[], object], number: int) -> bool:
    """Does it in a fork that is killed before its change of this number, from 0. False: it has not so many, and is
    done."""
    with tempfile.NamedTemporaryFile("w+") as noted:
        ended = _forked(work, number, noted.fileno())
        noted.seek(0)
        told = noted.read()
    assert ended in (0, -signal.SIGKILL), told
    return ended != 0


def chosen(count: int, some: int | None, seed: int) -> list[int]:
    """All numbers of changes below `count`; or some, by this seed."""
    which = random.Random(seed)  # noqa: S311 - chooses steps, no keys
    return list(range(count)) if some is None else sorted(which.sample(range(count), min(some, count)))


def _forked(work: Callable[[], object], number: int | None, noted: int) -> int:
    """What it ended with, as subprocess has it: a signal is negative."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            faulthandler.cancel_dump_traceback_later()
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            sys.addaudithook(_counting(number, noted))
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, the test says it
            os.write(noted, traceback.format_exc().encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _counting(number: int | None, noted: int) -> Callable[[str, tuple[Any, ...]], None]:
    process, seen = os.getpid(), 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if not _is_change(event, arguments) or os.getpid() != process:
            return
        if seen == number:
            os.kill(process, signal.SIGKILL)
        os.write(noted, f"+{seen} {event} {arguments}\n".encode())
        seen += 1

    return hook


def _is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == STEP or event in _MOVES:
        return not any(each in str(arguments) for each in _NO_CHANGE)
    if event != "open" or not isinstance(arguments[0], str | bytes | Path):
        return False
    writes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR)) if isinstance(arguments[2], int) else False
    return writes and not any(each in os.fsdecode(arguments[0]) for each in _NO_CHANGE)
