"""Readers' own keys: their public halves, and the private ones as their clients have locked them (keyring).

The server keeps them, and can open none. What they open of mailboxes: vault. Each function works within a tenant
(role portal).
"""

from dataclasses import dataclass

from faxplan.db import Transaction
from faxplan.keyring import Enrolment, PasswordLock, RecoveryLock
from faxplan.passphrases import Cost
from faxplan.wraps import PublicKey


@dataclass(frozen=True, slots=True)
class UserKey:
    """A user's key, and what opens it. is_current: what is new is wrapped to it."""

    id: int
    public: PublicKey
    password: PasswordLock
    recovery: RecoveryLock
    is_current: bool


def of_user(tx: Transaction, tenant_id: int, user_id: int) -> list[UserKey]:
    """The newest first; empty where the user is not enrolled."""
    rows = tx.rows(
        """select k.id, k.public_key, k.replaced_at is null as is_current, p.salt, p.memory_kib, p.passes, p.lanes,
                  p.auth_hash, p.locked, r.locked as recovery, r.auth_hash as recovery_auth_hash
           from user_keys k
           join key_locks p on p.tenant_id = k.tenant_id and p.user_key_id = k.id and p.kind = 'password'
           join key_locks r on r.tenant_id = k.tenant_id and r.user_key_id = k.id and r.kind = 'recovery'
           where k.tenant_id = %s and k.user_id = %s order by k.id desc""",
        (tenant_id, user_id),
    )
    return [
        UserKey(
            row["id"],
            PublicKey(bytes(row["public_key"])),
            PasswordLock(
                bytes(row["salt"]),
                Cost(row["memory_kib"], row["passes"], row["lanes"]),
                bytes(row["auth_hash"]),
                bytes(row["locked"]),
            ),
            RecoveryLock(
                bytes(row["recovery"]),
                None if row["recovery_auth_hash"] is None else bytes(row["recovery_auth_hash"]),
            ),
            row["is_current"],
        )
        for row in rows
    ]


def ids(tx: Transaction, tenant_id: int, user_id: int) -> set[int]:
    """Of all keys that a user has or had."""
    rows = tx.rows("select id from user_keys where tenant_id = %s and user_id = %s", (tenant_id, user_id))
    return {row["id"] for row in rows}


@dataclass(frozen=True, slots=True)
class Current:
    """The public half of the key to which what is new is wrapped."""

    id: int
    public: PublicKey


def current(tx: Transaction, tenant_id: int, user_id: int) -> Current | None:
    """A user's (role portal or admin); None: they are not enrolled."""
    row = tx.row(
        "select id, public_key from user_keys where tenant_id = %s and user_id = %s and replaced_at is null",
        (tenant_id, user_id),
    )
    return None if row is None else Current(row["id"], PublicKey(bytes(row["public_key"])))


def add(tx: Transaction, tenant_id: int, user_id: int, enrolment: Enrolment) -> int:
    """Makes this the user's current key; its id. Those before stay, for what they open. Raises ConstraintViolated where
    another client does the same at this moment."""
    tx.execute(
        "update user_keys set replaced_at = now() where tenant_id = %s and user_id = %s and replaced_at is null",
        (tenant_id, user_id),
    )
    key_id = int(
        tx.value(
            "insert into user_keys (tenant_id, user_id, public_key) values (%s, %s, %s) returning id",
            (tenant_id, user_id, enrolment.public.raw),
        )
    )
    _lock_by_password(tx, tenant_id, key_id, enrolment.password)
    _lock_by_code(tx, tenant_id, key_id, enrolment.recovery)
    return key_id


def end(tx: Transaction, tenant_id: int, key_id: int) -> None:
    """Of a reader that is no user: nothing new is wrapped to it, and what was is forgotten."""
    tx.execute("update user_keys set replaced_at = now() where tenant_id = %s and id = %s", (tenant_id, key_id))
    forget_ended(tx, key_id)


def forget_ended(tx: Transaction, key_id: int) -> None:
    """What is wrapped to a reader that was ended goes, but in copies of the database, and what no member opens."""
    tx.execute("select forget_ended_reader(%s)", (key_id,))


def change_password(tx: Transaction, tenant_id: int, user_key_id: int, password: PasswordLock) -> None:
    """Another password opens the key from now on; the old one no more, but in copies of the database."""
    tx.execute(
        "delete from key_locks where tenant_id = %s and user_key_id = %s and kind = 'password'",
        (tenant_id, user_key_id),
    )
    _lock_by_password(tx, tenant_id, user_key_id, password)


def end_passkeys(tx: Transaction, tenant_id: int, user_id: int) -> None:
    """None of a user's passkeys logs in any more. Those that open a key that they had go on to do that."""
    tx.execute("delete from passkeys where tenant_id = %s and user_id = %s", (tenant_id, user_id))


def change_code(tx: Transaction, tenant_id: int, user_key_id: int, recovery: RecoveryLock) -> None:
    """Another recovery code opens the key from now on; the old one no more, but in copies of the database."""
    tx.execute(
        "delete from key_locks where tenant_id = %s and user_key_id = %s and kind = 'recovery'",
        (tenant_id, user_key_id),
    )
    _lock_by_code(tx, tenant_id, user_key_id, recovery)


def _lock_by_code(tx: Transaction, tenant_id: int, user_key_id: int, recovery: RecoveryLock) -> None:
    tx.execute(
        "insert into key_locks (tenant_id, user_key_id, kind, locked, auth_hash) values (%s, %s, 'recovery', %s, %s)",
        (tenant_id, user_key_id, recovery.locked, recovery.auth_hash),
    )


def _lock_by_password(tx: Transaction, tenant_id: int, user_key_id: int, password: PasswordLock) -> None:
    cost = password.cost
    tx.execute(
        """insert into key_locks (tenant_id, user_key_id, kind, salt, memory_kib, passes, lanes, auth_hash, locked)
           values (%s, %s, 'password', %s, %s, %s, %s, %s, %s)""",
        (
            tenant_id,
            user_key_id,
            password.salt,
            cost.memory,
            cost.passes,
            cost.lanes,
            password.auth_hash,
            password.locked,
        ),
    )
