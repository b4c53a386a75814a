"""Who has an API key and knows the password, or the recovery code: what opens the user's key outside a browser."""

from faxplan import audit, log_lines, passphrases, tries, user_keys, vault
from faxplan.audit import Actor
from faxplan.db import Database, Transaction
from faxplan.enrolment import NotEnrolled
from faxplan.keyring import Epoch
from faxplan.language import _
from faxplan.login import PASSWORD, RECOVERY_CODE, WrongLogin, wrong_code
from faxplan.user_keys import UserKey
from faxplan.users import User


def unlock(
    db: Database, user: User, key_id: int, auth: bytes, actor: Actor, *, by_code: bool
) -> tuple[UserKey, list[Epoch]]:
    """Whoever has this API key (by its id) knows the password, or with by_code the recovery code: what opens the user's
    key, and all epochs of their mailboxes. The API key is in the place of the second factor.

    It is a row of the audit, as a log-in is, and so is a failure. Raises NotEnrolled, WrongLogin and TooManyTries.
    """
    with db.tenant(user.tenant_id) as tx:
        counted = tries.of_program(tx, actor.address, key_id)
        tries.check(tx, user.tenant_id, counted)
        key = current_key(tx, user)
        kept = key.recovery.auth_hash if by_code else key.password.auth_hash
        is_right = kept is not None and passphrases.is_right(auth, kept)
        found = vault.epochs_of_user(tx, user.tenant_id, user.id) if is_right else []
        if not is_right:
            tries.note(tx, user.tenant_id, counted)
        audit.record(
            tx, user.tenant_id, actor=actor, action="key.unlock", object=f"user:{user.id}",
            result="done" if is_right else "refused", act="open", by=RECOVERY_CODE if by_code else PASSWORD,
        )  # fmt: skip
    if is_right:
        return key, found
    with log_lines.about(tenant=user.tenant_id):
        log_lines.refused("password with an API key", actor.address)
    raise wrong_code() if by_code else WrongLogin(_("That is not your password. Capital letters count in it."))


def current_key(tx: Transaction, user: User) -> UserKey:
    """To which what is new is wrapped. Raises NotEnrolled."""
    keys = user_keys.of_user(tx, user.tenant_id, user.id)
    if not keys:
        raise NotEnrolled(_("You have no key yet. Log in once in a browser, by the link of your invitation."))
    return keys[0]
