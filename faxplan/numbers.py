"""Telephone numbers: E.164 inside Faxplan, whatever people and carriers write outside (ITU-T E.164; libphonenumber)."""

import re

import phonenumbers

from faxplan import sandbox_numbers, short_numbers
from faxplan.errors import InvalidNumber
from faxplan.language import _

CALLED_FORMATS = ("e164", "e164-no-plus", "national")
INBOUND_FORMATS = ("any", *CALLED_FORMATS)
_MOST_DIGITS = 15
_TEL = re.compile(r"^\s*tel:|;.*$", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")
_E164_NO_PLUS = re.compile("[1-9][0-9]{6,14}")


def normalise(text: str, country: str) -> str:
    """`text` as E.164 (`+4930123456`); a national number is read in `country` (ISO 3166-1 alpha-2).

    For a number that is to be dialled. Raises InvalidNumber for anything that cannot be a number there, and its
    subclasses EmergencyNumber and ShortNumber (short_numbers): what stands there, and what is read there.
    """
    return _checked(_e164(read(text, country)), text)


def read(text: str, country: str) -> phonenumbers.PhoneNumber:
    """The same, as libphonenumber has it: for who asks it more of the number."""
    shown = text.strip()[:40]
    short_numbers.check_written(text, country)
    parsed = _parsed(text, country)
    short_numbers.check_number(parsed, shown, country)
    if parsed.italian_leading_zero and not phonenumbers.is_valid_number(parsed):
        # Where no numbers begin with 0, an exchange takes it for a prefix, and reads the rest as it likes.
        raise InvalidNumber(
            _("{shown} begins with a 0 that its country does not have. Check its digits.").format(shown=repr(shown))
        )
    if _LETTERS.search(_TEL.sub("", text)) and not phonenumbers.is_alpha_number(text):
        # libphonenumber takes words for digits (1 800 FLOWERS), but drops single letters, and keeps what follows.
        raise InvalidNumber(
            _(
                "{shown} has letters in it. Write its digits; `faxplan send` takes those that are dialled after the "
                "answer behind w or p."
            ).format(shown=repr(shown))
        )
    return parsed


def e164_of(number: phonenumbers.PhoneNumber, text: str) -> str:
    """One that was read, as E.164. text: it was read of. Raises InvalidNumber for one with too many digits."""
    return _checked(_e164(number), text)


def _checked(number: str, text: str) -> str:
    # phonenumbers lets some countries have more: Germany's plan knows direct dialling that comes after the number.
    if len(number) > len("+") + _MOST_DIGITS:
        raise InvalidNumber(
            _("{text} has more than the {most_digits} digits of E.164. Check its digits.").format(
                text=repr(text.strip()[:40]), most_digits=_MOST_DIGITS
            )
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
            _(
                "{shown} is not a telephone number. Write it as +49 30 123456, or as it is dialled within the country "
                "({country})."
            ).format(shown=repr(shown), country=country)
        ) from error
    if parsed.extension:
        raise InvalidNumber(
            _(
                "{shown} has an extension; give the number that the fax machine answers on. Digits that are dialled "
                "after the answer stand after w or p."
            ).format(shown=repr(shown))
        )
    # is_possible_number alone would take a number without its area code, and short codes such as 115.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InvalidNumber(
            _("{shown} is too short or too long to be a number. Check its digits and the country code.").format(
                shown=repr(shown)
            )
        )
    return parsed


def example(country: str) -> str:
    """A number, in E.164, that shows how one is written in `country`; nobody is meant."""
    found = phonenumbers.example_number(country)
    return "+4930123456" if found is None else _e164(found)


def beginning(text: str, country: str) -> str:
    """What somebody has written of a number so far, from its beginning on, as E.164 begins: `030 2312` as `+49302312`.

    Written as it is dialled in `country`, or with + and the country code. For a search, and not to be dialled.
    """
    digits = "".join(each for each in text if each.isascii() and each.isdigit())
    if not text.strip().startswith("+"):
        plan = phonenumbers.PhoneMetadata.metadata_for_region(country)
        abroad = re.match(plan.international_prefix or "(?!)", digits) if plan is not None else None
        if abroad is not None and abroad.end():
            digits = digits[abroad.end() :]
        else:
            code = phonenumbers.country_code_for_region(country)
            trunk = (plan.national_prefix if plan is not None else None) or ""
            digits = f"{code}{digits.removeprefix(trunk) if trunk else digits}"
    return f"+{digits[:_MOST_DIGITS]}"


