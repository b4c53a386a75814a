"""Who has written a mail, and to whom: what the corpus has not (tests/mail_corpus/senders.py)."""

import pytest

from faxplan import mail_sender
from faxplan.mail_headers import Headers

NUMBER = "+4930123456@fax.example"
SIGNED = ("dkim-signature", "v=1; d=acme.example; s=s; h=From:To:Cc:Subject; b=x")


def is_signed_to(*fields: tuple[str, str], recipient: str = NUMBER, by: str | None = "acme.example") -> bool:
    return mail_sender.is_signed_to(Headers([*fields, ("subject", "x")]), recipient, by)


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        f"<{NUMBER.upper()}>",
        f"Ann <a@x.example>, {NUMBER}",
        f"Fax: {NUMBER};",
        f'"{NUMBER}" <{NUMBER}>, b@x.example',
        f"{NUMBER}.",
        f"{NUMBER}(fax)",
        f"a@x.example, (b, c) Fax\t<{NUMBER}>",
    ],
)
@pytest.mark.parametrize("field", ["to", "cc"])
def test_a_mail_is_written_to_whom_it_names(field: str, written: str) -> None:
    assert is_signed_to(SIGNED, (field, written))


def test_an_address_may_have_quotes() -> None:
    recipient = '"+49 (30) 123456"@fax.example'
    for written in (recipient, f"Fax <{recipient}>", f'"Fax, ours" <{recipient}>, b@x.example'):
        assert is_signed_to(SIGNED, ("to", written), recipient=recipient)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("to", "bob@acme.example")],
        [("bcc", NUMBER)],
        [("subject", NUMBER)],
        [("to", f"1{NUMBER}")],
        [("to", f"x{NUMBER}")],
        [("to", f"{NUMBER}.evil.example")],
        [("to", NUMBER.replace(".", "-"))],
        [("to", "4930123456@fax.example")],
        [("to", "bob@acme.example"), ("to", NUMBER)],
        [("to", "bob@acme.example"), ("cc", "eve@evil.example"), ("cc", NUMBER)],
        # Of two the signature covers the last, and the first is read.
        [("to", NUMBER), ("subject", "[[at=18:00]]")],
        [("to", NUMBER), ("content-type", "text/plain"), ("content-type", "multipart/mixed; boundary=x")],
        # Whoever answers a mail writes to the name that its sender has given to themselves.
        [("to", f'"{NUMBER}" <eve@evil.example>')],
        [("to", f"{NUMBER} <eve@evil.example>")],
        [("to", f'"x, {NUMBER}, y" <eve@evil.example>')],
        [("to", f'"x\\" <{NUMBER}>" <eve@evil.example>')],
        [("to", f"eve@evil.example ({NUMBER})")],
        [("to", f"eve@evil.example (x, {NUMBER}")],
    ],
)
def test_a_mail_that_was_sent_on_is_not_written_to_its_recipient(fields: list[tuple[str, str]]) -> None:
    assert not is_signed_to(SIGNED, *fields)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        ["d=acme.example; h=From:Date:Subject:Message-ID:Content-Type; b=x"],  # as Microsoft 365 has it
        ["d=acme.example; h=From:Cc:Subject; b=x"],
        ["d=evil.example; h=From:To:Subject; b=x"],
        ["d=acme.example; h=From:To:Subject; l=0; b=x"],
        ["d=acme.example; h=From:Tomato:Subject; b=x"],
        ["d=acme.example; h=From; h=To; b=x"],
        ["d=acme.example; To; h=From; b=x"],
        ["h=From; b=x"],
        ["d=acme.example; h=From:To; b=x"],  # and not the subject
        # Ours, which is good, and one that covers it, which is forged: nobody says here which of them was good.
        ["d=acme.example; h=From; b=x", "d=acme.example; h=From:To:Subject; b=y"],
        ["d=acme.example; h=From:To:Subject; b=y", "d=Acme.Example.; h=From; b=x"],
    ],
)
def test_what_no_signature_covers_anybody_may_have_written(signatures: list[str]) -> None:
    fields = [("dkim-signature", each) for each in signatures]
    assert not is_signed_to(*fields, ("to", NUMBER))


def test_where_nobody_says_whose_signature_was_good_all_cover_it() -> None:
    other = ("dkim-signature", "d=provider.example; h=from; b=x")
    assert is_signed_to(SIGNED, other, ("to", NUMBER))
    assert is_signed_to(SIGNED, ("to", NUMBER), by=None)
    assert not is_signed_to(SIGNED, other, ("to", NUMBER), by=None)
    assert not is_signed_to(("to", NUMBER), by=None)


@pytest.mark.parametrize("recipient", ["", "@", "(", "a(b[c\\@x", ".*@fax.example", "x" * 10_000])
def test_no_recipient_is_a_pattern(recipient: str) -> None:
    assert not is_signed_to(SIGNED, ("to", NUMBER), recipient=recipient)
