"""Logging in with a passkey (WebAuthn), in the place of password and code; it may open the user's key as well.

Nobody guesses one, so of failures only the address's are counted.
"""

from faxplan import audit, log_lines, login, passkeys, tries, user_keys, users, webauthn
from faxplan.db import Database, Transaction
from faxplan.errors import NotFound
from faxplan.keyring import PasskeyLock
from faxplan.language import _
from faxplan.login import LoggedIn, Whence
from faxplan.passkeys import Passkey
from faxplan.user_keys import UserKey
from faxplan.users import User
from faxplan.webauthn import Assertion, PasskeyRefused, Site

_FOR_LOG_IN = b"log in"


def challenge(db: Database, tenant_id: int) -> bytes:
    """What a passkey is to sign, within minutes, to log in."""
    with db.tenant(tenant_id) as tx:
        return webauthn.challenge(tries.secret(tx), _FOR_LOG_IN + tenant_id.to_bytes(8, "big"))


def log_in(
    db: Database, tenant_id: int, site: Site, assertion: Assertion, whence: Whence
) -> tuple[LoggedIn, PasskeyLock | None]:
    """A new session, and the lock that this passkey opens; None: it logs in only.

    Raises PasskeyRefused and TooManyTries.
    """
    with db.tenant(tenant_id) as tx:
        counted = tries.of_address(tx, whence.address)
        tries.check(tx, tenant_id, counted)
        found = passkeys.find(tx, tenant_id, assertion.credential_id)
        try:
            user, key = _checked(tx, tenant_id, site, assertion, found)
            lock = next(
                (e for e in passkeys.locks(tx, tenant_id, key.id) if e.credential_id == assertion.credential_id), None
            )
            return login.begin(tx, user, key, login.PASSKEY, whence), lock
        except PasskeyRefused as error:
            refused = error
        tries.note(tx, tenant_id, counted)
        with log_lines.about(tenant=tenant_id):
            log_lines.refused("log-in by passkey", whence.address)
        audit.record(
            tx, tenant_id, actor="nobody", action="session.begin", object=f"user:{found.user_id if found else ''}",
            result="refused", address=whence.address, what="passkey",
        )  # fmt: skip
    raise refused


def _checked(
    tx: Transaction, tenant_id: int, site: Site, assertion: Assertion, found: Passkey | None
) -> tuple[User, UserKey]:
    purpose = _FOR_LOG_IN + tenant_id.to_bytes(8, "big")
    webauthn.check_challenge(tries.secret(tx), purpose, assertion.challenge)
    if found is None:
        raise PasskeyRefused(
            _("This passkey is not known here. Log in with your password, and add it to your account.")
        )
    sign_count = webauthn.verified(site, found.credential, assertion)
    if not passkeys.used(tx, tenant_id, found.id, sign_count):
        raise PasskeyRefused(
            _("This passkey may have been copied: it counts otherwise than before. Use your password.")
        )
    if not passkeys.spend(tx, tenant_id, assertion.challenge):
        raise PasskeyRefused(_("This was used before. Try again."))
    try:
        user = users.get(tx, tenant_id, found.user_id)
    except NotFound as error:
        raise PasskeyRefused(_("You may not log in here any more. Ask your administrator.")) from error
    keys = user_keys.of_user(tx, tenant_id, user.id)
    if not keys:
        raise PasskeyRefused(_("You have no key here. Ask your administrator for a link."))
    return user, keys[0]
