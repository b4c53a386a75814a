"""Sealed files: a document that only those who hold its file key can open (docs/sealed-files/).

A file is a header that anybody can read, its seal, and chunks of AES-256-GCM (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizar, 2015, with the nonces of the age format). The header's seal, an HMAC under a key that
comes of the file key, commits the file to that key, which AES-GCM alone does not. Whoever may open a file is no part of
it: see wraps.
"""

import hmac
import io
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faxplan import shallow_json
from faxplan.errors import FaxplanError
from faxplan.random_access import RandomAccess

MAGIC = b"FAXPLAN\x01"
"""The last byte is the version."""
SUITE = "AES-256-GCM-STREAM+HKDF-SHA256+HMAC-SHA256"
KEY_BYTES = 32
CHUNK_BYTES = 65536
_TAG_BYTES, _SEAL_BYTES, _SALT_BYTES = 16, 32, 16
_LONGEST_HEADER_BYTES = 4096
_NAME_NONCE_BYTES = 12
_MEMBERS = {"artefact", "chunk", "document", "salt", "suite", "tenant"}
_LARGEST_TENANT = 2**53 - 1
"""What JSON's numbers are exact for everywhere (RFC 8785 has those of IEEE 754)."""


class SealBroken(FaxplanError):
    """A file is none of ours, was changed or cut off, or is another's than its key."""

    error_id = "seal-broken"


@dataclass(frozen=True, slots=True)
class Context:
    """What a sealed file is. document: its object name in the store; artefact: what it is, as documents.kind"""

    tenant: int
    document: str
    artefact: str


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the chunks. salt: 16 bytes. encoded: as in the file, without the seal."""

    context: Context
    salt: bytes
    encoded: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is encoded: to this a wrap is bound."""
        return sha256(self.encoded).digest()


def new_key() -> bytes:
    """A file key: for one file, and never again."""
    return secrets.token_bytes(KEY_BYTES)


