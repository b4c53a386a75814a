"""Time zones by their IANA names, as far as both Python and PostgreSQL know them, whose lists may be of other years."""

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from psycopg2.errors import InvalidParameterValue

from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _

_NO_PLACES = ("Etc", "SystemV", "US")
"""Beginnings of names that are other names of what is there, or nowhere."""


class UnknownTimeZone(FaxplanError):
    """It is no IANA name, or one of the two does not know it."""

    error_id = "unknown-time-zone"


def check(tx: Transaction, name: str) -> None:
    """Raises UnknownTimeZone."""
    try:
        ZoneInfo(name)
        tx.execute("select now() at time zone %s", (name,))
    except (ZoneInfoNotFoundError, ValueError, OSError, InvalidParameterValue) as error:
        raise UnknownTimeZone(
            _("{name} is not an IANA time zone. Write it as Europe/Berlin.").format(name=repr(name))
        ) from error


@cache
def of_places() -> tuple[str, ...]:
    """Those that people choose from: named by continent and city, as Europe/Berlin; and UTC."""
    named = (each for each in available_timezones() if "/" in each and each.partition("/")[0] not in _NO_PLACES)
    return ("UTC", *sorted(named))
