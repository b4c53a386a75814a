"""A fax machine: T.30 over T.38 IFP packets or over G.711 audio, driven tick by tick from outside.

It starts in audio, as a call does, and may go over to T.38 once (ITU-T T.38, Annex D). It knows no channel and no SIP.
Times are ticks of 20 ms, 160 samples at 8 kHz.
"""

import ctypes
import itertools
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import spandsp
from bench.spandsp import TransferStatistics

SAMPLES = 160
TICK_MS = 20
REDUNDANCY = 3  # mod_spandsp's default
_log = logging.getLogger("bench.fax")


@dataclass(frozen=True)
class FaxOptions:
    """How the machine is set. `ident` over 20 and `header` over 50 characters go out blank, as spandsp refuses them.

    redundancy: previous IFP packets that each of its UDPTL datagrams repeats (t38UDPRedundancy).
    trace: takes what T.30 and T.38 log, line by line; None: they log nothing.
    """

    ident: str = ""
    header: str = ""
    timezone: str = ""
    ecm: bool = True
    v17: bool = True
    start_page: int = -1
    end_page: int = -1
    caller: bool | None = None
    redundancy: int = REDUNDANCY
    trace: Callable[[str], object] | None = None


class FaxListener(Protocol):
    """Told about the phases of T.30, from the thread that drives the line. Must be quick and must not raise."""

    def negotiated(self, terminal: "FaxTerminal") -> None:
        """Phase B is over."""

    def page_done(self, terminal: "FaxTerminal") -> None:
        """Phase D of one page is over."""

    def ended(self, terminal: "FaxTerminal", code: int) -> None:
        """Phase E: the completion code, T30_ERR_* of t30.h."""


