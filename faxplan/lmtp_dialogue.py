"""One connection of a mail server that hands mails over by LMTP (RFC 2033), on top of aiosmtpd.

What aiosmtpd does otherwise is done here: a mail goes to a file while it comes, whatever its lines are, and is never in
memory as a whole; after it each recipient has an answer of its own; and addresses are read as they are written.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session, syntax

from faxplan.mail_outcomes import Outcome, State
from faxplan.mail_parts import STANDARD_LIMITS

LOG = logging.getLogger("faxplan.lmtp")
MOST_RECIPIENTS = 100
"""Of one mail; of more the rest comes in another, as a mail server has it."""
MOST_BYTES = STANDARD_LIMITS.max_bytes
IDLE_SECONDS = 300.0
_EXAMINED_SECONDS = 3600.0
_PIECE = 1024 * 1024
"""More than ever waits in a connection's buffer."""
_LINE = 400
_END = b"\r\n.\r\n"
_ENDS = b"421 4.3.2 We are ending, try again\r\n"
_CODES = {State.ACCEPTED: 250, State.REFUSED: 550, State.LATER: 451, State.FULL: 452}
_PATH = re.compile(r'\s*<((?:[^<>"\\]|"(?:[^"\\]|\\.)*")*)>\s*(.*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a connection hands its mails to. look_at, examine: as MailIn.look_at and take, in threads of their own.

    begin: takes a place for a mail, False: there is none; end: gives it back where nothing is examined. place: a new
    file. host: as whom it greets.
    """

    look_at: Callable[[str], Awaitable[Outcome | None]]
    examine: Callable[[Path, str, Sequence[str]], Awaitable[Sequence[Outcome]]]
    begin: Callable[[], bool]
    end: Callable[[], None]
    place: Callable[[], Path]
    host: str


class Unstuffing:
    """A mail as DATA brings it, piece by piece, without the dots before its lines (RFC 5321, 4.5.2). rest: what came
    behind its end; None: the end has not come."""

    def __init__(self) -> None:
        self._kept = b"\r\n"
        self._begun = False
        self.rest: bytes | None = None

    @property
    def has_ended(self) -> bool:
        """Whether all of it was there."""
        return self.rest is not None

    def feed(self, piece: bytes) -> bytes:
        """What is known of the mail by this piece."""
        data = self._kept + piece
        end = data.find(_END)
        if end >= 0:
            self.rest = data[end + len(_END) :]
            return self._plain(data[: end + 2])
        # What could be the beginning of the end, or of a dot, waits for the next piece.
        cut = data.find(b"\r", max(0, len(data) - len(_END) + 1))
        cut = len(data) if cut < 0 else cut
        self._kept = data[cut:]
        return self._plain(data[:cut])

    def _plain(self, data: bytes) -> bytes:
        plain = data.replace(b"\r\n.", b"\r\n")
        if self._begun or not plain:
            return plain
        # The end of the line with DATA itself.
        self._begun = True
        return plain[2:]


class Dialogue(LMTP):
    """On one connection."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            _Hooks(desk),
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname=desk.host,
            ident="LMTP",
            timeout=IDLE_SECONDS,
            loop=loop,
        )
        self._desk = desk
        self.examines = False
        """Whether an answer to a mail is about to come."""

    def end(self) -> None:
        """Ends the connection, unless an answer is about to come: then after that."""
        if self.examines or not isinstance(self.transport, asyncio.WriteTransport) or self.transport.is_closing():
            return
        # RFC 5321, 3.8: the mail server keeps what it has in hand, and comes again.
        self.transport.write(_ENDS)
        self.transport.close()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address as it is written between < and >, and what follows; `<>` for nobody's. Not as an address in a
        header, which has comments in comments."""
        found = _PATH.fullmatch(arg or "")
        if found is None or not found[1].isprintable():
            return None, None
        return found[1].strip() or "<>", found[2]

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Takes a mail, and answers for each recipient."""
        if await self.check_helo_needed():
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 There is no recipient")
            return
        if arg:
            await self.push("501 5.5.4 DATA has no argument")
            return
        if not self._desk.begin():
            await self.push("451 4.3.2 There are too many mails in hand, try again")
            return
        # From here on the place is examine's to give back, if it comes to that.
        sender, recipients = self.envelope.mail_from or "", list(self.envelope.rcpt_tos)
        file: Path | None = None
        handed_over = False
        try:
            file = self._desk.place()
            await self.push("354 Go on, and end with a line that is a dot")
            trouble = await self._spool(file)
            self.envelope = self._create_envelope()
            if trouble is None:
                self.examines = handed_over = True
                self._reset_timeout(_EXAMINED_SECONDS)
                outcomes = await self._desk.examine(file, sender, recipients)
                answers = [reply(_CODES[each.state], each.code, each.words) for each in outcomes]
            else:
                answers = [trouble] * len(recipients)
            self._reset_timeout()
            await self.push("\r\n".join(answers))
        finally:
            self.examines = False
            if not handed_over:
                self._desk.end()
                if file is not None:
                    file.unlink(missing_ok=True)

    async def _spool(self, file: Path) -> str | None:
        """Writes the mail there to its end, which is waited for also where it cannot be written; what is wrong then."""
        unstuffing, size, ended = Unstuffing(), 0, False
        trouble: str | None = None
        writer: BinaryIO | None = None
        try:
            while not ended:
                piece = await self._reader.read(_PIECE)
                if not piece:
                    raise ConnectionResetError("the mail server is gone")
                self._reset_timeout()
                plain = unstuffing.feed(piece)
                ended = unstuffing.has_ended
                size += len(plain)
                if trouble is None and size > MOST_BYTES:
                    trouble = reply(552, "5.3.4", f"This mail is too large: {MOST_BYTES // 1024**2} MB at most")
                if trouble is None:
                    try:
                        writer = writer or file.open("xb")
                        writer.write(plain)
                        if ended:
                            writer.flush()
                    except OSError as error:
                        LOG.error("A mail waits at the mail server: %s", error)  # noqa: TRY400 - it says all
                        trouble = reply(452, "4.3.1", "There is no room for this mail at present, try again")
        finally:
            if writer is not None:
                _close(writer)
        self._reader.feed_data(unstuffing.rest or b"")
        return trouble


class _Hooks:
    """What aiosmtpd asks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: LMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whether mail is taken for it."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 These are too many recipients for one mail"
        wrong = await self._desk.look_at(address)
        if wrong is not None:
            return reply(_CODES[wrong.state], wrong.code, wrong.words)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        """In words that repeat nothing."""
        LOG.error("A mail server is told to try again: %s", type(error).__name__)
        return "451 4.3.0 Something went wrong here, try again"


def reply(code: int, enhanced: str, words: str) -> str:
    """An answer in as many lines as it takes, of ASCII (RFC 5321, 4.5.3.1.5): without a line end at the end."""
    plain = " ".join(words.encode("ascii", "replace").decode().split())
    plain = "".join(each if each.isprintable() else "?" for each in plain)[: 10 * _LINE]
    lines = [plain[at : at + _LINE] for at in range(0, len(plain), _LINE)] or [""]
    return "\r\n".join(
        f"{code}{'-' if number < len(lines) else ' '}{enhanced} {line.strip()}" for number, line in enumerate(lines, 1)
    )


def _close(writer: BinaryIO) -> None:
    try:
        writer.close()
    except OSError as error:
        # What it had not written yet has been missed before, by flush.
        LOG.error("A mail cannot be closed: %s", error)  # noqa: TRY400 - it says all
