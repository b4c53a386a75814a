"""The part of libspandsp 0.0.6 that a fax terminal needs, through ctypes.

Names and meaning are those of /usr/include/spandsp/{t30,t30_api,t38_terminal,t38_core,fax,g711}.h. It is bound twice:
`short_calls()` keeps the GIL, because a T.38 tick takes microseconds and giving the GIL away costs more than that;
`long_calls()` releases it, for the modem work of the audio path.
"""

import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_ubyte, c_uint16, c_void_p
from functools import cache
from typing import Any, ClassVar

from bench.errors import SpandspMissing

LIBRARY = "libspandsp.so.2"

TxPacketHandler = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(c_ubyte), c_int, c_int)
PhaseHandler = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
PhaseEHandler = CFUNCTYPE(None, c_void_p, c_void_p, c_int)
MessageHandler = CFUNCTYPE(None, c_int, c_char_p)


def packet_handler(function: Callable[..., int]) -> Any:
    """Make a t38_tx_packet_handler_t of (core, handle, data, length, copies) -> int."""
    return TxPacketHandler(function)


def phase_handler(function: Callable[..., int]) -> Any:
    """Make a t30_phase_b_handler_t or t30_phase_d_handler_t of (t30, handle, result) -> int."""
    return PhaseHandler(function)


def phase_e_handler(function: Callable[..., None]) -> Any:
    """Make a t30_phase_e_handler_t of (t30, handle, code) -> None."""
    return PhaseEHandler(function)


def message_handler(function: Callable[..., None]) -> Any:
    """Make a message_handler_func_t of (level, text) -> None. 0.0.6 gives it no user data: the tag has to do."""
    return MessageHandler(function)


MODEMS_V27TER_V29 = 0x01 | 0x02
MODEM_V17 = 0x04
COMPRESSION_T4_1D, COMPRESSION_T4_2D, COMPRESSION_T6, COMPRESSION_T85, COMPRESSION_T85_L0 = 0x02, 0x04, 0x08, 0x10, 0x20
RESOLUTIONS = 0x01 | 0x02 | 0x04 | 0x20000 | 0x40000 | 0x200000  # standard, fine, superfine; R8, R16, 400 x 400
IMAGE_SIZES = 0x01 | 0x02 | 0x04 | 0x10000 | 0x20000 | 0x40000 | 0x80000 | 0x100000  # A4, B4, A3 wide; any length
LOG_NONE = 0
LOG_VERBOSE = 0x400 | 0x800 | 0x2000 | 5  # SHOW_SEVERITY, _PROTOCOL and _TAG; FLOW, as in mod_spandsp
G711_ULAW = 1


class TransferStatistics(ctypes.Structure):
    """t30_stats_t of 0.0.6. Resolutions are pixels per metre, sizes pixels and bytes."""

    bit_rate: int
    error_correcting_mode: int
    pages_tx: int
    pages_rx: int
    pages_in_file: int
    x_resolution: int
    y_resolution: int
    width: int
    length: int
    image_size: int
    encoding: int
    bad_rows: int
    longest_bad_row_run: int
    error_correcting_mode_retries: int
    current_status: int

    _fields_: ClassVar = [
        (name, c_int)
        for name in (
            "bit_rate",
            "error_correcting_mode",
            "pages_tx",
            "pages_rx",
            "pages_in_file",
            "x_resolution",
            "y_resolution",
            "width",
            "length",
            "image_size",
            "encoding",
            "bad_rows",
            "longest_bad_row_run",
            "error_correcting_mode_retries",
            "current_status",
        )
    ]


