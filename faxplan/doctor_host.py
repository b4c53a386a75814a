"""The doctor on this machine's programs and libraries."""

import ctypes
import shutil

from PIL import features

from faxplan import freeswitch_found, source, typeface
from faxplan.errors import FaxplanError
from faxplan.findings import Finding, error, ok, warning

_SPANDSP = "libspandsp.so.2"


def programs() -> list[Finding]:
    """Ghostscript, fonts, libspandsp, LibreOffice."""
    return [_ghostscript(), _fonts(), _spandsp(), _office()]


def _ghostscript() -> Finding:
    path = shutil.which("gs")
    if path is None:
        return error("ghostscript", "not installed: no PDF can be rendered", "Install it: apt-get install ghostscript.")
    return ok("ghostscript", path)


def _fonts() -> Finding:
    try:
        typeface.sans(10, 200)
    except (FaxplanError, OSError) as missing:
        return error(
            "fonts",
            f"none for header lines and plain text ({missing})",
            "Install one: apt-get install fonts-dejavu-core.",
        )
    if not features.check("raqm"):
        return warning(
            "fonts",
            "there, but text that is written from right to left (Hebrew, Arabic) comes out backwards",
            "Install what turns it around: apt-get install libfribidi0.",
        )
    return ok("fonts", "there")


def _spandsp() -> Finding:
    try:
        ctypes.CDLL(_SPANDSP)
    except OSError:
        remedy = "Install it: apt-get install libspandsp2."
        if freeswitch_found.find() is None:
            return error("libspandsp", "not installed: without FreeSWITCH the bench is the only switch", remedy)
        return warning("libspandsp", "not installed: the bench cannot run; FreeSWITCH brings its own", remedy)
    return ok("libspandsp", _SPANDSP)


def _office() -> Finding:
    path = source.soffice()
    return ok(
        "LibreOffice", path or "not installed, which is no fault: office documents are refused with a clear message"
    )
