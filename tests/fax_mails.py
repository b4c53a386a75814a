"""A mail with a received fax, as one is built before it is sealed, and what must be true of it after."""

import io
from email import message_from_bytes, policy
from email.message import EmailMessage

import pikepdf

NAME = "fax-2026-11-27-0912-from-+15551234.pdf"
SAID = "The caller is Grüne Apotheke, 7\u202fpages."
OUTSIDE = {
    "From": "Acme Fax <fax@acme.example>",
    "To": "Zoë <ann@acme.example>, bob@acme.example",
    "Subject": "Ein Fax für Sie: 7 Seiten",
    "Date": "Fri, 27 Nov 2026 09:12:00 +0000",
    "Message-ID": "<1@acme.example>",
    "Auto-Submitted": "auto-generated",
}


def pdf(pages: int = 1) -> bytes:
    """As small as one can be, with what a library writes into its metadata."""
    with pikepdf.Pdf.new() as document:
        for _ in range(pages):
            document.add_blank_page()
        document.docinfo["/Producer"] = "pikepdf, of course"
        with document.open_metadata() as metadata:
            metadata["dc:title"] = "A title"
        target = io.BytesIO()
        document.save(target)
    return target.getvalue()


def mail(attached: bytes) -> EmailMessage:
    """With a text that is not ASCII, a blind copy, and a header of ours that no relay needs."""
    message = EmailMessage()
    for name, value in OUTSIDE.items():
        message[name] = value
    message["Bcc"] = "hidden@acme.example"
    message["X-Pages"] = "7 from +15551234"
    message.set_content(SAID + "\n" + "x" * 2000 + "\n")
    message.add_alternative(f"<p>{SAID}</p>", subtype="html")
    message.add_attachment(attached, maintype="application", subtype="pdf", filename=NAME)
    return message


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def assert_goes_through_any_relay(raw: bytes) -> None:
    """ASCII, CRLF, and no line that a relay would break (RFC 5321, 4.5.3.1.6)."""
    assert raw.isascii()
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def assert_says_only_what_is_outside(raw: bytes) -> None:
    message = read(raw)
    assert {name: message[name] for name in OUTSIDE} == OUTSIDE
    content = {"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}
    assert message.keys() == [*dict.fromkeys(message.keys())]
    assert set(message.keys()) <= {*OUTSIDE, *content}
    for word in (b"hidden", b"X-Pages", b"Apotheke", b"+15551234", b"fax-2026", b"application/pdf", b"xxxxxxxx"):
        assert word not in raw


def assert_is_the_mail(opened: bytes, attached: bytes) -> None:
    """What somebody sees who opened it."""
    inside = read(opened)
    body = inside.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines()[0] == SAID
    (file,) = inside.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (NAME, "application/pdf", attached)
    assert inside["X-Pages"] == "7 from +15551234"
    assert not {"From", "Subject", "Bcc"} & set(inside.keys())
