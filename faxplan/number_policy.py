"""Which numbers a tenant may call: kinds that cost, and the operator's lists of numbers and countries.

Emergency numbers and short codes are nobody's choice: short_numbers. What is judged here is an E.164 number, the same
when a fax is handed in and when it is dialled.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import phonenumbers
from phonenumbers import PhoneNumberType

from faxplan.errors import FaxplanError
from faxplan.language import _

KINDS = ("premium-rate", "shared-cost", "personal", "satellite")
"""Numbers that no tenant may call unless the operator permits it."""
_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "premium-rate",
    PhoneNumberType.SHARED_COST: "shared-cost",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
}
# ITU-T E.164, list of assigned country codes: Inmarsat, satellite systems, international networks (882, 883), UPT,
# international premium rate, international shared cost.
_CODES = {
    870: "satellite",
    881: "satellite",
    882: "satellite",
    883: "satellite",
    878: "personal",
    979: "premium-rate",
    808: "shared-cost",
}
_LEADING_DIGITS = 3
_LONGEST_NATIONAL = 12
"""Digits without the country code of the longest numbers that cost."""
_ENTRY = re.compile(r"\+(?:[1-9][0-9]{0,14})?|[A-Z]{2}")


class NumberBarred(FaxplanError):
    """A tenant may not call this number. Each subclass has its own reason."""

    error_id = "number-barred"


class KindBarred(NumberBarred):
    """It costs more than a call, and the operator has not permitted that."""

    error_id = "kind-barred"


class NumberBlocked(NumberBarred):
    """The tenant's list of blocked numbers has it."""

    error_id = "number-blocked"


class NumberNotAllowed(NumberBarred):
    """The tenant has a list of allowed numbers, and it is not there."""

    error_id = "number-not-allowed"


class InvalidEntry(FaxplanError):
    """An entry of such a list is neither a prefix nor a country."""

    error_id = "invalid-entry"


@dataclass(frozen=True, slots=True)
class NumberPolicy:
    """One tenant's. slug: whose, for messages. permitted: of KINDS. allowed, blocked: entries, as `entry` gives them.

    allowed empty: every number is allowed.
    """

    slug: str
    permitted: Sequence[str] = ()
    allowed: Sequence[str] = ()
    blocked: Sequence[str] = ()

    def check(self, number: str, parsed: phonenumbers.PhoneNumber | None = None) -> None:
        """Whether an E.164 number may be called. parsed: the same, for who has read it.

        A kind that costs has to be permitted, whatever the lists say. Of the lists the entry that fits best decides:
        the longest prefix, and a country before its country code. Raises KindBarred, NumberBlocked, NumberNotAllowed.
        """
        kind = kind_of(number) if parsed is None else _kind_of(parsed)
        if kind is not None and kind not in self.permitted:
            raise KindBarred(
                _(
                    "{number} is a {kind} number, which {slug} may not call. The operator can permit it: `faxplan "
                    "barring permit {slug} {kind}`."
                ).format(number=number, kind=kind, slug=self.slug)
            )
        if not self.allowed and not self.blocked:
            return
        countries = countries_of(number)
        country = countries[0] if len(countries) == 1 else None
        blocked = best_entry(number, countries, self.blocked)
        allowed = best_entry(number, [country] if country else [], self.allowed)
        if blocked and _precision(blocked) > _precision(allowed):
            raise NumberBlocked(
                _(
                    "{number} is blocked for {slug}: {blocked}. The operator can take that away: `faxplan barring "
                    "remove {slug} {entry}`."
                ).format(number=number, slug=self.slug, blocked=_words(blocked), entry=blocked)
            )
        if self.allowed and not allowed:
            raise NumberNotAllowed(
                _(
                    "{number} is none of those that {slug} may call. The operator can add it: `faxplan barring allow "
                    "{slug} {entry}`; `faxplan barring list` shows what there is."
                ).format(number=number, slug=self.slug, entry=country or number)
            )


def entry(text: str) -> str:
    """What stands in a list: + and how E.164 numbers begin (+ alone: all), or a country (ISO 3166-1 alpha-2).

    Raises InvalidEntry.
    """
    written = re.sub(r"[\s()./-]", "", text).upper()
    if _ENTRY.fullmatch(written) and (written.startswith("+") or written in phonenumbers.SUPPORTED_REGIONS):
        return written
    raise InvalidEntry(
        _("{text} is neither how numbers begin, such as +49 or +4930, nor a country, such as DE or US.").format(
            text=repr(text[:40])
        )
    )


