"""Passkeys: by which users log in, and that open a user's key, besides password and recovery code; any number.

Not every passkey opens a key: it needs WebAuthn's extension prf, of which a browser's page makes the lock
(portal/static/vault/passkeys.js). What its prf gives never leaves that page. One without a lock logs in only. Role
portal, within a tenant.
"""

import hashlib
from dataclasses import dataclass

from faxplan import audit, user_keys, webauthn
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.enrolment import NotEnrolled
from faxplan.errors import NotFound
from faxplan.keyring import PasskeyLock
from faxplan.language import _
from faxplan.users import User
from faxplan.webauthn import Credential


@dataclass(frozen=True, slots=True)
class Passkey:
    """That logs in."""

    id: int
    user_id: int
    credential: Credential


def add(db: Database, user: User, name: str, lock: PasskeyLock) -> None:
    """From now on this passkey opens the user's current key. name: by which they know it.

    Raises NotEnrolled, and ConstraintViolated for one that is there, by its id or its name.
    """
    with db.tenant(user.tenant_id) as tx:
        key_id = _current_key(tx, user)
        _lock(tx, user, key_id, name, lock)
        _record(tx, user, "key.passkey-add", key_id, name, lock.credential_id)


def enter(
    tx: Transaction, user: User, name: str, credential: Credential, lock: PasskeyLock | None, *, actor: Who
) -> None:
    """From now on this passkey logs the user in, and, with a lock, opens their current key. Raises as `add`."""
    key_id = _current_key(tx, user)
    tx.execute(
        """insert into passkeys (tenant_id, user_id, credential_id, public_key, sign_count, name)
           values (%s, %s, %s, %s, %s, %s)""",
        (user.tenant_id, user.id, credential.id, credential.public_key, credential.sign_count, name),
    )
    if lock is not None:
        _lock(tx, user, key_id, name, lock)
    _record(tx, user, "key.passkey-add", key_id, name, credential.id, actor=actor, opens=lock is not None)


def everyone(tx: Transaction, user: User) -> list[Row]:
    """All, by name: name, created_at, opens (the user's current key), logs_in, used_at, id (None: it only opens)."""
    return tx.rows(
        """select coalesce(p.name, l.name) as name, coalesce(p.created_at, l.created_at) as created_at,
                  l.name is not null as opens, p.id is not null as logs_in, p.used_at, p.id
           from (select * from passkeys where tenant_id = %(tenant)s and user_id = %(user)s) p
           full join (select l.* from key_locks l
                      join user_keys k on k.tenant_id = l.tenant_id and k.id = l.user_key_id and k.replaced_at is null
                      where l.tenant_id = %(tenant)s and k.user_id = %(user)s and l.kind = 'passkey') l
                on l.credential_id = p.credential_id
           order by 1""",
        {"tenant": user.tenant_id, "user": user.id},
    )


def ids(tx: Transaction, user: User) -> list[bytes]:
    """Of all that log in: an authenticator that has one of them makes no other."""
    rows = tx.rows(
        "select credential_id from passkeys where tenant_id = %s and user_id = %s order by id",
        (user.tenant_id, user.id),
    )
    return [bytes(row["credential_id"]) for row in rows]


def locks(tx: Transaction, tenant_id: int, user_key_id: int) -> list[PasskeyLock]:
    """What a client asks its passkeys with, and what they open."""
    rows = tx.rows(
        """select credential_id, salt, locked from key_locks
           where tenant_id = %s and user_key_id = %s and kind = 'passkey' order by id""",
        (tenant_id, user_key_id),
    )
    return [PasskeyLock(bytes(row["credential_id"]), bytes(row["salt"]), bytes(row["locked"])) for row in rows]


def find(tx: Transaction, tenant_id: int, credential_id: bytes) -> Passkey | None:
    """Whose it is; None: nobody's here."""
    row = tx.row(
        """select id, user_id, credential_id, public_key, sign_count from passkeys
           where tenant_id = %s and credential_id = %s""",
        (tenant_id, credential_id),
    )
    if row is None:
        return None
    credential = Credential(bytes(row["credential_id"]), bytes(row["public_key"]), row["sign_count"])
    return Passkey(row["id"], row["user_id"], credential)


