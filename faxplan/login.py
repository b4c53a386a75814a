"""Logging in: with a password that is never sent, or with the recovery code; by an identity provider (passkey_login has
the other way).

The browser asks for the salt, and sends what Argon2id makes of both. Who is unknown, may not act or has no key yet is
told the same as who has mistyped, after the same questions. What opens the user's key is handed out only after all that
is asked for. How often who has failed: tries.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from faxplan import (
    audit,
    browsers,
    identity_providers,
    log_lines,
    passphrases,
    second_factor,
    sessions,
    tries,
    user_keys,
    users,
)
from faxplan.audit import Actor
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.identity_providers import Identity, UnknownIdentity
from faxplan.keyring import PasswordLock, RecoveryLock
from faxplan.language import _
from faxplan.passphrases import Cost
from faxplan.sessions import Session
from faxplan.tries import Counted
from faxplan.user_keys import UserKey
from faxplan.users import User

PASSWORD, WITH_CODE = "password", "password+totp"
PASSKEY, RECOVERY_CODE, SIGN_ON = "passkey", "recovery-code", "single-sign-on"
"""How who logs in so is authenticated, for the audit."""
_TURN = 0x726563
"""Whose who recovers their faxes take ("rec" in ASCII; `recover`)."""


class WrongLogin(FaxplanError):
    """The address and the password (or the recovery code) do not belong together, or to nobody."""

    error_id = "wrong-login"


class CodeNeeded(FaxplanError):
    """The password is right, and the code of the second factor is asked for."""

    error_id = "code-needed"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a client needs to make `auth` of a password (passphrases.derive)."""

    salt: bytes
    cost: Cost


@dataclass(frozen=True, slots=True)
class Whence:
    """Who tries. address: the network address. agent: the browser, as it names itself. browser: its token (browsers);
    None: it has none."""

    address: str
    agent: str
    browser: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """token: of the new session, and browser: of the browser from now on; both for cookies. key: the user's, with what
    locks it."""

    token: str
    browser: str
    session: Session
    key: UserKey


def challenge(db: Database, tenant_id: int, email: str) -> Challenge:
    """Of whoever says to have this address: of an unknown one it looks no different, and is always the same."""
    with db.tenant(tenant_id) as tx:
        found = _known(tx, tenant_id, email)
        nobodys = passphrases.fake_salt(tries.secret(tx) + tenant_id.to_bytes(8, "big"), email)
    if found is None:
        return Challenge(nobodys, passphrases.FLOOR)
    lock: PasswordLock = found[1].password
    return Challenge(lock.salt, lock.cost)


def log_in(db: Database, tenant_id: int, email: str, auth: bytes, whence: Whence, *, code: str = "") -> LoggedIn:
    """A new session. auth: 32 bytes of passphrases.derive. code: of the second factor, where there is one.

    A failure is a row of the audit. Raises WrongLogin, CodeNeeded, WrongCode and TooManyTries.
    """
    with db.tenant(tenant_id) as tx:
        found = _known(tx, tenant_id, email)
        is_known = found is not None and browsers.is_known(tx, found[0], whence.browser)
        counted = _counted(tx, email, whence, is_known=is_known)
        tries.check(tx, tenant_id, counted)
        # Compared in any case, so that it takes as long.
        kept = found[1].password.auth_hash if found else bytes(hashlib.sha256().digest_size)
        if passphrases.is_right(auth, kept) and found is not None:
            user, key = found
            has_code = second_factor.is_on(tx, user)
            if not has_code:
                return begin(tx, user, key, PASSWORD, whence)
            if not code:
                raise CodeNeeded(_("Write the code that your telephone shows."))
            codes = counted if is_known else [*counted, *tries.of_codes(tx, email)]
            tries.check(tx, tenant_id, codes)
            if second_factor.use(tx, user, auth, code):
                return begin(tx, user, key, WITH_CODE, whence)
            wrong: FaxplanError = second_factor.WrongCode()
            _note(tx, tenant_id, codes, found, email, whence, what="code")
        else:
            wrong = WrongLogin(
                _("This address and this password do not belong together. Capital letters count in a password.")
            )
            _note(tx, tenant_id, counted, found, email, whence, what="password")
    raise wrong


def check_password(db: Database, session: Session, auth: bytes, whence: Whence) -> UserKey:
    """Whoever is at this session knows the password: asked before what lasts is changed. Their key, with its locks.

    Raises WrongLogin and TooManyTries.
    """
    user = session.user
    with db.tenant(user.tenant_id) as tx:
        found = _known(tx, user.tenant_id, user.email)
        is_known = browsers.is_known(tx, user, whence.browser)
        counted = _counted(tx, user.email, whence, is_known=is_known)
        tries.check(tx, user.tenant_id, counted)
        if found is not None and passphrases.is_right(auth, found[1].password.auth_hash):
            return found[1]
        tries.note(tx, user.tenant_id, counted)
        audit.record(
            tx, user.tenant_id, actor=Actor(f"user:{user.id}", session.authenticated, whence.address),
            action="key.unlock", object=f"user:{user.id}", result="refused", act="password",
        )  # fmt: skip
    raise WrongLogin(_("That is not your password. Capital letters count in it."))


