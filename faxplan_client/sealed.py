"""Opens sealed files with a reader's key, on this machine. Written from docs/sealed-files/README.md, as it is there.

Nothing is given out of a chunk that was not verified.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faxplan_client.errors import CannotOpen

_MAGIC = b"FAXPLAN\x01"
_SUITE_NAME = "AES-256-GCM-STREAM+HKDF-SHA256+HMAC-SHA256"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MEMBERS = {"artefact", "chunk", "document", "salt", "suite", "tenant"}
_CHUNK, _TAG, _SEAL, _KEY, _NONCE = 65536, 16, 32, 32, 12
_LONGEST = 4096
_LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Context:
    """Which file it is to be."""

    tenant: int
    document: str
    artefact: str


class SealedFile:
    """A file whose header is verified. source: can seek; key: the file's. Raises CannotOpen."""

    def __init__(self, source: BinaryIO, key: bytes, expected: Context) -> None:
        self._source = source
        header, said = _header(source)
        self._header = header
        salt = bytes.fromhex(said["salt"])
        seal = hmac.digest(_derived(key, salt, b"header"), header, "sha256")
        if not hmac.compare_digest(_exactly(source, _SEAL), seal):
            raise _broken("its header was changed, or the key is another file's")
        if Context(said["tenant"], said["document"], said["artefact"]) != expected:
            raise _broken("it is another file than was asked for")
        self._body = AESGCM(_derived(key, salt, b"body"))
        self._names = AESGCM(_derived(key, salt, b"name"))

    def chunks(self) -> Iterator[bytes]:
        """What is in it, from the beginning. Raises CannotOpen, also at the end where it was cut off."""
        number, block = 0, self._source.read(_CHUNK + _TAG)
        while True:
            following = self._source.read(_CHUNK + _TAG)
            try:
                plain = self._body.decrypt(number.to_bytes(11, "big") + bytes([not following]), block, None)
            except (InvalidTag, ValueError) as error:
                raise _broken("it was changed or cut off") from error
            if number and not plain:
                raise _broken("it has an empty chunk")
            yield plain
            if not following:
                return
            number, block = number + 1, following

    def name(self, sealed: bytes) -> str:
        """What lies beside it: what it was called. Raises CannotOpen."""
        try:
            return self._names.decrypt(sealed[:_NONCE], sealed[_NONCE:], hashlib.sha256(self._header).digest()).decode()
        except (InvalidTag, ValueError) as error:
            raise _broken("its name was changed, or is another's") from error


def digest_of(source: BinaryIO) -> bytes:
    """SHA-256 of a file's header: to this the wraps of its key are bound. Raises CannotOpen."""
    return hashlib.sha256(_header(source)[0]).digest()


def unwrap_file_key(private: X25519PrivateKey, wrap: bytes, digest: bytes) -> bytes:
    """The key of the file whose header has this digest. Raises CannotOpen."""
    return _unwrapped(private, wrap, b"faxplan wrap of a file key" + digest)


def wrap_file_key(key: bytes, public: bytes, digest: bytes) -> bytes:
    """A file's key, for another reader. digest: of the file's header."""
    return _SUITE.encrypt(key, X25519PublicKey.from_public_bytes(public), info=b"faxplan wrap of a file key" + digest)


def unwrap_private_key(private: X25519PrivateKey, wrap: bytes, public: bytes) -> X25519PrivateKey:
    """Another reader's private key, which belongs to this public one. Raises CannotOpen."""
    found = X25519PrivateKey.from_private_bytes(_unwrapped(private, wrap, b"faxplan wrap of a private key" + public))
    if found.public_key().public_bytes_raw() != public:
        raise _broken("a wrap holds another key than it says")
    return found


def _unwrapped(private: X25519PrivateKey, wrap: bytes, info: bytes) -> bytes:
    try:
        found = _SUITE.decrypt(wrap, private, info=info)
    except (InvalidTag, ValueError) as error:
        raise _broken("a wrap is another reader's, or another file's") from error
    if len(found) != _KEY:
        raise _broken("a wrap holds no key")
    return found


def _header(source: BinaryIO) -> tuple[bytes, dict[str, Any]]:
    source.seek(0)
    start = _exactly(source, len(_MAGIC) + 4)
    length = int.from_bytes(start[len(_MAGIC) :], "big")
    if start[: len(_MAGIC)] != _MAGIC or length > _LONGEST:
        raise _broken("it is no sealed file, or of a version that this client does not know")
    text = _exactly(source, length)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken("its header cannot be read") from error
    if not _is_header(said, text):
        raise _broken("its header is written in another way than there is")
    return start + text, said


def _is_header(said: object, text: bytes) -> bool:
    """Whether the text is the one way to write what it says."""
    return (
        isinstance(said, dict)
        and said.keys() == _MEMBERS
        and said["suite"] == _SUITE_NAME
        and all(isinstance(said[name], str) for name in ("artefact", "document", "salt"))
        and re.fullmatch("[0-9a-f]{32}", said["salt"]) is not None
        # Of true and 65536.0 Python thinks that they are whole numbers.
        and (type(said["chunk"]), type(said["tenant"])) == (int, int)
        and said["chunk"] == _CHUNK
        and abs(said["tenant"]) <= _LARGEST
        and json.dumps(said, sort_keys=True, separators=(",", ":")).encode() == text
    )


def _exactly(source: BinaryIO, count: int) -> bytes:
    found = source.read(count)
    if len(found) < count:
        raise _broken("it was cut off")
    return found


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    if len(key) != _KEY:
        raise _broken("a file key has 32 bytes")
    return HKDF(SHA256(), _KEY, salt, b"faxplan sealed file, " + purpose).derive(key)


def _broken(why: str) -> CannotOpen:
    return CannotOpen("seal-broken", f"The document does not open: {why}.")
