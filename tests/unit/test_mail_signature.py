"""DKIM: what we sign, another's program verifies; and notices whatever is changed, or added."""

import re
from collections.abc import Callable

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from faxplan import mail_form
from faxplan.mail_signature import SigningKey, SigningKeyRefused, new_key, signed
from tests import fax_mails
from tests.vendor_words import vendor_words

DOMAIN, SELECTOR, AT = "acme.example", "fax2026", 1_795_770_720
KEY = new_key()


def verified(raw: bytes, key: SigningKey) -> bool:
    def answer(name: bytes, timeout: int = 5) -> str:
        assert name == f"{SELECTOR}._domainkey.{DOMAIN}.".encode()
        return key.record

    return bool(dkim.verify(raw, dnsfunc=answer))


def the_mail() -> bytes:
    message = fax_mails.mail(fax_mails.pdf())
    message["Reply-To"] = "office@acme.example"
    return mail_form.flat(message)


def test_what_was_signed_is_verified() -> None:
    plain = the_mail()
    raw = signed(plain, DOMAIN, SELECTOR, KEY.private, at=AT)
    assert verified(raw, KEY)
    assert not verified(raw, new_key())
    head = raw.removesuffix(plain)
    assert len(head) == len(raw) - len(plain)
    assert vendor_words(head.partition(b"bh=")[0]) == []
    assert max(map(len, head.split(b"\r\n"))) <= 80
    assert f"d={DOMAIN};" in head.decode()
    assert f"t={AT};" in head.decode()
    assert KEY.private.decode() not in repr(KEY)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "the body": lambda raw: raw.replace(b"application/pdf", b"application/pdx"),
    "a line behind it": lambda raw: raw + b"More.\r\n",
    "the subject": lambda raw: re.sub(rb"Subject: .*", b"Subject: Pay\r", raw),
    "the type": lambda raw: raw.replace(b"Content-Type: multipart/mixed", b"Content-Type: text/html", 1),
    "where answers go": lambda raw: raw.replace(b"office@", b"mallory@"),
    "what it says of itself": lambda raw: raw.replace(b"auto-generated", b"no"),
    **{
        f"another {name}": lambda raw, name=name: f"{name}: x@evil.example\r\n".encode() + raw
        for name in ("From", "Subject", "Reply-To", "To", "Cc", "Date", "Content-Type", "Message-ID")
    },
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_noticed(change: str) -> None:
    raw = signed(the_mail(), DOMAIN, SELECTOR, KEY.private)
    changed = CHANGES[change](raw)
    assert changed != raw
    assert not verified(changed, KEY)


def test_what_relays_do_to_a_mail_is_no_change() -> None:
    raw = signed(the_mail(), DOMAIN, SELECTOR, KEY.private)
    passed_on = b"Received: from a by b\r\n" + raw.replace(b"Subject: ", b"SUBJECT:   ") + b"\r\n\r\n"
    assert verified(passed_on, KEY)


@pytest.mark.parametrize("text", ["", "\n", "a  \t b \n\n \nc\t\n\n \n", "\t\n a"])
def test_bodies_with_odd_spaces(text: str) -> None:
    raw = f"From: a@acme.example\nSubject: \n  folded\t\n  twice  \n\n{text}".replace("\n", "\r\n").encode()
    assert verified(signed(raw, DOMAIN, SELECTOR, KEY.private), KEY)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    locked = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def test_what_no_host_believes_signs_nothing() -> None:
    for content, why in (
        (pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),  # noqa: S505 - that is the point
        (pem(ec.generate_private_key(ec.SECP256R1())), "is another"),
        (pem(rsa.generate_private_key(65537, 2048), b"secret"), "without a password"),
        (b"no key", "no private key"),
    ):
        with pytest.raises(SigningKeyRefused, match=why):
            signed(the_mail(), DOMAIN, SELECTOR, content)


@pytest.mark.parametrize(
    "name", ["", "acme.example; x=1", "acme.example\r\nBcc: x", "ACME.example", "a..b", "bücher.example"]
)
def test_a_domain_or_selector_that_is_none_is_not_written(name: str) -> None:
    for domain, selector in ((name, SELECTOR), (DOMAIN, name)):
        with pytest.raises(ValueError, match="no domain or selector"):
            signed(the_mail(), domain, selector, KEY.private)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"From: a@b.example\n\nx", "anew"),
        (b"From: a@b.example\r\n\r\nx\ry", "anew"),
        ("From: a@b.example\r\n\r\nü".encode(), "anew"),
        (b"From: a@b.example\r\n", "without a body"),
        (b"To: a@b.example\r\n\r\n", "one From"),
        (b"From: a@b.example\r\nFROM: c@d.example\r\n\r\n", "one From"),
    ],
)
def test_what_is_no_mail_as_it_is_handed_over_is_not_signed(raw: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        signed(raw, DOMAIN, SELECTOR, KEY.private)
