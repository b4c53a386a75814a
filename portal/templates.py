"""Pages of Jinja templates: everything is escaped, and what a template asks for must be there."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from faxplan import numbers, time_line
from portal import static

_FOLDER = Path(__file__).parent / "templates"
_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(name: str, **given: Any) -> str:
    """The text of a page."""
    return _environment.get_template(name).render(given)


def _number(number: str | None, country: str) -> str:
    return "Withheld number" if number is None else numbers.readable(number, country)


def _when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Short, for lists: the time today, the day and month this year."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"


def _exactly(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _counted(count: int, word: str, words: str | None = None) -> str:
    return f"{count} {word if count == 1 else words or word + 's'}"


_environment.filters |= {
    "number": _number,
    "when": _when,
    "exactly": _exactly,
    "clock": time_line.clock,
    "counted": _counted,
}
_environment.globals |= {"asset": static.address}
