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
    return _said().catalogue.gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """As gettext, of something counted."""
    return _said().catalogue.ngettext(one, many, count)


_ = gettext


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


def _said() -> _Spoken:
    return _spoken.get() or _ENGLISH


def _read(name: str) -> "Catalog":
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with (FOLDER / f"{name}.po").open("rb") as file:
        return read_po(file, locale=name)
