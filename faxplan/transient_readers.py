"""Readers for a while: *dispatch* opens what waits to be sent, *mailer* what waits to be mailed; nothing after that.

Each machine that sends or renders has its own key, for a day; what is handed in is wrapped to the keys of all of them.
The private keys are files of their machines (key_folder). After a day a machine takes a new key, wraps what still waits
to that one, and destroys the old: a copy of the database that was made meanwhile opens nothing from then on. A
document's wraps go when nothing waits for it any more (`forget`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from faxplan import audit, quotas
from faxplan.config import CALL_CAP_SECONDS
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError
from faxplan.key_folder import KeyFolder
from faxplan.language import _
from faxplan.sealed import SealBroken
from faxplan.wraps import PublicKey

LOG = logging.getLogger(__name__)
DISPATCH, MAILER = "dispatch", "mailer"
LIFETIME_SECONDS = 86400
LOST_SECONDS = 3 * LIFETIME_SECONDS
"""A key that nobody has renewed for so long is a dead machine's: nothing is wrapped to it any more."""
GRACE_SECONDS = 600
"""A key is not destroyed sooner after it was retired: who has just read it may still be about to wrap to it."""
MAILER_GRACE_SECONDS = 2 * CALL_CAP_SECONDS
"""Of a mailer key: it was read before a call was answered, and is wrapped to when that has ended."""
RENEWAL_SECONDS = 300
"""How often a machine looks whether there is anything to renew."""
MOST_AT_ONCE = 200


class NoDispatch(FaxplanError):
    """No machine of this installation has a key to read with what is to be sent."""

    error_id = "no-dispatch"
    retryable = True


class KeyGone(FaxplanError):
    """No key opens a document that waits any more: it was destroyed, or the machine is gone that had it."""

    error_id = "key-gone"


@dataclass(frozen=True, slots=True)
class TransientKey:
    """A reader's public key, as the database knows it."""

    id: int
    node: str
    public: PublicKey


def current(tx: Transaction, purpose: str = DISPATCH) -> list[TransientKey]:
    """To which keys something new is wrapped. Raises NoDispatch where there is none."""
    rows = tx.rows(
        """select id, node, public_key from transient_keys
           where purpose = %s and retired_at is null and created_at > now() - make_interval(secs => %s) order by id""",
        (purpose, LOST_SECONDS),
    )
    if not rows:
        raise NoDispatch(_("No worker and no switch has run here yet that could send it. Start `faxplan worker`."))
    return [TransientKey(row["id"], row["node"], PublicKey(bytes(row["public_key"]))) for row in rows]


def ensure(db: Database, keys: KeyFolder, node: str, purpose: str = DISPATCH) -> None:
    """Sees to it that this machine has a key that is younger than a day, and can read it (role switch or worker).

    Several processes may do it at once: one of them makes the key. That is a row of the installation's audit, with the
    public key: one that was put into the database by other means has none (audit_keys).
    """
    with db.across_tenants() as tx:
        held = _held(tx, node, purpose)
        young = tx.value(
            """select public_key from transient_keys where purpose = %s and node = %s and retired_at is null
               and created_at > now() - make_interval(secs => %s)""",
            (purpose, node, LIFETIME_SECONDS),
        )
    if young is not None and keys.private(PublicKey(bytes(young))) is not None:
        return
    made = keys.make()
    with db.across_tenants() as tx:
        is_kept = _held(tx, node, purpose) == held and _keep(tx, node, purpose, made.public)
    if not is_kept:
        keys.destroy(made.public)


def _keep(tx: Transaction, node: str, purpose: str, public: PublicKey) -> bool:
    """A machine's key from now on; False where another process has just made one."""
    tx.execute(
        "update transient_keys set retired_at = now() where purpose = %s and node = %s and retired_at is null",
        (purpose, node),
    )
    inserted = tx.execute(
        """insert into transient_keys (purpose, node, public_key) values (%s, %s, %s)
           on conflict do nothing""",
        (purpose, node, public.raw),
    )
    if inserted:
        audit.record(
            tx,
            audit.INSTALLATION,
            actor=f"node:{node}",
            action="key.machine",
            object=f"node:{node}",
            purpose=purpose,
            public_key=public.raw.hex(),
        )
    return bool(inserted)


def _held(tx: Transaction, node: str, purpose: str) -> list[int]:
    rows = tx.rows("select id from transient_keys where purpose = %s and node = %s order by id", (purpose, node))
    return [row["id"] for row in rows]


def wrap(
    tx: Transaction,
    tenant_id: int,
    document_id: int,
    digest: bytes,
    wraps: Mapping[int, bytes],
    *,
    since: datetime | None = None,
) -> None:
    """Keeps a document's file key, wrapped to these keys by their ids. digest: of the file's header. since: it has
    waited; None: since now."""
    for key_id, each in wraps.items():
        tx.later(
            """insert into transient_wraps (tenant_id, document_id, key_id, wrap, digest, created_at)
               values (%s, %s, %s, %s, %s, coalesce(%s, now()))
               on conflict on constraint transient_wraps_pkey do nothing""",
            (tenant_id, document_id, key_id, each, digest, since),
        )


