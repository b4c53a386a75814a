"""The whole way: a mail from outside, by Postfix and LMTP, as a fax over the bench into another tenant's mailbox, and
out again by Postfix into a real one; and what its sender is told.
"""

import os
import smtplib
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from io import BytesIO
from pathlib import Path

import dkim
import pikepdf
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from faxplan import mailbox_mail, mailboxes, outbox
from faxplan.config import Settings, to_toml
from faxplan.free_ports import free_tcp_port
from faxplan.mailbox_mail import Mode
from tests import fax_mails, mta
from tests.bench.whole import ROOT, faxplan_on_bench, wait_for
from tests.db.test_inbound import arrived, deliver
from tests.db.test_mailer import attached, keys, text
from tests.mail_relay import MailRelay
from tests.mailing import choose_mail, mailer, mails
from tests.milter import DkimMilter
from tests.mta import Postfix
from tests.unit.test_mail_certificates import KEYS
from tests.vendor_words import vendor_words
from tests.world import World

__all__ = ["keys"]

pytestmark = [
    pytest.mark.skipif(not mta.available(), reason=mta.MISSING),
    pytest.mark.xdist_group("postfix"),
]
MX = "mx.fax.example"
SETTINGS = (
    "database_url", "state_dir", "sandbox", "node", "mail_domain", "mail_authserv_ids", "lmtp_listen",
)  # fmt: skip


@contextmanager
def taking(settings: Settings, folder: Path) -> Iterator[None]:
    """`faxplan lmtp`, as a process."""
    file = folder / "lmtp.toml"
    file.write_text(to_toml({name: getattr(settings, name) for name in SETTINGS}))
    with subprocess.Popen(
        [sys.executable, "-m", "faxplan.cli", "lmtp"], cwd=ROOT, env={**os.environ, "FAXPLAN_CONFIG": str(file)}
    ) as process:
        try:
            wait_for(lambda: answers(settings), "faxplan lmtp")
            yield
        finally:
            process.terminate()
            assert process.wait(60) == 0


def answers(settings: Settings) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(settings.lmtp_listen.rpartition(":")[2]))).close()
    except OSError:
        return False
    return True


def letter(world: World, signer: str | None) -> bytes:
    """A mail of acme's user with two pages, from a mail server that signs it."""
    user = world.acme.user
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Ann <{user.email}>", f"{world.borea.did}@acme.fax.example"
    mail["Subject"], mail["Message-ID"] = "The contract", "<contract@acme.example>"
    mail["Date"] = format_datetime(localtime())
    mail.set_content("Dear colleagues, here it is.\n")
    mail.add_attachment(fax_mails.pdf(2), maintype="application", subtype="pdf", filename="contract.pdf")
    content = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    if signer is None:
        return content
    private = KEYS[2048].private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return bytes(dkim.sign(content, b"mail", signer.encode(), private)) + content


def handed_in(postfix: Postfix, world: World, content: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port) as smtp:
        smtp.ehlo("mail.acme.example")
        smtp.sendmail(world.acme.user.email, [f"{world.borea.did}@acme.fax.example"], content)


