"""Telephone numbers: E.164 inside Faxplan, whatever people and carriers write outside (ITU-T E.164; libphonenumber)."""

import phonenumbers

from faxplan.errors import InvalidNumber

CALLED_FORMATS = ("e164", "e164-no-plus", "national")


def normalise(text: str, country: str) -> str:
    """`text` as E.164 (`+4930123456`); a national number is read in `country` (ISO 3166-1 alpha-2).

    Raises InvalidNumber for anything that cannot be a number there, short codes and emergency numbers among them.
    """
    shown = text.strip()[:40]
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise InvalidNumber(
            f"{shown!r} is not a telephone number. Write it as +49 30 123456, or as it is dialled inside {country}."
        ) from error
    if phonenumbers.is_emergency_number(text, country):
        raise InvalidNumber(f"{shown!r} is an emergency number: it is never dialled.")
    if parsed.extension:
        raise InvalidNumber(f"{shown!r} has an extension; give the number that the fax machine answers on.")
    # is_possible_number alone would take a number without its area code, and short codes such as 115.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InvalidNumber(
            f"{shown!r} is too short or too long to be a number. Check its digits and the country code."
        )
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def check_country(country: str) -> None:
    """Raises InvalidNumber where there is no numbering plan for `country` (ISO 3166-1 alpha-2, in capitals)."""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidNumber(f"{country[:40]!r} is no country. Write its two-letter ISO code, such as DE or US.")


def normalise_or_none(text: str | None, country: str) -> str | None:
    """As `normalise`, for what a peer wrote: None where it is no number (anonymous, a name, garbage)."""
    if not text:
        return None
    try:
        return normalise(text, country)
    except InvalidNumber:
        return None


def dialled(number: str, number_format: str) -> str:
    """An E.164 number as a trunk wants it: one of CALLED_FORMATS. The answer has digits and at most a leading +."""
    if number_format == "e164":
        return number
    if number_format == "e164-no-plus":
        return number.removeprefix("+")
    if number_format == "national":
        parsed = phonenumbers.parse(number)
        text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        return "".join(character for character in text if character.isdigit())
    raise ValueError(f"unknown number format {number_format!r}")


def readable(number: str) -> str:
    """An E.164 number with spaces, as people read it."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