def check_country(country: str) -> None:
    """Raises InvalidNumber where there is no numbering plan for `country` (ISO 3166-1 alpha-2, in capitals)."""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidNumber(
            _("{country} is no country. Write its two-letter ISO code, such as DE or US.").format(
                country=repr(country[:40])
            )
        )


def normalise_or_none(text: str | None, country: str) -> str | None:
    """E.164, for what a peer wrote: None where it is no number (anonymous, a name, garbage). Not to be dialled."""
    if not text:
        return None
    try:
        return _e164(_parsed(text, country))
    except InvalidNumber:
        return None


def beginnings(text: str, country: str) -> list[str]:
    """What E.164 numbers may begin with that `text` is the beginning of, as it is written or dialled in `country`."""
    digits = "".join(each for each in text if each in "0123456789")
    if text.strip().startswith("+"):
        return [f"+{digits}"]
    found = [f"+{digits}"]
    if digits.startswith("00"):
        found.append(f"+{digits.removeprefix('00')}")
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if metadata is not None:
        # In Italy the 0 is part of the number, and elsewhere it goes.
        national = digits.removeprefix(metadata.national_prefix or "")
        found.append(f"+{metadata.country_code}{national}")
    return found


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


def dialled(number: str, number_format: str, country: str, *, home: str, prefix: str = "") -> str:
    """An E.164 number as it is dialled through a trunk of `country`; see `written`. home: the tenant's country.

    prefix: what is dialled before it, as the trunk has it: digits, * and #; what was checked is checked again with it.
    Raises InvalidNumber where an exchange there would read another number, and its subclasses EmergencyNumber and
    ShortNumber for what would reach one in either country.
    """
    if sandbox_numbers.is_one(number):
        raise InvalidNumber(_("{number} is a sandbox number: it is nobody's, and never dialled.").format(number=number))
    text = written(number, number_format, country)
    short_numbers.check_dialled(number, text, number_format, country, home)
    # libphonenumber writes what is no whole number of its country without the prefix that goes before such numbers: in
    # Finland +358 990 677... would be 990 677..., a call to the Solomon Islands.
    if number_format == "national" and normalise_or_none(text, country) != number:
        raise InvalidNumber(
            _(
                "The trunk would dial {number} as {text}, which is another number in {country}. Check its digits; "
                "the administrator can set the trunk's --called-format to e164, where the carrier takes that."
            ).format(number=number, text=text, country=country)
        )
    if not prefix:
        return text
    if text.startswith("+"):
        raise InvalidNumber(
            _(
                "The trunk would dial {prefix} before {text}, but no prefix stands before a +. The administrator "
                "sets its --called-format to e164-no-plus or national."
            ).format(prefix=prefix, text=text)
        )
    short_numbers.check_prefixed(number, prefix, text, country, home)
    return prefix + text


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
                _(
                    "{number} is not a number of {country}, and abroad is dialled in several ways there. The "
                    "administrator sets the trunk's format to e164 or e164-no-plus."
                ).format(number=number, country=country)
            )
    return "".join(character for character in text if character.isdigit())


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
        if not short_numbers.begins_like_an_emergency_number(text, country):
            return text
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def country(number: str) -> str:
    """Of an E.164 number, ISO 3166-1 alpha-2: where several share a code, and it tells no more, the largest; `001` for
    none's (ITU-T E.164, annex A); empty where there is no such code."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    found = phonenumbers.region_code_for_number(parsed)
    return found or phonenumbers.region_code_for_country_code(parsed.country_code or 0)


def _is_of(number: phonenumbers.PhoneNumber, country: str) -> bool:
    # Countries share a country code (+1), and in it numbers that are of no single one (+1 800).
    return phonenumbers.region_code_for_number(number) == country or phonenumbers.is_valid_number_for_region(
        number, country
    )