def test_a_mail_becomes_a_fax_and_the_fax_a_mail(
    world: World, keys: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sender, reader = world.acme.user, world.borea.user
    public = KEYS[2048].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    published = {"mail._domainkey.acme.example": f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"}
    world.settings = replace(
        world.settings, mail_domain="fax.example", mail_authserv_ids=MX, lmtp_listen=f"127.0.0.1:{free_tcp_port()}"
    )
    lmtp = int(world.settings.lmtp_listen.rpartition(":")[2])
    choose_mail(world, reader, mail=True)
    (tmp_path / "conf").mkdir()
    with DkimMilter(MX, published) as milter:
        values = mta.ours(tmp_path / "conf", lmtp=lmtp, milter=milter.port)
        with mta.running([sender.email, reader.email], **values) as postfix:
            try:
                whole_way(world, keys, postfix, monkeypatch, tmp_path)
            finally:
                print(postfix.log())


def whole_way(world: World, keys: object, postfix: Postfix, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    sender, reader = world.acme.user, world.borea.user
    world.settings = replace(
        world.settings, smtp_host="localhost", smtp_port=postfix.port, smtp_security="starttls",
        smtp_ca_file=postfix.authority_file, smtp_from=f"fax@{MX}", portal_domain="fax.example",
    )  # fmt: skip
    with taking(world.settings, folder):
        handed_in(postfix, world, letter(world, None))  # which nobody proves: a report goes to the envelope's sender
        handed_in(postfix, world, letter(world, "acme.example"))
        postfix.await_empty_queue()
    (report,) = postfix.await_delivered(sender.email, 1)
    assert report.get_content_type() == "multipart/report"
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (fax,) = tx.rows("select id, called_number, user_id from faxes where direction = 'outbound'")
    assert (fax["called_number"], fax["user_id"]) == (world.borea.did, sender.id)
    with faxplan_on_bench(world, monkeypatch) as switch:
        wait_for(lambda: world.fax(world.acme, fax["id"])["state"] in ("sent", "failed"), "the fax to be final")
        wait_for(lambda: bool(inbox(world)), "the fax to lie in the mailbox")
        assert not switch.complaints
    while mailer(world, keys).work():  # type: ignore[arg-type]
        pass
    postfix.await_empty_queue()
    (row,) = mails(world, reader)
    assert (row["state"], row["sent_as"]) == ("accepted", Mode.PLAIN)
    (mail,) = postfix.await_delivered(reader.email, 1)
    ((_, kind, content),) = attached(mail)
    with pikepdf.open(BytesIO(content)) as document:
        # The mail's text is on a cover.
        assert (kind, len(document.pages)) == ("application/pdf", 3)
    _report, answer = postfix.await_delivered(sender.email, 2)
    assert answer["In-Reply-To"] == "<contract@acme.example>"
    assert "has arrived" in str(answer["Subject"])
    assert "Pages: 3" in text(answer)
    for raw in (*postfix.delivered(reader.email), postfix.delivered(sender.email)[1], content):
        assert not vendor_words(raw)
        assert b"The contract" not in raw


def inbox(world: World) -> list[mailboxes.Entry]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return mailboxes.entries(tx, world.borea.tenant.id, world.borea.user.id)


def test_a_mail_that_comes_back_is_known(world: World, keys: object, tmp_path: Path) -> None:
    reader, gone = world.acme.user, "gone@partner.example"
    world.settings = replace(
        world.settings, mail_domain="fax.example", mail_authserv_ids=MX, lmtp_listen=f"127.0.0.1:{free_tcp_port()}",
        smtp_from="fax@fax.example",
    )  # fmt: skip
    choose_mail(world, reader, mail=True)
    with world.portal.tenant(reader.tenant_id) as tx:
        mailbox = mailboxes.by_name(tx, reader.tenant_id, reader.email)
    mailbox_mail.add(world.portal, reader, mailbox, gone, shown=True, actor="test")
    lmtp = int(world.settings.lmtp_listen.rpartition(":")[2])
    (tmp_path / "conf").mkdir()
    with DkimMilter(MX, {}) as milter, MailRelay(refused={gone}) as partner:
        # The next server refuses what Postfix has taken, and Postfix reports it.
        values = mta.ours(tmp_path / "conf", lmtp=lmtp, milter=milter.port) | {
            "transport_maps": f"inline:{{partner.example=lmtp:inet:127.0.0.1:{partner.port}}}",
            "mynetworks": "127.0.0.0/8",
        }
        with mta.running([reader.email], **values) as postfix, taking(world.settings, tmp_path):
            world.settings = replace(
                world.settings, smtp_host="localhost", smtp_port=postfix.port, smtp_security="starttls",
                smtp_ca_file=postfix.authority_file,
            )  # fmt: skip
            assert deliver(world, arrived(world)) == "received"
            mailer(world, keys).work()  # type: ignore[arg-type]
            postfix.await_empty_queue()
            (delivered,) = postfix.await_delivered(reader.email, 1)
    found = {each["recipient"]: (each["state"], each["said"], each["token"]) for each in mails(world, reader)}
    assert found[reader.email][0] == "accepted"
    assert delivered["Return-Path"] == f"<bounce-{found[reader.email][2]}@acme.fax.example>"
    assert found[gone][0] == "bounced"
    assert "550 no such mailbox" in found[gone][1]
    with world.portal.tenant(reader.tenant_id) as tx:
        (trouble,) = outbox.troubles(tx, reader.tenant_id, mailbox)
    assert (trouble["recipient"], trouble["state"], trouble["said"]) == (gone, *found[gone][:2])
    assert partner.mails == []
