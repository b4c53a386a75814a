import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import numbers
from faxplan.errors import InvalidNumber


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("030 23125 002", "DE", "+493023125002"),
        ("+49 (0)30 23125-002", "DE", "+493023125002"),
        ("0049 30 23125002", "DE", "+493023125002"),
        ("011 49 30 23125002", "US", "+493023125002"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("tel:+1-212-555-0100", "DE", "+12125550100"),
        ("02 1234 5678", "IT", "+390212345678"),
    ],
)
def test_what_people_write_becomes_e164(written: str, country: str, number: str) -> None:
    assert numbers.normalise(written, country) == number


@pytest.mark.parametrize(
    "written", ["112", "110", "", "anonymous", "12", "115", "+49 1", "030 23125002 ext. 5", "${x}", "\0"]
)
def test_what_cannot_be_a_number_is_refused(written: str) -> None:
    with pytest.raises(InvalidNumber):
        numbers.normalise(written, "DE")
    assert numbers.normalise_or_none(written, "DE") is None


def test_a_number_without_its_area_code_is_refused() -> None:
    with pytest.raises(InvalidNumber, match="too short"):
        numbers.normalise("555 0100", "US")


def test_a_number_is_no_longer_than_e164_allows() -> None:
    assert numbers.normalise("030 12345678901", "DE") == "+493012345678901"
    with pytest.raises(InvalidNumber, match="more than the 15 digits"):
        numbers.normalise("030 123456789012", "DE")


def test_an_emergency_number_says_so() -> None:
    with pytest.raises(InvalidNumber, match="emergency"):
        numbers.normalise("911", "US")


@given(st.text(max_size=60) | st.text(st.characters(categories=["Cs", "Cc", "Nd"]), max_size=30))
def test_text_from_a_stranger_is_a_number_or_none(text: str) -> None:
    number = numbers.normalise_or_none(text, "DE")
    assert number is None or (number[0] == "+" and number[1:].isascii() and number[1:].isdigit())


@pytest.mark.parametrize("written", ["1122", "112112", "110110", "11230", "112 112", "tel:112112"])
def test_what_begins_like_an_emergency_number_is_refused(written: str) -> None:
    with pytest.raises(InvalidNumber, match="emergency"):
        numbers.normalise(written, "DE")


@pytest.mark.parametrize("written", ["0112", "0 112", "0-110", "+49 0112", "+49 (0) 110"])
def test_an_emergency_number_behind_an_outside_line_is_refused(written: str) -> None:
    with pytest.raises(InvalidNumber, match="emergency"):
        numbers.normalise(written, "DE")


@pytest.mark.parametrize("written", ["911", "9911", "1911", "+1 911", "0911", "911 555 0123", "9112345", "tel:911"])
def test_an_emergency_number_is_refused_however_it_is_written(written: str) -> None:
    with pytest.raises(InvalidNumber):
        numbers.normalise(written, "US")


@pytest.mark.parametrize(
    ("number_format", "dialled"),
    [("e164", "+911123456789"), ("e164-no-plus", "911123456789"), ("national", "011911123456789")],
)
def test_a_number_whose_country_code_begins_like_an_emergency_number_is_dialled(
    number_format: str, dialled: str
) -> None:
    delhi = numbers.normalise("+91 11 2345 6789", "US")
    assert numbers.dialled(delhi, number_format, "US", home="US") == dialled


@pytest.mark.parametrize(
    ("number", "number_format", "country"),
    [
        ("+911", "e164", "US"),
        ("+911", "e164-no-plus", "US"),
        ("+9911", "e164-no-plus", "US"),
        ("+112", "e164-no-plus", "DE"),
        ("+490112", "national", "DE"),
        ("+19112345678", "national", "US"),
        ("+49112112", "national", "DE"),
    ],
)
def test_what_would_be_dialled_as_an_emergency_number_is_refused(number: str, number_format: str, country: str) -> None:
    with pytest.raises(InvalidNumber, match="emergency number"):
        numbers.dialled(number, number_format, country, home=country)


def test_a_carriers_number_may_begin_like_an_emergency_number() -> None:
    assert numbers.normalise_or_none("1123456789", "IN") == "+911123456789"


@pytest.mark.parametrize(
    ("number_format", "dialled"),
    [("e164", "+493023125002"), ("e164-no-plus", "493023125002"), ("national", "03023125002")],
)
def test_a_trunk_gets_its_format(number_format: str, dialled: str) -> None:
    assert numbers.dialled("+493023125002", number_format, "DE", home="DE") == dialled


