"""`faxplan lmtp`: takes mails from this machine's mail server until SIGTERM, and makes faxes of them (mail_in).

So many are examined at once, in threads; some more wait for that on disk, and the rest at the mail server. Whoever
reaches the place where it listens is believed in what they say of a mail's sender: so it is this machine alone.
"""

import asyncio
import itertools
import logging
import os
import signal
import socket
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faxplan import log_lines, namespaces, passed_sockets
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.errors import InvalidSetting
from faxplan.lmtp_dialogue import Desk, Dialogue
from faxplan.mail_in import MailIn
from faxplan.mail_outcomes import Outcome
from faxplan.scratch import Scratch

LOG = logging.getLogger("faxplan.lmtp")
MOST_CONNECTIONS = 100
WAITING = 4
"""Mails that wait, for each that is examined."""
_BUSY = b"421 4.3.2 There are too many connections, try again\r\n"
_HERE = ("127.0.0.1", "::1", "localhost")
_LOOK_THREADS = 4
_ANSWER_SECONDS, _ANSWER_TURNS = 5.0, 500
"""So long a mail server may take to take its answer, when we end."""


class LmtpServer:
    """Of one process. mail_in: for threads. folder: private, for mails while they come."""

    def __init__(self, mail_in: MailIn, folder: Path, settings: Settings) -> None:
        self._mail_in = mail_in
        self._folder = folder
        self._settings = settings
        self._numbers = itertools.count()
        self._places = settings.lmtp_at_once * (1 + WAITING)
        self._dialogues: set[_Counted] = set()
        self._examining = ThreadPoolExecutor(settings.lmtp_at_once, thread_name_prefix="faxplan-mail")
        self._looking = ThreadPoolExecutor(_LOOK_THREADS, thread_name_prefix="faxplan-look")
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Ends `run` after the mails that are examined now."""
        self._stopping.set()

    async def run(self) -> None:
        """Until stopped. Raises InvalidSetting, and OSError where it cannot listen."""
        server = await listening(self._settings.lmtp_listen, self._connection, self._loop, passed_sockets.take())
        LOG.info("taking mails at %s", ", ".join(str(each.getsockname()) for each in server.sockets))
        try:
            await self._stopping.wait()
        finally:
            server.close()
            for each in list(self._dialogues):
                each.end()
            await asyncio.to_thread(self._end_threads)
            # Those whose mail was examined have their answer now.
            for _turn in range(_ANSWER_TURNS):
                if not any(each.examines for each in self._dialogues):
                    break
                await asyncio.sleep(_ANSWER_SECONDS / _ANSWER_TURNS)
            for each in list(self._dialogues):
                each.end()

    def _end_threads(self) -> None:
        self._examining.shutdown(wait=True, cancel_futures=True)
        self._looking.shutdown(wait=True, cancel_futures=True)

    def _connection(self) -> asyncio.BaseProtocol:
        if len(self._dialogues) >= MOST_CONNECTIONS or self._stopping.is_set():
            return _Refusal()
        desk = Desk(
            self._look_at, self._examine, self._begin, self._end, self._place,
            self._settings.mail_domain or socket.gethostname(),
        )  # fmt: skip
        return _Counted(desk, self._loop, self._dialogues)

    async def _look_at(self, recipient: str) -> Outcome | None:
        return await self._loop.run_in_executor(self._looking, self._mail_in.look_at, recipient)

    async def _examine(self, file: Path, sender: str, recipients: Sequence[str]) -> Sequence[Outcome]:
        examined = self._examining.submit(self._examined, file, sender, recipients)
        # Also where the mail server goes away meanwhile, and nobody waits for it.
        examined.add_done_callback(lambda _: self._call_soon(self._end))
        return await asyncio.shield(asyncio.wrap_future(examined))

    def _examined(self, file: Path, sender: str, recipients: Sequence[str]) -> Sequence[Outcome]:
        try:
            return self._mail_in.take(file, sender, recipients)
        finally:
            file.unlink(missing_ok=True)

    def _call_soon(self, what: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)

    def _begin(self) -> bool:
        if self._places <= 0 or self._stopping.is_set():
            return False
        self._places -= 1
        return True

    def _end(self) -> None:
        self._places += 1

    def _place(self) -> Path:
        return self._folder / f"mail-{next(self._numbers)}"


class _Counted(Dialogue):
    """One of those that are open."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop, among: "set[_Counted]") -> None:
        super().__init__(desk, loop)
        self._among = among

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is open."""
        self._among.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Is open no more."""
        self._among.discard(self)
        super().connection_lost(error)


