"""Private keys that are shown once and kept by people: a tenant's recovery key on paper, an API reader's in a file.

No server has them, locked or not: it knows the public keys. docs/sealed-files/ has both forms, with test vectors.
"""

import base64
import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faxplan import passphrases, wraps
from faxplan.passphrases import InvalidSecret
from faxplan.wraps import PrivateKey

_KEY_BYTES = 32
_READER_KEY = re.compile("fxr_[A-Za-z0-9_-]{43}")


def new_recovery_key() -> tuple[str, PrivateKey]:
    """A tenant's recovery key, as it is printed (160 random bits, in the form of a recovery code), and what it is."""
    code = passphrases.new_recovery_code()
    return code, recovery_key(code)


def recovery_key(code: str) -> PrivateKey:
    """The private key that a printed one stands for, as it was typed. Raises InvalidSecret."""
    secret = passphrases.code_bytes(code)
    return PrivateKey(HKDF(SHA256(), _KEY_BYTES, None, b"faxplan tenant recovery key").derive(secret))


def new_reader_key() -> tuple[str, PrivateKey]:
    """An API reader's key, as it is shown (`fxr_` and the private key in base64url), and what it is."""
    private = wraps.new_key_pair()
    return "fxr_" + base64.urlsafe_b64encode(private.raw).rstrip(b"=").decode(), private


def reader_key(text: str) -> PrivateKey:
    """The private key of an API reader. Raises InvalidSecret."""
    text = text.strip()
    if _READER_KEY.fullmatch(text):
        raw = base64.urlsafe_b64decode(text.removeprefix("fxr_") + "=")
        # The last letter has two bits more than it needs: there is one way to write each key.
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text.removeprefix("fxr_"):
            return PrivateKey(raw)
    raise InvalidSecret("An API reader's key is fxr_ and 43 letters and digits. See whether all of it is in the file.")