@pytest.mark.parametrize(
    ("number", "country", "dialled"),
    [
        ("+33123456789", "DE", "0033123456789"),
        ("+493023125002", "US", "011493023125002"),
        ("+493023125002", "AU", "0011493023125002"),
        ("+12125550100", "US", "2125550100"),
        ("+12125550100", "CA", "2125550100"),
        ("+390612345678", "IT", "0612345678"),
    ],
)
def test_a_number_of_another_country_gets_the_international_prefix(number: str, country: str, dialled: str) -> None:
    assert numbers.dialled(number, "national", country, home=country) == dialled


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+35899067712345", "FI"),
        ("+561190683400", "CL"),
        ("+5611906834000", "CL"),
        ("+78106834000", "RU"),
        ("+78106834000", "KZ"),
    ],
)
def test_what_an_exchange_would_read_as_another_number_is_refused(number: str, country: str) -> None:
    """990, 1190 and 810 are how abroad is dialled there."""
    with pytest.raises(InvalidNumber, match="another number in"):
        numbers.dialled(number, "national", country, home=country)
    assert numbers.dialled(number, "e164", country, home=country) == number


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from([None, "DE", "US", "FI", "RU", "FR"]),
    st.sampled_from([phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE]),
)
def test_numbers_of_all_countries_can_be_dialled_in_national_form(region: str, trunk: str | None, kind: int) -> None:
    example = phonenumbers.example_number_for_type(region, kind)
    if example is None or (trunk is None and region == "BR"):
        return
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    country = trunk or region
    try:
        text = numbers.dialled(number, "national", country, home="DE")
    except (numbers.short_numbers.EmergencyNumber, numbers.short_numbers.ShortNumber):
        return
    assert numbers.normalise_or_none(text, country) == number


def test_where_abroad_is_dialled_in_several_ways_it_is_refused() -> None:
    with pytest.raises(InvalidNumber, match="several ways"):
        numbers.dialled("+493023125002", "national", "BR", home="BR")


def test_every_format_that_the_schema_knows_is_known_here() -> None:
    for number_format in numbers.CALLED_FORMATS:
        assert numbers.dialled("+12125550100", number_format, "DE", home="DE").lstrip("+").isdigit()
    with pytest.raises(ValueError, match="carrier-pigeon"):
        numbers.dialled("+12125550100", "carrier-pigeon", "DE", home="DE")


@pytest.mark.parametrize(
    ("written", "country", "number_format", "expected"),
    [
        ("390612345678", "IT", "any", ["+390612345678"]),
        ("497141152816", "DE", "any", ["+497141152816", "+49497141152816"]),
        ("+49 7141 152816", "DE", "any", ["+497141152816"]),
        ("07141 152816", "DE", "any", ["+497141152816"]),
        ("497141152816", "DE", "e164-no-plus", ["+497141152816"]),
        ("07141152816", "DE", "e164-no-plus", []),
        ("497141152816", "DE", "e164", []),
        ("+497141152816", "DE", "e164", ["+497141152816"]),
        ("+497141152816", "DE", "e164-no-plus", ["+497141152816"]),
        ("07141152816", "DE", "national", ["+497141152816"]),
        ("497141152816", "DE", "national", ["+49497141152816"]),
        ("anonymous", "DE", "any", []),
        (None, "DE", "any", []),
    ],
)
def test_a_carriers_number_is_read_in_its_format(
    written: str | None, country: str, number_format: str, expected: list[str]
) -> None:
    assert [number for _, number in numbers.readings(written, country, number_format)] == expected


@pytest.mark.parametrize(
    ("number", "country", "shown"),
    [
        ("+493023125001", "DE", "030 23125001"),
        ("+493023125001", "US", "+49 30 23125001"),
        ("+493023125001", None, "+49 30 23125001"),
        ("+12125550123", "US", "(212) 555-0123"),
        ("+12125550123", "DE", "+1 212-555-0123"),
        # One country code, two countries.
        ("+14165550123", "CA", "(416) 555-0123"),
        ("+14165550123", "US", "+1 416-555-0123"),
        # Of no single country.
        ("+18005550123", "CA", "(800) 555-0123"),
        ("+80012345678", "US", "+800 1234 5678"),
        # Its national form, (0-312) 34567, begins like 03, the Lithuanian ambulance of old.
        ("+37031234567", "LT", "+370 312 34567"),
        ("withheld", "DE", "withheld"),
    ],
)
def test_people_read_numbers_of_their_own_country_in_national_form(
    number: str, country: str | None, shown: str
) -> None:
    assert numbers.readable(number, country) == shown


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_what_people_read_they_can_type(country: str) -> None:
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.FIXED_LINE)
    assert example is not None
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert numbers.normalise(numbers.readable(number, country), country) == number
