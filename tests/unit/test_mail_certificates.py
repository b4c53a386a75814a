"""S/MIME: whom mail can be sealed to, and that they open it, and nobody else; with the openssl program."""

import contextlib
import datetime
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from faxplan import mail_certificates
from faxplan.mail_certificates import CertificateRefused, certificate_of, sealed
from tests import fax_mails

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
KEYS = {bits: rsa.generate_private_key(65537, bits) for bits in (1024, 2048)}
AUTHORITY = ec.generate_private_key(ec.SECP256R1())
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
ENCRYPTS = x509.KeyUsage(**{each: each == "key_encipherment" for each in USAGES})
SIGNS = x509.KeyUsage(**{each: each == "digital_signature" for each in USAGES})
MAIL = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION])
WEB = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
ADDRESSES = x509.SubjectAlternativeName(
    [
        x509.RFC822Name("ann@acme.example"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), b"\x0c\x14" + "zöe@bücher.example".encode()),
        x509.DNSName("acme.example"),
    ]
)
BROKEN_ADDRESS = x509.SubjectAlternativeName([x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), b"\x04\x01z")])


def made(
    key: Any = KEYS[2048],
    *extensions: x509.ExtensionType,
    name: str = "Ann",
    begin: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + DAY,
    authority: bool = False,
) -> x509.Certificate:
    subject = [
        x509.NameAttribute(NameOID.COMMON_NAME, name),
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "ANN@acme.example"),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(AUTHORITY, SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


ANN = made(KEYS[2048], ENCRYPTS, MAIL, ADDRESSES)
CHAIN = [made(AUTHORITY, name="Authority", authority=True), ANN, made(AUTHORITY, name="Root", authority=True)]
PRIVATE = KEYS[2048].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
P12 = pkcs12.serialize_key_and_certificates(b"ann", KEYS[2048], ANN, None, BestAvailableEncryption(b"secret"))


@pytest.mark.parametrize(
    "content",
    [
        pem(ANN),
        b"Bag Attributes\n  friendlyName: ann\n" + pem(ANN),
        ANN.public_bytes(Encoding.DER),
        pem(*CHAIN),
        pkcs7.serialize_certificates(CHAIN, Encoding.PEM),
        pkcs7.serialize_certificates(CHAIN, Encoding.DER),
        pem(ANN, ANN),
    ],
    ids=["PEM", "PEM with words", "DER", "a chain in PEM", "PKCS#7 in PEM", "PKCS#7 in DER", "twice"],
)
def test_a_certificate_is_read_in_every_form(content: bytes) -> None:
    found = certificate_of(content)
    assert found.content == ANN.public_bytes(Encoding.DER)
    assert found.fingerprint == ANN.fingerprint(SHA256()).hex()
    assert found.not_after == NOW + DAY


def test_it_says_whose_mail_it_is_for() -> None:
    found = certificate_of(pem(ANN))
    assert found.addresses == ("ann@acme.example", "zöe@bücher.example", "ANN@acme.example")
    assert found.is_for("Ann@Acme.example")
    assert not found.is_for("acme.example")


REFUSED: dict[str, tuple[bytes, str]] = {
    "expired": (pem(made(begin=NOW - 2 * DAY, end=NOW - DAY)), "expired on"),
    "not valid yet": (pem(made(begin=NOW + DAY, end=NOW + 2 * DAY)), "valid from"),
    "an authority's": (pem(made(authority=True)), "authority"),
    "authorities'": (pem(CHAIN[0], CHAIN[2]), "authorities"),
    "an elliptic curve": (pem(made(AUTHORITY)), "RSA key"),
    "a short key": (pem(made(KEYS[1024])), "1024 bits"),
    "for signatures": (pem(made(KEYS[2048], SIGNS)), "signatures alone"),
    "a web server's": (pem(made(KEYS[2048], WEB)), "not for e-mail"),
    "damaged": (pem(made(KEYS[2048], BROKEN_ADDRESS)), "damaged"),
    "damaged, in a chain": (pem(CHAIN[0], made(KEYS[2048], BROKEN_ADDRESS)), "damaged"),
    "with its private key": (pem(ANN) + PRIVATE, "private key"),
    "a private key": (PRIVATE, "private key"),
    "PKCS#12": (P12, "no certificate"),
    "two people's": (pem(ANN, made(KEYS[2048], name="Bob")), "several"),
    "nothing": (b"", "no certificate"),
    "words": (b"-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n", "no certificate"),
    "cut off": (ANN.public_bytes(Encoding.DER)[:-100], "no certificate"),
    "huge": (bytes(mail_certificates.MOST_BYTES + 1), "too large"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_mail_is_not_to_be_sealed_to_is_refused(case: str) -> None:
    content, why = REFUSED[case]
    with pytest.raises(CertificateRefused, match=why):
        certificate_of(content)


@pytest.mark.filterwarnings("ignore:Parsed a")
def test_one_that_is_damaged_anywhere_is_read_or_refused() -> None:
    whole = ANN.public_bytes(Encoding.DER)
    read = 0
    for at in range(len(whole)):
        for bits in (0x01, 0x40, 0xFF):
            damaged = whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :]
            with contextlib.suppress(CertificateRefused):
                certificate_of(damaged)
                read += 1
    # That it was signed by anybody is not looked at.
    assert 0 < read < 3 * len(whole)


@dataclass
class Reader:
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    folder: Path

    def opened(self, raw: bytes, *more: str) -> bytes:
        """By the program, from the whole mail."""
        (self.folder / "key.pem").write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (self.folder / "own.pem").write_bytes(pem(self.certificate))
        command = ["openssl", "cms", "-decrypt", "-recip", "own.pem", "-inkey", "key.pem", *more]
        return subprocess.run(command, cwd=self.folder, input=raw, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Reader]:
    keys = [KEYS[2048], rsa.generate_private_key(65537, 3072), rsa.generate_private_key(65537, 2048)]
    return [Reader(key, made(key, ENCRYPTS, MAIL), tmp_path_factory.mktemp("reader")) for key in keys]


def test_who_has_the_key_opens_the_mail_and_nobody_else(readers: Sequence[Reader]) -> None:
    ann, bob, eve = readers
    pdf = fax_mails.pdf()
    raw = sealed(fax_mails.mail(pdf), [certificate_of(pem(each.certificate)) for each in (ann, bob)])
    fax_mails.assert_goes_through_any_relay(raw)
    for reader in (ann, bob):
        fax_mails.assert_is_the_mail(reader.opened(raw), pdf)
    with pytest.raises(subprocess.CalledProcessError):
        eve.opened(raw)


def test_a_relay_reads_only_what_is_outside(readers: Sequence[Reader]) -> None:
    raw = sealed(fax_mails.mail(fax_mails.pdf()), [certificate_of(pem(readers[0].certificate))])
    fax_mails.assert_says_only_what_is_outside(raw)
    outside = fax_mails.read(raw)
    assert outside.get_content_type() == "application/pkcs7-mime"
    assert outside["Content-Type"].params == {"smime-type": "enveloped-data", "name": "smime.p7m"}
    command = ["openssl", "cms", "-cmsout", "-print", "-noout"]
    said = subprocess.run(command, input=raw, capture_output=True, check=True).stdout
    assert b"aes-256-cbc" in said
    assert b"pkcs7-envelopedData" in said


def test_it_is_not_sealed_to_a_certificate_that_has_expired_since(readers: Sequence[Reader]) -> None:
    certificate = certificate_of(pem(readers[0].certificate))
    with pytest.raises(CertificateRefused, match="expired on"):
        sealed(fax_mails.mail(b"%PDF-"), [certificate], NOW + 2 * DAY)


def test_nor_to_nobody() -> None:
    with pytest.raises(ValueError, match="nobody"):
        sealed(fax_mails.mail(b"%PDF-"), [])
