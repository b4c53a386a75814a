"""No emergency number and no short code of the tenant's country is dialled, before and after a trunk's rewriting."""

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from faxplan import numbers
from faxplan.errors import InvalidNumber
from faxplan.short_numbers import EmergencyNumber, ShortNumber, check_prefix

FIRST_DIGITS = [ord("0"), 0x0660, 0x0966, 0xFF10]
"""ASCII, Arabic-Indic, Devanagari, full width."""
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
SHORT_REGIONS = sorted(set(REGIONS) & set(phonenumbers.SUPPORTED_SHORT_REGIONS))


def short_numbers_of(region: str) -> st.SearchStrategy[str]:
    """Emergency numbers and short codes, out of the patterns of libphonenumber's own data."""
    metadata = phonenumbers.PhoneMetadata.short_metadata_for_region(region)
    patterns = [
        part.national_number_pattern
        for part in (metadata.emergency, metadata.short_code)
        if part is not None and part.national_number_pattern
    ]
    found = [st.from_regex(f"(?:{pattern})", fullmatch=True, alphabet="0123456789") for pattern in patterns]
    return st.one_of(found)


@st.composite
def short_number_and_region(draw: st.DrawFn) -> tuple[str, str]:
    region = draw(st.sampled_from(SHORT_REGIONS))
    return draw(short_numbers_of(region)), region


@st.composite
def as_people_write(draw: st.DrawFn) -> tuple[str, str, str]:
    """A short number in some disguise: groups, other digits, an outside line, its country code, a tel: URI."""
    number, region = draw(short_number_and_region())
    code = phonenumbers.country_code_for_region(region)
    spaced = draw(st.sampled_from(["", " ", "-", ".", "/", "  "])).join(number)
    first = draw(st.sampled_from(FIRST_DIGITS))
    other_digits = "".join(chr(first + digit) for digit in range(10))
    spaced = spaced.translate(str.maketrans("0123456789", other_digits))
    forms = [
        "{}",
        " {} ",
        "0{}",
        "0-{}",
        "9{}",
        "+{c}{}",
        "+{c} (0) {}",
        "00{c}{}",
        "tel:{}",
        "tel:{};phone-context=+{c}",
    ]
    return draw(st.sampled_from(forms)).format(spaced, c=code), number, region


@given(as_people_write())
def test_no_short_number_of_the_tenants_country_passes_when_it_is_handed_in(case: tuple[str, str, str]) -> None:
    written, number, region = case
    try:
        passed = numbers.normalise(written, region)
    except InvalidNumber:
        return
    # A prefix made it a telephone number of some length: it is none of the short ones then, in whatever reading.
    national = phonenumbers.national_significant_number(phonenumbers.parse(passed))
    assert phonenumbers.is_valid_number(phonenumbers.parse(passed)), (written, passed)
    assert national != number
    assert not phonenumbers.is_emergency_number(national, region)


def e164_numbers() -> st.SearchStrategy[str]:
    """What `normalise` can give: whole numbers of all countries, and what merely has their length."""
    codes = st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
    return st.builds("+{}{}".format, codes, st.from_regex("[0-9]{2,12}", fullmatch=True, alphabet="0123456789"))


@given(
    e164_numbers() | short_number_and_region().map(lambda case: f"+{case[0]}"),
    st.sampled_from(SHORT_REGIONS),
    st.sampled_from(REGIONS),
    st.sampled_from(numbers.CALLED_FORMATS),
)
def test_no_rewriting_of_any_trunk_makes_a_short_number_of_the_tenants_country(
    number: str, home: str, trunk_country: str, number_format: str
) -> None:
    try:
        dialled = numbers.dialled(number, number_format, trunk_country, home=home)
    except (InvalidNumber, phonenumbers.NumberParseException):
        return
    digits = dialled.removeprefix("+")
    assert not phonenumbers.is_emergency_number(digits, home)
    assert not phonenumbers.is_emergency_number(digits, trunk_country)
    for region in (home, trunk_country):
        if not digits.startswith("0") and region in SHORT_REGIONS:
            code = phonenumbers.country_code_for_region(region)
            short = phonenumbers.PhoneNumber(country_code=code, national_number=int(digits))
            assert not phonenumbers.is_valid_short_number_for_region(short, region)
    if number_format == "national":
        assert not phonenumbers.connects_to_emergency_number(dialled, trunk_country)


@given(short_number_and_region(), st.sampled_from(["e164-no-plus", "national", "e164"]))
def test_what_a_trunk_would_dial_as_a_short_number_at_home_is_refused_whatever_led_there(
    case: tuple[str, str], number_format: str
) -> None:
    number, home = case
    assume(not number.startswith("0") and len(number) > 2)
    try:
        dialled = numbers.dialled(f"+{number}", number_format, home, home=home)
    except (InvalidNumber, phonenumbers.NumberParseException):
        return
    assert dialled.removeprefix("+") != number


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("11880", "DE"),
        ("118 80", "DE"),
        ("+49 11880", "DE"),
        ("0 11880", "DE"),
        ("411", "US"),
        ("22922", "DE"),
        ("888 222", "DE"),
    ],
)
def test_short_codes_are_refused_as_such(written: str, country: str) -> None:
    with pytest.raises(InvalidNumber, match="short code"):
        numbers.normalise(written, country)


def test_the_two_have_names_of_their_own() -> None:
    with pytest.raises(EmergencyNumber):
        numbers.normalise("112", "DE")
    with pytest.raises(ShortNumber):
        numbers.normalise("115", "DE")
    with pytest.raises(ShortNumber):
        numbers.dialled("+11880", "e164-no-plus", "DE", home="DE")


