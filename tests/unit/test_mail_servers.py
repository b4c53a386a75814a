"""conf/postfix as Postfix reads it, and what it does with mails for fax hosts. By a real Postfix."""

import re
import smtplib
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import dkim
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from faxplan.free_ports import free_tcp_port
from tests import mta
from tests.milter import DkimMilter
from tests.mta import OURS, Postfix
from tests.unit.test_mail_certificates import KEYS

pytestmark = [
    pytest.mark.skipif(not mta.available(), reason=mta.MISSING),
    pytest.mark.xdist_group("postfix"),
]
FAX = "+4930123456@acme.fax.example"
OF_A_BRAND = "+4930123456@fax.acme.example"
SIGNER = "example.org"
FORGED = b"""Authentication-Results: mx.fax.example; dkim=pass header.d=example.org\r
Authentication-Results : (so) "mx.fax.example" 1;\r
\tspf=pass smtp.mailfrom=ann@example.org\r
AUTHENTICATION-RESULTS: other.example; none\r
"""
MAIL = b"""From: ann@example.org\r
Subject: A fax\r
\r
Authentication-Results: stays\r
"""


def test_exim_takes_out_what_says_that_we_have_found_it_however_a_mail_comes() -> None:
    """SECURITY: by SMTP, and by the command sendmail of this machine."""
    text = (OURS.parent / "exim" / "exim4.conf").read_text()
    acls = dict(re.findall(r"(?ms)^(\w+):\n(.*?)(?=^\w+:|^begin)", text.partition("\nbegin acl")[2]))
    for how in ("acl_smtp_mail", "acl_not_smtp"):
        (name,) = re.findall(rf"(?m)^{how} = (\w+)$", text)
        assert "warn    remove_header = Authentication-Results" in acls[name]


class Faxes:
    """Stands for `faxplan lmtp`."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: LMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not address.startswith("+"):
            return "550 5.1.3 that is no number"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: LMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 it is a fax"


class Lmtp(Controller):
    def factory(self) -> LMTP:
        return LMTP(self.handler)


@pytest.fixture(scope="module")
def faxes() -> Iterator[tuple[Faxes, int]]:
    server = Lmtp(Faxes(), hostname="127.0.0.1", port=free_tcp_port())
    server.start()
    yield server.handler, server.port
    server.stop()


@pytest.fixture(scope="module")
def postfix(faxes: tuple[Faxes, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postfix]:
    with DkimMilter("mx.fax.example", {f"mail._domainkey.{SIGNER}": record()}) as milter:
        values = mta.ours(tmp_path_factory.mktemp("conf"), lmtp=faxes[1], milter=milter.port)
        with mta.running([], **values) as postfix:
            yield postfix
            print(postfix.log())


def record() -> str:
    """The signer's, in the DNS."""
    public = KEYS[2048].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


def signed(mail: bytes) -> bytes:
    private = KEYS[2048].private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return bytes(dkim.sign(mail, b"mail", SIGNER.encode(), private)) + mail


def answer(postfix: Postfix, recipient: str) -> tuple[int, bytes]:
    with smtplib.SMTP("127.0.0.1", postfix.port) as smtp:
        smtp.ehlo("mail.example.org")
        smtp.mail("ann@example.org")
        return smtp.rcpt(recipient)


def test_postfix_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    values = mta.ours(tmp_path, lmtp=8024, milter=8891)
    here = {"queue_directory": tmp_path / "queue", "data_directory": tmp_path / "data"}
    for each in here.values():
        each.mkdir()
    with (tmp_path / "main.cf").open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in here.items())
    checked = subprocess.run(["postfix", "-c", str(tmp_path), "check"], capture_output=True, text=True, check=True)
    assert [line for line in checked.stderr.splitlines() if "not owned by" not in line] == []
    assert values["smtpd_relay_restrictions"] == "permit_mynetworks, reject_unauth_destination"
    # What it takes is what faxplan takes, and its names are those of the other files.
    assert int(values["message_size_limit"]) == 60 * 1024**2
    for name in ("opendkim.conf", "pyspf-milter.conf"):
        assert values["myhostname"] in (OURS / name).read_text()


def test_whom_there_is_no_fax_for_is_refused_at_once(postfix: Postfix) -> None:
    assert answer(postfix, FAX)[0] == 250
    code, said = answer(postfix, "nobody@acme.fax.example")
    assert (code, b"that is no number" in said) == (550, True)
    assert answer(postfix, "ann@example.org")[0] == 554
    assert answer(postfix, OF_A_BRAND)[0] == 554


def test_a_server_says_by_a_name_who_it_is_and_nothing_else(postfix: Postfix) -> None:
    # Milters write it into a comment, which this would end.
    for name in ("x);dkim=pass(a)header.d=victim.example(", "x) ; dkim=pass header.d=victim.example ("):
        with smtplib.SMTP("127.0.0.1", postfix.port) as smtp:
            smtp.docmd(f"EHLO {name}")
            smtp.mail("ann@example.org")
            assert smtp.rcpt(FAX)[0] == 501


def test_what_says_that_we_have_found_it_comes_from_us_alone(postfix: Postfix, faxes: tuple[Faxes, int]) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port) as smtp:
        smtp.ehlo("mail.example.org")
        for mail in (MAIL, signed(MAIL), signed(MAIL) + b"changed\r\n"):
            smtp.sendmail("ann@example.org", [FAX], FORGED + mail)
            postfix.await_empty_queue()
    found = []
    for taken in faxes[0].taken:
        assert (taken.mail_from, taken.rcpt_tos) == ("ann@example.org", [FAX])
        assert isinstance(taken.content, bytes)
        head, _, text = taken.content.partition(b"\r\n\r\n")
        found += re.findall(rb"^(authentication-results *:.*)\r$", head, re.IGNORECASE | re.MULTILINE)
        assert b"\r\nSubject: A fax" in head
        assert text.startswith(b"Authentication-Results: stays\r\n")
    ours = b"Authentication-Results: mx.fax.example; dkim="
    assert found == [ours + each for each in (b"none", b"pass header.d=example.org", b"fail header.d=example.org")]
