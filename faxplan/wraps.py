"""Wraps: a file key, sealed to one reader (HPKE, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM).

A wrap is bound to the header of its file, and to what it is for: it opens no other. Each has 80 bytes. Adding a reader
is adding a wrap; the file stays as it is. docs/sealed-files/ has the format.
"""

from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from faxplan.sealed import KEY_BYTES, SealBroken

WRAP_BYTES = 80
"""Of a file key: encapsulated key 32, key 32, tag 16."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_FILE_KEY, _PRIVATE_KEY = b"faxplan wrap of a file key", b"faxplan wrap of a private key"


@dataclass(frozen=True)
class PublicKey:
    """Of a reader: a user, a mailbox's epoch, or one that passes (dispatch, mailer). raw: 32 bytes (RFC 7748)."""

    raw: bytes

    def wrap(self, file_key: bytes, digest: bytes) -> bytes:
        """That reader's wrap of the key of the file whose header has this digest (sealed.Header)."""
        if len(file_key) != KEY_BYTES:
            raise ValueError(f"a file key has {KEY_BYTES} bytes")
        return _SUITE.encrypt(file_key, self._key, info=_FILE_KEY + digest)

    def wrap_private(self, other: "PrivateKey") -> bytes:
        """That reader's wrap of another reader's private key: a mailbox's for its member, an epoch's for the next."""
        return _SUITE.encrypt(other.raw, self._key, info=_PRIVATE_KEY + other.public.raw)

    @cached_property
    def _key(self) -> X25519PublicKey:
        return X25519PublicKey.from_public_bytes(self.raw)


@dataclass(frozen=True)
class PrivateKey:
    """Of a reader. raw: 32 bytes."""

    raw: bytes

    def __repr__(self) -> str:
        """Without the key: what is printed is kept."""
        return f"PrivateKey(of {self.public.raw.hex()[:16]})"

    @cached_property
    def public(self) -> PublicKey:
        """What others seal to."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def unwrap(self, wrap: bytes, digest: bytes) -> bytes:
        """The key of the file whose header has this digest. Raises SealBroken: it is another's wrap, or file's."""
        return self._opened(wrap, _FILE_KEY + digest)

    def unwrap_private(self, wrap: bytes, public: PublicKey) -> "PrivateKey":
        """The private key that belongs to this public one. Raises SealBroken, also where it is not that one's."""
        found = PrivateKey(self._opened(wrap, _PRIVATE_KEY + public.raw))
        if found.public != public:
            raise SealBroken("This wrap holds another key than it says.")
        return found

    def _opened(self, wrap: bytes, info: bytes) -> bytes:
        try:
            found = _SUITE.decrypt(wrap, self._key, info=info)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("This key does not open it: it is another reader's, or another file's.") from error
        if len(found) != KEY_BYTES:
            raise SealBroken("This wrap holds no key.")
        return found

    @cached_property
    def _key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.raw)


def new_key_pair() -> PrivateKey:
    """A reader's, random."""
    return PrivateKey(X25519PrivateKey.generate().private_bytes_raw())
