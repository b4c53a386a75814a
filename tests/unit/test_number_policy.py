import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from faxplan import number_policy
from faxplan.number_policy import (
    InvalidEntry,
    KindBarred,
    NumberBarred,
    NumberBlocked,
    NumberNotAllowed,
    NumberPolicy,
)

BERLIN, PREMIUM, NEW_YORK, KINGSTON = "+493023125002", "+499001123456", "+12125550100", "+18765551234"


def error_of(policy: NumberPolicy, number: str) -> type[NumberBarred] | None:
    try:
        policy.check(number)
    except NumberBarred as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (BERLIN, None),
        (NEW_YORK, None),
        ("+491711234567", None),
        ("+80012345678", None),
        (PREMIUM, "premium-rate"),
        ("+19005551234", "premium-rate"),
        ("+979123456789", "premium-rate"),
        ("+881612345678", "satellite"),
        ("+870773123456", "satellite"),
        ("+8835100012345", "satellite"),
        ("+491801234567", "shared-cost"),
        ("+80812345678", "shared-cost"),
        ("+447012345678", "personal"),
        ("+87810123456789", "personal"),
    ],
)
def test_a_number_has_a_kind(number: str, kind: str | None) -> None:
    assert number_policy.kind_of(number) == kind


@pytest.mark.parametrize("number", ["+49900112345678", "+4990011234567890", "+4990021234", "+19001551234"])
def test_a_digit_too_many_or_a_range_that_is_not_known_makes_no_ordinary_number_of_it(number: str) -> None:
    assert number_policy.kind_of(number) == "premium-rate"


@pytest.mark.parametrize(
    "number",
    ["+240906005660", "+3549043841", "+4239016316", "+35650991659", "+213805704068", "+15215550100", "+15215555602"],
)
def test_a_range_where_only_numbers_that_cost_begin_is_of_their_kind(number: str) -> None:
    assert number_policy.kind_of(number) in number_policy.KINDS


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_ordinary_numbers_of_all_countries_are_ordinary(region: str) -> None:
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.VOIP, PhoneNumberType.TOLL_FREE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert number_policy.kind_of(number) is None


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.text("0123456789", max_size=4))
def test_premium_numbers_of_all_countries_are_barred_with_whatever_follows(region: str, more: str) -> None:
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.PREMIUM_RATE)
    if example is None:
        return
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert error_of(NumberPolicy("acme"), number) is KindBarred
    longer = phonenumbers.parse((number + more)[:16])
    written = phonenumbers.format_number(longer, phonenumbers.PhoneNumberFormat.E164)
    # Behind +7 a leading 8 is a prefix in Kazakhstan, and what is dialled then is another number.
    if written.startswith(number) and phonenumbers.number_type(longer) == PhoneNumberType.UNKNOWN:
        assert error_of(NumberPolicy("acme"), written) is KindBarred


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_ordinary_numbers_of_all_countries_are_called_by_default(region: str) -> None:
    for number_type in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        example = phonenumbers.example_number_for_type(region, number_type)
        if example is not None:
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert error_of(NumberPolicy("acme"), number) is None


def test_a_kind_is_permitted_by_its_name_alone() -> None:
    assert error_of(NumberPolicy("acme", permitted=["satellite"]), PREMIUM) is KindBarred
    assert error_of(NumberPolicy("acme", permitted=["premium-rate"]), PREMIUM) is None
    # A list of numbers is no permission to pay more.
    assert error_of(NumberPolicy("acme", allowed=["DE", "+49900"]), PREMIUM) is KindBarred
    # And a permission does not overrule a list.
    assert error_of(NumberPolicy("acme", permitted=["premium-rate"], blocked=["+49900"]), PREMIUM) is NumberBlocked


