"""Mail that the holder of an X.509 certificate opens and no relay on its way does: S/MIME (RFC 8551).

The content is encrypted with AES-256-CBC, whose key each certificate's RSA key wraps: what Outlook, Apple Mail and
Thunderbird all open. Not signed: who takes the mail to pieces on its way could put something of theirs in its place.
Whether a certificate is whose it says, nobody asks here: who registers it answers for that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import ClassVar, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from faxplan import mail_form
from faxplan.errors import FaxplanError
from faxplan.language import _, day

MOST_BYTES = 256 * 1024
"""Of a file with a certificate and its chain."""
SHORTEST_RSA = 2048
_T = TypeVar("_T", bound=x509.ExtensionType)
_UTF8_MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")  # SmtpUTF8Mailbox, RFC 9598
_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)
_PURPOSES = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class CertificateRefused(FaxplanError):
    """Nobody can, or should, send mail that is sealed to this certificate."""

    error_id: ClassVar[str] = "certificate-refused"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that mail can be sealed to. content: DER. addresses: as it has them. fingerprint: SHA-256, hexadecimal."""

    content: bytes = field(repr=False)
    fingerprint: str
    addresses: tuple[str, ...]
    not_after: datetime

    def is_for(self, address: str) -> bool:
        """Whether it names this e-mail address."""
        return address.casefold() in (each.casefold() for each in self.addresses)


def certificate_of(content: bytes, now: datetime | None = None) -> Certificate:
    """The certificate in a file: PEM or DER, alone or with its chain, also as PKCS#7 (.p7b, .p7c).

    now: the moment that it is to be good at. Raises CertificateRefused.
    """
    if len(content) > MOST_BYTES:
        raise CertificateRefused(_("The file is too large for a certificate. Choose the certificate alone."))
    given = _certificates(content)
    try:
        found = _leaf(given)
        _check(found, now or datetime.now(UTC))
        return _described(found)
    except (*_UNREADABLE, x509.DuplicateExtension) as error:
        raise CertificateRefused(
            _("The certificate is damaged, or uses something that is not known here. Ask whoever issued it.")
        ) from error


def registered(content: bytes) -> Certificate:
    """One that was taken before (DER), as it is: also where it is no good any more."""
    return _described(x509.load_der_x509_certificate(content))


def _described(found: x509.Certificate) -> Certificate:
    addresses = tuple(dict.fromkeys(filter(mail_form.is_address, _addresses(found))))
    fingerprint = found.fingerprint(SHA256()).hex()
    return Certificate(found.public_bytes(Encoding.DER), fingerprint, addresses, found.not_valid_after_utc)


def sealed(message: EmailMessage, certificates: Sequence[Certificate], now: datetime | None = None) -> bytes:
    """The mail as it is handed over, which each of the certificates' holders opens. Subject and addresses stay plain.

    Needs about ten times the attachment, the mail counted. Raises CertificateRefused where a certificate has expired
    since.
    """
    if not certificates:
        raise ValueError("sealed to nobody")
    part = EmailMessage()
    part.set_content(
        _enveloped(mail_form.content(message), certificates, now or datetime.now(UTC)),
        maintype="application",
        subtype="pkcs7-mime",
        filename="smime.p7m",
        params={"smime-type": "enveloped-data", "name": "smime.p7m"},
    )
    return mail_form.around(message, part)


def _enveloped(content: bytes, certificates: Sequence[Certificate], now: datetime) -> bytes:
    """EnvelopedData (RFC 5652, 6)."""
    builder = pkcs7.PKCS7EnvelopeBuilder().set_content_encryption_algorithm(AES256)
    for each in certificates:
        certificate = x509.load_der_x509_certificate(each.content)
        _check(certificate, now)
        builder = builder.add_recipient(certificate)
    # Binary: the lines end as they should already.
    return builder.set_data(content).encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def _certificates(content: bytes) -> list[x509.Certificate]:
    blocks = _PEM_BLOCK.findall(content)
    if any(block.endswith(b"PRIVATE KEY") for block in blocks):
        raise CertificateRefused(
            _(
                "There is a private key in this file, which nobody else should have: it was not kept. Export the "
                "certificate without its private key, and consider replacing both."
            )
        )
    ways = (
        (x509.load_pem_x509_certificates, pkcs7.load_pem_pkcs7_certificates)
        if blocks
        else (lambda der: [x509.load_der_x509_certificate(der)], pkcs7.load_der_pkcs7_certificates)
    )
    for way in ways:
        try:
            if found := way(content):
                return found
        except _UNREADABLE:
            continue
    raise CertificateRefused(
        _(
            "There is no certificate in this file. Choose one in PEM or DER form (.pem, .crt, .cer) or PKCS#7 (.p7b); "
            "not a .p12 or .pfx file, which also holds the private key."
        )
    )


def _leaf(found: Sequence[x509.Certificate]) -> x509.Certificate:
    """Whose it is, of a chain."""
    unique = list({each.fingerprint(SHA256()): each for each in found}.values())
    own = unique if len(unique) == 1 else [each for each in unique if not _is_authority(each)]
    if len(own) != 1:
        raise CertificateRefused(
            _("There are several certificates in this file. Choose one with that of the person alone.")
            if own
            else _("These are certificates of authorities, which sign others. Choose that of the person who reads.")
        )
    return own[0]


def _check(certificate: x509.Certificate, now: datetime) -> None:
    """Raises CertificateRefused, and ValueError for what cannot be read of it."""
    if _is_authority(certificate):
        raise CertificateRefused(
            _("This is the certificate of an authority, which signs others. Choose that of the person who reads.")
        )
    if now >= certificate.not_valid_after_utc:
        raise CertificateRefused(
            _("The certificate expired on {date}. Choose one that is valid.").format(
                date=day(certificate.not_valid_after_utc)
            )
        )
    if now < certificate.not_valid_before_utc:
        raise CertificateRefused(
            _("The certificate is valid from {date} on. Choose one that is valid now.").format(
                date=day(certificate.not_valid_before_utc)
            )
        )
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise CertificateRefused(
            _("Mail can be sealed to certificates with an RSA key, and this one has another. Ask for one with RSA.")
        )
    if key.key_size < SHORTEST_RSA:
        raise CertificateRefused(
            _("The key of this certificate has {bits} bits, which is too short. Ask for one with {least}.").format(
                bits=key.key_size, least=SHORTEST_RSA
            )
        )
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_encipherment:
        raise CertificateRefused(
            _("This certificate is for signatures alone (key usage). Choose the one of that person for encryption.")
        )
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    if purposes is not None and not _PURPOSES & set(purposes):
        raise CertificateRefused(
            _("This certificate is not for e-mail (extended key usage). Ask for one that is: S/MIME.")
        )


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _addresses(certificate: x509.Certificate) -> list[str]:
    found: list[str] = []
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is not None:
        found += names.get_values_for_type(x509.RFC822Name)
        found += [
            asn1.decode_der(str, each.value)
            for each in names.get_values_for_type(x509.OtherName)
            if each.type_id == _UTF8_MAILBOX
        ]
    found += [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    return found


def _extension(certificate: x509.Certificate, kind: type[_T]) -> _T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