_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "t38_terminal_init": (c_void_p, (c_void_p, c_int, TxPacketHandler, c_void_p)),
    "t38_terminal_free": (c_int, (c_void_p,)),
    "t38_terminal_send_timeout": (c_int, (c_void_p, c_int)),
    "t38_terminal_get_t30_state": (c_void_p, (c_void_p,)),
    "t38_terminal_get_t38_core_state": (c_void_p, (c_void_p,)),
    "t38_terminal_get_logging_state": (c_void_p, (c_void_p,)),
    "t38_core_rx_ifp_packet": (c_int, (c_void_p, c_char_p, c_int, c_uint16)),
    "t38_set_t38_version": (None, (c_void_p, c_int)),
    "t38_set_fastest_image_data_rate": (None, (c_void_p, c_int)),
    "t38_set_data_rate_management_method": (None, (c_void_p, c_int)),
    "fax_init": (c_void_p, (c_void_p, c_int)),
    "fax_free": (c_int, (c_void_p,)),
    "fax_rx": (c_int, (c_void_p, c_void_p, c_int)),
    "fax_tx": (c_int, (c_void_p, c_void_p, c_int)),
    "fax_set_transmit_on_idle": (None, (c_void_p, c_int)),
    "fax_get_t30_state": (c_void_p, (c_void_p,)),
    "fax_get_logging_state": (c_void_p, (c_void_p,)),
    "g711_init": (c_void_p, (c_void_p, c_int)),
    "g711_encode": (c_int, (c_void_p, c_void_p, c_void_p, c_int)),
    "g711_decode": (c_int, (c_void_p, c_void_p, c_void_p, c_int)),
    "t30_terminate": (None, (c_void_p,)),
    "t30_set_phase_b_handler": (None, (c_void_p, PhaseHandler, c_void_p)),
    "t30_set_phase_d_handler": (None, (c_void_p, PhaseHandler, c_void_p)),
    "t30_set_phase_e_handler": (None, (c_void_p, PhaseEHandler, c_void_p)),
    "t30_set_tx_file": (None, (c_void_p, c_char_p, c_int, c_int)),
    "t30_set_rx_file": (None, (c_void_p, c_char_p, c_int)),
    "t30_set_supported_modems": (c_int, (c_void_p, c_int)),
    "t30_set_supported_compressions": (c_int, (c_void_p, c_int)),
    "t30_set_supported_resolutions": (c_int, (c_void_p, c_int)),
    "t30_set_supported_image_sizes": (c_int, (c_void_p, c_int)),
    "t30_set_ecm_capability": (c_int, (c_void_p, c_int)),
    "t30_set_tx_ident": (c_int, (c_void_p, c_char_p)),
    "t30_set_tx_page_header_info": (c_int, (c_void_p, c_char_p)),
    "t30_set_tx_page_header_tz": (c_int, (c_void_p, c_char_p)),
    "t30_get_tx_ident": (c_char_p, (c_void_p,)),
    "t30_get_rx_ident": (c_char_p, (c_void_p,)),
    "t30_get_rx_country": (c_char_p, (c_void_p,)),
    "t30_get_rx_vendor": (c_char_p, (c_void_p,)),
    "t30_get_rx_model": (c_char_p, (c_void_p,)),
    "t30_get_transfer_statistics": (None, (c_void_p, POINTER(TransferStatistics))),
    "t30_get_logging_state": (c_void_p, (c_void_p,)),
    "t30_completion_code_to_str": (c_char_p, (c_int,)),
    "span_log_set_level": (c_int, (c_void_p, c_int)),
    "span_log_set_tag": (c_int, (c_void_p, c_char_p)),
    "span_log_set_message_handler": (None, (c_void_p, MessageHandler)),
}


def _bind(loader: type[ctypes.CDLL]) -> ctypes.CDLL:
    try:
        library = loader(LIBRARY)
    except OSError as error:
        raise SpandspMissing(
            f"{LIBRARY} cannot be loaded ({error}). Install it: apt-get install libspandsp2"
        ) from error
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = list(arguments)
    return library


@cache
def short_calls() -> ctypes.CDLL:
    """libspandsp with the GIL held during a call. Raises SpandspMissing."""
    return _bind(ctypes.PyDLL)


@cache
def long_calls() -> ctypes.CDLL:
    """libspandsp with the GIL released during a call. Raises SpandspMissing."""
    return _bind(ctypes.CDLL)


def completion_text(code: int) -> str:
    """The text of a T.30 completion code; the same in 0.0.6 and in FreeSWITCH's spandsp."""
    return bytes(short_calls().t30_completion_code_to_str(code)).decode("ascii")
