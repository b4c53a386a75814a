"""The second factor: codes that a user's telephone makes of a secret and the time (TOTP, RFC 6238), after the password.

The secret lies in the database sealed under a key of `auth`, which the password gives, which comes with each log-in and
is kept nowhere: whoever has the database has no codes. So it is sealed anew with another password (`seal_anew`), and
goes where the password is lost. Who has lost the telephone takes the recovery code. Within a tenant (role portal).
"""

import base64
import hmac
import secrets
import struct
import time
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faxplan import audit
from faxplan.audit import Who
from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.users import User

SECRET_BYTES = 20
"""As RFC 4226 advises, and telephones expect."""
STEP_SECONDS, DIGITS = 30, 6
_WINDOW = 1
"""So many steps a telephone's clock may be off, either way (RFC 6238, 5.2)."""
_NONCE_BYTES = 12


class WrongCode(FaxplanError):
    """The code is not the one of this moment, or was used."""

    error_id = "wrong-code"

    def __init__(self) -> None:
        super().__init__(_("That is not the code. Each works once, and for half a minute: wait for the next one."))


def new_secret() -> bytes:
    """Random, for one user."""
    return secrets.token_bytes(SECRET_BYTES)


def written(secret: bytes) -> str:
    """For a telephone that reads no QR code."""
    return base64.b32encode(secret).decode()


def address(secret: bytes, *, issuer: str, email: str) -> str:
    """What the QR code says (the Key URI Format that authenticators read)."""
    label, by = quote(f"{issuer}:{email}", safe=""), quote(issuer, safe="")
    return f"otpauth://totp/{label}?secret={written(secret)}&issuer={by}&digits={DIGITS}&period={STEP_SECONDS}"


def code_at(secret: bytes, step: int) -> str:
    """RFC 4226, 5.3, of a time step."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 15
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def is_on(tx: Transaction, user: User) -> bool:
    """Whether a user's log-in asks for a code."""
    found: bool = tx.value(
        "select exists (select from second_factors where tenant_id = %s and user_id = %s)", (user.tenant_id, user.id)
    )
    return found


def turn_on(tx: Transaction, user: User, auth: bytes, secret: bytes, code: str, *, actor: Who) -> None:
    """From now on a code is asked for; one before that goes. auth: which the caller has checked. Raises WrongCode."""
    step = _step_of(secret, code)
    if step is None:
        raise WrongCode
    tx.execute("delete from second_factors where tenant_id = %s and user_id = %s", (user.tenant_id, user.id))
    tx.execute(
        "insert into second_factors (tenant_id, user_id, sealed, last_step) values (%s, %s, %s, %s)",
        (user.tenant_id, user.id, _sealed(user, auth, secret), step),
    )
    audit.record(tx, user.tenant_id, actor=actor, action="second-factor.on", object=f"user:{user.id}")


def use(tx: Transaction, user: User, auth: bytes, code: str) -> bool:
    """Whether this is the code of this moment, which works no more from now on. auth: which the caller has checked."""
    sealed = _kept(tx, user)
    secret = None if sealed is None else _opened(user, auth, sealed)
    step = None if secret is None else _step_of(secret, code)
    # Of two who come with one code one is first.
    return step is not None and bool(
        tx.execute(
            "update second_factors set last_step = %s where tenant_id = %s and user_id = %s and last_step < %s",
            (step, user.tenant_id, user.id, step),
        )
    )


def turn_off(tx: Transaction, user: User, *, actor: Who) -> bool:
    """No code is asked for any more; False where none was."""
    gone = tx.execute("delete from second_factors where tenant_id = %s and user_id = %s", (user.tenant_id, user.id))
    if gone:
        audit.record(tx, user.tenant_id, actor=actor, action="second-factor.off", object=f"user:{user.id}")
    return bool(gone)


def seal_anew(tx: Transaction, user: User, auth: bytes, other: bytes) -> None:
    """With another password. auth, other: of the old one and the new, which the caller has checked."""
    sealed = _kept(tx, user)
    secret = None if sealed is None else _opened(user, auth, sealed)
    if secret is not None:
        tx.execute(
            "update second_factors set sealed = %s where tenant_id = %s and user_id = %s and sealed = %s",
            (_sealed(user, other, secret), user.tenant_id, user.id, sealed),
        )


def _kept(tx: Transaction, user: User) -> bytes | None:
    found = tx.value(
        "select sealed from second_factors where tenant_id = %s and user_id = %s", (user.tenant_id, user.id)
    )
    return None if found is None else bytes(found)


def _step_of(secret: bytes, code: str) -> int | None:
    """The step whose code it is, of those of this moment."""
    given = "".join(code.split())
    now = int(time.time()) // STEP_SECONDS
    found = None
    for step in range(now - _WINDOW, now + _WINDOW + 1):
        # All are compared, so that it takes as long.
        if hmac.compare_digest(code_at(secret, step).encode(), given.encode("utf-8", "replace")):
            found = step
    return found


def _sealed(user: User, auth: bytes, secret: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(_key(auth)).encrypt(nonce, secret, _whose(user))


def _opened(user: User, auth: bytes, sealed: bytes) -> bytes | None:
    """None: another password sealed it."""
    try:
        return AESGCM(_key(auth)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _whose(user))
    except InvalidTag:
        return None


def _key(auth: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"faxplan second factor").derive(auth)


def _whose(user: User) -> bytes:
    return f"{user.tenant_id}:{user.id}".encode()
