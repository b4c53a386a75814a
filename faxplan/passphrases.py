"""What a password, a passphrase, a recovery code or a passkey opens: a user's private key; a password also logs in.

A password is never sent. Argon2id (RFC 9106) and HKDF make two keys of it, on the user's own machine: *auth*, which is
sent at log-in and of which the server keeps a hash, and *wrap*, which opens the private key and goes nowhere. So
whoever has the database can guess passwords, at the price of an Argon2id each, and has nothing else.
docs/sealed-files/ has it for programs in other languages.
"""

import base64
import hmac
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faxplan import common_passwords
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.wraps import PrivateKey

SALT_BYTES = 16
SHORTEST_PASSWORD = 12
"""Characters (NIST SP 800-63B-4 asks for 15 where a password is alone; a second factor goes with ours)."""
_CODE_BYTES, _CODE_GROUPS = 20, 8
_NONCE_BYTES, _KEY_BYTES = 12, 32
_OPENS_KEY = b"faxplan user key"


class WrongSecret(FaxplanError):
    """A password, passphrase or recovery code does not open the key."""

    error_id = "wrong-secret"


class WeakParameters(FaxplanError):
    """A server asked for a derivation that is too cheap to guess against."""

    error_id = "weak-parameters"


class InvalidSecret(FaxplanError):
    """A new password is too short, or a recovery code is none."""

    error_id = "invalid-secret"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of Argon2id. memory: KiB; passes, lanes: as in RFC 9106."""

    memory: int = 65536
    passes: int = 3
    lanes: int = 1


FLOOR = Cost()
"""No client derives with less, whatever a server says."""


@dataclass(frozen=True, slots=True)
class Derived:
    """Of a password. auth: sent at log-in; wrap: stays here. 32 bytes each."""

    auth: bytes = field(repr=False)
    wrap: bytes = field(repr=False)


def new_salt() -> bytes:
    """Random, for one user."""
    return secrets.token_bytes(SALT_BYTES)


def fake_salt(server_secret: bytes, email: str) -> bytes:
    """Of a user who does not exist: always the same, so that nobody learns who does."""
    return hmac.digest(server_secret, b"faxplan salt of nobody:" + email.lower().encode(), "sha256")[:SALT_BYTES]


def derive(password: str, salt: bytes, cost: Cost = FLOOR) -> Derived:
    """Takes about a tenth of a second and 64 MiB. Raises WeakParameters."""
    if cost.memory < FLOOR.memory or cost.passes < FLOOR.passes or cost.lanes < 1 or len(salt) < SALT_BYTES:
        raise WeakParameters(
            _(
                "The server asks for a weaker protection of the password than this client accepts. Do not log in; "
                "tell whoever runs it."
            )
        )
    key = Argon2id(
        salt=salt, length=_KEY_BYTES, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory
    ).derive(_written(password))
    return Derived(_expanded(key, b"faxplan password, auth"), _expanded(key, b"faxplan password, wrap"))


def check_new(password: str, words: Iterable[str] = ()) -> None:
    """Raises InvalidSecret for a password that is too short, one letter again and again, or one that others guess.

    words: what they know of its user: name and e-mail address, the tenant's name, the host.
    """
    advice = "Take four words that do not belong together."
    if len(password) < SHORTEST_PASSWORD or len(set(password)) < SHORTEST_PASSWORD // 3:
        raise InvalidSecret(
            _("A password has at least {shortest_password} characters, and not the same few again. {advice}").format(
                shortest_password=SHORTEST_PASSWORD, advice=advice
            )
        )
    plain = _folded(password)
    if common_passwords.is_row(plain) or common_passwords.is_common(plain):
        raise InvalidSecret(_("Many people have this password, or one much like it. {advice}").format(advice=advice))
    if common_passwords.is_of(plain, map(_folded, words)):
        raise InvalidSecret(_("Who knows your name or address guesses this one. {advice}").format(advice=advice))


def stored(auth: bytes) -> bytes:
    """What a server keeps of `auth`: SHA-256 will do, since nobody guesses 32 bytes that Argon2id made."""
    return sha256(b"faxplan auth:" + auth).digest()


def is_right(auth: bytes, kept: bytes) -> bool:
    """Whether this is the `auth` of which `kept` is stored; takes as long either way."""
    return hmac.compare_digest(stored(auth), kept)


def new_recovery_code() -> str:
    """160 random bits, for paper: eight groups of four letters and digits (RFC 4648 base32: no 0, 1, 8 or 9)."""
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    size = len(text) // _CODE_GROUPS
    return "-".join(text[at : at + size] for at in range(0, len(text), size))


def recovery_wrap(code: str) -> bytes:
    """The wrapping key of a recovery code, as it was written down (`code_bytes`). Raises InvalidSecret."""
    return _expanded(code_bytes(code), b"faxplan recovery code, wrap")


def recovery_auth(code: str) -> bytes:
    """What a recovery code logs in with, as the `auth` of a password: 32 bytes, of which `stored` is kept. Raises
    InvalidSecret."""
    return _expanded(code_bytes(code), b"faxplan recovery code, auth")


def code_bytes(code: str) -> bytes:
    """The 20 bytes of a code of new_recovery_code, as it was written down: in small letters, with spaces or without
    hyphens. Raises InvalidSecret."""
    # Whoever copies it by hand takes I for 1 and O for 0; neither digit is in it.
    plain = "".join(code.upper().split()).replace("-", "").replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        secret = base64.b32decode(plain)
    except ValueError:
        secret = b""
    if len(secret) != _CODE_BYTES:
        raise InvalidSecret(
            _("A recovery code has eight groups of four letters and digits. See whether one is missing.")
        )
    return secret


def passkey_wrap(output: bytes) -> bytes:
    """The wrapping key of a passkey. output: of its prf (WebAuthn level 3, 10.1.4), for the lock's own salt.

    Raises InvalidSecret.
    """
    if len(output) != _KEY_BYTES:
        raise InvalidSecret(_("This passkey gave no secret. It may log in; open your faxes with the password."))
    return _expanded(output, b"faxplan passkey, wrap")


def lock(key: PrivateKey, wrap: bytes) -> bytes:
    """A user's private key, opened by a wrapping key: 60 bytes for the database."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(wrap).encrypt(nonce, key.raw, _OPENS_KEY + key.public.raw)


def unlock(locked: bytes, wrap: bytes, public: bytes) -> PrivateKey:
    """The private key that belongs to this public one. Raises WrongSecret."""
    try:
        raw = AESGCM(wrap).decrypt(locked[:_NONCE_BYTES], locked[_NONCE_BYTES:], _OPENS_KEY + public)
    except (InvalidTag, ValueError) as error:
        raise WrongSecret(_("That is not the right one. Try again; capital letters count in a password.")) from error
    found = PrivateKey(raw)
    if found.public.raw != public:
        raise WrongSecret(_("The key that it opens is another user's. Tell whoever runs this server."))
    return found


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def _written(password: str) -> bytes:
    """As RFC 8265 (OpaqueString) has it: letters that look alike on two keyboards are the same bytes."""
    return unicodedata.normalize("NFC", password).encode()


def _expanded(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, None, purpose).derive(key)