@pytest.mark.parametrize(
    ("allowed", "blocked", "expected"),
    [
        ([], [], None),
        (["DE"], [], None),
        (["+49"], [], None),
        (["US"], [], NumberNotAllowed),
        ([], ["DE"], NumberBlocked),
        ([], ["+"], NumberBlocked),
        (["+"], ["+49"], NumberBlocked),
        (["+4930"], ["+49"], None),
        (["DE"], ["+4930"], NumberBlocked),
        # A country is more than its code, which others may share.
        (["DE"], ["+49"], None),
        (["+49"], ["DE"], NumberBlocked),
        ([BERLIN], ["DE", "+4930"], None),
        (["US"], ["DE"], NumberBlocked),
    ],
)
def test_what_fits_best_decides(allowed: list[str], blocked: list[str], expected: type[NumberBarred] | None) -> None:
    assert error_of(NumberPolicy("acme", allowed=allowed, blocked=blocked), BERLIN) is expected


@pytest.mark.parametrize(
    ("policy", "remedy"),
    [
        (NumberPolicy("acme", blocked=["+4930"]), "`faxplan barring remove acme +4930`"),
        (NumberPolicy("acme", blocked=["DE"]), "`faxplan barring remove acme DE`"),
        (NumberPolicy("acme", allowed=["US"]), "`faxplan barring allow acme DE`"),
    ],
)
def test_a_refusal_says_what_to_do(policy: NumberPolicy, remedy: str) -> None:
    with pytest.raises(NumberBarred) as refused:
        policy.check(BERLIN)
    assert BERLIN in str(refused.value)
    assert remedy in str(refused.value)
    with pytest.raises(KindBarred, match="`faxplan barring permit acme premium-rate`"):
        policy.check(PREMIUM)


def test_countries_that_share_a_code_are_told_apart() -> None:
    only_us = NumberPolicy("acme", allowed=["US"])
    assert error_of(only_us, NEW_YORK) is None
    assert error_of(only_us, KINGSTON) is NumberNotAllowed
    assert error_of(NumberPolicy("acme", blocked=["JM"]), KINGSTON) is NumberBlocked
    # In +1, and of no country that is known.
    assert error_of(only_us, "+12345551234567"[:12]) in (None, NumberNotAllowed)
    assert error_of(only_us, "+11112345678") is NumberNotAllowed


@pytest.mark.parametrize("number", ["+61212345678", "+612123456780", "+6121234567809"])
def test_a_digit_too_many_leads_out_of_no_country(number: str) -> None:
    assert error_of(NumberPolicy("acme", blocked=["AU"]), number) is NumberBlocked
    assert error_of(NumberPolicy("acme", allowed=["AU"]), number) is None
    assert error_of(NumberPolicy("acme", blocked=["CX"]), number) is None


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.text("0123456789", max_size=5))
def test_a_country_that_is_blocked_stays_so_with_whatever_follows(region: str, more: str) -> None:
    example = phonenumbers.example_number(region)
    if example is None or phonenumbers.region_code_for_number(example) != region:
        return
    number = f"{phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)}{more}"
    if phonenumbers.region_code_for_number(phonenumbers.parse(number)) not in (region, None):
        return
    assert error_of(NumberPolicy("acme", blocked=[region]), number) in (NumberBlocked, KindBarred)


def test_what_begins_like_no_country_of_a_shared_code_is_blocked_with_each_and_allowed_with_none() -> None:
    unknown = "+11112345678"
    assert error_of(NumberPolicy("acme", blocked=["JM"]), unknown) is NumberBlocked
    assert error_of(NumberPolicy("acme", blocked=["AU"]), unknown) is None
    assert error_of(NumberPolicy("acme", allowed=["US", "JM"]), unknown) is NumberNotAllowed


@pytest.mark.parametrize(("written", "entry"), [("+49 30", "+4930"), ("de", "DE"), (" + ", "+"), ("+1 (876)", "+1876")])
def test_an_entry_is_a_prefix_or_a_country(written: str, entry: str) -> None:
    assert number_policy.entry(written) == entry


@pytest.mark.parametrize(
    "written", ["", "49", "030", "Germany", "ZZ", "+0", "++49", "+49x", "+" + "1" * 16, "{}", "a,b"]
)
def test_what_is_no_entry_is_refused(written: str) -> None:
    with pytest.raises(InvalidEntry, match="such as"):
        number_policy.entry(written)