def forget(tx: Transaction, tenant_id: int, document_ids: Sequence[int], purpose: str = DISPATCH) -> None:
    """Takes documents away from every reader for a while of this purpose: nothing waits for them."""
    # A machine that renews its key has this turn too: what it wraps meanwhile is there before we delete.
    quotas.take_turn(tx, tenant_id)
    tx.later(
        """delete from transient_wraps w using transient_keys k
           where w.tenant_id = %s and w.document_id = any(%s) and k.id = w.key_id and k.purpose = %s""",
        (tenant_id, list(document_ids), purpose),
    )


def file_key(keys: KeyFolder, wraps: Mapping[bytes, bytes], digest: bytes) -> bytes | None:
    """A file's key, opened with a key of this machine; None: none of its keys is among them.

    wraps: by the raw public keys to which they are. digest: of the file's header. Raises SealBroken.
    """
    for public, each in wraps.items():
        private = keys.private(PublicKey(bytes(public)))
        if private is not None:
            return private.unwrap(bytes(each), digest)
    return None


def renew(db: Database, keys: KeyFolder, node: str, purpose: str = DISPATCH) -> bool:
    """What a machine does now and then: takes a new key after a day, wraps what waits to it, destroys the one before,
    and wraps what waits to the keys of machines that have come later (role switch or worker).

    At most MOST_AT_ONCE documents of a tenant at a time; True: there is more to do.
    """
    ensure(db, keys, node, purpose)
    more = False
    for tenant_id in _tenants_with_work(db, node, purpose):
        with db.tenant(tenant_id) as tx:
            # Whoever takes a document away from machines has this turn as well: it would not see what we add meanwhile.
            quotas.take_turn(tx, tenant_id)
            for what in (_TO_MOVE, _TO_SHARE):
                more = _wrap_anew(tx, keys, node, purpose, tenant_id, what) or more
    _destroy_unused(db, keys, node, purpose)
    return more


_TO_MOVE = """
    from transient_keys k join transient_wraps w on w.key_id = k.id
    join transient_keys n on n.purpose = k.purpose and n.node = k.node and n.retired_at is null
    where k.purpose = %(purpose)s and k.node = %(node)s and k.retired_at is not null"""
_TO_SHARE = """
    from transient_keys k join transient_wraps w on w.key_id = k.id
    join transient_keys n on n.purpose = k.purpose and n.node <> k.node and n.retired_at is null
         and n.created_at > now() - make_interval(secs => %(lost)s)
    where k.purpose = %(purpose)s and k.node = %(node)s and k.retired_at is null and not exists (
        select from transient_wraps h
        where h.tenant_id = w.tenant_id and h.document_id = w.document_id and h.key_id = n.id)"""
"""What was handed in before another machine had a key."""


def _tenants_with_work(db: Database, node: str, purpose: str) -> list[int]:
    with db.across_tenants() as tx:
        rows = tx.rows(
            f"select w.tenant_id {_TO_MOVE} union select w.tenant_id {_TO_SHARE} order by 1",
            {"purpose": purpose, "node": node, "lost": LOST_SECONDS},
        )
    return [row["tenant_id"] for row in rows]


def _wrap_anew(tx: Transaction, keys: KeyFolder, node: str, purpose: str, tenant_id: int, what: str) -> bool:
    """Wraps what a tenant has of _TO_MOVE or _TO_SHARE; True: there is more."""
    rows = tx.rows(
        f"""select w.document_id, w.key_id, w.wrap, w.digest, w.created_at, k.public_key,
                   n.id as new_id, n.public_key as new_key
            {what} and w.tenant_id = %(tenant)s order by w.key_id, w.document_id limit %(most)s""",
        {"purpose": purpose, "node": node, "lost": LOST_SECONDS, "tenant": tenant_id, "most": MOST_AT_ONCE},
    )
    done = 0
    for row in rows:
        digest = bytes(row["digest"])
        try:
            found = file_key(keys, {row["public_key"]: row["wrap"]}, digest)
        except SealBroken:
            # It opens nothing, and must not keep us from all the others.
            LOG.warning("document %s of tenant %s: its wrap to this machine is damaged", row["document_id"], tenant_id)
            found = None
        if found is not None:
            anew = PublicKey(bytes(row["new_key"])).wrap(found, digest)
            wrap(tx, tenant_id, row["document_id"], digest, {row["new_id"]: anew}, since=row["created_at"])
            done += 1
        if what is _TO_MOVE:
            # Where the old key is gone, its wraps open nothing any more either.
            tx.later(
                "delete from transient_wraps where tenant_id = %s and document_id = %s and key_id = %s",
                (tenant_id, row["document_id"], row["key_id"]),
            )
            done += 1
    return len(rows) == MOST_AT_ONCE and done > 0


def _destroy_unused(db: Database, keys: KeyFolder, node: str, purpose: str) -> None:
    grace = MAILER_GRACE_SECONDS if purpose == MAILER else GRACE_SECONDS
    with db.across_tenants() as tx:
        gone = tx.rows(
            """delete from transient_keys k
               where k.purpose = %s and k.node = %s and k.retired_at < now() - make_interval(secs => %s)
               and not exists (select from transient_wraps w where w.key_id = k.id) returning public_key""",
            (purpose, node, grace),
        )
    for row in gone:
        keys.destroy(PublicKey(bytes(row["public_key"])))
    # What no row names any more, as after a crash at this place, or in a database that was restored.
    with db.across_tenants() as tx:
        named = {bytes(row["public_key"]) for row in tx.rows("select public_key from transient_keys")}
    for public in keys.held(older_than_seconds=LOST_SECONDS):
        if public.raw not in named:
            keys.destroy(public)
    keys.forget_destroyed()
