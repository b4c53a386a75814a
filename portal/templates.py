"""Pages of Jinja templates: everything is escaped, and what a template asks for must be there."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from babel.dates import format_skeleton
from jinja2.utils import htmlsafe_json_dumps

from faxplan import language, numbers, time_line
from faxplan.language import _, ngettext
from portal import static, wording

_FOLDER = Path(__file__).parent / "templates"
_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=["jinja2.ext.i18n"],
)
# newstyle: what stands in a message is filled in, and escaped, here and not by each template.
_environment.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
# Blanks and line ends within {% trans %} are the template's, and not the message's.
_environment.policies["ext.i18n.trimmed"] = True


def render(name: str, **given: Any) -> str:
    """The text of a page."""
    return _environment.get_template(name).render(given)


def _number(number: str | None, country: str) -> str:
    return _("Withheld number") if number is None else numbers.readable(number, country)


def when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Short, for lists: the time today, the day and month this year."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return format_skeleton("MMMd" if local.year == today.year else "yMMMd", local, locale=language.current())


def _exactly(at: datetime, zone: ZoneInfo) -> str:
    return language.moment(at.astimezone(zone), exactly=True)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _hour(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def _pages(count: int) -> str:
    return ngettext("{count} page", "{count} pages", count).format(count=count)


def lasting(seconds: float) -> str:
    """So much time, in its largest units: `45 s`, `3 min`, `2 h 5 min`, `3 d 4 h`."""
    # Clocks of two machines may differ by a little.
    whole = max(int(seconds), 0)
    minutes = whole // 60
    if minutes < 1:
        return f"{whole} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _scripts() -> str:
    """What the page's scripts say in the language that is spoken, as JSON for a data block; empty for English."""
    words = language.of_scripts(language.current())
    return htmlsafe_json_dumps(words) if words else ""


_environment.filters |= {
    "number": _number,
    "when": when,
    "exactly": _exactly,
    "day": _day,
    "hour": _hour,
    "clock": time_line.clock,
    "page_count": _pages,
    "figure": language.number,
    "lasting": lasting,
    # Of what may be somebody's own words: `_` in a template fills in what begins with %, and escapes nothing.
    "said": language.gettext,
    "told": wording.for_browser,
    "without_commands": wording.without_commands,
}
_environment.globals |= {"asset": static.address, "language": language.current, "words_of_scripts": _scripts}
