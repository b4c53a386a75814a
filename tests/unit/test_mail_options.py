"""Options in a mail's subject and header: read, taken out of what is printed, and refused where they are none."""

from datetime import datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import mail_options
from faxplan.mail_headers import Headers
from faxplan.mail_options import MailOptions
from faxplan.mail_refusals import WrongOption
from faxplan.paper import Resolution

NONE = Headers([])


def headers(**fields: str) -> Headers:
    return Headers([(f"x-fax-{name.replace('_', '-')}", value) for name, value in fields.items()])


def read(subject: str, fields: Headers = NONE) -> MailOptions:
    return mail_options.read(subject, fields)


@pytest.mark.parametrize(
    "subject",
    [
        "Contract",
        "",
        "[EXTERNAL] Re: Contract",
        "[JIRA-12] Contract",
        "Re: [list] [fine] a[1] b]",
        "[fax: fine]",
        "Array[0][1]",
    ],
)
def test_ordinary_subjects_are_left_as_they_are(subject: str) -> None:
    assert read(subject) == MailOptions(subject)


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ("fine", {"resolution": Resolution.FINE}),
        ("SuperFine", {"resolution": Resolution.SUPERFINE}),
        ("resolution=standard", {"resolution": Resolution.STANDARD}),
        ("cover=no", {"cover": False}),
        ("cover: yes", {"cover": True}),
        ("body=page", {"body": "page"}),
        ("pin=1234", {"pin": "1234"}),
        ("billing = 4711-A", {"billing": "4711-A"}),
        ("at=18:00", {"at": time(18)}),
        ("at=2026-12-24 18:00", {"at": datetime(2026, 12, 24, 18)}),  # noqa: DTZ001
        ("at: 2026-12-24T18:00", {"at": datetime(2026, 12, 24, 18)}),  # noqa: DTZ001
        ("fine, cover=no; pin=1234", {"resolution": Resolution.FINE, "cover": False, "pin": "1234"}),
        ("", {}),
    ],
)
def test_an_option_is_read_and_taken_out(written: str, options: dict[str, object]) -> None:
    assert read(f"Re: Contract [[{written}]] 4711") == MailOptions("Re: Contract 4711", **options)  # type: ignore[arg-type]


def test_several_brackets_and_headers() -> None:
    found = read("[[fine]] Contract [[pin=1234]]", headers(resolution="standard", billing_code="4711", cover="no"))
    assert found == MailOptions("Contract", Resolution.FINE, cover=False, pin="1234", billing="4711")


@pytest.mark.parametrize(
    "subject",
    [
        "[[fien]]",
        "[[pin]]",
        "[[pin=12]]",
        "[[pin=12a4]]",
        "[[pin 1234]]",
        "[[cover=perhaps]]",
        "[[at=25:00]]",
        "[[at=18]]",
        "[[at=2026-02-30 18:00]]",
        "[[resolution=fine-a4]]",
        "[[body=x]]",
        "[[billing=]]",
        "[[fine, standard]]",
        "[[pin=1234",
        "fine]]",
        "[[pin=1234] ]",
        "[[[pin=1234]",
        "[[billing=<b>]]",
        "[[ =x]]",
    ],
)
def test_what_is_no_option_is_refused(subject: str) -> None:
    with pytest.raises(WrongOption):
        read(subject)


def test_headers_that_are_none_are_refused() -> None:
    for fields in (
        headers(resolution="high"),
        headers(nobody="x"),
        Headers([("x-fax-cover", "yes"), ("x-fax-cover", "no")]),
    ):
        with pytest.raises(WrongOption):
            read("Contract", fields)


def test_no_pin_is_printed_or_logged() -> None:
    found = read("Contract [[pin=987654]]", headers(billing_code="4711"))
    assert found.pin == "987654"
    assert "987654" not in repr(found)
    assert "987654" not in found.subject
    for subject in (
        "[[pin 987654]]",
        "[[987654]]",
        "[[pin=987654",
        "[[pni=987654]]",
        "[[pin=9876543210987654]]",
        "[[pin=987654, pin=9876]]",
        "[[pin=987654 and]]",
    ):
        with pytest.raises(WrongOption) as refused:
            read(subject)
        assert "9876" not in str(refused.value)
    with pytest.raises(WrongOption) as refused:
        read("Contract", headers(pin="987654x"))
    assert "987654" not in str(refused.value)


@given(st.text("[]=:,;pinfecovrat 0123456789-", max_size=40) | st.text(max_size=40))
def test_whatever_is_written_is_read_or_refused(subject: str) -> None:
    try:
        found = read(subject)
    except WrongOption:
        return
    assert "[[" not in found.subject
    assert "]]" not in found.subject
