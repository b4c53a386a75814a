"""The far end of a call that is not one of our own: a fax machine of many humours, a voice, a silence, a refusal."""

import ctypes
import logging
import os
import random
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from bench import causes
from bench.fax_terminal import REDUNDANCY, SAMPLES, FaxOptions, FaxTerminal
from bench.line import Frame, Line

_REINVITE_FRAMES = 50
_HANGUP_AFTER_FAX_MS = 1500
_MENU_MS = 15000
_log = logging.getLogger("bench.far_end")


@dataclass(frozen=True)
class Behaviour:
    """How a number answers. Times are milliseconds on the line.

    kind: `fax`, `voice` (a speech-like noise), `silence`, `refuse` (with `sip_status`), `no_answer`.
    t38: `request` (asks for it one second after answer), `accept` (if asked), `refuse` (488, goes on in audio).
    drop_after_pages: BYE once the sender has that many pages acknowledged, `drop_delay_ms` later; 0: after answer.
    stays_silent: after the fax neither a packet nor a BYE.
    loss_percent: of the T.38 datagrams in both directions, each lost by itself; seed: other ones.
    redundancy: packets that each of its own datagrams repeats, 0 to 3.
    wants_digits: a fax machine behind a menu, which connects it for these DTMF digits; for others, or none in time,
    it hangs up. telephone_events: it takes them by RFC 4733 and not from the audio; else the other way round.
    """

    kind: str = "fax"
    sip_status: int = 0
    ring_ms: int = 200
    t38: str = "request"
    ecm: bool = True
    v17: bool = True
    drop_after_pages: int | None = None
    drop_delay_ms: int = 0
    loss_percent: float = 0.0
    stays_silent: bool = False
    wants_digits: str = ""
    telephone_events: bool = True
    ident: str = "FAR END"
    header: str = ""
    redundancy: int = REDUNDANCY
    seed: int = 1


