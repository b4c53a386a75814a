"""What an address of a mail asks for; and what it cannot ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import mail_address, post_dial
from faxplan.mail_refusals import WrongAddress
from tests.hostile import TEXTS

HOST = "fax.acme.example"
TOKEN = "k" + "a2" * 12


@pytest.mark.parametrize(
    ("local", "number"),
    [
        ("4930123456", "4930123456"),
        ("+4930123456", "+4930123456"),
        ("004930123456", "004930123456"),
        ("030-12.34.56", "030123456"),
        ('"030 12 34 56"', "030123456"),
        ('"+49 (30) 123456"', "+4930123456"),
        ("fax=+4930123456", "+4930123456"),
        ("FAX=+1-202-555-1212", "+12025551212"),
        ("/FN=+4930123456/", "+4930123456"),
        ("IMCEAFAX-+2B4930123456", "+4930123456"),
    ],
)
def test_a_number_as_people_and_programs_write_it(local: str, number: str) -> None:
    wanted = mail_address.wanted(f"{local}@{HOST}")
    assert (wanted.number, wanted.after_answer, wanted.name, wanted.token) == (number, "", "", None)
    assert wanted.host == HOST


@pytest.mark.parametrize(
    ("local", "name"),
    [
        ("Ann.Smith=+4930123456", "Ann Smith"),
        ("ann_smith=4930123456", "ann smith"),
        ("O'Brien=4930123456", "O'Brien"),
        ("Zoë=4930123456", "Zoë"),
        ('"Smith, Ann=4930123456"', "Smith, Ann"),
        ("FAX=+4930123456/ATTN=Ann.Smith", "Ann Smith"),
        ("/name=Ann/fax=4930123456/", "Ann"),
        ("IMCEAFAX-Ann+20Smith+40+2B4930123456", "Ann Smith"),
    ],
)
def test_for_whom_a_fax_is(local: str, name: str) -> None:
    wanted = mail_address.wanted(f"{local}@{HOST}")
    assert wanted.name == name
    assert wanted.number.removeprefix("+") == "4930123456"


@pytest.mark.parametrize(
    ("local", "after"),
    [("030123456p22", "p22"), ("030123456x22", "p22"), ("030123456w1w2", "w1w2"), ("030123456/ext=22", "p22"),
     ("FAX=030123456/postd=pp22", "pp22"), ("Ann=030123456p22", "p22")],
)  # fmt: skip
def test_what_is_dialled_after_the_answer(local: str, after: str) -> None:
    wanted = mail_address.wanted(f"{local}@{HOST}")
    assert (wanted.number, wanted.after_answer) == ("030123456", after)
    assert post_dial.split(wanted.number + wanted.after_answer) == ("030123456", after)
    assert after not in repr(wanted)


@pytest.mark.parametrize("number", ["4930123456", "+4930123456", "Ann=4930123456", "FAX=+4930123456/ATTN=Ann"])
def test_a_token_stands_behind_all_else_in_any_case(number: str) -> None:
    for token in (TOKEN, TOKEN.upper()):
        wanted = mail_address.wanted(f"{number}+{token}@{HOST}")
        assert wanted.token == TOKEN
        assert wanted.number.removeprefix("+") == "4930123456"
        assert TOKEN not in repr(wanted)


def test_a_new_token_is_read_from_an_address_and_is_no_other() -> None:
    made = {mail_address.new_token() for _each in range(100)}
    assert len(made) == 100
    assert {mail_address.wanted(f"4930123456+{each}@{HOST}").token for each in made} == made


@pytest.mark.parametrize("host", ["FAX.acme.example", "fax.acme.example.", "xn--strae-oqa.example", "localhost"])
def test_hosts(host: str) -> None:
    assert mail_address.wanted(f"4930123456@{host}").host == host.lower().removesuffix(".")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "4930123456",
        f"@{HOST}",
        "4930123456@",
        "4930123456@[192.0.2.1]",
        "4930123456@-x.example",
        "4930123456@a b",
        "4930123456@fax..example",
        f"12@{HOST}",
        f"{'1' * 21}@{HOST}",
        f"ann@{HOST}",
        f"ann=@{HOST}",
        f"=@{HOST}",
        f"fax=@{HOST}",
        f"49301234;56@{HOST}",
        f"4930123456%evil.example@{HOST}",
        f"evil.example!4930123456@{HOST}",
        f"49\u0663\u0660123456@{HOST}",
        f"4930123456/@x=1@{HOST}",
        f"4930123456/nobody=1@{HOST}",
        f"FAX=4930123456/T33S=12@{HOST}",
        f'"4930123456@{HOST}',
        f"<b>=4930123456@{HOST}",
        f"a\r\nb=4930123456@{HOST}",
        f"${{x}}=4930123456@{HOST}",
        f"{'a' * 65}=4930123456@{HOST}",
        f"4930123456/ext=@{HOST}",
        f"4930123456/ext=1/ext=2@{HOST}",
        f"030123456p{'1' * 30}@{HOST}",
        f"4930123456/fax=4930999999@{HOST}",
        f"++4930123456@{HOST}",
        f"4930123456+short@{HOST}",
        *TEXTS,
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(WrongAddress):
        mail_address.wanted(address)


def test_no_refusal_repeats_a_token() -> None:
    for local in (f"ann+{TOKEN}", f"4930123456/y=1+{TOKEN}", f"<b>=1+{TOKEN}"):
        with pytest.raises(WrongAddress) as refused:
            mail_address.wanted(f"{local}@{HOST}")
        assert TOKEN not in str(refused.value)


@given(st.text(max_size=60) | st.text("0123456789+=/.-pwx\"'@ ", max_size=40).map(lambda local: f"{local}@{HOST}"))
def test_whatever_is_written_is_a_number_of_digits_or_refused(address: str) -> None:
    try:
        wanted = mail_address.wanted(address)
    except WrongAddress:
        return
    digits = wanted.number.removeprefix("+")
    assert digits.isascii()
    assert digits.isdigit()
    assert set(wanted.after_answer) <= set("0123456789*#ABCDwp")