def best_entry(number: str, countries: Sequence[str], entries: Sequence[str]) -> str | None:
    """The entry that fits an E.164 number of one of these countries best; None: none fits."""
    fitting = [each for each in entries if (number.startswith(each) if each.startswith("+") else each in countries)]
    return max(fitting, key=_precision, default=None)


@lru_cache(maxsize=4096)
def countries_of(number: str) -> Sequence[str]:
    """The country of an E.164 number (ISO 3166-1 alpha-2); none: it is of no country (+800, +881).

    A number that is none in full is of the country that it begins like, as with kind_of. Several: it begins like none,
    and so many countries share its code.
    """
    parsed = _parsed(number)
    if parsed is None:
        return ()
    country = phonenumbers.region_code_for_number(parsed)
    sharing = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    if country is None and len(sharing) > 1:
        country = next(filter(None, map(phonenumbers.region_code_for_number, _beginnings(parsed))), None)
    found = sharing if country is None else (country,)
    return tuple(each for each in found if each != phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY)


@lru_cache(maxsize=4096)
def kind_of(number: str) -> str | None:
    """Of KINDS; None: an ordinary number.

    A number that is none in full, because it has a digit too many or stands in a range that is not known, is of the
    kind that it begins like: an exchange connects it when it has enough.
    """
    parsed = _parsed(number)
    return None if parsed is None else _kind_of(parsed)


def _kind_of(parsed: phonenumbers.PhoneNumber) -> str | None:
    if (kind := _CODES.get(parsed.country_code or 0)) is not None:
        return kind
    found = phonenumbers.number_type(parsed)
    return _TYPES.get(found) if found != PhoneNumberType.UNKNOWN else _kind_that_it_begins_like(parsed)


def _parsed(number: str) -> phonenumbers.PhoneNumber | None:
    """None: it is no number, and short_numbers says so of what a trunk would dial."""
    try:
        return phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None


def _kind_that_it_begins_like(number: phonenumbers.PhoneNumber) -> str | None:
    for shorter in _beginnings(number):
        if (kind := _TYPES.get(phonenumbers.number_type(shorter))) is not None:
            return kind
    code, digits = number.country_code or 0, phonenumbers.national_significant_number(number)
    country = phonenumbers.region_code_for_country_code(code)
    for type_, kind in _TYPES.items():
        example = phonenumbers.example_number_for_type(country, type_)
        if example is not None and digits.startswith(
            phonenumbers.national_significant_number(example)[:_LEADING_DIGITS]
        ):
            return kind
    return _kind_of_range(code, digits[: _LEADING_DIGITS + 1]) or _kind_of_range(code, digits[:_LEADING_DIGITS])


def _beginnings(number: phonenumbers.PhoneNumber) -> Iterator[phonenumbers.PhoneNumber]:
    """What is left of it without its last digit, its last two, ..."""
    code, digits = number.country_code, phonenumbers.national_significant_number(number)
    for length in range(len(digits) - 1, _LEADING_DIGITS, -1):
        if (shorter := _parsed(f"+{code}{digits[:length]}")) is not None:
            yield shorter


@lru_cache(maxsize=4096)
def _kind_of_range(code: int, leading: str) -> str | None:
    """The kind of what begins so in a country code: where numbers that cost do, and no ordinary ones.

    Found by trying: its next two digits in full, further ones at random, always the same.
    """
    if leading.startswith("0"):
        return None
    draw = Random(f"{code} {leading}")  # noqa: S311 - a sample, no secret
    found = set()
    for length in range(len(leading) + 2, _LONGEST_NATIONAL + 1):
        for following in range(100):
            tail = "".join(draw.choices("0123456789", k=length - len(leading) - 2))
            number = phonenumbers.PhoneNumber(country_code=code, national_number=int(f"{leading}{following:02}{tail}"))
            found.add(phonenumbers.number_type(number))
    found.discard(PhoneNumberType.UNKNOWN)
    return _TYPES[min(found)] if found and found <= set(_TYPES) else None


def _precision(found: str | None) -> float:
    """The more digits an entry fixes, the better it fits. A country fixes a bit more than its country code."""
    if found is None:
        return -1
    if found.startswith("+"):
        return len(found) - 1
    return len(str(phonenumbers.country_code_for_region(found))) + 0.5


def _words(found: str) -> str:
    if found == "+":
        return _("it may call no number")
    return (_("numbers that begin with {entry}") if found.startswith("+") else _("numbers of {entry}")).format(
        entry=found
    )
