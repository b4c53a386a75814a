import pytest

from faxplan import sip_address
from faxplan.sip_address import SipAddress


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<sip:+4930111@a.example>", SipAddress("", "+4930111", "a.example", {}, {})),
        ('"Al \\"Ice\\"" <sip:+4930111@A.example:5060;user=phone>;tag=1',
         SipAddress('Al "Ice"', "+4930111", "a.example", {"user": "phone"}, {"tag": "1"})),
        ("Al Ice <sips:al@[2001:db8::1]>", SipAddress("Al Ice", "al", "[2001:db8::1]", {}, {})),
        ("sip:+4930111@a.example;user=x;tag=1",
         SipAddress("", "+4930111", "a.example", {}, {"user": "x", "tag": "1"})),
        ("<sip:+4930111;verstat=No-TN-Validation@a>",
         SipAddress("", "+4930111", "a", {"verstat": "No-TN-Validation"}, {})),
        ("<tel:+49-30-111;phone-context=x>", SipAddress("", "+49-30-111", "", {"phone-context": "x"}, {})),
        ("<sip:%2B4930111:secret@a>", SipAddress("", "+4930111", "a", {}, {})),
        ("<sip:a.example>", SipAddress("", "", "a.example", {}, {})),
        ("<sip:+4930111@a?Privacy=history>;index=1.1", SipAddress("", "+4930111", "a", {}, {"index": "1.1"})),
    ],
)  # fmt: skip
def test_an_address_is_read(text: str, read: SipAddress) -> None:
    assert sip_address.parse(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+4930111",
        "http://a.example/",
        "<sip:>",
        "<sip:a@b@c>",
        "<sip:@b>",
        "<sip:a@b c>",
        "<sip:a@b",
        "sip:a@b>",
        '"open <sip:a@b>',
        "<sip:a@b> <sip:c@d>",
        "<sip:a@b>, <sip:c@d>",
        "<sip:a@b>x",
        "<sip:a@b>;;tag=1",
        "<sip:a@b>;tag=1;tag=2",
        '<sip:a@b>;tag="open',
        "<sip:a@b>;x=<y>",
        "<sip:a@b/../c>",
        "<sip:a@${host}>",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert sip_address.parse(text) is None


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("+4930111", "+4930111"),
        ("030-111.222", "030111222"),
        ("(030)%20111", "030111"),
        ("+", ""),
        ("12", ""),
        ("anonymous", ""),
        ("+4930111x", ""),
        ("1800FLOWERS", ""),
        ("++4930111", ""),
        ("49*30", ""),
        ("\u0661\u0662\u0663\u0664", ""),
        ("%00%0d%0a+4930111", ""),
    ],
)
def test_only_digits_are_a_number(user: str, number: str) -> None:
    found = sip_address.parse(f"<sip:{user}@a>")
    assert found is not None
    assert found.number == number


@pytest.mark.parametrize(
    ("text", "verstat"),
    [
        ("<sip:+4930111;verstat=A@a>", "A"),
        ("<sip:+4930111@a;verstat=A>", "A"),
        ("<sip:+4930111@a>;verstat=A", "A"),
        ("<sip:+4930111;verstat=A@a>;verstat=A", "A"),
        ("<sip:+4930111;verstat=A@a>;verstat=B", None),
        ("<sip:+4930111@a>", None),
    ],
)
def test_a_parameter_that_is_said_in_two_ways_is_not_said(text: str, verstat: str | None) -> None:
    found = sip_address.parse(text)
    assert found is not None
    assert found.parameter("verstat") == verstat


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("<sip:a@b>", ["<sip:a@b>"]),
        ("<sip:a@b>;x=1, <sip:c@d>", ["<sip:a@b>;x=1", "<sip:c@d>"]),
        ('"a, b" <sip:a,b@c>,<sip:d@e>;x="1,2"', ['"a, b" <sip:a,b@c>', '<sip:d@e>;x="1,2"']),
        ("<sip:a@b>,", None),
        (",", None),
        ("", None),
        ("<sip:a@b", None),
        ('"open', None),
        ("a>b", None),
    ],
)
def test_a_list_is_split_at_the_commas_between_its_values(text: str, values: list[str] | None) -> None:
    assert sip_address.split(text) == values


@pytest.mark.parametrize(
    "text",
    [
        " " * 50_000,
        "a" + " " * 50_000 + "b",
        ";" + " " * 50_000,
        '"' * 50_000,
        "<" * 50_000,
        ";a" * 25_000,
        "\\" * 50_000,
        '"' + "\\a" * 25_000,
        "<sip:a@b>" + ";x" * 25_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_long_nonsense_is_read_as_fast_as_it_is_long(text: str) -> None:
    """Nothing here backtracks: what would take minutes ends as this file's tests do."""
    assert sip_address.parse(text) is None
    sip_address.split(text)
