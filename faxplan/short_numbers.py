"""Emergency numbers and short codes, which no fax server has any business to dial (libphonenumber's short-number data).

Fax machines have whole numbers. What is as short as 110 or 11880 reaches an ambulance, or directory enquiries that
connect the call onwards at a price.
"""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers.phonenumberutil import normalize_digits_only

from faxplan.errors import InvalidNumber
from faxplan.language import _, marked

_WHAT_TO_DO = marked("If it is a fax number, write it with + and its country code.")
_OUTSIDE_LINE = ("0", "9")
_SEPARATORS = re.compile("[*#]+")


class EmergencyNumber(InvalidNumber):
    """It is an emergency number, or an exchange would take it for one."""

    error_id = "emergency-number"


class ShortNumber(InvalidNumber):
    """It is a short code, or too short to be anything else."""

    error_id = "short-number"


def check_written(text: str, country: str) -> None:
    """Before it is read: what a person wrote, as an exchange of `country` would take its digits.

    Emergency numbers are refused with whatever follows: an exchange connects 112 before it has read the rest of 112112.
    What is written with + says its country, and begins like none. Raises EmergencyNumber and ShortNumber.
    """
    shown = text.strip()[:40]
    if begins_like_an_emergency_number(text, country):
        raise EmergencyNumber(
            _("{shown} is an emergency number, or begins like one: it is never dialled. {what_to_do}").format(
                shown=repr(shown), what_to_do=_(_WHAT_TO_DO)
            )
        )
    if "+" not in text and _is_short_code(normalize_digits_only(text), country):
        raise ShortNumber(
            _("{shown} is a short code of {country}: it is never dialled. {what_to_do}").format(
                shown=repr(shown), country=country, what_to_do=_(_WHAT_TO_DO)
            )
        )


def check_number(number: phonenumbers.PhoneNumber, shown: str, home: str) -> None:
    """A whole number, read, by what it is in its own country, and in `home`: +49 112 is no fax machine either.

    Raises EmergencyNumber and ShortNumber.
    """
    digits = phonenumbers.national_significant_number(number)
    is_valid = phonenumbers.is_valid_number(number)
    countries = {phonenumbers.region_code_for_country_code(number.country_code or 0)}
    if home in phonenumbers.region_codes_for_country_code(number.country_code or 0):
        countries.add(home)
    for country in countries:
        if _is_emergency_number(digits, country) or (begins_like_an_emergency_number(digits, country) and not is_valid):
            raise EmergencyNumber(
                _("{shown} is an emergency number, or begins like one: it is never dialled. Check its digits.").format(
                    shown=repr(shown)
                )
            )
        if _is_short_code(digits, country) or (
            (_is_short(digits, country) or _is_short_code_behind_outside_line(digits, country)) and not is_valid
        ):
            raise ShortNumber(
                _(
                    "{shown} is a short code, or too short for a number of its country: it is never dialled. Check its "
                    "digits."
                ).format(shown=repr(shown))
            )


def check_dialled(number: str, text: str, number_format: str, country: str, home: str) -> None:
    """After a trunk of `country` has given a number its form: `text` is what it would dial.

    It is no emergency number or short code of that country, nor of `home`, the tenant's. Only digits as they are
    dialled in the country are read there from the left: a carrier that takes E.164 without + reads a country code
    first, so that 91 11 2345 6789 is Delhi, in the US too, and not 911. Raises EmergencyNumber and ShortNumber.
    """
    digits = text.removeprefix("+")
    remedy = _("The administrator sets the trunk's --called-format to e164, where the carrier takes that.")
    if (number_format == "national" and begins_like_an_emergency_number(text, country)) or any(
        _is_emergency_number(digits, each) for each in {country, home}
    ):
        raise EmergencyNumber(
            _(
                "The trunk would dial {number} as {text}, which is an emergency number, or begins like one: it is "
                "never dialled. {remedy}"
            ).format(number=number, text=text, remedy=remedy)
        )
    if any(_is_short_code(digits, each) for each in {country, home}):
        raise ShortNumber(
            _("The trunk would dial {number} as {text}, which is a short code: it is never dialled. {remedy}").format(
                number=number, text=text, remedy=remedy
            )
        )