@dataclass(frozen=True, slots=True)
class Unlocked:
    """key: the user's, with what locks it. browser: as of LoggedIn. token: another one of a session that was shut, and
    csrf that goes with it; None: it is as before."""

    key: UserKey
    browser: str
    token: str | None
    csrf: str | None


def unlock(db: Database, session: Session, auth: bytes, whence: Whence, *, code: str = "") -> Unlocked:
    """Whoever is at this session knows the password, which opens their key. A session that is shut is open then; where
    there is a second factor, by its code as well, as at any log-in.

    Raises WrongLogin, CodeNeeded, WrongCode and TooManyTries.
    """
    key, user = check_password(db, session, auth, whence), session.user
    with db.tenant(user.tenant_id) as tx:
        if not session.is_shut or not second_factor.is_on(tx, user):
            return _opened(tx, session, key, whence)
        if not code:
            raise CodeNeeded(_("Write the code that your telephone shows."))
        is_known = browsers.is_known(tx, user, whence.browser)
        counted = _counted(tx, user.email, whence, is_known=is_known)
        if not is_known:
            counted = [*counted, *tries.of_codes(tx, user.email)]
        tries.check(tx, user.tenant_id, counted)
        if second_factor.use(tx, user, auth, code):
            return _opened(tx, session, key, whence)
        _note(tx, user.tenant_id, counted, (user, key), user.email, whence, what="code")
    raise second_factor.WrongCode


def unlock_by_code(db: Database, session: Session, auth: bytes, whence: Whence) -> Unlocked:
    """The same by the recovery code, in the place of password and second factor. Raises WrongLogin, TooManyTries."""
    user = session.user
    _user, key = recovery_key(db, user.tenant_id, user.email, auth, whence)
    with db.tenant(user.tenant_id) as tx:
        return _opened(tx, session, key, whence)


def _opened(tx: Transaction, session: Session, key: UserKey, whence: Whence) -> Unlocked:
    browser = browsers.remember(tx, session.user, whence.browser)
    identity_providers.link(tx, session.user.tenant_id, session.id)
    token = sessions.open_up(tx, session, address=whence.address)
    return Unlocked(key, browser, token, None if token is None else sessions.csrf_of(token))


def older_keys(
    db: Database, session: Session, auths: Mapping[int, bytes], whence: Whence
) -> list[tuple[UserKey, bytes]]:
    """Of the keys that the user had before those that this opens: each with the lock that it opens.

    auths: of an old password, or an old recovery code, by the keys' ids. Raises WrongLogin and TooManyTries.
    """
    user = session.user
    with db.tenant(user.tenant_id) as tx:
        is_known = browsers.is_known(tx, user, whence.browser)
        counted = _counted(tx, user.email, whence, is_known=is_known)
        tries.check(tx, user.tenant_id, counted)
        found = []
        for each in user_keys.of_user(tx, user.tenant_id, user.id):
            auth = auths.get(each.id, b"")
            for kept, locked in (
                (each.password.auth_hash, each.password.locked),
                (each.recovery.auth_hash, each.recovery.locked),
            ):
                if not each.is_current and kept is not None and passphrases.is_right(auth, kept):
                    found.append((each, locked))
        if found:
            return found
        tries.note(tx, user.tenant_id, counted)
        audit.record(
            tx, user.tenant_id, actor=Actor(f"user:{user.id}", session.authenticated, whence.address),
            action="key.unlock", object=f"user:{user.id}", result="refused", act="recover",
        )  # fmt: skip
    raise WrongLogin(_("It opens none of the keys that you had before. Capital letters count in a password."))


# ------------------------------------------------------------------------------------------------------- recovery code


def recovery_key(db: Database, tenant_id: int, email: str, auth: bytes, whence: Whence) -> tuple[User, UserKey]:
    """Of who has forgotten the password: the key, which the recovery code opens. auth: passphrases.recovery_auth.

    Raises WrongLogin, also for a code from before it could log in, and TooManyTries.
    """
    with db.tenant(tenant_id) as tx:
        counted = tries.of_holder(tx, whence.address, email)
        tries.check(tx, tenant_id, counted)
        found = _known(tx, tenant_id, email)
        kept = found[1].recovery.auth_hash if found else None
        if passphrases.is_right(auth, kept or bytes(hashlib.sha256().digest_size)) and found is not None and kept:
            return found
        _note(tx, tenant_id, counted, found, email, whence, what="recovery code")
    raise wrong_code()