def new_header(context: Context, salt: bytes | None = None) -> Header:
    """The header of a file that is to be sealed. salt: random unless given (test vectors)."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    said = {
        "artefact": context.artefact,
        "chunk": CHUNK_BYTES,
        "document": context.document,
        "salt": salt.hex(),
        "suite": SUITE,
        "tenant": context.tenant,
    }
    text = _canonical(said)
    if len(text) > _LONGEST_HEADER_BYTES:
        raise ValueError(f"a header of {len(text)} bytes; {_LONGEST_HEADER_BYTES} is the most")
    if abs(context.tenant) > _LARGEST_TENANT:
        raise ValueError(f"tenant {context.tenant}; {_LARGEST_TENANT} is the most")
    return Header(context, salt, MAGIC + len(text).to_bytes(4, "big") + text)


def seal(source: BinaryIO, target: BinaryIO, key: bytes, header: Header) -> int:
    """Seals what is left of `source`; how many bytes that was. key: of this file alone (new_key)."""
    body = AESGCM(_derived(key, header.salt, b"body"))
    target.write(header.encoded)
    target.write(_seal_of(key, header))
    block, number, total = _filled(source), 0, 0
    while True:
        # Only what follows tells whether a chunk is the last one.
        following = _filled(source) if len(block) == CHUNK_BYTES else b""
        target.write(body.encrypt(_nonce(number, last=not following), block, None))
        total += len(block)
        if not following:
            return total
        block, number = following, number + 1


def seal_name(name: str, key: bytes, header: Header) -> bytes:
    """A file's name, or another short text about it, for whoever has the file's key: a nonce, then AES-256-GCM."""
    nonce = secrets.token_bytes(_NAME_NONCE_BYTES)
    return nonce + AESGCM(_derived(key, header.salt, b"name")).encrypt(nonce, name.encode(), header.digest)


def open_name(sealed_name: bytes, key: bytes, header: Header) -> str:
    """What seal_name sealed. Raises SealBroken."""
    nonce, rest = sealed_name[:_NAME_NONCE_BYTES], sealed_name[_NAME_NONCE_BYTES:]
    try:
        return AESGCM(_derived(key, header.salt, b"name")).decrypt(nonce, rest, header.digest).decode()
    except (InvalidTag, ValueError) as error:
        raise SealBroken("The name of the document was changed, or is another's.") from error


def read_header(source: BinaryIO) -> tuple[Header, bytes]:
    """The header at the beginning of a file, and its seal, which is not looked at yet. Raises SealBroken."""
    start = _exactly(source, len(MAGIC) + 4, "its beginning")
    if start[: len(MAGIC) - 1] != MAGIC[:-1]:
        raise SealBroken("This is no sealed file of Faxplan.")
    if start[len(MAGIC) - 1] != MAGIC[-1]:
        raise SealBroken(f"It is sealed in version {start[len(MAGIC) - 1]} of the format, and this reads {MAGIC[-1]}.")
    length = int.from_bytes(start[len(MAGIC) :], "big")
    if length > _LONGEST_HEADER_BYTES:
        raise SealBroken("Its header is too long. The file is damaged.")
    text = _exactly(source, length, "its header")
    return _parsed(start, text), _exactly(source, _SEAL_BYTES, "its seal")


class SealedReader(RandomAccess):
    """The plain bytes of a sealed file, from any place in it; none is given out before its chunk has been verified.

    `source` must be able to seek. Raises SealBroken: at once if the key is not the file's or the header was changed,
    while reading if a chunk was; and at once if the file was cut off or something was appended.
    """

    def __init__(self, source: BinaryIO, key: bytes, expected: Context | None = None) -> None:
        super().__init__()
        source.seek(0)
        self._source = source
        self.header, given = read_header(source)
        if not hmac.compare_digest(given, _seal_of(key, self.header)):
            raise SealBroken("This key does not open it, or its header was changed.")
        if expected is not None and expected != self.header.context:
            raise SealBroken(f"It is {_named(self.header.context)}, and not {_named(expected)}.")
        self._body = AESGCM(_derived(key, self.header.salt, b"body"))
        self._start = source.tell()
        sealed = source.seek(0, io.SEEK_END) - self._start
        whole, rest = divmod(sealed, CHUNK_BYTES + _TAG_BYTES)
        if (rest and rest < _TAG_BYTES) or (not whole and not rest) or (whole and rest == _TAG_BYTES):
            raise SealBroken("It was cut off.")
        self._last = whole if rest else whole - 1
        self.size = sealed - _TAG_BYTES * (self._last + 1)
        """Plain bytes."""
        self._number, self._chunk = -1, b""
        # The last chunk alone tells that nothing is missing behind it.
        self._load(self._last)

    def piece(self, at: int, most: int) -> bytes:
        """What one chunk has from there on."""
        number, offset = divmod(at, CHUNK_BYTES)
        self._load(number)
        return self._chunk[offset : offset + most]

    def chunks(self) -> Iterator[bytes]:
        """All of it, chunk by chunk, from the beginning."""
        for number in range(self._last + 1):
            self._load(number)
            yield self._chunk

    def _load(self, number: int) -> None:
        if number == self._number:
            return
        self._source.seek(self._start + number * (CHUNK_BYTES + _TAG_BYTES))
        sealed = self._source.read(CHUNK_BYTES + _TAG_BYTES)
        try:
            self._chunk = self._body.decrypt(_nonce(number, last=number == self._last), sealed, None)
        except InvalidTag as error:
            raise SealBroken(f"It was changed or cut off (chunk {number}).") from error
        self._number = number


def _filled(source: BinaryIO) -> bytes:
    """A whole chunk where there is one, also of a source that gives less at once."""
    block = source.read(CHUNK_BYTES)
    while 0 < len(block) < CHUNK_BYTES and (more := source.read(CHUNK_BYTES - len(block))):
        block += more
    return block


def _exactly(source: BinaryIO, count: int, what: str) -> bytes:
    found = source.read(count)
    if len(found) < count:
        raise SealBroken(f"It was cut off in {what}.")
    return found


def _parsed(start: bytes, text: bytes) -> Header:
    try:
        said = shallow_json.read(text)
        context = Context(said["tenant"], said["document"], said["artefact"])
        salt = bytes.fromhex(said["salt"])
        known = said["suite"] == SUITE and said["chunk"] == CHUNK_BYTES and len(salt) == _SALT_BYTES
        # Python takes 65536.0 for the same number, a browser writes it another way.
        known = known and type(said["chunk"]) is int
        # One way to write each header, so that every reader takes the same ones: docs/sealed-files/.
        canonical = said.keys() == _MEMBERS and _canonical(said) == text and said["salt"] == salt.hex()
    except (ValueError, KeyError, TypeError) as error:
        raise SealBroken("Its header cannot be read. The file is damaged.") from error
    if not canonical or not known or not _is_context(context):
        raise SealBroken("Its header is not one that this version writes.")
    return Header(context, salt, start + text)


def _is_context(found: Context) -> bool:
    """What JSON gave may be of any type; true is an int, too."""
    texts = isinstance(found.document, str) and isinstance(found.artefact, str)
    return texts and type(found.tenant) is int and abs(found.tenant) <= _LARGEST_TENANT


def _canonical(said: dict[str, object]) -> bytes:
    """Of RFC 8785 what a header needs: sorted keys, no spaces, ASCII."""
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a file key has {KEY_BYTES} bytes")
    return HKDF(SHA256(), KEY_BYTES, salt, b"faxplan sealed file, " + purpose).derive(key)


def _seal_of(key: bytes, header: Header) -> bytes:
    return hmac.digest(_derived(key, header.salt, b"header"), header.encoded, "sha256")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _named(context: Context) -> str:
    return f"{context.artefact} of document {context.document}, tenant {context.tenant}"
