"""A received fax, by a real mail server into a real mailbox, opened there by what its reader has."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from faxplan import brands, mailbox_mail
from faxplan.config import Settings
from faxplan.key_folder import KeyFolder
from faxplan.mailbox_mail import Mode
from tests import mta
from tests.db.test_mailer import OTHER, add, attached, choose, keys, own_mailbox, received, text
from tests.mailing import mailer, mails
from tests.mta import Postfix
from tests.retained import execute
from tests.unit.test_mail_certificates import ENCRYPTS, KEYS, MAIL, made, pem
from tests.unit.test_mail_openpgp import KeyRing, body
from tests.vendor_words import vendor_words
from tests.world import World

__all__ = ["keys"]

pytestmark = [
    pytest.mark.skipif(not mta.available(), reason=mta.MISSING),
    # One server for all of them.
    pytest.mark.xdist_group("postfix"),
]
READER = "ann@acme.example"
BUSY = "busy@partner.example"
USER = "user@acme.example"
SENDER = "fax@carrier.example"
ADDED = {"Return-Path", "X-Original-To", "Delivered-To", "Received"}
"""By the mail server."""


def through(settings: Settings, postfix: Postfix) -> Settings:
    return replace(
        settings, smtp_host="localhost", smtp_port=postfix.port, smtp_security="starttls",
        smtp_ca_file=postfix.authority_file, smtp_from=SENDER, portal_domain="fax.example",
    )  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Postfix]:
    with mta.running([READER, USER, OTHER, BUSY]) as postfix:
        yield postfix


@pytest.fixture
def postfix(running: Postfix, world: World) -> Iterator[Postfix]:
    running.forget()
    world.settings = through(world.settings, running)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        brands.change(tx, world.acme.tenant.id, {"name": "Nordwind: Fax"})
    before = len(running.log())
    yield running
    print(running.log()[before:])  # which is shown where the test fails


def the_mail(world: World, postfix: Postfix, recipient: str = READER) -> tuple[bytes, EmailMessage]:
    """The one that has come: whole, from the brand, and nothing in it names who made the software."""
    postfix.await_delivered(recipient, 1)
    (raw,) = postfix.delivered(recipient)
    message = mta.read(raw)
    (row,) = (each for each in mails(world, world.acme.user) if each["recipient"] == recipient)
    assert row["state"] == "accepted"
    assert row["said"].startswith("250 2.0.0 Ok")
    assert str(message["Message-ID"]) == f"<{row['token']}@carrier.example>"
    assert str(message["From"]) == f'"Nordwind: Fax" <{SENDER}>'
    assert str(message["To"]) == recipient
    assert parsedate_to_datetime(message["Date"]) == row["created_at"].replace(microsecond=0)
    assert message["Return-Path"] == f"<{SENDER}>"
    assert not vendor_words(raw)
    # What it has over TLS it says, and who we said that we are.
    assert "from carrier.example " in message["Received"]
    assert "using TLSv1.3" in message["Received"]
    assert set(message.keys()) - ADDED <= {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Loop", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding", "Content-Disposition",
    }  # fmt: skip
    return raw, message


def pages(pdf: bytes, password: str = "") -> int:
    with pikepdf.open(BytesIO(pdf), password=password) as document:
        return len(document.pages)


def inside(opened: bytes) -> bytes:
    """The PDF in a mail that was sealed, which is named nowhere outside of it."""
    assert not vendor_words(opened)
    ((name, kind, content),) = attached(mta.read(opened))
    assert (name[:4], name[-4:], kind) == ("fax-", ".pdf", "application/pdf")
    assert not vendor_words(content)
    return content


def sent_on(world: World, keys: KeyFolder) -> None:
    received(world)
    assert mailer(world, keys).work()


def test_a_notice(world: World, keys: KeyFolder, postfix: Postfix) -> None:
    sent_on(world, keys)
    _, message = the_mail(world, postfix, USER)
    assert attached(message) == []
    for kind in ("plain", "html"):
        assert "https://acme.fax.example/faxes/" in text(message, kind)


def test_the_fax_as_it_is(world: World, keys: KeyFolder, postfix: Postfix) -> None:
    add(world, READER)
    choose(world, Mode.PLAIN)
    sent_on(world, keys)
    _, message = the_mail(world, postfix)
    ((_, _, content),) = attached(message)
    assert pages(content) == 2
    assert not vendor_words(content)


def test_a_pdf_with_a_password(world: World, keys: KeyFolder, postfix: Postfix) -> None:
    add(world, READER)
    choose(world, Mode.LOCKED_PDF, password="seven herons by the quay")
    sent_on(world, keys)
    _, message = the_mail(world, postfix)
    ((_, _, content),) = attached(message)
    with pytest.raises(pikepdf.PasswordError):
        pages(content)
    assert pages(content, "seven herons by the quay") == 2


def test_smime_which_openssl_opens(world: World, keys: KeyFolder, postfix: Postfix, tmp_path: Path) -> None:
    key = KEYS[2048]
    certificate = pem(made(key, ENCRYPTS, MAIL))
    mailbox_mail.add(
        world.portal, world.acme.user, own_mailbox(world, world.acme.user), READER, certificate=certificate,
        shown=True, actor="test",
    )  # fmt: skip
    choose(world, Mode.SMIME)
    sent_on(world, keys)
    raw, message = the_mail(world, postfix)
    assert message.get_content_type() == "application/pkcs7-mime"
    (tmp_path / "own.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    command = ["openssl", "cms", "-decrypt", "-recip", "own.pem", "-inkey", "key.pem"]
    opened = subprocess.run(command, cwd=tmp_path, input=raw, capture_output=True, check=True).stdout
    assert pages(inside(opened)) == 2


def test_openpgp_which_gnupg_opens(
    world: World, keys: KeyFolder, postfix: Postfix, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ring = KeyRing(tmp_path_factory.mktemp("gpg"))
    try:
        public = ring.export(ring.make(READER, "ed25519", "cv25519"))
        mailbox_mail.add(
            world.portal, world.acme.user, own_mailbox(world, world.acme.user), READER, openpgp_key=public,
            shown=True, actor="test",
        )  # fmt: skip
        choose(world, Mode.OPENPGP)
        sent_on(world, keys)
        raw, message = the_mail(world, postfix)
        assert message.get_content_type() == "multipart/encrypted"
        assert pages(inside(ring.gpg("--decrypt", given=body(raw)))) == 2
    finally:
        ring.close()


def test_whom_it_does_not_know_and_whom_it_is_busy_for(world: World, keys: KeyFolder, postfix: Postfix) -> None:
    for each in ("nobody@partner.example", BUSY, OTHER):
        add(world, each)
    choose(world, Mode.PLAIN)
    postfix.busy.add(BUSY)
    postfix.stop()
    postfix.start()
    received(world)
    one = mailer(world, keys)
    assert one.work()
    found = {row["recipient"]: row for row in mails(world, world.acme.user)}
    assert {each: row["state"] for each, row in found.items()} == {
        "nobody@partner.example": "refused",
        BUSY: "waiting",
        OTHER: "accepted",
    }
    assert "550 5.1.1" in found["nobody@partner.example"]["said"]
    assert "User unknown" in found["nobody@partner.example"]["said"]
    assert "450 4.2.0" in found[BUSY]["said"]
    # A mail server that is away: nothing goes out, and nothing is lost.
    postfix.busy.clear()
    postfix.stop()
    execute(world, "update outbox set not_before = now()")
    assert not mailer(world, keys).work()
    (waiting,) = (row for row in mails(world, world.acme.user) if row["recipient"] == BUSY)
    assert (waiting["state"], waiting["worker"]) == ("waiting", None)
    assert "takes no mail" in waiting["said"]
    postfix.start()
    assert mailer(world, keys).work()
    assert not mailer(world, keys).work()
    postfix.await_empty_queue()
    assert {each: len(postfix.delivered(each)) for each in (BUSY, OTHER)} == {BUSY: 1, OTHER: 1}


def test_one_that_nobody_vouches_for_gets_nothing(world: World, keys: KeyFolder, postfix: Postfix) -> None:
    world.settings = replace(world.settings, smtp_ca_file=None)
    received(world)
    assert not mailer(world, keys).work()
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["tries"]) == ("waiting", 0)
    assert "certificate verify failed" in row["said"]
    postfix.await_empty_queue()
    assert postfix.delivered(USER) == []
