"""The doctor on this machine's clock: whether anything keeps it right.

The kernel knows (adjtimex(2)): chrony, ntpd and systemd-timesyncd all tell it. A virtual machine whose host sets its
clock has nothing that does.
"""

import ctypes

from faxplan.findings import Finding, ok, warning

_UNSYNCHRONIZED = 0x40
"""STA_UNSYNC of timex.h."""
_ENOUGH_BYTES = 512
"""struct timex is shorter on every machine; of it only the beginning is read."""


class _Timex(ctypes.Structure):
    """struct timex, as far as it is read; modes 0: nothing is set."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * _ENOUGH_BYTES),
    )


def is_kept() -> bool | None:
    """Whether something keeps the clock; None: it cannot be asked here."""
    seen = _Timex()
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(seen)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not seen.status & _UNSYNCHRONIZED


def clock(kept: bool | None) -> Finding:
    """kept: as is_kept says."""
    what = "clock, kept right"
    if kept is None:
        return ok(what, "cannot be asked here")
    if kept:
        return ok(what, "by NTP or the like")
    return warning(
        what,
        "by nobody: it will drift, and header lines, codes of two-factor log-ins and certificates depend on it",
        "apt-get install chrony (or systemd-timesyncd). In a container or a virtual machine whose host sets its clock "
        "this may be as it is.",
    )
