"""A passkey in software, which signs whatever a test asks it to (WebAuthn level 3, 6.1)."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """host: of the site for which it is. The rest is what a test changes to see it refused."""

    host: str
    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    more: dict[str, Any] = field(default_factory=dict)

    def made(self, challenge: bytes, kind: str = "webauthn.create") -> dict[str, str]:
        """As the browser hands over a new one."""
        cose = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        attested = {"fmt": "none", "attStmt": {}, "authData": self._data(HAS_KEY) + credential}
        return {"clientData": self._client_data(challenge, kind).hex(), "attestation": cbor.encode(attested).hex()}

    def used(self, challenge: bytes, kind: str = "webauthn.get") -> dict[str, str]:
        """As the browser hands over that it was used."""
        data, client_data = self._data(), self._client_data(challenge, kind)
        signed = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return {
            "credentialId": self.id.hex(),
            "clientData": client_data.hex(),
            "authenticatorData": data.hex(),
            "signature": signed.hex(),
        }

    def _data(self, flags: int = 0) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([self.flags | flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, challenge: bytes, kind: str) -> bytes:
        written = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        return json.dumps({"type": kind, "challenge": written, "origin": self.origin, **self.more}).encode()
