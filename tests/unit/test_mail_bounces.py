"""What a report of a mail server says, in the shapes in which they come."""

from io import BytesIO

import pytest

from faxplan import mail_bounces
from faxplan.mail_bounces import Bounce
from faxplan.mail_refusals import MailTooComplex

TOKEN = "0123456789abcdef" * 2


def report(
    status: str, *, text: str = "It was not delivered.", back: str = "Subject: Fax from +49\n\nPages\n"
) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n{text}\n--b\nContent-Type: message/delivery-status\n\n{status}\n"
        f"--b\nContent-Type: message/rfc822\n\n{back}\n--b--\n"
    ).replace("\n", "\r\n").encode()  # fmt: skip


def read(content: bytes) -> Bounce | None:
    return mail_bounces.read(BytesIO(content))


POSTFIX = """Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: 4D1A
Arrival-Date: Fri, 27 Nov 2026 14:00:00 +0000 (UTC)

Final-Recipient: rfc822; ann@partner.example
Original-Recipient: rfc822;ann@partner.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.partner.example
Diagnostic-Code: smtp; 550 5.1.1 <ann@partner.example>: Recipient
    address rejected: User unknown
"""


def test_a_report_says_why_a_recipient_was_not_reached() -> None:
    assert read(report(POSTFIX)) == Bounce("550 5.1.1 <ann@partner.example>: Recipient address rejected: User unknown")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (POSTFIX.replace("Diagnostic-Code", "X-Other"), "5.1.1"),
        (POSTFIX.replace("Action: failed", "action:  FAILED (bad address)"), "550 5.1.1"),
        (POSTFIX.replace("failed", "delayed"), None),
        (POSTFIX.replace("failed", "relayed"), None),
        (POSTFIX.replace("failed", "expanded") + "\n" + POSTFIX, "550 5.1.1"),
        ("", None),
        ("Action", None),
    ],
)
def test_only_what_failed_for_good_is_a_bounce(status: str, said: str | None) -> None:
    found = read(report(status))
    assert (found and found.said[: len(said or "")]) == said


def test_a_report_within_what_came_back_is_none() -> None:
    inner = report(POSTFIX).decode().replace("\r\n", "\n").replace('"b"', '"inner"').replace("--b", "--inner")
    assert read(report(POSTFIX.replace("failed", "delayed"), back=inner)) is None


def test_somebody_out_of_office_is_no_bounce() -> None:
    assert read(b"From: ann@partner.example\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n") is None


def test_reports_of_old_exims_and_of_qmail_are_read() -> None:
    exim = b"X-Failed-Recipients: ann@partner.example\r\n\r\nIt could not be delivered:\r\n  550 no such user\r\n"
    qmail = (
        b"From: MAILER-DAEMON@partner.example\r\n\r\nHi. This is the qmail-send program at partner.example.\r\n"
        b"I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
        b"This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n<ann@partner.example>:\r\n"
        b"Sorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below this line is a copy of the message.\r\n"
    )
    assert read(exim) == Bounce("It could not be delivered: 550 no such user")
    assert read(qmail) == Bounce("Sorry, no mailbox here by that name. (#5.1.1)")


def test_what_it_says_is_one_line_that_is_not_too_long() -> None:
    hostile = POSTFIX.replace("User unknown", "\x1b[31m\u202e<script>" + "x" * 100_000)
    found = read(report(hostile))
    assert found is not None
    assert found.said.isprintable()
    assert len(found.said) == 500


def test_a_report_that_is_made_to_harm_is_refused() -> None:
    nested = "".join(f'Content-Type: multipart/mixed; boundary="{each}"\r\n\r\n--{each}\r\n' for each in range(100))
    with pytest.raises(MailTooComplex):
        read(nested.encode())


def test_its_address_is_known_in_whatever_case_it_comes_back() -> None:
    address = mail_bounces.address(TOKEN, "acme.fax.example")
    assert mail_bounces.parsed(address) == (TOKEN, "acme.fax.example")
    assert mail_bounces.parsed(address.upper() + ".") == (TOKEN, "acme.fax.example")
    for other in ("+4930123456@acme.fax.example", f"bounce-{TOKEN}0@x", f"bounce-{TOKEN}", "bounce-@x", "", "@"):
        assert mail_bounces.parsed(other) is None
