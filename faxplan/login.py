"""Logging in with a password that is never sent: the browser asks for the salt, and sends what Argon2id makes of both.

Who is unknown, may not act or has no key yet is told the same as who has mistyped, after the same questions. Tries are
counted by who tries, and not by whom they try to be alone: nobody can lock another user out.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from faxplan import audit, passphrases, sessions, user_keys, users
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.keyring import PasswordLock
from faxplan.passphrases import Cost
from faxplan.sessions import Session
from faxplan.user_keys import UserKey
from faxplan.users import User

PASSWORD = "password"  # noqa: S105 - the word, and no password
"""How who logs in so is authenticated, for the audit."""
WINDOW_SECONDS = 900
MOST_OF_ONE = 10
"""Failures in a window of one network address with one e-mail address."""
MOST_OF_ADDRESS = 100
"""Of one network address with any: an office may have one for all its people."""


class WrongLogin(FaxplanError):
    """The address and the password do not belong together, or to nobody."""

    error_id = "wrong-login"


class TooManyTries(FaxplanError):
    """Somebody at this network address has failed too often."""

    error_id = "too-many-tries"
    retryable = True


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a client needs to make `auth` of a password (passphrases.derive)."""

    salt: bytes
    cost: Cost


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """token: of the new session, for the cookie. key: the user's, locked by the password."""

    token: str
    session: Session
    key: UserKey


def challenge(db: Database, tenant_id: int, email: str) -> Challenge:
    """Of whoever says to have this address: of an unknown one it looks no different, and is always the same."""
    with db.tenant(tenant_id) as tx:
        found = _known(tx, tenant_id, email)
        nobodys = passphrases.fake_salt(_salt_secret(tx) + tenant_id.to_bytes(8, "big"), email)
    if found is None:
        return Challenge(nobodys, passphrases.FLOOR)
    lock: PasswordLock = found[1].password
    return Challenge(lock.salt, lock.cost)


def log_in(db: Database, tenant_id: int, email: str, auth: bytes, *, address: str, agent: str) -> LoggedIn:
    """A new session. auth: 32 bytes of passphrases.derive. address: the client's network address.

    A failure is a row of the audit. Raises WrongLogin and TooManyTries.
    """
    with db.tenant(tenant_id) as tx:
        _check_tries(tx, tenant_id, _keys(tx, address, email))
        found = _known(tx, tenant_id, email)
        # Compared in any case, so that it takes as long.
        kept = found[1].password.auth_hash if found else bytes(hashlib.sha256().digest_size)
        if passphrases.is_right(auth, kept) and found is not None:
            user, key = found
            token, session = sessions.begin(tx, user, authenticated=PASSWORD, address=address, agent=agent)
            return LoggedIn(token, session, key)
        _note_failure(tx, tenant_id, _keys(tx, address, email))
        audit.record(
            tx, tenant_id, actor="nobody", action="session.begin", object=f"user:{found[0].id}" if found else "user:",
            result="refused", address=address, email=_shown(email),
        )  # fmt: skip
    raise WrongLogin("This address and this password do not belong together. Capital letters count in a password.")


def _shown(email: str) -> str:
    """Who they said to be. Who mistakes the fields has written a password there, which is nobody's to keep."""
    return ascii(email[:254])[1:-1] if "@" in email else "no address"


def _known(tx: Transaction, tenant_id: int, email: str) -> tuple[User, UserKey] | None:
    # Of nobody, too, all is asked: it takes as long.
    try:
        user_id = users.by_email(tx, tenant_id, email).id
    except NotFound:
        user_id = 0
    try:
        user: User | None = users.get(tx, tenant_id, user_id)
    except NotFound:
        user = None
    keys = user_keys.of_user(tx, tenant_id, user_id)
    return (user, keys[0]) if user and keys else None


def _salt_secret(tx: Transaction) -> bytes:
    return bytes(tx.value("select secret from login_secret"))


@dataclass(frozen=True, slots=True)
class _Counted:
    """Under which keys a try is counted: of its network address, and of that with the e-mail address."""

    address: bytes
    pair: bytes


def _keys(tx: Transaction, address: str, email: str) -> _Counted:
    """Hashes that only this installation makes: the addresses are nobody's to keep."""
    secret, whence = _salt_secret(tx), _network(address)
    pair = f"{whence}\0{email.strip().lower()}"
    return _Counted(*(hmac.digest(secret, f"faxplan tries:{each}".encode("utf-8", "surrogateescape"), "sha256")
                      for each in (whence, pair)))  # fmt: skip


def _network(address: str) -> str:
    """Whose tries are counted together: of IPv6 a whole /64 is one customer's (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _check_tries(tx: Transaction, tenant_id: int, counted: _Counted) -> None:
    rows = tx.rows(
        """select key, failures, window_ends - now() as left from login_tries
           where tenant_id = %s and key = any(%s) and window_ends > now()""",
        (tenant_id, [counted.address, counted.pair]),
    )
    for row in rows:
        if row["failures"] >= (MOST_OF_ADDRESS if bytes(row["key"]) == counted.address else MOST_OF_ONE):
            minutes = max(1, round(row["left"].total_seconds() / 60))
            wait = "a minute" if minutes == 1 else f"{minutes} minutes"
            raise TooManyTries(f"Too many tries from where you are. Wait {wait}, then try again.")


def _note_failure(tx: Transaction, tenant_id: int, counted: _Counted) -> None:
    tx.execute("delete from login_tries where tenant_id = %s and window_ends <= now()", (tenant_id,))
    for key in sorted((counted.address, counted.pair)):
        tx.execute(
            """insert into login_tries (tenant_id, key, failures, window_ends)
               values (%s, %s, 1, now() + make_interval(secs => %s))
               on conflict on constraint login_tries_pkey do update set failures = login_tries.failures + 1""",
            (tenant_id, key, WINDOW_SECONDS),
        )
