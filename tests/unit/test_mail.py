import socket
import time
from collections.abc import Iterator

import pytest

from faxplan.errors import InvalidSetting
from faxplan.mail import Attachment, Relay
from faxplan.smtp_answers import MailFailed, ServerAway
from tests.mail_relay import MailRelay

ATTACHMENT = Attachment("20261126.checkpoint", "\u2014 name AAAA\n.\n\nlast".encode())


@pytest.fixture
def relay() -> Iterator[MailRelay]:
    with MailRelay() as relay:
        yield relay


def send(port: int, *recipients: str, sender: str = "faxplan@fax.example", subject: str = "A subject \u2014") -> None:
    Relay("127.0.0.1", port, sender).send(list(recipients), subject, "Text.\n", ATTACHMENT)


def test_a_mail_arrives_whole(relay: MailRelay) -> None:
    send(relay.port, "one@officers.example", "two@officers.example")
    (mail,) = relay.mails
    assert (mail.sender, mail.recipients) == ("faxplan@fax.example", ["one@officers.example", "two@officers.example"])
    assert mail.message["subject"] == "A subject \u2014"
    body = mail.message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == "Text.\n"
    (attachment,) = mail.message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == (ATTACHMENT.name, ATTACHMENT.content)
    # No holiday greeting comes back.
    assert mail.message["auto-submitted"] == "auto-generated"


def test_a_relay_that_is_not_there_may_be_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(MailFailed, match="smtp_host") as failed:
            send(taken.getsockname()[1], "one@officers.example")
    assert failed.value.retryable


def test_a_relay_that_is_busy(relay: MailRelay) -> None:
    relay.busy = True
    with pytest.raises(MailFailed, match="too busy"):
        send(relay.port, "one@officers.example")


def test_who_was_refused_is_named(relay: MailRelay) -> None:
    relay.refused = {"two@officers.example"}
    with pytest.raises(MailFailed, match=r"two@officers\.example \(550 no such mailbox\); the others have it"):
        send(relay.port, "one@officers.example", "two@officers.example")
    with pytest.raises(MailFailed, match="takes no mail for"):
        send(relay.port, "two@officers.example")
    assert [mail.recipients for mail in relay.mails] == [["one@officers.example"]]


@pytest.mark.parametrize("address", ["", "@", "nobody", "two words@a", "a@b\nBcc: all@example", "A <a@b>", "a@b, c@d"])
def test_an_address_that_is_none_is_a_setting_to_correct(relay: MailRelay, address: str) -> None:
    with pytest.raises(InvalidSetting, match="no mail address"):
        send(relay.port, "one@officers.example", address)
    with pytest.raises(InvalidSetting, match="no mail address"):
        send(relay.port, "one@officers.example", sender=address)
    assert relay.mails == []


def test_a_log_in_that_no_server_can_be_told_is_waited_for(relay: MailRelay) -> None:
    known = Relay("127.0.0.1", relay.port, "fax@fax.example", user="fax", password="sch\u00f6n")
    relay.log_ins = {"\0fax\0open sesame"}
    with pytest.raises(ServerAway, match="ASCII"), known.session():
        pass
    with pytest.raises(MailFailed, match="ASCII"):
        known.send(["one@officers.example"], "Subject", "Text.\n")


def test_whoever_looks_at_a_mail_for_long_before_they_take_it_is_waited_for(
    relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they take it again and again."""
    monkeypatch.setattr("faxplan.mail._SECONDS", 0.2)
    relay.on_mail = lambda: time.sleep(0.5)
    with Relay("127.0.0.1", relay.port, "fax@fax.example").session() as session:
        said = session.hand_over(b"Subject: one\r\n\r\n", sender="fax@fax.example", recipient="one@officers.example")
    assert (said, len(relay.mails)) == ("250 taken", 1)
