"""Who has written a mail, and to whom: what the corpus has not (tests/mail_corpus/senders.py)."""

import pytest

from faxplan import mail_sender
from faxplan.mail_headers import Headers

NUMBER = "+4930123456@fax.example"


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
    ],
)
@pytest.mark.parametrize("field", ["to", "cc"])
def test_a_mail_is_written_to_whom_it_names(field: str, written: str) -> None:
    assert mail_sender.is_written_to(Headers([(field, written), ("subject", "x")]), NUMBER)


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
    ],
)
def test_a_mail_that_was_sent_on_is_not_written_to_its_recipient(fields: list[tuple[str, str]]) -> None:
    assert not mail_sender.is_written_to(Headers(fields), NUMBER)


@pytest.mark.parametrize("recipient", ["", "@", "(", "a(b[c\\@x", ".*@fax.example", "x" * 10_000])
def test_no_recipient_is_a_pattern(recipient: str) -> None:
    assert not mail_sender.is_written_to(Headers([("to", NUMBER)]), recipient)
