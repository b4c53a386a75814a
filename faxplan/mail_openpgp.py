"""Mail that the holder of an OpenPGP key opens and no relay on its way does: PGP/MIME (RFC 3156, RFC 9580).

The content is encrypted with AES-256, and whoever changes it on its way is noticed. Not signed: who has the public key
could have written one like it. Whether a key is whose it says, nobody asks here: who registers it answers for that.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import ClassVar, TypeVar

import pysequoia
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from faxplan import mail_form, openpgp_packets
from faxplan.errors import FaxplanError
from faxplan.language import _, day

MOST_BYTES = 1024 * 1024
"""Of a file with a key: some have pictures, and many signatures."""
_PRIVATE = b"PRIVATE KEY BLOCK"
_KEY_TAGS = (Tag.PublicKey, Tag.PublicSubkey)
_T = TypeVar("_T")
_IN_BRACKETS = re.compile(r"<([^<>]*)>\s*$")


class KeyRefused(FaxplanError):
    """Nobody can, or should, send mail that is sealed to this key."""

    error_id: ClassVar[str] = "openpgp-key-refused"


@dataclass(frozen=True, slots=True)
class OpenPgpKey:
    """One that mail can be sealed to. content: binary, public. fingerprint: hexadecimal; 40 digits, of a version 6 key
    64. not_after: of the key, or of the last of what it has for mail, whichever is sooner; None: never."""

    content: bytes = field(repr=False)
    fingerprint: str
    addresses: tuple[str, ...]
    not_after: datetime | None

    def is_for(self, address: str) -> bool:
        """Whether it names this e-mail address."""
        return address.casefold() in (each.casefold() for each in self.addresses)


def key_of(content: bytes, now: datetime | None = None) -> OpenPgpKey:
    """The public key in a file, armored or binary. now: the moment that it is to be good at. Raises KeyRefused."""
    if len(content) > MOST_BYTES:
        raise KeyRefused(_("The file is too large for a key. Export one key alone, without pictures."))
    kinds: frozenset[int] = frozenset()
    packets = b""
    try:
        packets = openpgp_packets.binary(content)
        kinds = openpgp_packets.check(packets)
    except openpgp_packets.NoKeyFile:
        packets = b""
    except openpgp_packets.TooMuch as error:
        raise KeyRefused(
            _(
                "There is more in this file than in a key. Export one key alone, without pictures and signatures of "
                "others."
            )
        ) from error
    certs = _read(lambda: pysequoia.Cert.split_bytes(packets)) or []
    if _PRIVATE in content or kinds & openpgp_packets.SECRET:
        raise KeyRefused(
            _(
                "This is a private key, which nobody else should have: it was not kept. Export the public key, and "
                "consider replacing both."
            )
        )
    if len(certs) != 1:
        raise KeyRefused(
            _("There are several keys in this file. Export the one of who reads the mail.")
            if certs
            else _("There is no OpenPGP key in this file. Export the public key, and choose that file.")
        )
    try:
        return _checked(certs[0], now or datetime.now(UTC))
    except RuntimeError as error:
        raise KeyRefused(
            _("This key is damaged, or of a kind that is not known here. Ask its owner for another.")
        ) from error


def _checked(cert: pysequoia.Cert, now: datetime) -> OpenPgpKey:
    not_after = _not_after(cert)
    _check(cert, not_after, now)
    return _described(cert, not_after)


def registered(content: bytes) -> OpenPgpKey:
    """One that was taken before, as it is: also where it is no good any more. Raises KeyRefused where mail cannot be
    sealed to it at all."""
    cert = pysequoia.Cert.from_bytes(content)
    return _described(cert, _not_after(cert))


def _described(cert: pysequoia.Cert, not_after: datetime | None) -> OpenPgpKey:
    names = [str(each) for each in _read(lambda: cert.user_ids) or []]
    addresses = tuple(dict.fromkeys(filter(mail_form.is_address, map(_address, names))))
    return OpenPgpKey(bytes(cert), cert.fingerprint, addresses, not_after)


def sealed(message: EmailMessage, keys: Sequence[OpenPgpKey], now: datetime | None = None) -> bytes:
    """The mail as it is handed over, which each of the keys' holders opens. Subject and addresses stay plain.

    Needs about ten times the attachment, the mail counted. Raises KeyRefused where a key has expired since.
    """
    if not keys:
        raise ValueError("sealed to nobody")
    certs = [pysequoia.Cert.from_bytes(each.content) for each in keys]
    for cert in certs:
        _check(cert, _not_after(cert), now or datetime.now(UTC))
    armored = pysequoia.encrypt(mail_form.content(message), certs).decode("ascii")
    version = EmailMessage()
    version["Content-Type"] = "application/pgp-encrypted"
    version.set_payload("Version: 1\n")
    body = EmailMessage()
    body["Content-Type"] = 'application/octet-stream; name="encrypted.asc"'
    body["Content-Disposition"] = 'inline; filename="encrypted.asc"'
    body.set_payload(armored)
    whole = EmailMessage()
    whole["Content-Type"] = 'multipart/encrypted; protocol="application/pgp-encrypted"'
    whole["MIME-Version"] = "1.0"
    whole.set_payload([version, body])
    return mail_form.around(message, whole)


def _check(cert: pysequoia.Cert, not_after: datetime | None, now: datetime) -> None:
    if cert.is_revoked:
        raise KeyRefused(_("This key was revoked by its owner. Ask them for their new one."))
    if not_after is not None and now >= not_after:
        raise KeyRefused(
            _("The key, or what it has for encryption, expired on {date}. Ask its owner for one that is valid.").format(
                date=day(not_after)
            )
        )


def _not_after(cert: pysequoia.Cert) -> datetime | None:
    """When the key ends for mail. Raises KeyRefused for one that mail cannot be sealed to at all.

    The library falls back on what has expired where it finds nothing better, and says nothing. So: what does it use?
    """
    probe = _read(lambda: pysequoia.encrypt(b"", [cert], armor=False))
    if probe is None:
        raise KeyRefused(
            _(
                "Mail cannot be sealed to this key: it has nothing for encryption that is valid and strong enough. "
                "Ask its owner for another, or for a newer copy."
            )
        )
    used = [_recipient(each) for each in _packets(probe) if _tag(each) == Tag.PKESK]
    ends = [end for key_id, end in _ends(cert) if key_id in used]
    last = None if None in ends or not ends else max(end for end in ends if end is not None)
    known = [end for end in (cert.expiration, last) if end is not None]
    return min(known, default=None)


def _recipient(session_key: Packet) -> str:
    """The key ID of what it is encrypted to (RFC 9580, 5.1): by key ID, or by version and fingerprint."""
    body = session_key.body
    return body[1:9].hex() if body[0] == 3 else body[3:11].hex() if body[2] == 6 else body[-8:].hex()


def _ends(cert: pysequoia.Cert) -> list[tuple[str | None, datetime | None]]:
    """Of each part of the key: its ID, and when it ends, by the newest signature that binds it to the whole."""
    found: list[tuple[str | None, datetime | None]] = []
    packets = _packets(bytes(cert))
    for at, key in enumerate(packets):
        if _tag(key) not in _KEY_TAGS:
            continue
        signatures = itertools.takewhile(lambda each: _tag(each) == Tag.Signature, packets[at + 1 :])
        bindings = [
            (each.signature_created, each.key_validity_period)
            for each in signatures
            if _signature_type(each) == SignatureType.SubkeyBinding and each.signature_created is not None
        ]
        lasts = max(bindings, key=lambda binding: binding[0])[1] if bindings else None
        found.append((key.key_id, key.key_created + lasts if lasts and key.key_created else None))
    return found


def _address(name: str) -> str:
    """That of a user ID: in angle brackets, or all of it."""
    found = _IN_BRACKETS.search(name)
    return found[1] if found else name


def _packets(content: bytes) -> list[Packet]:
    return _read(lambda: list(PacketPile.from_bytes(content))) or []


def _tag(packet: Packet) -> Tag | None:
    return _read(lambda: packet.tag)


def _signature_type(packet: Packet) -> SignatureType | None:
    return _read(lambda: packet.signature_type)


def _read(read: Callable[[], _T]) -> _T | None:
    """None for what the library cannot read, whose words are for programmers."""
    try:
        return read()
    except RuntimeError:
        return None
