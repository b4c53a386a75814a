"""Passkeys that open a user's key, besides password and recovery code: any number, each with a lock of its own.

Not every passkey can: it needs WebAuthn's extension prf, of which a browser's page makes the lock
(portal/static/vault/passkeys.js). What its prf gives never leaves that page. Role portal, within a tenant.
"""

from faxplan import audit, user_keys
from faxplan.db import Database, Row, Transaction
from faxplan.enrolment import NotEnrolled
from faxplan.errors import NotFound
from faxplan.keyring import PasskeyLock
from faxplan.users import User


def add(db: Database, user: User, name: str, lock: PasskeyLock) -> None:
    """From now on this passkey opens the user's current key. name: by which they know it.

    Raises NotEnrolled, and ConstraintViolated for one that is there, by its id or its name.
    """
    with db.tenant(user.tenant_id) as tx:
        key_id = _current_key(tx, user)
        tx.execute(
            """insert into key_locks (tenant_id, user_key_id, kind, credential_id, name, salt, locked)
               values (%s, %s, 'passkey', %s, %s, %s, %s)""",
            (user.tenant_id, key_id, lock.credential_id, name, lock.salt, lock.locked),
        )
        _record(tx, user, "key.passkey-add", key_id, name, lock.credential_id)


def everyone(tx: Transaction, user: User) -> list[Row]:
    """Those of the user's current key, by name: name, created_at."""
    return tx.rows(
        """select l.name, l.created_at from key_locks l
           join user_keys k on k.tenant_id = l.tenant_id and k.id = l.user_key_id and k.replaced_at is null
           where l.tenant_id = %s and k.user_id = %s and l.kind = 'passkey' order by l.name""",
        (user.tenant_id, user.id),
    )


def locks(tx: Transaction, tenant_id: int, user_key_id: int) -> list[PasskeyLock]:
    """What a client asks its passkeys with, and what they open."""
    rows = tx.rows(
        """select credential_id, salt, locked from key_locks
           where tenant_id = %s and user_key_id = %s and kind = 'passkey' order by id""",
        (tenant_id, user_key_id),
    )
    return [PasskeyLock(bytes(row["credential_id"]), bytes(row["salt"]), bytes(row["locked"])) for row in rows]


def remove(db: Database, user: User, name: str) -> None:
    """A passkey opens the user's key no more, but in copies of the database. Raises NotFound and NotEnrolled."""
    with db.tenant(user.tenant_id) as tx:
        key_id = _current_key(tx, user)
        gone = tx.row(
            """delete from key_locks where tenant_id = %s and user_key_id = %s and kind = 'passkey' and name = %s
               returning credential_id""",
            (user.tenant_id, key_id, name),
        )
        if gone is None:
            raise NotFound(f"You have no passkey {name[:100]!r} that opens your key. `faxplan passkey list` shows all.")
        _record(tx, user, "key.passkey-remove", key_id, name, bytes(gone["credential_id"]))


def _current_key(tx: Transaction, user: User) -> int:
    keys = user_keys.of_user(tx, user.tenant_id, user.id)
    if not keys:
        raise NotEnrolled(f"{user.email} has no key yet. `faxplan enrol --as {user.email}` makes one.")
    return keys[0].id


def _record(tx: Transaction, user: User, action: str, key_id: int, name: str, credential_id: bytes) -> None:
    audit.record(
        tx,
        user.tenant_id,
        actor=f"user:{user.id}",
        action=action,
        object=f"user:{user.id}",
        key=key_id,
        name=name,
        credential=credential_id.hex(),
    )
