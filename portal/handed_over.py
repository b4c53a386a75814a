"""Keys as a browser hands them over: public ones, locks and wraps, of which nothing opens anything."""

from faxplan import passphrases
from faxplan.epochs import Begun
from faxplan.keyring import Enrolment, NewEpoch, PasswordLock, RecoveryLock
from faxplan.passphrases import Cost
from faxplan.wraps import WRAP_BYTES, PublicKey
from portal.submitted import Submitted

_KEY_BYTES, _LOCKED_BYTES = 32, 60


def enrolment(given: Submitted) -> Enrolment:
    """A new user key."""
    public = PublicKey(given.raw("publicKey", _KEY_BYTES))
    return Enrolment(public, password_lock(given.part("password")), recovery_lock(given.part("recovery")))


def password_lock(given: Submitted) -> PasswordLock:
    """As lockByPassword of static/vault/enrol.js makes it."""
    cost = given.part("cost")
    return PasswordLock(
        given.raw("salt", passphrases.SALT_BYTES),
        Cost(cost.number("memory"), cost.number("passes"), cost.number("lanes")),
        passphrases.stored(given.raw("auth", _KEY_BYTES)),
        given.raw("locked", _LOCKED_BYTES),
    )


def recovery_lock(given: Submitted) -> RecoveryLock:
    """As lockByCode makes it."""
    return RecoveryLock(given.raw("locked", _LOCKED_BYTES), passphrases.stored(given.raw("auth", _KEY_BYTES)))


def begun(given: Submitted) -> Begun:
    """A mailbox's epoch."""
    wraps = {each.number("key"): each.raw("wrap", WRAP_BYTES) for each in given.parts("wraps")}
    new = NewEpoch(PublicKey(given.raw("publicKey", _KEY_BYTES)), wraps)
    return Begun(given.number("mailbox"), given.number("number"), new)
