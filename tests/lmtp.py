"""`faxplan lmtp` as a process, and a mail server that hands mails to it."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from faxplan.config import to_toml
from tests.world import World

READY_SECONDS = 60
NAMES = (
    "database_url",
    "state_dir",
    "sandbox",
    "spool_dir",
    "node",
    "mail_domain",
    "mail_authserv_ids",
    "lmtp_at_once",
)
Reply = tuple[int, str]
PASSED_ON = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
"""By bash: a socket, as systemd hands it on (sd_listen_fds(3))."""


@dataclass
class Taker:
    """The process. before: a command that it is run by. place: where it listens."""

    world: World
    folder: Path
    place: Path
    log: Path
    before: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    passed: socket.socket | None = None
    """It listens already, and the process takes it over, as from systemd."""

    def start(self) -> None:
        given = {name: getattr(self.world.settings, name) for name in NAMES if getattr(self.world.settings, name)}
        file = self.folder / "lmtp.toml"
        file.write_text(to_toml({**given, "lmtp_listen": f"unix:{self.place}", "log_level": "DEBUG"}))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._handing_on(), *self.before, sys.executable, "-m", "faxplan.cli", "lmtp"],
                env={**os.environ, "FAXPLAN_CONFIG": str(file)},
                pass_fds=[self.passed.fileno()] if self.passed else [],
                stderr=log,
            )

    def _handing_on(self) -> list[str]:
        return ["bash", "-c", PASSED_ON, str(self.passed.fileno())] if self.passed else []

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def taker(world: World, folder: Path, before: Sequence[str] = ()) -> Iterator[Taker]:
    # Not in pytest's: the name of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory() as short:
        made = Taker(world, folder, Path(short) / "lmtp", folder / "lmtp.log", before)
        made.start()
        try:
            yield made
        finally:
            if made.process is not None and made.process.poll() is None:
                made.end(signal.SIGKILL)


class Client(smtplib.LMTP):
    """smtplib reads one reply after a mail, where LMTP has one for each recipient."""

    def __init__(self, where: Taker) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                super().__init__(str(where.place), timeout=60)
                break
            except OSError:
                assert time.monotonic() < deadline, where.log.read_text()
                time.sleep(0.02)
        self.ehlo()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self.quit()
        self.close()

    def says(self, command: str) -> Reply:
        return _said(self.docmd(command))

    def hand_over(self, content: bytes, *recipients: str, sender: str = "ann@acme.example") -> list[Reply]:
        """The reply for each recipient: at its RCPT, or after the mail."""
        assert self.says(f"MAIL FROM:<{sender}>")[0] == 250
        replies = [self.says(f"RCPT TO:<{each}>") for each in recipients]
        taken = [code == 250 for code, _ in replies]
        if not any(taken):
            return replies
        begun = self.says("DATA")
        if begun[0] != 354:
            return [begun if each else reply for reply, each in zip(replies, taken, strict=True)]
        self.send(smtplib._quote_periods(content) + b".\r\n")  # type: ignore[attr-defined]
        return [_said(self.getreply()) if each else reply for reply, each in zip(replies, taken, strict=True)]


def _said(reply: tuple[int, bytes]) -> Reply:
    return reply[0], reply[1].decode("ascii")