def recover(
    db: Database,
    tenant_id: int,
    email: str,
    auth: bytes,
    whence: Whence,
    *,
    password: PasswordLock,
    recovery: RecoveryLock,
) -> LoggedIn:
    """Another password and another recovery code from now on, and a session; the second factor is off, and whoever was
    logged in is so no more. Raises as recovery_key."""
    user, key = recovery_key(db, tenant_id, email, auth, whence)
    actor = Actor(f"user:{user.id}", RECOVERY_CODE, whence.address)
    with db.tenant(tenant_id) as tx:
        # Once more: of two who come with one code one is first.
        tx.take_turn(_TURN, tenant_id)
        found = _known(tx, tenant_id, email)
        if found is None or found[1].recovery != key.recovery:
            raise wrong_code()
        user_keys.change_password(tx, tenant_id, key.id, password)
        user_keys.change_code(tx, tenant_id, key.id, recovery)
        second_factor.turn_off(tx, user, actor=actor)
        browsers.forget(tx, user)
        sessions.end_all(tx, user)
        audit.record(
            tx, tenant_id, actor=actor, action="key.password", object=f"user:{user.id}", key=key.id, by="recovery code"
        )
        changed = user_keys.of_user(tx, tenant_id, user.id)[0]
        return begin(tx, user, changed, RECOVERY_CODE, whence)


def wrong_code() -> WrongLogin:
    """Of who gave a recovery code that opens nothing."""
    return WrongLogin(_("This address and this recovery code do not belong together. See whether all of it is there."))


# ------------------------------------------------------------------------------------------------------ single sign-on


def check_by_provider(db: Database, tenant_id: int, whence: Whence) -> None:
    """Before the tenant's identity provider is asked who has come back. Raises TooManyTries."""
    with db.tenant(tenant_id) as tx:
        counted = [*tries.of_address(tx, whence.address), *tries.of_exchange(tx, whence.address)]
        tries.check(tx, tenant_id, counted)


def by_provider_refused(db: Database, tenant_id: int, whence: Whence) -> None:
    """It did not say who that is, or not so that it counts."""
    with db.tenant(tenant_id) as tx:
        _note(tx, tenant_id, tries.of_exchange(tx, whence.address), None, "", whence, what="single sign-on")


def log_in_by_provider(
    db: Database, tenant_id: int, identity: Identity, whence: Whence, *, beside: Session | None = None
) -> str | None:
    """The token of a new session of who the tenant's identity provider says it is. It is shut (sessions.Session): the
    tenant's administrators name the provider, and are not to be anybody by that. `unlock` opens it.

    beside: the session of that browser. One that is open goes on, whoever led the browser to the provider; None then.
    Raises UnknownIdentity, also for another user than that one's, and TooManyTries.
    """
    before = beside.user if beside is not None and not beside.is_shut else None
    with db.tenant(tenant_id) as tx:
        counted = tries.of_address(tx, whence.address)
        tries.check(tx, tenant_id, counted)
        try:
            user = identity_providers.user_of(tx, tenant_id, identity)
            if not user_keys.of_user(tx, tenant_id, user.id):
                raise UnknownIdentity(_("You have no key here yet. Ask your administrator for a link."))
            if before is not None and before.id == user.id:
                return None
            if before is not None:
                raise UnknownIdentity(
                    _("You are logged in here as {email}. Log out, to log in as somebody else.").format(
                        email=before.email
                    )
                )
            return _begin_shut(tx, user, identity, whence)
        except UnknownIdentity as error:
            refused = error
        _note(tx, tenant_id, counted, None, identity.email, whence, what="single sign-on")
    raise refused


# --------------------------------------------------------------------------------------------------------------- parts


def begin(tx: Transaction, user: User, key: UserKey, authenticated: str, whence: Whence) -> LoggedIn:
    """A session of who has shown who they are, in a browser that is known from now on."""
    browser = browsers.remember(tx, user, whence.browser)
    token, session = sessions.begin(tx, user, authenticated=authenticated, address=whence.address, agent=whence.agent)
    return LoggedIn(token, browser, session, key)


def _begin_shut(tx: Transaction, user: User, identity: Identity, whence: Whence) -> str:
    # Nor is the browser known by it, nor the subject: who tries passwords there is a stranger.
    token, _session = sessions.begin(
        tx, user, authenticated=SIGN_ON, address=whence.address, agent=whence.agent, is_shut=True, said=identity
    )
    return token


def _counted(tx: Transaction, email: str, whence: Whence, *, is_known: bool) -> list[Counted]:
    if is_known:
        return tries.of_browser(tx, whence.browser or "", email)
    return tries.of_stranger(tx, whence.address, email)


def _note(
    tx: Transaction,
    tenant_id: int,
    counted: list[Counted],
    found: tuple[User, UserKey] | None,
    email: str,
    whence: Whence,
    *,
    what: str,
) -> None:
    """Somebody has failed. what: that was wrong, for the audit."""
    tries.note(tx, tenant_id, counted)
    with log_lines.about(tenant=tenant_id):
        log_lines.refused(f"log-in by {what}", whence.address)
    audit.record(
        tx, tenant_id, actor="nobody", action="session.begin", object=f"user:{found[0].id}" if found else "user:",
        result="refused", address=whence.address, email=_shown(email), what=what,
    )  # fmt: skip


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
