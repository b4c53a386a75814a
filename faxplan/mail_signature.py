"""DKIM (RFC 6376): a brand's domain vouches for its mails, and whoever gets one sees that nothing was changed.

Signed are the body, and the headers that are shown or decide what becomes of a mail, so that none of them can be
changed, or added: not even another From, which some programs would show instead. It says nothing of who wrote it.
"""

import base64
import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from faxplan.errors import FaxplanError
from faxplan.language import _

SIGNED = (
    "From",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
)
"""Once more than each is there, so that another one would be noticed."""
SHORTEST_RSA = 2048
_SPACES = re.compile(rb"[ \t]+")
_LABELS = re.compile(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class SigningKeyRefused(FaxplanError):
    """No mail can be signed with it."""

    error_id: ClassVar[str] = "signing-key-refused"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """private: PEM (PKCS#8). record: the text of the TXT record at `SELECTOR._domainkey.DOMAIN`."""

    private: bytes = field(repr=False)
    record: str


def new_key() -> SigningKey:
    """A key pair that there was not before: RSA with 2048 bits, which everybody checks. Takes up to a second."""
    key = rsa.generate_private_key(65537, SHORTEST_RSA)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(pem, f"v=DKIM1; k=rsa; p={_text(public)}")


def signed(raw: bytes, domain: str, selector: str, key_pem: bytes, *, at: int | None = None) -> bytes:
    """The mail with a signature before it, of `at` (seconds since 1970; now). raw: as mail_form makes it.

    Holds the mail once more. Raises SigningKeyRefused, and ValueError for what is no mail or no name.
    """
    for each in (domain, selector):
        if not _LABELS.fullmatch(each):
            raise ValueError(f"{each!r} is no domain or selector, in small ASCII letters")
    if not raw.isascii() or raw.count(b"\n") != raw.count(b"\r\n") or raw.count(b"\r") != raw.count(b"\r\n"):
        raise ValueError("a mail that a relay would write anew")
    end = raw.find(b"\r\n\r\n") + 2
    if end < 2:
        raise ValueError("a mail without a body")
    fields = list(_fields(raw[:end]))
    if [name for name, _value in fields].count(b"from") != 1:
        raise ValueError("a mail has one From")
    key = _loaded(key_pem)
    names = [each.lower() for each in SIGNED]
    named = [each for each in names for _time in range(1 + [name for name, _value in fields].count(each.encode()))]
    unsigned = (
        f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain};\r\n s={selector}; "
        f"t={int(time.time()) if at is None else at};\r\n h={_folded(':'.join(named), ':')};\r\n"
        f" bh={_text(_body_hash(raw, end + 2))};\r\n b="
    )
    # Of several by one name the last goes first (RFC 6376, 5.4.2).
    canonical = b"".join(
        _relaxed(name, value) + b"\r\n" for each in names for name, value in reversed(fields) if name == each.encode()
    )
    canonical += _relaxed(b"dkim-signature", unsigned.encode())
    text = _text(key.sign(canonical, PKCS1v15(), SHA256()))
    pieces = "\r\n ".join(text[at : at + 72] for at in range(0, len(text), 72))
    return f"DKIM-Signature: {unsigned}{pieces}\r\n".encode() + raw


def _loaded(key_pem: bytes) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyRefused(_("This is no private key in PEM form without a password.")) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SigningKeyRefused(_("Mails are signed with RSA, and this key is another."))
    if key.key_size < SHORTEST_RSA:
        raise SigningKeyRefused(
            _("The key has {bits} bits, which is too short: mail hosts distrust it. Make one with {least}.").format(
                bits=key.key_size, least=SHORTEST_RSA
            )
        )
    return key


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name in small letters, and value with its folds. head: lines that end with CRLF."""
    for each in re.split(rb"\r\n(?![ \t])", head[:-2]):
        name, _colon, value = each.partition(b":")
        yield name.rstrip(b" \t").lower(), value


def _relaxed(name: bytes, value: bytes) -> bytes:
    """RFC 6376, 3.4.2, without the end of the line."""
    return name + b":" + _SPACES.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t")


def _body_hash(raw: bytes, start: int) -> bytes:
    """RFC 6376, 3.4.4. Line by line: no second body is held."""
    hashed = sha256()
    empty = 0
    body = io.BytesIO(raw)
    body.seek(start)
    for line in body:
        plain = _SPACES.sub(b" ", line.rstrip(b"\r\n")).rstrip(b" ")
        if not plain:
            empty += 1
            continue
        hashed.update(b"\r\n" * empty + plain + b"\r\n")
        empty = 0
    return hashed.digest()


def _folded(text: str, between: str) -> str:
    """In lines of a header, cut after what stands between the words."""
    lines = [""]
    for word in text.split(between):
        if len(lines[-1]) + len(word) > 70:
            lines.append("")
        lines[-1] += word + between
    return "\r\n  ".join(lines).removesuffix(between)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
