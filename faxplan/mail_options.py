"""What a mail's sender wants of the fax beside its number: in double brackets in the subject, or in header fields.

    Subject: Contract [[fine, cover=no]] 4711
    X-Fax-Resolution: fine

Nobody writes double brackets by chance, so what is in them must be an option; `[EXTERNAL]` and `[JIRA-12]` are none of
ours. They are taken out of the subject, which is printed. What is wrong is never repeated: it may be a PIN.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from faxplan.language import _
from faxplan.mail_headers import Headers
from faxplan.mail_refusals import WrongOption
from faxplan.paper import Resolution

COVER_PAGE, FIRST_PAGE, IGNORED = BODIES = ("cover", "page", "ignore")
_IN_BRACKETS = re.compile(r"\[\[([^\[\]]{0,500})\]\]")
_PIN = re.compile("[0-9]{4,12}")
_BILLING = re.compile(r"[\w./+-][\w ./+-]{0,63}")
_TIME = re.compile("(?:([0-9]{4})-([0-9]{2})-([0-9]{2})[T ])?([0-9]{1,2}):([0-9]{2})")
_YES, _NO = ("yes", "on", "true", "1", "ja"), ("no", "off", "false", "0", "nein")
_HEADER = "x-fax-"


@dataclass(frozen=True, slots=True)
class MailOptions:
    """None: not said. subject: without the options, for people. at: when to send; a time of day alone is the next such.

    Its repr has no PIN.
    """

    subject: str
    resolution: Resolution | None = None
    cover: bool | None = None
    body: str | None = None
    pin: str | None = field(default=None, repr=False)
    billing: str | None = field(default=None, repr=False)
    at: datetime | time | None = None


def read(subject: str, headers: Headers) -> MailOptions:
    """subject: decoded. What it says goes before what a header says. Raises WrongOption."""
    in_headers = _of_headers(headers)
    in_subject: dict[str, Any] = {}
    for found in _IN_BRACKETS.finditer(subject):
        for each in re.split("[,;]", found[1]):
            if each.strip():
                _put(in_subject, *_read(each))
    rest = " ".join(_IN_BRACKETS.sub(" ", subject).split())
    if "[[" in rest or "]]" in rest:
        raise WrongOption(
            _("The options in the subject have no end. Write them as [[fine, cover=no]], with two brackets each side.")
        )
    return MailOptions(rest, **(in_headers | in_subject))


def _of_headers(headers: Headers) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers.fields:
        if name.startswith(_HEADER):
            key = _HEADERS.get(name.removeprefix(_HEADER))
            if key is None:
                raise WrongOption(
                    _("There is no header {name}. There are X-Fax- with: {known}.").format(
                        name=name, known=", ".join(_HEADERS)
                    )
                )
            _put(found, key, _value(key, value))
    return found


def _put(found: dict[str, Any], key: str, value: Any) -> None:
    if found.setdefault(key, value) != value:
        raise WrongOption(_("The option {name} is said twice. Say it once.").format(name=key))


def _read(written: str) -> tuple[str, Any]:
    key, sign, value = (each.strip() for each in re.split("([=:])", f"{written}=", maxsplit=1))
    value = value[:-1].strip() if sign and value.endswith("=") else value
    key = key.lower()
    if key in _WORDS and not value:
        return _WORDS[key]
    if key not in _VALUES:
        raise WrongOption(
            _("The subject has an option that there is none of. There are: {known}.").format(
                known=", ".join([*_WORDS, *(f"{each}=" for each in _VALUES)])
            )
        )
    return key, _value(key, value)


def _value(key: str, written: str) -> Any:
    value = _VALUES[key](written.strip())
    if value is None:
        raise WrongOption(
            _("The option {name} cannot have this value. Write it as {example}.").format(
                name=key, example=_EXAMPLES[key]
            )
        )
    return value


def _resolution(written: str) -> Resolution | None:
    names = {each.value: each for each in (Resolution.STANDARD, Resolution.FINE, Resolution.SUPERFINE)}
    return names.get(written.lower())


def _yes_or_no(written: str) -> bool | None:
    word = written.lower()
    return True if word in _YES else False if word in _NO else None


def _body(written: str) -> str | None:
    return written.lower() if written.lower() in BODIES else None


def _pin(written: str) -> str | None:
    return written if _PIN.fullmatch(written) else None


def _billing(written: str) -> str | None:
    return written if _BILLING.fullmatch(written) else None


def _at(written: str) -> datetime | time | None:
    found = _TIME.fullmatch(written)
    if found is None:
        return None
    try:
        of_day = time(int(found[4]), int(found[5]))
        if found[1] is None:
            return of_day
        # In the time zone of whoever sends, which is not known here.
        return datetime.combine(date(int(found[1]), int(found[2]), int(found[3])), of_day)
    except ValueError:
        return None


_VALUES: Mapping[str, Callable[[str], Any]] = {
    "resolution": _resolution,
    "cover": _yes_or_no,
    "body": _body,
    "pin": _pin,
    "billing": _billing,
    "at": _at,
}
_EXAMPLES = {
    "resolution": "resolution=fine (standard, fine, superfine)",
    "cover": "cover=no (yes, no)",
    "body": "body=cover (cover, page, ignore)",
    "pin": "pin= and 4 to 12 digits",
    "billing": "billing=4711-A",
    "at": "at=18:00, at=2026-12-24 18:00",
}
_WORDS: Mapping[str, tuple[str, Any]] = {
    "standard": ("resolution", Resolution.STANDARD),
    "fine": ("resolution", Resolution.FINE),
    "superfine": ("resolution", Resolution.SUPERFINE),
}
_HEADERS = {
    "resolution": "resolution",
    "cover": "cover",
    "body": "body",
    "pin": "pin",
    "billing-code": "billing",
    "at": "at",
}