@dataclass
class FarFaxResult:
    """What the far end's own T.30 says. `code` is None while it runs, and where there was no fax."""

    code: int | None = None
    pages: int = 0
    remote_ident: str = ""
    path: str = ""
    digits: str = ""
    sip_status: int | None = None
    cause: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class FarEnd:
    """One party of a line: called by us, or (`sends` a TIFF) calling us. Everything runs with the line's lock held."""

    def __init__(
        self, line: Line, behaviour: Behaviour, *, sends: Path | None = None, keep_in: Path | None = None
    ) -> None:
        self.result = FarFaxResult()
        self._line = line
        self._behaviour = behaviour
        self._sends = sends
        self._keep_in = keep_in
        self._terminal: FaxTerminal | None = None
        self._frames_until_request = _REINVITE_FRAMES
        self._mute = False
        self._dropping = False
        self._gone = False
        self._temporary: str | None = None
        self._noise = random.Random(7)

    def ring(self) -> None:
        """The INVITE has arrived: answer, refuse, or let it ring."""
        if self._behaviour.kind != "refuse":
            self._line.other(self).other_rings()
        if self._behaviour.kind == "no_answer":
            return
        self._line.schedule(self._behaviour.ring_ms, self._refuse if self._behaviour.kind == "refuse" else self._answer)

    def _refuse(self) -> None:
        status = self._behaviour.sip_status
        self._gone = True
        self._line.other(self).other_hung_up(causes.cause_of_sip(status), status)

    def _answer(self) -> None:
        if self._gone:
            return
        self._connect()
        self._line.connected = True
        self._line.other(self).other_answered()

    def _connect(self) -> None:
        behaviour = self._behaviour
        if behaviour.wants_digits and self.result.digits != behaviour.wants_digits:
            self._line.schedule(_MENU_MS, self._give_up_menu)
        elif behaviour.kind == "fax":
            options = FaxOptions(
                ident=behaviour.ident,
                header=behaviour.header,
                ecm=behaviour.ecm,
                v17=behaviour.v17,
                redundancy=behaviour.redundancy,
            )
            self._terminal = FaxTerminal(
                str(self._sends) if self._sends else self._receive_path(),
                sending=self._sends is not None,
                options=options,
                listener=self,
            )
        if behaviour.drop_after_pages == 0:
            self._line.schedule(behaviour.drop_delay_ms, self.hang_up)

    def _give_up_menu(self) -> None:
        if self._terminal is None:
            self.hang_up()

    def _receive_path(self) -> str:
        if self._keep_in is not None:
            self._keep_in.mkdir(parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(".tif", "far-", self._keep_in)
        else:
            descriptor, path = tempfile.mkstemp(".tif", "bench-far-")
            self._temporary = path
        os.close(descriptor)
        self.result.path = path
        return path

    def hang_up(self, cause: str = "NORMAL_CLEARING") -> None:
        """BYE (or, before answer, CANCEL)."""
        if self._gone:
            return
        self._gone = True
        self._close()
        self._line.other(self).other_hung_up(cause, None)

    def _close(self) -> None:
        if self._terminal is not None:
            terminal, self._terminal = self._terminal, None
            self.result.pages = terminal.pages()
            self.result.remote_ident = terminal.remote_ident()
            terminal.close()
            self.result.code = terminal.code
        if self._temporary is not None:
            Path(self._temporary).unlink(missing_ok=True)
            self._temporary = None
        self.result.ended.set()

    # -- FaxListener ------------------------------------------------------------------------------------------------

    def negotiated(self, terminal: FaxTerminal) -> None:
        _log.debug("far end: %s", terminal.remote_ident())

    def page_done(self, terminal: FaxTerminal) -> None:
        self.result.pages = terminal.pages()

    def ended(self, terminal: FaxTerminal, code: int) -> None:
        self.result.code = code
        if self._behaviour.stays_silent:
            self._mute = True
        elif not self._gone:
            self._line.schedule(_HANGUP_AFTER_FAX_MS, self.hang_up)

    # -- Party ------------------------------------------------------------------------------------------------------

    def terminal(self) -> FaxTerminal | None:
        return None if self._mute or self._gone else self._terminal

    def speak(self, frame: Frame) -> bool:
        if self._behaviour.kind != "voice":
            return False
        # Bursts of noise with pauses: loud enough to be somebody, and no tone that a fax would take for one.
        if (self._line.now_ms // 700) % 3 == 2:
            return False
        ctypes.memmove(frame, bytes(self._noise.choices(range(0x20, 0x60), k=SAMPLES)), SAMPLES)
        return True

    def asks_for_t38(self) -> bool:
        if self._terminal is None or self._behaviour.t38 != "request" or self._frames_until_request == 0:
            return False
        self._frames_until_request -= 1
        return self._frames_until_request == 0

    def answer_t38_offer(self) -> str:
        return "refuse" if self._terminal is None or self._behaviour.t38 == "refuse" else "accept"

    def t38_answered(self, *, accepted: bool) -> None:
        _log.debug("far end's image offer was %s", "accepted" if accepted else "refused")

    def t38_started(self) -> None:
        _log.debug("far end carries T.38")

    def heard(self) -> None:
        """Look whether it is time to drop the call: the sender's count of acknowledged pages decides."""
        wanted = self._behaviour.drop_after_pages
        if not wanted or self._dropping:
            return
        sender = self._terminal if self._sends else self._line.other(self).terminal()
        if sender is not None and sender.code is None and sender.pages() >= wanted:
            self._dropping = True
            self._line.schedule(self._behaviour.drop_delay_ms, self.hang_up)

    def other_rings(self) -> None:
        _log.debug("far end hears ringing")

    def heard_digit(self, digit: str, *, in_band: bool) -> None:
        if self._gone or in_band is self._behaviour.telephone_events:
            return
        self.result.digits += digit
        if self._terminal is None and self.result.digits == self._behaviour.wants_digits:
            self._connect()

    def takes_telephone_events(self) -> bool:
        return self._behaviour.telephone_events

    def other_answered(self) -> None:
        self.result.sip_status = 200
        self._connect()

    def other_hung_up(self, cause: str, sip_status: int | None) -> None:
        if self._gone:
            return
        self._gone = True
        self.result.cause = cause
        if sip_status is not None:
            self.result.sip_status = sip_status
        self._close()
        self._line.end()
