"""Where that lies which is shipped beside the packages: `conf`, `fs_scripts`, `migrations`, `schema.sql`.

In a checkout at its top; where a wheel was installed, in `share/faxplan` of its environment.
Told by this file's own place, not by sys.prefix: inside FreeSWITCH that is the system's.
"""

import sys
from functools import cache
from pathlib import Path

from faxplan.errors import FaxplanError

_MARK = "schema.sql"
_PACKAGE = Path(__file__).resolve().parent


class NotShipped(FaxplanError):
    """The files that belong to these packages are not there."""

    error_id = "not-shipped"


def interpreter() -> Path:
    """The Python that has these packages: of the virtual environment that holds them, else of this process's.

    Inside FreeSWITCH sys.executable is no Python, and sys.prefix is the system's, or an environment's that PATH leads
    to.
    """
    environment = _PACKAGE.parents[3] if len(_PACKAGE.parents) > 3 else None
    if environment is not None and (environment / "pyvenv.cfg").is_file():
        return environment / "bin" / "python3"
    inside = Path(sys.prefix, "bin", "python3")
    return inside if inside.exists() else Path(sys.executable)


@cache
def folder() -> Path:
    """The folder that holds them all. Raises NotShipped."""
    checkout = _PACKAGE.parent
    # <environment>/lib/python3.11/site-packages/faxplan, or /usr/lib/python3/dist-packages/faxplan.
    environment = _PACKAGE.parents[3] if len(_PACKAGE.parents) > 3 else checkout
    for place in (checkout, environment / "share" / "faxplan"):
        if (place / _MARK).is_file():
            return place
    raise NotShipped(
        f"Neither {checkout} nor {environment}/share/faxplan has {_MARK}: this installation of Faxplan is not whole. "
        "Install its wheel again, with pip."
    )