class FaxTerminal:
    """One end of a fax. Not thread safe: whoever drives the line holds its lock."""

    def __init__(self, path: str, *, sending: bool, options: FaxOptions, listener: FaxListener) -> None:
        self.path = path
        self.sending = sending
        self.options = options
        self.listener = listener
        self.code: int | None = None
        self.outbox: list[tuple[bytes, int]] = []
        self.is_t38 = False
        self._handle = next(_handles)
        # Kept: spandsp copies the pointer only.
        self._tag = f"<{self._handle}>".encode()
        _terminals[self._handle] = self
        self._t38: int | None = None
        self._core: int | None = None
        self._audio: int | None = None
        self._samples = (ctypes.c_int16 * SAMPLES)()
        # Found once, as they are called every 20 ms of every call.
        self._send_timeout = spandsp.short_calls().t38_terminal_send_timeout
        self._take_packet = spandsp.short_calls().t38_core_rx_ifp_packet
        self._heard = (ctypes.c_int16 * SAMPLES)()
        self._t30 = self._open_audio()

    # -- driving ----------------------------------------------------------------------------------------------------

    def tick_t38(self) -> None:
        """Let 20 ms pass; packets to send are then in `outbox`."""
        self._send_timeout(self._t38, SAMPLES)

    def receive_packet(self, packet: bytes, sequence: int) -> None:
        """An IFP packet has arrived; `sequence` is UDPTL's, not yet cut to 16 bits."""
        self._take_packet(self._core, packet, len(packet), sequence & 0xFFFF)

    def send_audio(self, ulaw: "ctypes.Array[ctypes.c_ubyte]") -> None:
        """Fill 160 mu-law samples with what the machine says in these 20 ms."""
        library = spandsp.long_calls()
        sent = library.fax_tx(self._audio, self._samples, SAMPLES)
        if sent < SAMPLES:
            ctypes.memset(ctypes.byref(self._samples, sent * 2), 0, (SAMPLES - sent) * 2)
        library.g711_encode(_ulaw_codec(), ulaw, self._samples, SAMPLES)

    def receive_audio(self, ulaw: "ctypes.Array[ctypes.c_ubyte]") -> None:
        """Hear 160 mu-law samples."""
        library = spandsp.long_calls()
        library.g711_decode(_ulaw_codec(), self._heard, ulaw, SAMPLES)
        library.fax_rx(self._audio, self._heard, SAMPLES)

    def switch_to_t38(self) -> None:
        """Go over to T.38: T.30 starts anew, as mod_spandsp does it."""
        self._close_audio()
        library = spandsp.short_calls()
        self._t38 = library.t38_terminal_init(None, self._is_caller(), _on_packet, self._handle)
        self._core = library.t38_terminal_get_t38_core_state(self._t38)
        self._set_logging(library.t38_terminal_get_logging_state(self._t38))
        library.t38_set_t38_version(self._core, 0)
        library.t38_set_data_rate_management_method(self._core, 2)
        library.t38_set_fastest_image_data_rate(self._core, 14400 if self.options.v17 else 9600)
        self.is_t38 = True
        self._t30 = self._set_up(library.t38_terminal_get_t30_state(self._t38))

    def close(self) -> None:
        """The call is over: T.30 ends now (code 49 if it had not ended), then everything is freed."""
        library = spandsp.short_calls()
        if self._audio is not None or self._t38 is not None:
            library.t30_terminate(self._t30)
        self._close_audio()
        if self._t38 is not None:
            library.t38_terminal_free(self._t38)
            self._t38 = self._core = None
        _terminals.pop(self._handle, None)

    # -- asking -----------------------------------------------------------------------------------------------------

    def statistics(self) -> TransferStatistics:
        """What T.30 knows about the transfer so far."""
        statistics = TransferStatistics()
        spandsp.short_calls().t30_get_transfer_statistics(self._t30, ctypes.byref(statistics))
        return statistics

    def pages(self) -> int:
        """Pages acknowledged so far in this call."""
        statistics = self.statistics()
        return statistics.pages_tx if self.sending else statistics.pages_rx

    def local_ident(self) -> str:
        """The ident that we send; empty if it was too long."""
        return _text(spandsp.short_calls().t30_get_tx_ident(self._t30))

    def remote_ident(self) -> str:
        """The far end's TSI or CSI."""
        return _text(spandsp.short_calls().t30_get_rx_ident(self._t30))

    def remote_country_vendor_model(self) -> tuple[str, str, str]:
        """From the far end's NSF (T.35 codes); empty strings where it sends none."""
        library = spandsp.short_calls()
        return (
            _text(library.t30_get_rx_country(self._t30)),
            _text(library.t30_get_rx_vendor(self._t30)),
            _text(library.t30_get_rx_model(self._t30)),
        )

    # -- inside -----------------------------------------------------------------------------------------------------

    def _is_caller(self) -> int:
        return int(self.sending if self.options.caller is None else self.options.caller)

    def _open_audio(self) -> int:
        library = spandsp.short_calls()
        self._audio = library.fax_init(None, self._is_caller())
        self._set_logging(library.fax_get_logging_state(self._audio))
        library.fax_set_transmit_on_idle(self._audio, 1)
        return self._set_up(library.fax_get_t30_state(self._audio))

    def _close_audio(self) -> None:
        if self._audio is not None:
            spandsp.short_calls().fax_free(self._audio)
            self._audio = None

    def _set_logging(self, state: int) -> None:
        library = spandsp.short_calls()
        if self.options.trace is None:
            library.span_log_set_level(state, spandsp.LOG_NONE)
            return
        library.span_log_set_message_handler(state, _on_message)
        library.span_log_set_tag(state, self._tag)
        library.span_log_set_level(state, spandsp.LOG_VERBOSE)

    def _set_up(self, t30: int) -> int:
        """Everything that audio and T.38 have in common (spanfax_init of mod_spandsp_fax.c)."""
        library, options = spandsp.short_calls(), self.options
        self._set_logging(library.t30_get_logging_state(t30))
        library.t30_set_tx_ident(t30, _bytes(options.ident))
        library.t30_set_tx_page_header_info(t30, _bytes(options.header))
        if options.timezone:
            library.t30_set_tx_page_header_tz(t30, _bytes(_posix_timezone(options.timezone)))
        library.t30_set_phase_b_handler(t30, _on_phase_b, self._handle)
        library.t30_set_phase_d_handler(t30, _on_phase_d, self._handle)
        library.t30_set_phase_e_handler(t30, _on_phase_e, self._handle)
        library.t30_set_supported_image_sizes(t30, spandsp.IMAGE_SIZES)
        library.t30_set_supported_resolutions(t30, spandsp.RESOLUTIONS)
        library.t30_set_supported_compressions(
            t30, spandsp.COMPRESSION_T4_1D | spandsp.COMPRESSION_T4_2D | spandsp.COMPRESSION_T6
        )
        library.t30_set_supported_modems(t30, spandsp.MODEMS_V27TER_V29 | (spandsp.MODEM_V17 if options.v17 else 0))
        library.t30_set_ecm_capability(t30, int(options.ecm))
        if self.sending:
            library.t30_set_tx_file(t30, self.path.encode(), options.start_page, options.end_page)
        else:
            library.t30_set_rx_file(t30, self.path.encode(), -1)
        return t30


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "surrogateescape") if raw else ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _posix_timezone(name: str) -> str:
    """A zone name's POSIX rule, from its TZif file; else `name`. FreeSWITCH looks it up in timezones.conf."""
    file = Path("/usr/share/zoneinfo") / name
    if ".." in name or name.startswith("/") or not file.is_file():
        return name
    return file.read_bytes().rstrip(b"\n").rpartition(b"\n")[2].decode("ascii") or name


