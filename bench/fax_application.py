"""rxfax and txfax as mod_spandsp_fax.c runs them: variables read and written, events, T.38 negotiation."""

import dataclasses
import itertools
import tempfile
import time
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote

from bench.channel import Channel, is_true
from bench.fax_terminal import REDUNDANCY, FaxOptions, FaxTerminal
from bench.spandsp import TransferStatistics, completion_text

RX_REINVITE_FRAMES = 50
TX_REINVITE_FRAMES = 100
_RESPONSE = "current_application_response"
_sessions = itertools.count(1)

# 0.0.6 numbers the encodings; FreeSWITCH's spandsp has one bit for each, and its own names (t4_rx.c).
_ENCODINGS = {
    0: (0x01, "None"),
    1: (0x02, "T.4 1-D"),
    2: (0x04, "T.4 2-D"),
    3: (0x08, "T.6"),
    4: (0x10, "T.85"),
    5: (0x20, "T.85(L0)"),
}
# R8 and R16 in pixels per metre: 8031 and 16063 in 0.0.6, 8040 and 16080 in FreeSWITCH's spandsp.
_X_RESOLUTIONS = {4016: 4020, 8031: 8040, 16063: 16080}


class FaxApplication:
    """One run of rxfax or txfax on a channel. `run` blocks the channel's thread until the application is over."""

    def __init__(self, channel: Channel, *, sending: bool, path: str) -> None:
        self._channel = channel
        self._sending = sending
        self._path = path
        self._t38_status = "off"
        self._ignored_offer = False
        self._frames = self._reinvite_after()
        self.terminal: FaxTerminal

    def run(self) -> None:
        """Answer if need be, and send or receive; return when the application is over."""
        channel = self._channel
        with channel.line.lock:
            if not channel.answered:
                answer(channel)
            if not channel.ready() or not self._check_path():
                return
            options = self._read_options()
            trace = self._open_trace()
            options = dataclasses.replace(options, trace=trace.write if trace else None)
            self.terminal = FaxTerminal(self._path, sending=self._sending, options=options, listener=self)
            channel.set("fax_v17_disabled", "0" if options.v17 else "1")
            channel.set("fax_ecm_requested", "1" if options.ecm else "0")
            channel.set("fax_filename", self._path)
            channel.set("jitterbuffer_msec", None)
            channel.fax = self
            try:
                channel.wait()
            finally:
                self.terminal.close()
                channel.fax = None
                if trace is not None:
                    trace.close()

    # -- before -----------------------------------------------------------------------------------------------------

    def _reinvite_after(self) -> int:
        direction = "tx" if self._sending else "rx"
        value = self._channel.get(f"fax_t38_{direction}_reinvite_packet_count") or ""
        if value.isdigit():
            return int(value)
        return TX_REINVITE_FRAMES if self._sending else RX_REINVITE_FRAMES

    def _check_path(self) -> bool:
        channel = self._channel
        self._path = self._path[:255]
        if self._sending:
            if not self._path:
                channel.set(_RESPONSE, "Fax TX filename not set")
                return False
            if not Path(self._path).exists():
                channel.set(_RESPONSE, "Cannot send non-existant fax file")
                return False
        elif not self._path:
            spool, prefix = channel.get("fax_spool") or tempfile.gettempdir(), channel.get("fax_prefix") or "fax"
            self._path = f"{spool}/{prefix}-{next(_sessions)}-{int(time.time() * 1_000_000)}.tif"
            Path(spool).mkdir(parents=True, exist_ok=True)
        return True

    def _read_options(self) -> FaxOptions:
        channel = self._channel
        ecm, forced = channel.get("fax_use_ecm"), channel.get("fax_force_caller")
        repeated = channel.get("t38_gateway_redundancy")
        start = max(_number(channel.get("fax_start_page")), -1) if self._sending else -1
        end = max(_number(channel.get("fax_end_page")), -1) if self._sending else -1
        return FaxOptions(
            ident=unquote(channel.get("fax_ident") or ""),
            header=unquote(channel.get("fax_header") or ""),
            timezone=unquote(channel.get("fax_timezone") or ""),
            ecm=True if ecm is None else is_true(ecm),
            v17=not channel.is_true("fax_disable_v17"),
            start_page=start,
            end_page=start if end < start and end != -1 else end,
            caller=None if forced is None else is_true(forced),
            redundancy=REDUNDANCY if repeated is None else _number(repeated),
        )

    def _open_trace(self) -> TextIO | None:
        """fax_verbose and fax_trace_dir: what spandsp logs of this call, in a file of its own."""
        channel = self._channel
        folder = channel.get("fax_trace_dir")
        if folder is None:
            return None
        path = Path(folder) / f"fax-{channel.uuid}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        channel.set("fax_trace_file", str(path))
        # As in FreeSWITCH the file is there in any case, and has nothing in it without fax_verbose.
        file = path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n")
        if channel.is_true("fax_verbose"):
            return file
        file.close()
        return None

    # -- T.38 -------------------------------------------------------------------------------------------------------

    def asks_for_t38(self) -> bool:
        """request_t38: after so many frames, if enabled (spandsp.conf: yes) and requested (spandsp.conf: no)."""
        if self._t38_status != "off" or self._frames == 0:
            return False
        self._frames -= 1
        if self._frames:
            return False
        enabled = self._channel.get("fax_enable_t38")
        if (enabled is not None and not is_true(enabled)) or not self._channel.is_true("fax_enable_t38_request"):
            return False
        self._t38_status = "requested"
        return True

    def answer_t38_offer(self) -> str:
        # After a refusal of our own offer nothing looks at the channel's T.38 flag any more.
        return "ignore" if self._t38_status == "refused" else "accept"

    def t38_answered(self, *, accepted: bool) -> None:
        self._t38_status = "negotiated" if accepted else "refused"

    def t38_started(self) -> None:
        self._t38_status = "negotiated"

    def heard(self) -> None:
        """The loop of mod_spandsp_fax_process_fax looks whether T.30 is done only when something has been read."""
        if self.terminal.code is not None:
            self._channel.resume()

    # -- phases of T.30 ---------------------------------------------------------------------------------------------

    def negotiated(self, terminal: FaxTerminal) -> None:
        statistics = terminal.statistics()
        country, vendor, model = terminal.remote_country_vendor_model()
        result = {
            "fax_transfer_rate": str(statistics.bit_rate),
            "fax_ecm_used": _on_off(statistics),
            "fax_t38_status": self._t38_status,
            "fax_local_station_id": terminal.local_ident(),
            "fax_remote_station_id": terminal.remote_ident(),
            "fax_remote_country": country,
            "fax_remote_vendor": vendor,
            "fax_remote_model": model,
        }
        if self._sending:
            # FreeSWITCH has not counted the pages yet at this point.
            result["fax_document_total_pages"] = "0"
        self._set(result)
        self._channel.execute_on("execute_on_fax_phase_b")
        self._fire("negociateresult", {"uuid": self._channel.uuid} | result)

    def page_done(self, terminal: FaxTerminal) -> None:
        statistics = terminal.statistics()
        pages = statistics.pages_tx if self._sending else statistics.pages_rx
        number, name = _ENCODINGS.get(statistics.encoding, (0, "???"))
        resolution = _resolution(statistics)
        size = f"{statistics.width}x{statistics.length}"
        result = {"fax_document_transferred_pages": str(pages)}
        if self._sending:
            result["fax_document_total_pages"] = str(statistics.pages_in_file)
        result |= {
            "fax_image_resolution": resolution,
            "fax_file_image_resolution": resolution,
            "fax_image_size": str(statistics.image_size),
            "fax_image_pixel_size": size,
            "fax_file_image_pixel_size": size,
            "fax_bad_rows": str(statistics.bad_rows),
            "fax_longest_bad_row_run": str(statistics.longest_bad_row_run),
            "fax_encoding": str(number),
            "fax_encoding_name": name,
        }
        self._set(result)
        self._channel.execute_on("execute_on_fax_phase_d")
        self._fire("pageresult", {"uuid": self._channel.uuid} | result)

    def ended(self, terminal: FaxTerminal, code: int) -> None:
        statistics = terminal.statistics()
        result = {
            "fax_success": "1" if code == 0 else "0",
            "fax_result_code": str(code),
            "fax_result_text": completion_text(code),
            "fax_document_transferred_pages": str(statistics.pages_tx if self._sending else statistics.pages_rx),
            "fax_document_total_pages": str(statistics.pages_in_file),
            "fax_image_resolution": _resolution(statistics),
            "fax_image_size": str(statistics.image_size),
            "fax_bad_rows": str(statistics.bad_rows),
            "fax_transfer_rate": str(statistics.bit_rate),
            "fax_ecm_used": _on_off(statistics),
            "fax_t38_status": self._t38_status,
            "fax_local_station_id": terminal.local_ident(),
            "fax_remote_station_id": terminal.remote_ident(),
        }
        self._set(result)
        self._fire("result", result)
        self._channel.execute_on("execute_on_fax_result")
        self._channel.execute_on("execute_on_fax_success" if code == 0 else "execute_on_fax_failure")
        self._channel.api_on("api_on_fax_success" if code == 0 else "api_on_fax_failure")

    def _set(self, result: dict[str, str]) -> None:
        for name, value in result.items():
            self._channel.set(name, value)

    def _fire(self, what: str, result: dict[str, str]) -> None:
        direction = "tx" if self._sending else "rx"
        event = self._channel.event("CUSTOM", f"spandsp::{direction}fax{what}")
        event.headers |= {name.replace("_", "-"): value for name, value in result.items()}
        self._channel.publish(event)


def answer(channel: Channel) -> None:
    """200 OK to the caller; both sides are connected from here on. Lock held."""
    if channel.answered or not channel.ready():
        return
    channel.mark_answered()
    channel.line.connected = True
    channel.line.other(channel).other_answered()


def _number(value: str | None) -> int:
    """C's atoi: leading digits, else 0. Unset is -1 here, which is what the pages start from."""
    if value is None:
        return -1
    text = value.strip()
    digits = "".join(itertools.takewhile(str.isdigit, text.lstrip("-")))
    return int(digits or 0) * (-1 if text.startswith("-") else 1)


def _on_off(statistics: TransferStatistics) -> str:
    return "on" if statistics.error_correcting_mode else "off"


def _resolution(statistics: TransferStatistics) -> str:
    return f"{_X_RESOLUTIONS.get(statistics.x_resolution, statistics.x_resolution)}x{statistics.y_resolution}"
