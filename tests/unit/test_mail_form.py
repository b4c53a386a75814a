"""Mails as bytes."""

from email.message import EmailMessage

from faxplan import mail_form
from tests import fax_mails


def test_a_mail_is_handed_over_so_that_no_relay_has_to_change_it() -> None:
    pdf = fax_mails.pdf()
    message = fax_mails.mail(pdf)
    raw = mail_form.flat(message)
    fax_mails.assert_goes_through_any_relay(raw)
    whole = fax_mails.read(raw)
    assert {name: whole[name] for name in fax_mails.OUTSIDE} == fax_mails.OUTSIDE
    (file,) = whole.iter_attachments()
    assert (file.get_filename(), file.get_content()) == (fax_mails.NAME, pdf)


def test_nobody_learns_who_gets_a_blind_copy() -> None:
    message = fax_mails.mail(b"%PDF-")
    assert b"hidden" not in mail_form.flat(message)
    assert message["Bcc"] == "hidden@acme.example", "whoever hands it over still has it"


def test_eight_bits_that_were_read_from_somewhere_become_seven() -> None:
    message = fax_mails.read(
        b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + "grün\r\n".encode()
    )
    raw = mail_form.flat(message)
    fax_mails.assert_goes_through_any_relay(raw)
    assert fax_mails.read(raw).get_content().strip() == "grün"


def test_what_it_is_made_of_stays_as_it_is() -> None:
    message = fax_mails.mail(b"%PDF-")
    before = message.as_bytes()
    inside = fax_mails.read(mail_form.content(message))
    sealed = EmailMessage()
    sealed.set_content(b"sealed", maintype="application", subtype="x")
    mail_form.around(message, sealed)
    assert "Subject" not in inside
    assert message.as_bytes() == before
