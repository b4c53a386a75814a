"""Telephone numbers: E.164 inside Faxplan, whatever people and carriers write outside (ITU-T E.164; libphonenumber)."""

import re

import phonenumbers

from faxplan.errors import InvalidNumber

CALLED_FORMATS = ("e164", "e164-no-plus", "national")
INBOUND_FORMATS = ("any", *CALLED_FORMATS)
_MOST_DIGITS = 15
_E164_NO_PLUS = re.compile("[1-9][0-9]{6,14}")


def normalise(text: str, country: str) -> str:
    """`text` as E.164 (`+4930123456`); a national number is read in `country` (ISO 3166-1 alpha-2).

    For a number that is to be dialled. Raises InvalidNumber for anything that cannot be a number there, and for
    emergency numbers with whatever follows: an exchange connects 112 before it has read the rest of 112112. What is
    written with + says its country, and begins like none; it is refused where it is one in full (+49 0112).
    """
    if not _begins_like_an_emergency_number(text, country):
        parsed = _parsed(text, country)
        own_country = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
        if not _is_an_emergency_number(phonenumbers.national_significant_number(parsed), own_country):
            return _checked(_e164(parsed), text)
    raise InvalidNumber(
        f"{text.strip()[:40]!r} is an emergency number, or begins like one: it is never dialled. "
        "If it is a fax number, write it with + and its country code."
    )


def _checked(number: str, text: str) -> str:
    # phonenumbers lets some countries have more: Germany's plan knows direct dialling that comes after the number.
    if len(number) > len("+") + _MOST_DIGITS:
        raise InvalidNumber(
            f"{text.strip()[:40]!r} has more than the {_MOST_DIGITS} digits of E.164. Check its digits."
        )
    return number


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(text: str, country: str) -> phonenumbers.PhoneNumber:
    shown = text.strip()[:40]
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise InvalidNumber(
            f"{shown!r} is not a telephone number. Write it as +49 30 123456, or as it is dialled inside {country}."
        ) from error
    if parsed.extension:
        raise InvalidNumber(f"{shown!r} has an extension; give the number that the fax machine answers on.")
    # is_possible_number alone would take a number without its area code, and short codes such as 115.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InvalidNumber(
            f"{shown!r} is too short or too long to be a number. Check its digits and the country code."
        )
    return parsed


def check_country(country: str) -> None:
    """Raises InvalidNumber where there is no numbering plan for `country` (ISO 3166-1 alpha-2, in capitals)."""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidNumber(f"{country[:40]!r} is no country. Write its two-letter ISO code, such as DE or US.")


def normalise_or_none(text: str | None, country: str) -> str | None:
    """E.164, for what a peer wrote: None where it is no number (anonymous, a name, garbage). Not to be dialled."""
    if not text:
        return None
    try:
        return _e164(_parsed(text, country))
    except InvalidNumber:
        return None


def readings(text: str | None, country: str, number_format: str) -> list[tuple[str, str]]:
    """What a number that a carrier wrote may mean, likeliest first: (one of CALLED_FORMATS, E.164). Empty: no number.

    number_format: one of INBOUND_FORMATS. With "any" a number without + may be E.164, or one of `country`.
    """
    written = (text or "").strip()
    found: dict[str | None, str] = {}
    if number_format in ("any", "e164-no-plus") and _E164_NO_PLUS.fullmatch(written):
        found[normalise_or_none(f"+{written}", country)] = "e164-no-plus"
    if number_format in ("any", "national") or written.startswith("+"):
        found.setdefault(normalise_or_none(written, country), "national" if number_format == "any" else number_format)
    return [(each, number) for number, each in found.items() if number is not None]


def dialled(number: str, number_format: str, country: str) -> str:
    """An E.164 number as it is dialled through a trunk of `country`; see `written`.

    Raises InvalidNumber, also for what is an emergency number of that country, or in its national form begins like one.
    """
    text = written(number, number_format, country)
    # Only digits as they are dialled in the country are read there from the left. A carrier that takes E.164 without +
    # reads a country code first: 91 11 2345 6789 is Delhi, in the US too, and not 911.
    begins_like_one = number_format == "national" and _begins_like_an_emergency_number(text, country)
    if begins_like_one or _is_an_emergency_number(text.removeprefix("+"), country):
        raise InvalidNumber(
            f"The trunk would dial {number} as {text}, which is an emergency number, or begins like one: it is never "
            "dialled. The administrator sets the trunk's --called-format to e164, where the carrier takes that."
        )
    return text


def written(number: str, number_format: str, country: str) -> str:
    """An E.164 number as a trunk of `country` wants it: one of CALLED_FORMATS. Digits, and at most a leading +.

    National: as dialled in `country`, so with its international prefix where the number is another country's. Raises
    InvalidNumber where there is no one such prefix (Brazil has one a carrier).
    """
    if number_format == "e164":
        return number
    if number_format == "e164-no-plus":
        return number.removeprefix("+")
    if number_format == "national":
        return _national(number, country)
    raise ValueError(f"unknown number format {number_format!r}")


def _national(number: str, country: str) -> str:
    parsed = phonenumbers.parse(number)
    if parsed.country_code == phonenumbers.country_code_for_region(country):
        text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(parsed, country)
        if text.startswith("+"):
            raise InvalidNumber(
                f"{number} is not a number of {country}, and abroad is dialled in several ways there. The "
                "administrator sets the trunk's format to e164 or e164-no-plus."
            )
    return "".join(character for character in text if character.isdigit())


def _begins_like_an_emergency_number(text: str, country: str) -> bool:
    return phonenumbers.connects_to_emergency_number(text, country)


def _is_an_emergency_number(digits: str, country: str) -> bool:
    """In full; also behind the digit with which a company's exchange gives an outside line: 0112, 9911."""
    behind = digits[1:] if digits.startswith(("0", "9")) else digits
    return any(phonenumbers.is_emergency_number(each, country) for each in (digits, behind))


def readable(number: str, country: str | None) -> str:
    """An E.164 number as people of `country` read it: their own in national form, any other with + and country code.

    country None: always with +, for who reads numbers of many countries. `normalise` reads it back in that country.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    if country is not None and _is_of(parsed, country):
        text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        if not _begins_like_an_emergency_number(text, country):
            return text
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _is_of(number: phonenumbers.PhoneNumber, country: str) -> bool:
    # Countries share a country code (+1), and in it numbers that are of no single one (+1 800).
    return phonenumbers.region_code_for_number(number) == country or phonenumbers.is_valid_number_for_region(
        number, country
    )