class _Refusal(asyncio.Protocol):
    """For a connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says so, and hangs up."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_BUSY)
        transport.close()


async def listening(
    where: str,
    connection: Callable[[], asyncio.BaseProtocol],
    loop: asyncio.AbstractEventLoop,
    passed: Sequence[socket.socket] = (),
) -> asyncio.Server:
    """where: as the setting lmtp_listen; passed: a socket that listens there already. Raises InvalidSetting."""
    if passed:
        return await _at_passed(where, passed, connection, loop)
    kind, colon, rest = where.rpartition(":")
    if kind == "unix" and rest.startswith("/"):
        path = Path(rest)
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
        server = await loop.create_unix_server(connection, path)
        # The mail server is in the group of this process's user.
        path.chmod(0o660)
        return server
    host = kind.strip("[]")
    if not colon or host not in _HERE or not rest.isdigit():
        raise _not_here(where)
    return await loop.create_server(connection, host, int(rest))


async def _at_passed(
    where: str,
    passed: Sequence[socket.socket],
    connection: Callable[[], asyncio.BaseProtocol],
    loop: asyncio.AbstractEventLoop,
) -> asyncio.Server:
    """Where people log in the setting names a socket that few may open: another one is not taken instead."""
    names = [_name_of(each) for each in passed]
    if names != [where.replace("localhost", "127.0.0.1")]:
        raise InvalidSetting(
            f"systemd hands over {', '.join(names)}, and lmtp_listen is {where}. Let ListenStream= of "
            "faxplan-lmtp.socket say the same as the setting (systemctl edit faxplan-lmtp.socket)."
        )
    if passed[0].family == socket.AF_UNIX:
        return await loop.create_unix_server(connection, sock=passed[0])
    if passed[0].getsockname()[0] not in _HERE:
        raise _not_here(where)
    return await loop.create_server(connection, sock=passed[0])


def _name_of(passed: socket.socket) -> str:
    name = passed.getsockname()
    if passed.family == socket.AF_UNIX:
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if passed.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


def _not_here(where: str) -> InvalidSetting:
    return InvalidSetting(
        f"Setting lmtp_listen = {where!r} cannot be used: write 127.0.0.1:8024, or unix:/run/faxplan/lmtp. Whoever "
        "reaches it is believed in what they say of senders, so it listens on this machine alone."
    )


def serve(settings: Settings) -> None:
    """Takes mails, until SIGTERM or SIGINT; it ends after the mails in hand. For the main thread."""
    log_lines.set_up(settings.log_level, "faxplan-lmtp")
    # aiosmtpd's own, which would have addresses with their secrets in it.
    logging.getLogger("mail.log").disabled = True
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    os.umask(0o077)
    scratch = Scratch(settings.work)
    db = Database(settings.database_url_for("portal"), max_connections=settings.lmtp_at_once + _LOOK_THREADS + 1)
    store = Store.of(settings, namespaces.pooled)
    try:
        with scratch.folder() as folder:
            asyncio.run(_serve(MailIn(db, store, settings), folder, settings))
    finally:
        store.confinement.close()
        db.close()


async def _serve(mail_in: MailIn, folder: Path, settings: Settings) -> None:
    server = LmtpServer(mail_in, folder, settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.run()
