"""Signatures of webhooks, as Standard Webhooks has them: `v1` is HMAC-SHA256, `v1a` Ed25519; and their keys as text.

What is signed is id, time and body together: nobody makes an old message a new one, and each message is signed anew
whenever it goes out, so that whoever gets it refuses what is old.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX, PUBLIC_PREFIX = "whsec_", "whpk_"
_SIZE = 32


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Of an endpoint: raw. secret: both sides have it."""

    secret: bytes = field(repr=False)
    private_key: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "SigningKeys":
        """Random ones."""
        return cls(secrets.token_bytes(_SIZE), Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public_key(self) -> bytes:
        """Raw, of the private one."""
        return Ed25519PrivateKey.from_private_bytes(self.private_key).public_key().public_bytes_raw()

    @property
    def secret_text(self) -> str:
        """As whoever verifies is given it."""
        return SECRET_PREFIX + _base64(self.secret)


def public_text(public_key: bytes) -> str:
    """As whoever verifies is given it."""
    return PUBLIC_PREFIX + _base64(public_key)


def headers(keys: Sequence[SigningKeys], message: str, at: int, body: bytes) -> Mapping[str, str]:
    """What goes with a message, signed by each of the keys. at: seconds since 1970."""
    signed = f"{message}.{at}.".encode() + body
    signatures = []
    for each in keys:
        signatures.append("v1," + _base64(hmac.digest(each.secret, signed, hashlib.sha256)))
        signatures.append("v1a," + _base64(Ed25519PrivateKey.from_private_bytes(each.private_key).sign(signed)))
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
