"""Signed notes, as C2SP's signed-note v1.0.0 defines them, with one Ed25519 signature.

A text that ends in a newline, an empty line, then `— NAME BASE64(key ID, signature)`. Whoever checks one has the
verifier key (vkey): NAME+KEYID+BASE64(0x01, public key).
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from faxplan.errors import FaxplanError

_ED25519 = b"\x01"
_DASH = "\u2014 "
_KEY_BYTES, _ID_BYTES = 32, 4
_PRIVATE = "PRIVATE+KEY+"


class NoteRefused(FaxplanError):
    """A note is malformed, or nobody whom one trusts has signed it as it is."""

    error_id = "note-refused"


class InvalidKey(FaxplanError):
    """A text is no key for signing or verifying notes."""

    error_id = "invalid-note-key"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Whose signature is trusted. name: without spaces and plus signs. public: 32 bytes."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_BYTES]

    @property
    def vkey(self) -> str:
        """As it is handed to whoever checks."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def of(cls, vkey: str) -> "Verifier":
        """Reads a vkey. Raises InvalidKey."""
        name, public = _read_key(vkey.strip(), "a verifier key: NAME+KEYID+BASE64")
        found = cls(name, public)
        if found.vkey != vkey.strip():
            raise InvalidKey("The verifier key does not agree with its own key ID. Copy it anew, whole.")
        return found

    def opened(self, note: str) -> str:
        """The text of a note that this key has signed. Raises NoteRefused.

        Signatures of other keys are passed over, as the specification asks.
        """
        if any(ord(each) < 0x20 and each != "\n" for each in note):
            raise NoteRefused("This is no signed note: it holds control characters. Fetch the file anew.")
        text, parted, signatures = note.rpartition("\n\n")
        if not parted or not signatures.endswith("\n"):
            raise NoteRefused(
                "This is no signed note: there is no signature below an empty line. Fetch it anew, whole."
            )
        text += "\n"
        found = [self._checked(text, line) for line in signatures[:-1].split("\n")]
        if not any(found):
            raise NoteRefused(
                f"The note is not signed by {self.vkey}. Is this the verifier key of the machine that made it?"
            )
        return text

    def _checked(self, text: str, line: str) -> bool:
        """Whether a line is this key's signature. Raises NoteRefused where it says so and is not."""
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            signature = b""
        if not line.startswith(_DASH) or not name or len(signature) <= _ID_BYTES:
            raise NoteRefused(
                "This is no signed note: a line below the empty one is no signature. Fetch it anew, whole."
            )
        if name != self.name or signature[:_ID_BYTES] != self.key_id:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature[_ID_BYTES:], text.encode())
        except InvalidSignature:
            raise NoteRefused(
                f"The signature of {self.name} does not fit the text: the note was changed, or was never signed by it."
            ) from None
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs. seed: the private key, 32 bytes."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"

    @property
    def verifier(self) -> Verifier:
        """What others check with."""
        return Verifier(self.name, self._key.public_key().public_bytes_raw())

    @property
    def private_text(self) -> str:
        """The key as it is kept in a file, in the form of golang.org/x/mod/sumdb/note."""
        encoded = base64.b64encode(_ED25519 + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{encoded}"

    @classmethod
    def new(cls, name: str) -> "Signer":
        """A new key. Raises InvalidKey for a name that no note can have."""
        if not name or "+" in name or any(each.isspace() or not each.isprintable() for each in name):
            raise InvalidKey(
                f"{name!r} cannot be a key's name: no spaces and no +. Write it like fax.example.com/audit."
            )
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def of(cls, private_text: str) -> "Signer":
        """Reads a key file's text. Raises InvalidKey."""
        text = private_text.strip()
        if not text.startswith(_PRIVATE):
            raise InvalidKey("This is no key that signs notes: such a file begins with PRIVATE+KEY+.")
        signer = cls(*_read_key(text.removeprefix(_PRIVATE), "a key that signs notes"))
        if signer.private_text != text:
            raise InvalidKey(
                "The key does not agree with its own key ID: the file is damaged. Restore it from a backup."
            )
        return signer

    def signed(self, text: str) -> str:
        """The note. text: ends in a newline, without control characters but newlines."""
        signature = self.verifier.key_id + self._key.sign(text.encode())
        return f"{text}\n{_DASH}{self.name} {base64.b64encode(signature).decode()}\n"

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def _read_key(text: str, what: str) -> tuple[str, bytes]:
    """Name and 32 bytes. What stands between the first and the last + is compared by whoever asks."""
    try:
        # BASE64 may itself hold a +, a name never.
        name, _, encoded = text.split("+", 2)
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        name, key = "", b""
    if not name or key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
        raise InvalidKey(f"This is not {what}, of Ed25519. Copy it anew, whole, in quotation marks.")
    return name, key[1:]