def used(tx: Transaction, tenant_id: int, passkey_id: int, sign_count: int) -> bool:
    """Notes that it was; False where it says to have signed no more often than before: it may be a copy (WebAuthn level
    3, 7.2, step 22). Many count nothing, and say 0."""
    return bool(
        tx.execute(
            """update passkeys set sign_count = %(count)s, used_at = now()
               where tenant_id = %(tenant)s and id = %(id)s
                     and (sign_count < %(count)s or (sign_count = 0 and %(count)s = 0))""",
            {"tenant": tenant_id, "id": passkey_id, "count": sign_count},
        )
    )


def spend(tx: Transaction, tenant_id: int, challenge: bytes) -> bool:
    """Whether nobody has come with what was signed for this challenge before."""
    tx.execute("delete from spent_challenges where tenant_id = %s and expires_at < now()", (tenant_id,))
    return bool(
        tx.execute(
            """insert into spent_challenges (tenant_id, hash, expires_at)
               values (%s, %s, now() + make_interval(secs => %s))
               on conflict on constraint spent_challenges_pkey do nothing""",
            (tenant_id, hashlib.sha256(challenge).digest(), 2 * webauthn.CHALLENGE_SECONDS),
        )
    )


def remove(db: Database, user: User, name: str, *, actor: Who | None = None) -> None:
    """A passkey opens the user's key no more, but in copies of the database, nor logs in. Raises NotFound and
    NotEnrolled."""
    with db.tenant(user.tenant_id) as tx:
        key_id = _current_key(tx, user)
        gone = tx.row(
            """with entered as (delete from passkeys where tenant_id = %(tenant)s and user_id = %(user)s
                                and name = %(name)s returning credential_id),
                    locked as (delete from key_locks l using user_keys k
                               where l.tenant_id = %(tenant)s and k.tenant_id = l.tenant_id and k.id = l.user_key_id
                                     and k.replaced_at is null and k.user_id = %(user)s and l.kind = 'passkey'
                                     and l.name = %(name)s
                               returning l.credential_id)
               select credential_id from entered union select credential_id from locked""",
            {"tenant": user.tenant_id, "user": user.id, "name": name},
        )
        if gone is None:
            raise NotFound(
                _("You have no passkey {name}. `faxplan passkey list` shows all.").format(name=repr(name[:100]))
            )
        _record(tx, user, "key.passkey-remove", key_id, name, bytes(gone["credential_id"]), actor=actor)


def name_of(tx: Transaction, user: User, passkey_id: int) -> str:
    """Raises NotFound."""
    found = tx.value(
        "select name from passkeys where tenant_id = %s and user_id = %s and id = %s",
        (user.tenant_id, user.id, passkey_id),
    )
    if found is None:
        raise NotFound(_("You have no such passkey."))
    return str(found)


def _lock(tx: Transaction, user: User, key_id: int, name: str, lock: PasskeyLock) -> None:
    tx.execute(
        """insert into key_locks (tenant_id, user_key_id, kind, credential_id, name, salt, locked)
           values (%s, %s, 'passkey', %s, %s, %s, %s)""",
        (user.tenant_id, key_id, lock.credential_id, name, lock.salt, lock.locked),
    )


def _current_key(tx: Transaction, user: User) -> int:
    keys = user_keys.of_user(tx, user.tenant_id, user.id)
    if not keys:
        raise NotEnrolled(_("{email} has no key yet. `faxplan enrol --as {email}` makes one.").format(email=user.email))
    return keys[0].id


def _record(
    tx: Transaction,
    user: User,
    action: str,
    key_id: int,
    name: str,
    credential_id: bytes,
    *,
    actor: Who | None = None,
    opens: bool = True,
) -> None:
    audit.record(
        tx,
        user.tenant_id,
        actor=actor or f"user:{user.id}",
        action=action,
        object=f"user:{user.id}",
        key=key_id,
        name=name,
        credential=credential_id.hex(),
        opens=opens,
    )
