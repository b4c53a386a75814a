"""A program of ours at a pseudo-terminal, TERM=dumb: what it shows, and what somebody writes there."""

import contextlib
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_PATIENCE_SECONDS = 60.0
# Only who has no other terminal may take one for its own, so that Ctrl-C is a signal, and a password not echoed.
_ITS_OWN = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"


@dataclass
class Terminal:
    """shown: all that has been shown until now."""

    program: "subprocess.Popen[bytes]"
    end: int
    shown: bytes = b""

    def until(self, words: str, press: str = "") -> None:
        """Reads on until these have been shown. Raises AssertionError where they are not.

        press: a key that is pressed again while nothing comes, as people do. A Ctrl-C that comes between Python's last
        look at its signals and its read is noticed with the next key only.
        """
        presses = 10 if press else 0
        while words.encode() not in self.shown:
            ready, _, _ = select.select([self.end], [], [], _PATIENCE_SECONDS / 10 if presses else _PATIENCE_SECONDS)
            if not ready and presses:
                presses -= 1
                self.write(press)
                continue
            assert ready, f"{words!r} never came: {self.shown[-500:]!r}"
            try:
                self.shown += os.read(self.end, 4000)
            except OSError as gone:  # EIO: it has ended
                raise AssertionError(f"{words!r} never came: {self.shown[-500:]!r}") from gone

    def write(self, text: str) -> None:
        """As somebody types it."""
        os.write(self.end, text.encode())


@contextlib.contextmanager
def terminal(code: str) -> Iterator[Terminal]:
    """Runs Python code there."""
    end, its_end = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", _ITS_OWN + code],
        stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True, env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    os.close(its_end)
    try:
        yield Terminal(program, end)
    finally:
        program.kill()
        program.wait()
        os.close(end)
