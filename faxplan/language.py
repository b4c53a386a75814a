"""The language in which whoever asks is spoken to: English, as the code has it, or a catalogue's (gettext).

Catalogues are faxplan/locale/LANGUAGE.po, and are read as they are: nothing is to be compiled. `make messages` brings
them up to date with the code. What a process says is English until somebody `speaks`.
"""

import gettext as gnu
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

FOLDER = Path(__file__).parent / "locale"
SOURCE = "en"
"""What the code is written in."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    name: str
    catalogue: gnu.NullTranslations


_ENGLISH = _Spoken(SOURCE, gnu.NullTranslations())
_spoken: ContextVar[_Spoken | None] = ContextVar("_spoken", default=None)


@cache
def available() -> tuple[str, ...]:
    """The languages that there are, by their tags (RFC 5646), English first."""
    return (SOURCE, *sorted(path.stem for path in FOLDER.glob("*.po")))


def first_of(*names: str | None) -> str:
    """The first of these that there is; English where there is none."""
    return next((name for name in names if name in available()), SOURCE)


def named(name: str) -> str:
    """What a language calls itself: `Deutsch`."""
    from babel import Locale  # noqa: PLC0415

    itself = Locale.parse(name, sep="-").get_display_name() or name
    return itself[:1].upper() + itself[1:]


@contextmanager
def speaks(name: str) -> Iterator[None]:
    """In here, in this thread, everything is said in this language, of `available`."""
    token = _spoken.set(_Spoken(name, _catalogue(name)))
    try:
        yield
    finally:
        _spoken.reset(token)


def current() -> str:
    """The tag of the language that is spoken."""
    return _said().name


def gettext(message: str) -> str:
    """A message in the language that is spoken; the message itself where its catalogue has none."""
    catalogue = _said().catalogue
    said = catalogue.gettext(message)
    # Where it is also one of something counted, the catalogue has it as that.
    return catalogue.ngettext(message, message, 1) if said is message else said


def ngettext(one: str, many: str, count: int) -> str:
    """As gettext, of something counted."""
    return _said().catalogue.ngettext(one, many, count)


_ = gettext


def form(count: int) -> int:
    """Which of a message's translations is for so many."""
    return 0 if current() == SOURCE else int(gnu.c2py(_read(current()).plural_expr)(count))


def number(value: float, digits: int = 0) -> str:
    """With so many digits behind the point, and thousands set apart."""
    if current() == SOURCE:
        return f"{value:,.{digits}f}"
    from babel.numbers import format_decimal  # noqa: PLC0415

    shown = format_decimal(round(value, digits), "#,##0" + ("." + "0" * digits if digits else ""), locale=current())
    return str(shown)


def share(part: float) -> str:
    """Of one, in whole hundredths: `12%`."""
    if current() == SOURCE:
        return f"{part:.0%}"
    from babel.numbers import format_percent  # noqa: PLC0415

    return str(format_percent(part, locale=current()))


def day(at: date) -> str:
    """A day in figures: `2026-11-27`; in other languages as people write it there."""
    if current() == SOURCE:
        return f"{at:%Y-%m-%d}"
    from babel.dates import format_date  # noqa: PLC0415

    return str(format_date(at, "medium", locale=current()))


def moment(at: datetime, *, exactly: bool = False) -> str:
    """A day and its time; exactly: with the seconds and the time zone. In the zone that it has."""
    between = " " if current() == SOURCE else ", "
    return f"{day(at)}{between}{at:%H:%M:%S %Z}" if exactly else f"{day(at)}{between}{at:%H:%M}"


def marked(message: str) -> str:
    """The message itself, which is in the catalogues: it is said later, by gettext."""
    return message


@cache
def _catalogue(name: str) -> gnu.NullTranslations:
    if name == SOURCE:
        return gnu.NullTranslations()
    # Here, so that what only speaks English, such as the switch, does without Babel.
    from babel.messages.mofile import write_mo  # noqa: PLC0415

    compiled = io.BytesIO()
    write_mo(compiled, _read(name))
    compiled.seek(0)
    return gnu.GNUTranslations(compiled)


@cache
def of_scripts(name: str) -> Mapping[str, object]:
    """What scripts in the browser need of a language: {"plurals": [...], "words": {message: [translation, ...]}}.

    plurals: which translation is for 0, 1, ... 199 of something; of more, the last two digits decide.
    """
    if name == SOURCE:
        return {}
    catalogue = _read(name)
    forms = gnu.c2py(catalogue.plural_expr)
    words = {}
    for message in catalogue:
        if message.id and any(path.endswith(".js") for path, _line in message.locations):
            said = message.string or ""
            words[message.id if isinstance(message.id, str) else message.id[0]] = (
                [said] if isinstance(said, str) else list(said)
            )
    return {"plurals": [forms(count) for count in range(200)], "words": words}


def of_domain(name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the domain says, in English, and in a language: each message, one of something counted in each of its
    forms, with its translations. Without what has none."""
    for message in _read(name):
        if not message.id or not any(path.startswith("faxplan/") for path, _line in message.locations):
            continue
        ids = (message.id,) if isinstance(message.id, str) else message.id
        said = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        if said and all(said):
            for each in ids:
                yield each, said


def _said() -> _Spoken:
    return _spoken.get() or _ENGLISH


@cache
def _read(name: str) -> "Catalog":
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with (FOLDER / f"{name}.po").open("rb") as file:
        return read_po(file, locale=name)