# ctypes calls back with a number, not an object: this table finds the terminal again.
_terminals: dict[int, FaxTerminal] = {}
_handles = itertools.count(1)
_TAGGED = re.compile(rb"((?:\w+ ){1,3}(?:T\.\w+ |FAX )?)<(\d+)> (.*)", re.DOTALL)
_codecs: list[int] = []


def _ulaw_codec() -> int:
    """G.711 mu-law has no state worth keeping apart: one context serves every call."""
    if not _codecs:
        _codecs.append(int(spandsp.short_calls().g711_init(None, spandsp.G711_ULAW)))
    return _codecs[0]


@spandsp.message_handler
def _on_message(_level: int, raw: bytes) -> None:
    """Lines read `FLOW T.30 <17> text`: the tag finds the terminal, and does not go on."""
    found = _TAGGED.match(raw)
    terminal = _terminals.get(int(found[2])) if found is not None else None
    if found is None or terminal is None or terminal.options.trace is None:
        return
    try:
        terminal.options.trace((found[1] + found[3]).decode("utf-8", "surrogateescape"))
    except Exception:  # noqa: BLE001 - it cannot travel through C; ctypes would print and forget it
        _log.exception("a trace could not be written")


@spandsp.packet_handler
def _on_packet(_core: int, handle: int, data: "ctypes._Pointer[ctypes.c_ubyte]", length: int, copies: int) -> int:
    _terminals[handle].outbox.append((ctypes.string_at(data, length), copies))
    return 0


@spandsp.phase_handler
def _on_phase_b(_t30: int, handle: int, _result: int) -> int:
    terminal = _terminals[handle]
    try:
        terminal.listener.negotiated(terminal)
    except Exception:  # noqa: BLE001 - it cannot travel through C; ctypes would print and forget it
        _log.exception("phase B listener failed")
    return 0


@spandsp.phase_handler
def _on_phase_d(_t30: int, handle: int, _result: int) -> int:
    terminal = _terminals[handle]
    try:
        terminal.listener.page_done(terminal)
    except Exception:  # noqa: BLE001 - it cannot travel through C; ctypes would print and forget it
        _log.exception("phase D listener failed")
    return 0


@spandsp.phase_e_handler
def _on_phase_e(_t30: int, handle: int, code: int) -> None:
    terminal = _terminals[handle]
    if terminal.code is not None:
        return
    terminal.code = code
    try:
        terminal.listener.ended(terminal, code)
    except Exception:  # noqa: BLE001 - it cannot travel through C; ctypes would print and forget it
        _log.exception("phase E listener failed")