def check_prefix(prefix: str, country: str) -> None:
    """What a trunk of `country` dials before every number: digits, * and #, behind which an exchange may end reading.

    Short codes to which only text messages go are none here: carriers give out prefixes of that length. Raises
    EmergencyNumber and ShortNumber.
    """
    *ended, _last = _SEPARATORS.split(prefix)
    remedy = _("No trunk dials that before a number. Ask the carrier for another prefix.")
    for digits in (*ended, _SEPARATORS.sub("", prefix)):
        if any(begins_like_an_emergency_number(each, country) for each in _with_and_without_outside_line(digits)):
            raise EmergencyNumber(
                _("The prefix {prefix} is an emergency number, or begins like one. {remedy}").format(
                    prefix=prefix, remedy=remedy
                )
            )
    for digits in filter(None, ended):
        if _is_short_code(digits, country) and not phonenumbers.is_sms_service_for_region(
            _as_short(digits, country), country
        ):
            raise ShortNumber(
                _("The prefix {prefix} is a short code behind which an exchange stops reading. {remedy}").format(
                    prefix=prefix, remedy=remedy
                )
            )


def check_prefixed(number: str, prefix: str, text: str, country: str, home: str) -> None:
    """After a trunk of `country` has put its prefix before `text`, which check_dialled has passed.

    Whoever reads from the left, with * and # or without, finds no emergency number and no short code of that country,
    nor in full of `home`, the tenant's. What stands behind the prefix is not read again: that is `text`. Raises
    EmergencyNumber and ShortNumber.
    """
    check_prefix(prefix, country)
    whole = prefix + text
    read = {digits for digits in (*_SEPARATORS.split(whole), _SEPARATORS.sub("", whole)) if digits}
    remedy = _("The administrator changes the trunk's --called-prefix or --called-format, as its carrier allows.")
    for digits in read - {text}:
        variants = set(_with_and_without_outside_line(digits)) - {text}
        if any(begins_like_an_emergency_number(each, country) for each in variants) or any(
            _is_emergency_number(digits, each) for each in {country, home}
        ):
            raise EmergencyNumber(
                _(
                    "The trunk would dial {number} as {whole}, which is an emergency number, or begins like one: it is "
                    "never dialled. {remedy}"
                ).format(number=number, whole=whole, remedy=remedy)
            )
        if digits.endswith(text) and any(_is_short_code(digits, each) for each in {country, home}):
            raise ShortNumber(
                _(
                    "The trunk would dial {number} as {whole}, which is a short code: it is never dialled. {remedy}"
                ).format(number=number, whole=whole, remedy=remedy)
            )


def begins_like_an_emergency_number(text: str, country: str) -> bool:
    """Whether an exchange of `country` would connect what was dialled to an emergency service."""
    return phonenumbers.connects_to_emergency_number(text, country)


def _is_emergency_number(digits: str, country: str) -> bool:
    """In full; also behind the digit with which a company's exchange gives an outside line: 0112, 9911."""
    return any(phonenumbers.is_emergency_number(each, country) for each in _with_and_without_outside_line(digits))


def _is_short_code(digits: str, country: str) -> bool:
    return phonenumbers.is_valid_short_number_for_region(_as_short(digits, country), country)


def _is_short_code_behind_outside_line(digits: str, country: str) -> bool:
    """Not enough by itself: 9122 9167 is a telephone in Hong Kong, where 122 9167 would be a short code."""
    return any(_is_short_code(each, country) for each in _with_and_without_outside_line(digits)[1:])


def _is_short(digits: str, country: str) -> bool:
    """Whether it has no more digits than the short codes of the country, known or not."""
    return phonenumbers.is_possible_short_number_for_region(_as_short(digits, country), country)


def _with_and_without_outside_line(digits: str) -> tuple[str, ...]:
    return (digits, digits[1:]) if digits.startswith(_OUTSIDE_LINE) else (digits,)


def _as_short(digits: str, country: str) -> phonenumbers.PhoneNumber:
    number = int(digits or "0")
    zeros = max(len(digits) - len(str(number)), 0)
    return phonenumbers.PhoneNumber(
        country_code=_country_code(country),
        national_number=number,
        italian_leading_zero=bool(zeros) or None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )


@lru_cache(maxsize=512)
def _country_code(country: str) -> int:
    return int(phonenumbers.country_code_for_region(country))
