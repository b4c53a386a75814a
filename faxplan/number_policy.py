"""Which numbers a tenant may call: kinds that cost, and the operator's lists of numbers and countries.

Emergency numbers and short codes are nobody's choice: short_numbers. What is judged here is an E.164 number, the same
when a fax is handed in and when it is dialled.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

from faxplan.errors import FaxplanError

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

    def check(self, number: str) -> None:
        """Whether an E.164 number may be called.

        A kind that costs has to be permitted, whatever the lists say. Of the lists the entry that fits best decides:
        the longest prefix, and a country before its country code. Raises KindBarred, NumberBlocked, NumberNotAllowed.
        """
        kind = kind_of(number)
        if kind is not None and kind not in self.permitted:
            raise KindBarred(
                f"{number} is a {kind} number, which {self.slug} may not call. The operator can permit it: "
                f"`faxplan barring permit {self.slug} {kind}`."
            )
        if not self.allowed and not self.blocked:
            return
        country = country_of(number)
        blocked = best_entry(number, country, self.blocked)
        allowed = best_entry(number, country, self.allowed)
        if blocked and _precision(blocked) > _precision(allowed):
            raise NumberBlocked(
                f"{number} is blocked for {self.slug}: {_words(blocked)}. The operator can take that away: "
                f"`faxplan barring remove {self.slug} {blocked}`."
            )
        if self.allowed and not allowed:
            raise NumberNotAllowed(
                f"{number} is none of those that {self.slug} may call. The operator can add it: "
                f"`faxplan barring allow {self.slug} {country or number}`; `faxplan barring list` shows what there is."
            )


def entry(text: str) -> str:
    """What stands in a list: + and how E.164 numbers begin (+ alone: all), or a country (ISO 3166-1 alpha-2).

    Raises InvalidEntry.
    """
    written = re.sub(r"[\s()./-]", "", text).upper()
    if _ENTRY.fullmatch(written) and (written.startswith("+") or written in phonenumbers.SUPPORTED_REGIONS):
        return written
    raise InvalidEntry(
        f"{text[:40]!r} is neither how numbers begin, such as +49 or +4930, nor a country, such as DE or US."
    )


def best_entry(number: str, country: str | None, entries: Sequence[str]) -> str | None:
    """The entry that fits an E.164 number of that country best; None: none fits."""
    fitting = [each for each in entries if (number.startswith(each) if each.startswith("+") else each == country)]
    return max(fitting, key=_precision, default=None)


def country_of(number: str) -> str | None:
    """The country of an E.164 number (ISO 3166-1 alpha-2); None: it is of none (+800, +881), or unknown in +1."""
    parsed = _parsed(number)
    if parsed is None:
        return None
    country = phonenumbers.region_code_for_number(parsed)
    if country is None:
        sharing = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
        country = sharing[0] if len(sharing) == 1 else None
    return None if country == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else country


@lru_cache(maxsize=4096)
def kind_of(number: str) -> str | None:
    """Of KINDS; None: an ordinary number.

    A number that is none in full, because it has a digit too many or stands in a range that is not known, is of the
    kind that it begins like: an exchange connects it when it has enough.
    """
    parsed = _parsed(number)
    if parsed is None:
        return None
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
    code, digits = number.country_code, phonenumbers.national_significant_number(number)
    for length in range(len(digits) - 1, _LEADING_DIGITS, -1):
        shorter = _parsed(f"+{code}{digits[:length]}")
        if shorter is not None and (kind := _TYPES.get(phonenumbers.number_type(shorter))) is not None:
            return kind
    country = phonenumbers.region_code_for_country_code(code or 0)
    for type_, kind in _TYPES.items():
        example = phonenumbers.example_number_for_type(country, type_)
        if example is not None and digits.startswith(
            phonenumbers.national_significant_number(example)[:_LEADING_DIGITS]
        ):
            return kind
    return None


def _precision(found: str | None) -> float:
    """The more digits an entry fixes, the better it fits. A country fixes a bit more than its country code."""
    if found is None:
        return -1
    if found.startswith("+"):
        return len(found) - 1
    return len(str(phonenumbers.country_code_for_region(found))) + 0.5


def _words(found: str) -> str:
    if found == "+":
        return "it may call no number"
    return f"numbers that begin with {found}" if found.startswith("+") else f"numbers of {found}"
