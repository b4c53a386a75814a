"""The doctor on this machine's programs and libraries, and on what confines them."""

import ctypes
import os
import shutil

from PIL import features

from faxplan import freeswitch_found, namespace, source, typeface
from faxplan.config import Settings
from faxplan.confinement import LIMITS
from faxplan.errors import FaxplanError
from faxplan.findings import Finding, error, ok, warning

_SPANDSP = "libspandsp.so.2"


def programs() -> list[Finding]:
    """Ghostscript, fonts, libspandsp, LibreOffice."""
    return [_ghostscript(), _fonts(), _spandsp(), _office()]


def sandbox(settings: Settings) -> Finding:
    """What confines converters. Tried as the user whom the state folder belongs to, whom the worker runs as.

    The unit of a service may forbid more than is forbidden here: then its log has the cause.
    """
    if settings.sandbox == LIMITS:
        return warning(
            "sandbox",
            "limits alone, by the settings: a document that takes a converter over has worker's or FreeSWITCH's rights",
            'Take sandbox = "limits" out of the settings; this check then says whether namespaces work here.',
        )
    user = None
    if os.geteuid() == 0 and settings.state_dir.is_dir():
        user = settings.state_dir.stat().st_uid or None
    found = namespace.trouble(user=user)
    if found is None:
        return ok("sandbox", "documents are converted in namespaces, by bubblewrap")
    what = "No document is converted; faxes that are handed in wait, and received ones are delivered as TIFF alone"
    return error("sandbox", f"{found.cause}. {what}", found.remedy)


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
