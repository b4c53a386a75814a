"""Reading mails beyond the corpus: folders, limits, and that nothing but a refusal ever comes of one."""

import io
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faxplan import attachment_names, incoming_mail, mail_authentication, mail_headers, mail_options, mail_text, tnef
from faxplan.errors import FaxplanError
from faxplan.files import empty_folder
from faxplan.mail_parts import MailLimits
from faxplan.mail_refusals import MailRefused, MailTooComplex, MailTooLarge, TooManyAttachments
from tests.hostile import TEXTS
from tests.mail_corpus.building import CONTRACT, attached, mail, multipart, pdf, text, with_contract
from tests.mail_corpus.corpus import ALL
from tests.mail_corpus.tnef_files import tnef as wrapped

SMALL = MailLimits(max_bytes=100_000, max_parts=20, max_header_bytes=5000, max_text_bytes=20_000, max_body=5000)


def read(content: bytes, folder: Path, limits: MailLimits = SMALL) -> incoming_mail.IncomingMail:
    return incoming_mail.read(io.BytesIO(content), folder, limits=limits)


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        (MailLimits(max_bytes=1000), MailTooLarge),
        (MailLimits(max_parts=2), MailTooComplex),
        (MailLimits(max_depth=0), MailTooComplex),
        (MailLimits(max_header_bytes=100), MailTooComplex),
        (MailLimits(max_fields=3), MailTooComplex),
        (MailLimits(max_attachments=0), TooManyAttachments),
        (MailLimits(max_text_bytes=5), MailTooLarge),
        (MailLimits(max_body=5), MailTooLarge),
    ],
)
def test_limits(limits: MailLimits, refusal: type[MailRefused], tmp_path: Path) -> None:
    with pytest.raises(refusal):
        read(with_contract(), tmp_path, limits)


def test_files_are_called_by_number_and_replace_none(tmp_path: Path) -> None:
    found = read(mail(multipart(text(), attached(pdf(), "../../a.pdf"), attached(pdf(), "2"))), tmp_path)
    assert [each.path.name for each in found.files] == ["1", "2"]
    with pytest.raises(FileExistsError):
        read(with_contract(), tmp_path)


