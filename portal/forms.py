"""Forms of named fields: what they show, what came back, and what is wrong with that.

A page lists its fields once. `Form.of` shows values as they are; `Form.read` takes what was submitted, in which a field
that is not as it should be has an error; `failed` says what the domain had against the whole. Templates: forms.html.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from werkzeug.datastructures import MultiDict

from faxplan.errors import FaxplanError
from faxplan.language import _
from portal import wording


class Kind(Enum):
    """What a field takes, and what `Form.values` has of it."""

    TEXT = "text"
    """One line: str, without blanks around it."""
    LINES = "lines"
    """Several lines: str."""
    EMAIL = "email"
    """An address: str."""
    NUMBER = "number"
    """A whole number: int; None where it is empty, unless it is required."""
    SWITCH = "switch"
    """On or off: bool."""
    CHOICE = "choice"
    """One of its choices: str."""
    SEVERAL = "several"
    """Some of its choices, or none: list of str, in their order."""
    MOMENT = "moment"
    """A day and a time, as a browser writes them: str; of which clock the page says."""
    COLOUR = "colour"
    """#rrggbb: str."""
    SECRET = "secret"  # noqa: S105 - the word
    """As TEXT; what it is now is never shown."""


@dataclass(frozen=True, slots=True)
class Field:
    """label, hint: marked messages. choices: (value, marked label). least, most: of a NUMBER.

    longest: in characters. autocomplete: as HTML has it. suggested: of a line, what there is to choose;
    anything else may be written.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    required: bool = False
    least: int = 0
    most: int = 2**31 - 1
    longest: int = 200
    autocomplete: str = "off"
    suggested: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """shown: the text of each field, by name; of a SWITCH "on" or empty. values: what it means, of those that are as
    they should be. errors: by field. wrong: what is the matter with the whole; empty: nothing."""

    fields: Sequence[Field]
    shown: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""

    @classmethod
    def of(cls, fields: Sequence[Field], values: Mapping[str, Any]) -> "Form":
        """With these values, as the domain has them; what has none is empty."""
        return cls(fields, {each.name: _shown(each, values.get(each.name)) for each in fields})

    @classmethod
    def read(cls, fields: Sequence[Field], submitted: Mapping[str, str]) -> "Form":
        """Of what a browser has submitted."""
        shown = {each.name: _submitted(each, submitted) for each in fields}
        values: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for each in fields:
            try:
                values[each.name] = _value(each, shown[each.name])
            except _Wrong as wrong:
                errors[each.name] = str(wrong)
        # A password does not come back in a page.
        kept = {each.name: "" if each.kind is Kind.SECRET else shown[each.name] for each in fields}
        return cls(fields, kept, values, errors)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.errors and not self.wrong

    def suggesting(self, values: Sequence[str], *names: str) -> "Form":
        """With these to choose from in the fields of these names."""
        fields = [replace(each, suggested=values) if each.name in names else each for each in self.fields]
        return replace(self, fields=fields)

    def failed(self, error: FaxplanError) -> "Form":
        """As it is, with what the domain says. What may work later is not the form's matter, and raised on."""
        if error.retryable:
            raise error
        return replace(self, wrong=wording.for_browser(str(error)))


_SEPARATOR = "\n"
"""Between those that are chosen of SEVERAL, in Form.shown."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")


class _Wrong(Exception):
    """Of one field."""


def _submitted(of: Field, submitted: Mapping[str, str]) -> str:
    if of.kind is not Kind.SEVERAL:
        return submitted.get(of.name, "")[: of.longest + 1]
    chosen = submitted.getlist(of.name) if isinstance(submitted, MultiDict) else []
    return _SEPARATOR.join(chosen[: len(of.choices)])


def _shown(of: Field, value: object) -> str:
    if value is None or of.kind is Kind.SECRET:
        return ""
    if of.kind is Kind.SWITCH:
        return "on" if value else ""
    if of.kind is Kind.SEVERAL and isinstance(value, list | tuple):
        return _SEPARATOR.join(value)
    return str(value)


def _value(of: Field, text: str) -> object:
    if of.kind is Kind.SWITCH:
        return text == "on"
    if of.kind is Kind.SEVERAL:
        chosen = text.split(_SEPARATOR)
        return [value for value, _label in of.choices if value in chosen]
    if of.kind is Kind.CHOICE:
        if text not in {value for value, _label in of.choices}:
            raise _Wrong(_("Choose one of these."))
        return text
    text = text if of.kind is Kind.LINES else text.strip()
    if of.required and not text.strip():
        raise _Wrong(_("Fill this in."))
    if len(text) > of.longest:
        raise _Wrong(_("At most {count} characters.").format(count=of.longest))
    # What is not UTF-8 has come as U+FFFD.
    if "\0" in text:
        raise _Wrong(_("There is a character in this that cannot be written. Write it anew."))
    if of.kind is Kind.COLOUR and not _COLOUR.fullmatch(text.lower()):
        raise _Wrong(_("Write a colour as #1d5f86."))
    return _number(of, text) if of.kind is Kind.NUMBER else text.lower() if of.kind is Kind.COLOUR else text


def _number(of: Field, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and of.least <= int(text[:12]) <= of.most):
        raise _Wrong(_("Write a whole number, {least} to {most}.").format(least=of.least, most=of.most))
    return int(text)


def differing(values: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What a form has changed: so much stands in the audit, and no more."""
    return {name: value for name, value in values.items() if value != now[name]}