def test_a_short_code_at_home_is_none_abroad() -> None:
    # Dialled through an American trunk it would be a short code in Germany.
    with pytest.raises(ShortNumber):
        numbers.dialled("+11880", "e164-no-plus", "US", home="DE")


@pytest.mark.parametrize(
    ("written", "country"),
    # In Hong Kong 122 9167 is a short code, in Madrid numbers begin with 911.
    [
        ("9122 9167", "HK"),
        ("911 234 567", "ES"),
        ("030 1234567", "DE"),
        ("06 1234 5678", "IT"),
        ("(911) 234-5678", "IN"),
    ],
)
def test_what_only_looks_like_one_is_dialled(written: str, country: str) -> None:
    number = numbers.normalise(written, country)
    assert numbers.dialled(number, "national", country, home=country)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("number_type", [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.VOIP])
def test_whole_numbers_of_every_country_are_dialled(region: str, number_type: int) -> None:
    example = phonenumbers.example_number_for_type(region, number_type)
    if example is None:
        return
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert numbers.normalise(number, region) == number
    assert numbers.dialled(number, "e164", region, home=region) == number
    assert numbers.dialled(number, "e164-no-plus", region, home=region) == number[1:]


def prefixes() -> st.SearchStrategy[str]:
    """What a trunk may dial before a number; some of them with a short number in them."""
    any_prefix = st.from_regex("[0-9*#]{1,10}", fullmatch=True, alphabet="0123456789*#")
    return any_prefix | st.sampled_from(
        ["1", "11", "9", "91", "0", "01", "0112#", "112#", "9*11", "1#1#2", "99*", "000"]
    )


@given(
    e164_numbers() | short_number_and_region().map(lambda case: f"+{case[0]}"),
    prefixes(),
    st.sampled_from(SHORT_REGIONS),
    st.sampled_from(REGIONS),
    st.sampled_from(["e164-no-plus", "national"]),
)
def test_no_prefix_of_any_trunk_makes_a_short_number(
    number: str, prefix: str, home: str, trunk_country: str, number_format: str
) -> None:
    try:
        dialled = numbers.dialled(number, number_format, trunk_country, home=home, prefix=prefix)
        plain = numbers.dialled(number, number_format, trunk_country, home=home)
    except (InvalidNumber, phonenumbers.NumberParseException):
        return
    # What was allowed without the prefix, and nothing but that, stands behind it.
    assert dialled == prefix + plain
    digits = dialled.replace("*", "").replace("#", "")
    parts = dialled.replace("#", "*").split("*")
    for read in {digits, *parts} - {plain, ""}:
        assert not phonenumbers.connects_to_emergency_number(read, trunk_country)
        for region in (home, trunk_country):
            assert not phonenumbers.is_emergency_number(read, region)
            assert not (read[0] in "09" and phonenumbers.is_emergency_number(read[1:], region))


@given(e164_numbers(), prefixes(), st.sampled_from(REGIONS), st.sampled_from(["e164-no-plus", "national"]))
def test_no_prefix_lets_through_what_is_refused_without_it(
    number: str, prefix: str, country: str, number_format: str
) -> None:
    try:
        numbers.dialled(number, number_format, country, home=country, prefix=prefix)
    except (InvalidNumber, phonenumbers.NumberParseException):
        return
    assert numbers.dialled(number, number_format, country, home=country)


@pytest.mark.parametrize(
    ("prefix", "number", "country"),
    # 11 and Egypt's code are 112; 91 before a number that begins with 1.
    [("11", "+201012345678", "DE"), ("91", "+12125550100", "US"), ("011", "+201012345678", "DE"),
     ("1*1", "+201012345678", "DE"), ("4711#11", "+201012345678", "DE")],
)  # fmt: skip
def test_a_prefix_that_makes_an_emergency_number_of_some_numbers_is_refused_for_these(
    prefix: str, number: str, country: str
) -> None:
    with pytest.raises(EmergencyNumber, match="never dialled"):
        numbers.dialled(number, "e164-no-plus", country, home=country, prefix=prefix)
    assert numbers.dialled("+33123456789", "e164-no-plus", country, home=country, prefix=prefix)


def test_a_prefix_that_makes_one_of_the_tenants_country_in_full_is_refused() -> None:
    # In Germany 112 is one whatever follows; abroad it counts in full, and a # ends it.
    with pytest.raises(EmergencyNumber):
        numbers.dialled("+33123456789", "e164-no-plus", "IN", home="DE", prefix="110#")


@pytest.mark.parametrize("prefix", ["112", "0112", "112#", "1124711", "9110", "1*10"])
def test_a_prefix_that_calls_for_help_itself_cannot_be_entered(prefix: str) -> None:
    with pytest.raises(EmergencyNumber, match="another prefix"):
        check_prefix(prefix, "DE")


def test_a_prefix_that_is_a_short_code_before_a_hash_cannot_be_entered() -> None:
    with pytest.raises(ShortNumber, match="another prefix"):
        check_prefix("11880#", "DE")


@pytest.mark.parametrize(
    ("prefix", "country"), [("", "DE"), ("0", "DE"), ("9", "US"), ("4711#", "DE"), ("22334#", "US"), ("*31*", "DE")]
)
def test_prefixes_that_carriers_and_exchanges_ask_for_are_taken(prefix: str, country: str) -> None:
    check_prefix(prefix, country)
    number = "+12125550100" if country == "US" else "+493023125002"
    for number_format in ("national", "e164-no-plus"):
        plain = numbers.dialled(number, number_format, country, home=country)
        assert numbers.dialled(number, number_format, country, home=country, prefix=prefix) == prefix + plain


def test_no_prefix_stands_before_a_plus() -> None:
    with pytest.raises(InvalidNumber, match="e164-no-plus"):
        numbers.dialled("+493023125002", "e164", "DE", home="DE", prefix="0")
