"""What opens faxes: a password, a recovery code or a reader's key, none of which is sent; and the mailboxes' keys that
they open."""

import base64
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faxplan_client import sealed
from faxplan_client.answers import MailboxEpoch, UserKeyParameters, Wrap
from faxplan_client.errors import CannotOpen

_READER = re.compile("fxr_[A-Za-z0-9_-]{43}")
_CODE, _KEY, _NONCE, _SALT = 20, 32, 12, 16
_MEMORY_KIB, _PASSES = 65536, 3
"""Nothing is derived for less, whatever a server says."""
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 1024**2, 64, 16
"""Nor for more: it would take this machine's memory, or for ever."""


@dataclass(frozen=True, slots=True)
class Password:
    """Of the user whose API key it is."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """Of the user, as it was written down: eight groups of four."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReaderKey:
    """Of an API reader: `fxr_...` (`faxplan reader add`)."""

    text: str = field(repr=False)

    @property
    def private(self) -> X25519PrivateKey:
        """Raises CannotOpen."""
        text = self.text.strip()
        if _READER.fullmatch(text):
            raw = base64.urlsafe_b64decode(text.removeprefix("fxr_") + "=")
            # The last letter has two bits more than it needs: there is one way to write each key.
            if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text.removeprefix("fxr_"):
                return X25519PrivateKey.from_private_bytes(raw)
        raise CannotOpen(
            "invalid-secret", "A reader's key is fxr_ and 43 letters and digits. See whether all of it is in the file."
        )


Secret = Password | RecoveryCode | ReaderKey


@dataclass(frozen=True, slots=True)
class Derived:
    """auth: shows who knows the secret, and is sent. wrap: opens the user's key, and is not."""

    auth: bytes = field(repr=False)
    wrap: bytes = field(repr=False)


def of_password(password: str, parameters: UserKeyParameters) -> Derived:
    """Takes a tenth of a second and 64 MiB. Raises CannotOpen where the server asks for what is too cheap to guess, or
    for what this machine has not."""
    said = parameters
    if said.memory_kib < _MEMORY_KIB or said.passes < _PASSES or said.lanes < 1 or len(said.salt) < _SALT:
        raise CannotOpen(
            "weak-parameters",
            "The server asks for a weaker protection of the password than this client accepts. Nothing was sent; tell "
            "whoever runs it.",
        )
    if said.memory_kib > _MOST_MEMORY_KIB or said.passes > _MOST_PASSES or said.lanes > _MOST_LANES:
        raise CannotOpen(
            "excessive-parameters",
            "The server asks for more work of this machine than any password needs. Nothing was sent; tell whoever "
            "runs it.",
        )
    key = Argon2id(
        salt=said.salt, length=_KEY, iterations=said.passes, lanes=said.lanes, memory_cost=said.memory_kib
    ).derive(unicodedata.normalize("NFC", password).encode())
    return Derived(_expanded(key, b"faxplan password, auth"), _expanded(key, b"faxplan password, wrap"))


def of_code(code: str) -> Derived:
    """Raises CannotOpen for what is no recovery code."""
    # Whoever copies it by hand takes I for 1 and O for 0; neither digit is in it.
    plain = "".join(code.upper().split()).replace("-", "").replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        secret = base64.b32decode(plain)
    except ValueError:
        secret = b""
    if len(secret) != _CODE:
        raise CannotOpen(
            "invalid-secret",
            "A recovery code has eight groups of four letters and digits. See whether one is missing.",
        )
    return Derived(_expanded(secret, b"faxplan recovery code, auth"), _expanded(secret, b"faxplan recovery code, wrap"))


def unlocked(locked: bytes, wrap: bytes, public: bytes) -> X25519PrivateKey:
    """The user's private key, which belongs to this public one. Raises CannotOpen."""
    try:
        raw = AESGCM(wrap).decrypt(locked[:_NONCE], locked[_NONCE:], b"faxplan user key" + public)
        found = X25519PrivateKey.from_private_bytes(raw)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("wrong-secret", "That does not open the key. Capital letters count in a password.") from error
    if found.public_key().public_bytes_raw() != public:
        raise CannotOpen("wrong-secret", "The key that it opens is another user's. Tell whoever runs the server.")
    return found


class Keyring:
    """The keys of mailboxes' epochs that a reader opens. They are nowhere but in memory."""

    def __init__(self, own: X25519PrivateKey, epochs: Iterable[MailboxEpoch]) -> None:
        self._opened: dict[tuple[int, int], X25519PrivateKey] = {}
        known: Mapping[tuple[int, int], MailboxEpoch] = {(each.mailbox, each.epoch): each for each in epochs}
        # From the newest down: each brings the one before it.
        for place in sorted(known, reverse=True):
            try:
                self._open(place, known, own)
            except CannotOpen:
                # What only this would open stays closed.
                continue

    def __repr__(self) -> str:
        return f"Keyring(of {len(self._opened)} epochs)"

    def key_of(self, mailbox: int, epoch: int) -> X25519PrivateKey | None:
        """None: it is not opened."""
        return self._opened.get((mailbox, epoch))

    def file_key(self, wraps: Iterable[Wrap], digest: bytes) -> bytes:
        """The key of the file whose header has this digest, of its wraps. Raises CannotOpen."""
        for each in wraps:
            private = self.key_of(each.mailbox, each.epoch)
            if private is not None:
                return sealed.unwrap_file_key(private, each.wrap, digest)
        raise CannotOpen(
            "locked", "This fax is sealed to other keys than yours. Another reader of its mailbox opens it."
        )

    def _open(
        self, place: tuple[int, int], known: Mapping[tuple[int, int], MailboxEpoch], own: X25519PrivateKey
    ) -> None:
        mailbox, number = place
        epoch = known[place]
        if place not in self._opened and epoch.wrap is not None:
            self._opened[place] = sealed.unwrap_private_key(own, epoch.wrap, epoch.public_key)
        before = known.get((mailbox, number - 1))
        if place in self._opened and epoch.earlier is not None and before is not None:
            self._opened[mailbox, number - 1] = sealed.unwrap_private_key(
                self._opened[place], epoch.earlier, before.public_key
            )


def _expanded(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, None, purpose).derive(key)