def test_a_folder_that_cannot_be_written_to_is_no_fault_of_the_mail(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        read(with_contract(), tmp_path / "missing")


def test_nothing_secret_is_in_its_repr(tmp_path: Path) -> None:
    found = read(with_contract("X-Fax-PIN: 987654", subject="Subject: Contract [[pin=987654]]"), tmp_path)
    assert "987654" not in repr(found)
    assert mail_options.read(found.subject, found.headers).pin == "987654"


def test_what_our_mail_server_sees_in_the_header_is_seen_there(tmp_path: Path) -> None:
    content = with_contract(f"{'X' * 1500}: 1", "DKIM-Signature: d=x.example", "X : y")
    headers = incoming_mail.read(io.BytesIO(content), tmp_path).headers
    assert headers.all("dkim-signature")[1:] == ["d=x.example"]
    assert headers.first("x") == "y"


def test_a_number_of_a_character_may_be_as_long_as_it_likes() -> None:
    for digits in ("9" * 5000, "0" * 5000 + "65", "x" + "f" * 5000):
        assert mail_text.of_html(f"a &#{digits}; &#x41;&#65; b".encode(), "utf-8") == "a \ufffd AA b"


def test_what_is_left_out_is_said_but_for_signatures(tmp_path: Path) -> None:
    card, signature = (
        attached(b"BEGIN", "ann.vcf", "text/vcard"),
        attached(b"0", "smime.p7s", "application/pkcs7-signature"),
    )
    found = read(mail(multipart(text(), attached(pdf(), "Contract.pdf"), card, signature)), tmp_path)
    assert found.left_out == ("ann.vcf",)
    assert [each.name for each in found.files] == [CONTRACT.name]


@pytest.mark.parametrize("written", TEXTS)
def test_what_strangers_write_is_inert_in_every_field(written: str, tmp_path: Path) -> None:
    written = written.encode("utf-8", "replace").decode()
    content = mail(multipart(text(written), attached(pdf(), written)),
                   f"X-Other: {written}", subject=f"Subject: {written}", number=f"Message-ID: <{written}>")  # fmt: skip
    try:
        found = read(content, tmp_path)
    except MailRefused:
        return
    for each in found.files:
        assert "/" not in each.name
        assert each.name.isprintable()
        assert each.path.parent == tmp_path
    assert "\n" not in found.subject


_NUMBERS = count()
_LINES = st.sampled_from(
    [
        b"From: a@x.example",
        b"Subject: =?utf-8?q?a?=",
        b"Content-Type: multipart/mixed; boundary=b",
        b"",
        b"",
        b"--b",
        b"--b--",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=utf-16",
        b"Content-Type: application/ms-tnef",
        b"Content-Disposition: attachment; filename*0*=x''%41; filename*1=\"b",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Transfer-Encoding: uuencode",
        b"begin 644 a",
        b"=3D=",
        b"QUJD=",
        b"<a href='x",
        b"Authentication-Results: mx; dkim=pass",
        b"\x78\x9f\x3e\x22\0\0",
        b" folded",
        b"\0\xff\r",
    ]
)
_MAILS = (
    st.binary(max_size=500)
    | st.binary(max_size=300).map(lambda end: with_contract()[:400] + end)
    | st.lists(_LINES | st.binary(max_size=30), max_size=30).map(
        lambda lines: b"From: a@x.example\r\n" + b"\r\n".join(lines)
    )
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_MAILS)
def test_nothing_but_a_refusal_comes_of_any_bytes(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / str(next(_NUMBERS))
    folder.mkdir()
    with suppress(FaxplanError):
        found = read(content, folder)
        mail_authentication.sender_of(found.headers, {"mx"}, found.sender)
        mail_options.read(found.subject, found.headers)
    empty_folder(folder)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_nothing_but_a_refusal_comes_of_a_mail_that_was_changed(tmp_path: Path, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([each for each in ALL if not each.name.startswith("size:")]))
    content = bytearray(case.make()[:20_000])
    for _each in range(data.draw(st.integers(1, 5))):
        if content:
            at = data.draw(st.integers(0, len(content) - 1))
            content[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    folder = tmp_path / str(next(_NUMBERS))
    folder.mkdir()
    with suppress(MailRefused):
        read(bytes(content), folder)
    empty_folder(folder)


_WHOLE = wrapped(("a.pdf", b"x" * 50), body="text")
_CHANGED = st.tuples(st.integers(6, len(_WHOLE)), st.binary(max_size=8)).map(
    lambda change: _WHOLE[: change[0]] + change[1] + _WHOLE[change[0] + len(change[1]) :]
)


@given(st.binary(max_size=300) | _CHANGED)
def test_nothing_but_a_refusal_comes_of_tnef(content: bytes) -> None:
    with suppress(MailRefused):
        tnef.read(content, 10)


@given(st.text(max_size=100) | st.binary(max_size=100).map(mail_headers.text_of))
def test_names_are_safe(written: str) -> None:
    name = attachment_names.safe(written, 1)
    assert 0 < len(name) <= attachment_names.MOST
    assert name.isprintable()
    assert not set("/\\") & set(name)
    assert name not in (".", "..")


@given(st.text("<>!-/\"'= abhrp&;", max_size=200))
def test_html_of_any_kind_is_read_to_its_end(written: str) -> None:
    mail_text.of_html(written.encode(), "utf-8")


BOMBS = {
    "encoded words": lambda: b"Subject: " + b"=?a?q?x" * 30_000,
    "parameters": lambda: b"Content-Type: text/plain" + b';"' * 100_000,
    "quotes in a name": lambda: b"Content-Disposition: attachment; filename=" + b'"\\"' * 60_000,
    "comments in the sender": lambda: b"From: " + b"(" * 250_000,
    "marks on one letter in a name": lambda: (
        b"Content-Disposition: attachment; filename=a" + "\u0301\u0316".encode() * 60_000
    ),
    "marks on one letter in a text": lambda: b"\r\na" + "\u0301\u0316".encode() * 200_000,
    "tags that do not end": lambda: b"Content-Type: text/html\r\n\r\n" + b"<a \"'" * 1_000_000,
    "comments that do not end": lambda: b"Content-Type: text/html\r\n\r\n" + b"<!--<!" * 100_000,
    "white space in quoted-printable": lambda: (
        b"Content-Type: a/b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + b" " * 20_000_000
    ),
    "lines of one letter in base64": lambda: (
        b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"A\n" * 10_000_000
    ),
    "multiparts, each in another": lambda: b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (each, each) for each in range(100_000)
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_mail_takes_time_by_the_square_of_its_length(name: str, tmp_path: Path) -> None:
    """None takes a second. One that did would take hours, and end as what hangs does."""
    with suppress(MailRefused):
        found = incoming_mail.read(io.BytesIO(b"From: a@x.example\r\n" + BOMBS[name]()), tmp_path)
        mail_options.read(found.subject, found.headers)
