"""What a user changes of how they log in, in a session of theirs: password, recovery code, second factor, passkeys.

Each asks for the password once more: a session may be at a browser that was left alone. The browser does the work on
the key, and hands over locks, which open nothing. Role portal.
"""

from faxplan import audit, browsers, login, passkeys, passphrases, second_factor, sessions, tries, user_keys, webauthn
from faxplan.audit import Actor
from faxplan.db import Database
from faxplan.keyring import PasskeyLock, PasswordLock, RecoveryLock
from faxplan.login import Whence
from faxplan.sessions import Session
from faxplan.webauthn import Registration, Site


def change_password(
    db: Database, session: Session, auth: bytes, whence: Whence, *, password: PasswordLock, other: bytes
) -> str:
    """Another password from now on. The session goes on, and all others of the user end; the browser's token for its
    cookie (browsers), as no browser is known any more but this one. other: `auth` of the new password.

    Raises WrongLogin, TooManyTries and ConstraintViolated.
    """
    user = session.user
    key = login.check_password(db, session, auth, whence)
    if not passphrases.is_right(other, password.auth_hash):
        raise ValueError("the new lock is of another password")
    with db.tenant(user.tenant_id) as tx:
        user_keys.change_password(tx, user.tenant_id, key.id, password)
        second_factor.seal_anew(tx, user, auth, other)
        browsers.forget(tx, user)
        token = browsers.remember(tx, user, None)
        sessions.end_others(tx, user, session.id)
        audit.record(
            tx, user.tenant_id, actor=_actor(session, whence), action="key.password", object=f"user:{user.id}",
            key=key.id, by="password",
        )  # fmt: skip
    return token


def change_code(db: Database, session: Session, auth: bytes, whence: Whence, recovery: RecoveryLock) -> None:
    """Another recovery code from now on; the one before opens nothing. Raises as change_password."""
    user = session.user
    key = login.check_password(db, session, auth, whence)
    with db.tenant(user.tenant_id) as tx:
        user_keys.change_code(tx, user.tenant_id, key.id, recovery)
        audit.record(
            tx, user.tenant_id, actor=_actor(session, whence), action="key.recovery-code", object=f"user:{user.id}",
            key=key.id,
        )  # fmt: skip


def turn_on_codes(db: Database, session: Session, auth: bytes, whence: Whence, *, secret: bytes, code: str) -> None:
    """A second factor from now on. Raises WrongCode, and as change_password."""
    login.check_password(db, session, auth, whence)
    with db.tenant(session.user.tenant_id) as tx:
        second_factor.turn_on(tx, session.user, auth, secret, code, actor=_actor(session, whence))


def turn_off_codes(db: Database, session: Session, auth: bytes, whence: Whence) -> None:
    """The password alone is enough from now on. Raises as change_password."""
    login.check_password(db, session, auth, whence)
    with db.tenant(session.user.tenant_id) as tx:
        second_factor.turn_off(tx, session.user, actor=_actor(session, whence))


def passkey_challenge(db: Database, session: Session) -> bytes:
    """What a new passkey of this session is to sign."""
    with db.tenant(session.user.tenant_id) as tx:
        return webauthn.challenge(tries.secret(tx), _for_new(session))


def add_passkey(
    db: Database,
    session: Session,
    auth: bytes,
    whence: Whence,
    site: Site,
    registration: Registration,
    *,
    name: str,
    salt: bytes | None,
    locked: bytes | None,
) -> None:
    """Logs the user in from now on. salt, locked: of its lock of the key; None: it opens nothing.

    Raises PasskeyRefused, and as change_password.
    """
    user = session.user
    login.check_password(db, session, auth, whence)
    with db.tenant(user.tenant_id) as tx:
        webauthn.check_challenge(tries.secret(tx), _for_new(session), registration.challenge)
        credential = webauthn.registered(site, registration)
        lock = None if salt is None or locked is None else PasskeyLock(credential.id, salt, locked)
        passkeys.enter(tx, user, name, credential, lock, actor=_actor(session, whence))


def _for_new(session: Session) -> bytes:
    return b"add" + session.id.to_bytes(8, "big") + session.user.tenant_id.to_bytes(8, "big")


def _actor(session: Session, whence: Whence) -> Actor:
    return Actor(f"user:{session.user.id}", session.authenticated, whence.address)
