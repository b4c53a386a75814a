"""What a fax consists of beside its record, and how that is taken away.

Its documents are what foreign keys of `faxes` and `renderings` lead to: they are read from the catalogue, so that a
column that comes later is not forgotten. Originals and renderings belong to all faxes that send them, what came in to
all its copies (forwarding), and go with the last one, or with their draft; until then a mailbox loses what no other fax
of its own has. With documents go their wraps, and in their place stands a tombstone for each object in the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from faxplan import audit, queue, quotas
from faxplan.db import Transaction

_REFERENCES = """
    select c.relname as table, a.attname as column from pg_constraint k join pg_class c on c.oid = k.conrelid
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey) and a.attname <> 'tenant_id'
    where k.contype = 'f' and k.confrelid = 'documents'::regclass
      and k.conrelid in ('faxes'::regclass, 'renderings'::regclass) order by 1, 2"""


@dataclass(frozen=True, slots=True)
class References:
    """The columns by which documents hang on a fax and on a rendering."""

    of_faxes: Sequence[str]
    of_renderings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Destroyed:
    """faxes: ids. objects: in the store, which are to be deleted now. bytes: of their documents."""

    faxes: Sequence[int]
    objects: Sequence[str]
    bytes: int


def references(tx: Transaction) -> References:
    """As the database has them."""
    found = tx.rows(_REFERENCES)
    return References(
        [row["column"] for row in found if row["table"] == "faxes"],
        [row["column"] for row in found if row["table"] == "renderings"],
    )


def destroy(
    tx: Transaction, tenant_id: int, fax_ids: Sequence[int], by: References, *, actor: str, why: str
) -> Destroyed:
    """Takes all from these faxes but their records (role purge). They are locked, final, and not held.

    The caller deletes the objects once this is committed, and then their tombstones.
    """
    of: dict[str, Any] = {"tenant": tenant_id, "faxes": list(fax_ids)}
    originals = [row["id"] for row in tx.rows(_LAST_ORIGINALS, of)]
    queue.hold_originals(tx, tenant_id, originals)
    shared = [row["id"] for row in tx.rows(_shared(by), {**of, "originals": originals})]
    own = {row["id"] for row in tx.rows(_own(by), of)}
    copied = sorted(_named(tx, tenant_id, fax_ids, by) - own)
    documents = sorted(own | _of_renderings(tx, tenant_id, originals, by))
    of |= {"documents": documents, "originals": originals, "copied": copied, "shared": shared + copied}
    tx.execute(_shared_wraps(by), of)
    # A machine that renews its key has this turn, and wraps nothing anew meanwhile of what goes.
    quotas.take_turn(tx, tenant_id)
    if copied:
        tx.execute(_copied_mail(by), of)
    emptied = ", ".join(f"{column} = null" for column in by.of_faxes)
    tx.execute(
        f"""update faxes set purged_at = now(), rendering_id = null, {emptied}
            where tenant_id = %(tenant)s and id = any(%(faxes)s)""",
        of,
    )
    buried = _bury(tx, of)
    for fax_id in fax_ids:
        audit.record(tx, tenant_id, actor=actor, action="fax.purge", object=f"fax:{fax_id}", why=why)
    return buried


_DRAFTS_DUE = "d.tenant_id = %(tenant)s and (d.closed or d.expires_at <= now())"


def drafts_due(tx: Transaction, tenant_id: int) -> int:
    """How many drafts the next purge destroys."""
    found: int = tx.value(f"select count(*) from drafts d where {_DRAFTS_DUE}", {"tenant": tenant_id})
    return found


def destroy_drafts(
    tx: Transaction, tenant_id: int, most: int, by: References, *, actor: str
) -> tuple[int, int, Destroyed]:
    """Takes all from the drafts that have expired or were removed (role purge): how many were looked at, so many at
    most, how many destroyed, and what that was; as in `destroy`.
    """
    of: dict[str, Any] = {"tenant": tenant_id, "faxes": [], "most": most}
    due = f"""select d.id, r.original_id from drafts d
              join renderings r on r.tenant_id = d.tenant_id and r.id = d.rendering_id
              where {_DRAFTS_DUE} order by d.id limit %(most)s"""
    drafts = {row["id"]: row["original_id"] for row in tx.rows(due, of)}
    # Who is sending one at this moment has it until then, and it is none any more.
    queue.hold_originals(tx, tenant_id, list(drafts.values()))
    # A machine that renews its key has this turn, and wraps nothing anew meanwhile of what goes.
    quotas.take_turn(tx, tenant_id)
    gone = tx.rows("delete from drafts where tenant_id = %s and id = any(%s) returning id", (tenant_id, list(drafts)))
    originals = [drafts[row["id"]] for row in gone]
    of |= {"originals": originals, "documents": sorted(_of_renderings(tx, tenant_id, originals, by))}
    buried = _bury(tx, of)
    for row in gone:
        audit.record(tx, tenant_id, actor=actor, action="draft.purge", object=f"draft:{row['id']}")
    return len(drafts), len(gone), buried


def destroy_campaign_covers(tx: Transaction, tenant_id: int, most: int) -> Destroyed:
    """Takes what covers of campaigns said that have ended, or say something else by now (role purge); so many at most,
    and as in `destroy`."""
    rows = tx.rows(
        """select d.id from documents d where d.tenant_id = %s and d.kind = 'campaign-cover' and not exists (
               select from campaigns c where c.tenant_id = d.tenant_id and c.cover_id = d.id) order by d.id limit %s""",
        (tenant_id, most),
    )
    if rows:
        # As in destroy.
        quotas.take_turn(tx, tenant_id)
    of = {"tenant": tenant_id, "faxes": [], "originals": [], "documents": [row["id"] for row in rows]}
    return _bury(tx, of) if rows else Destroyed([], [], 0)


def _bury(tx: Transaction, of: dict[str, Any]) -> Destroyed:
    """Renderings of originals, documents with their wraps, and what else faxes have; tombstones are left."""
    for statement in _RENDERINGS:
        tx.execute(statement, of)
    buried = tx.rows(_TOMBSTONES, of)
    for statement in _REST:
        tx.execute(statement, of)
    return Destroyed(of["faxes"], [row["object_name"] for row in buried], sum(row["bytes"] for row in buried))


# Originals that no other fax sends, of which faxes have been purged before, so have no rendering any more.
_LAST_ORIGINALS = """
    select distinct r.original_id as id from faxes f
    join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
    where f.tenant_id = %(tenant)s and f.id = any(%(faxes)s) and not exists (
        select from renderings o join faxes g on g.tenant_id = o.tenant_id and g.rendering_id = o.id
        where o.tenant_id = r.tenant_id and o.original_id = r.original_id and g.id <> all(%(faxes)s))
      and not exists (
        select from renderings o join drafts d on d.tenant_id = o.tenant_id and d.rendering_id = o.id
        where o.tenant_id = r.tenant_id and o.original_id = r.original_id)"""


def _own(by: References) -> str:
    """Documents of the faxes alone."""
    return " union ".join(
        f"""select f.{column} as id from faxes f
            where f.tenant_id = %(tenant)s and f.id = any(%(faxes)s) and f.{column} is not null"""
        + "".join(
            f""" and not exists (
                select from faxes g where g.tenant_id = f.tenant_id and g.{other} = f.{column}
                and g.id <> all(%(faxes)s))"""
            for other in by.of_faxes
        )
        for column in by.of_faxes
    )


def _named(tx: Transaction, tenant_id: int, fax_ids: Sequence[int], by: References) -> set[int]:
    """All documents that hang on the faxes themselves."""
    columns = ", ".join(by.of_faxes)
    rows = tx.rows(f"select {columns} from faxes where tenant_id = %s and id = any(%s)", (tenant_id, list(fax_ids)))
    return {each for row in rows for each in row.values() if each is not None}


def _of_renderings(tx: Transaction, tenant_id: int, originals: Sequence[int], by: References) -> set[int]:
    columns = ", ".join(by.of_renderings)
    rows = tx.rows(
        f"select {columns} from renderings where tenant_id = %s and original_id = any(%s)", (tenant_id, list(originals))
    )
    return {each for row in rows for each in row.values() if each is not None}


def _shared(by: References) -> str:
    """Documents of originals that other faxes send too."""
    return " union ".join(
        f"""select o.{column} as id from faxes f
            join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
            join renderings o on o.tenant_id = r.tenant_id and o.original_id = r.original_id
            where f.tenant_id = %(tenant)s and f.id = any(%(faxes)s) and r.original_id <> all(%(originals)s)
              and o.{column} is not null"""
        for column in by.of_renderings
    )


def _shared_wraps(by: References) -> str:
    """A mailbox that has no other fax of them opens them no more."""
    of_document = " or ".join(f"o.{column} = w.document_id" for column in by.of_renderings)
    of_fax = ", ".join(f"g.{column}" for column in by.of_faxes)
    return f"""
    delete from mailbox_wraps w
    where w.tenant_id = %(tenant)s and w.document_id = any(%(shared)s)
      and w.mailbox_id in (select f.mailbox_id from faxes f where f.tenant_id = %(tenant)s and f.id = any(%(faxes)s))
      and not exists (
          select from faxes g join renderings r on r.tenant_id = g.tenant_id and r.id = g.rendering_id
          join renderings o on o.tenant_id = r.tenant_id and o.original_id = r.original_id
          where g.tenant_id = w.tenant_id and g.mailbox_id = w.mailbox_id and g.id <> all(%(faxes)s)
            and ({of_document}))
      and not exists (
          select from faxes g where g.tenant_id = w.tenant_id and g.mailbox_id = w.mailbox_id and g.id <> all(%(faxes)s)
            and w.document_id in ({of_fax}))"""


def _copied_mail(by: References) -> str:
    """Nor does a worker mail them: that is for the fax that came in, and not for its copies."""
    of_fax = ", ".join(f"g.{column}" for column in by.of_faxes)
    return f"""
    delete from transient_wraps w
    where w.tenant_id = %(tenant)s and w.document_id = any(%(copied)s) and not exists (
        select from faxes g
        where g.tenant_id = w.tenant_id and g.id <> all(%(faxes)s) and g.forwarded_by is null
          and w.document_id in ({of_fax}))"""


_RENDERINGS = (
    """delete from render_jobs where tenant_id = %(tenant)s and rendering_id in (
           select r.id from renderings r where r.tenant_id = %(tenant)s and r.original_id = any(%(originals)s))""",
    "delete from renderings where tenant_id = %(tenant)s and original_id = any(%(originals)s)",
)
_TOMBSTONES = """
    with buried as (
        insert into tombstones (tenant_id, object_name) select d.tenant_id, d.object_name from documents d
        where d.tenant_id = %(tenant)s and d.id = any(%(documents)s))
    select d.object_name, d.bytes from documents d where d.tenant_id = %(tenant)s and d.id = any(%(documents)s)"""
_REST = (
    "delete from mailbox_wraps where tenant_id = %(tenant)s and document_id = any(%(documents)s)",
    "delete from transient_wraps where tenant_id = %(tenant)s and document_id = any(%(documents)s)",
    "delete from documents where tenant_id = %(tenant)s and id = any(%(documents)s)",
    "delete from mailbox_entries where tenant_id = %(tenant)s and fax_id = any(%(faxes)s)",
    """delete from outbox where tenant_id = %(tenant)s and notice_id in (
           select n.id from notices n where n.tenant_id = %(tenant)s and n.fax_id = any(%(faxes)s))""",
    "delete from notices where tenant_id = %(tenant)s and fax_id = any(%(faxes)s)",
    "update mails_in set message_id = null, answer_to = null where tenant_id = %(tenant)s and fax_id = any(%(faxes)s)",
    """delete from t30_traces where tenant_id = %(tenant)s and attempt_id in (
           select a.id from attempts a where a.tenant_id = %(tenant)s and a.fax_id = any(%(faxes)s))""",
)


def buried(tx: Transaction, tenant_id: int, most: int) -> list[str]:
    """Objects whose tombstones stand yet, as a purge leaves them that was interrupted."""
    rows = tx.rows("select object_name from tombstones where tenant_id = %s order by 1 limit %s", (tenant_id, most))
    return [row["object_name"] for row in rows]


def forget(tx: Transaction, tenant_id: int, objects: Sequence[str]) -> None:
    """Takes tombstones away: their objects are gone from the store."""
    tx.execute("delete from tombstones where tenant_id = %s and object_name = any(%s)", (tenant_id, list(objects)))


_RECORDS = """
    select f.id from faxes f join tenants t on t.id = f.tenant_id
    where f.tenant_id = %(tenant)s and f.purged_at is not null
      and f.purged_at < date_trunc('month', now() at time zone t.time_zone) at time zone t.time_zone
      and f.finished_at < now() - interval '3 days'
      and not exists (select from faxes l where l.tenant_id = f.tenant_id and l.left_by = f.id and l.purged_at is null)
      and not exists (select from holds h where h.tenant_id = f.tenant_id and h.fax_id is null
                      and (h.mailbox_id is null or h.mailbox_id = f.mailbox_id))
    order by f.purged_at, f.id limit %(most)s"""


def remove_records(tx: Transaction, tenant_id: int, most: int, *, actor: str) -> int:
    """Removes rows of faxes that were purged in an earlier month, and of their calls (role purge); how many faxes.

    Not before: until then they are what the quotas of the month are compared with. And not of the last days, whose
    calls reports count anew; nor of what left a copy that is kept, which would not be known as such any more (holds).
    """
    ids = [row["id"] for row in tx.rows(_RECORDS, {"tenant": tenant_id, "most": most})]
    if not ids:
        return 0
    tx.execute("delete from attempts where tenant_id = %s and fax_id = any(%s)", (tenant_id, ids))
    tx.execute("delete from faxes where tenant_id = %s and id = any(%s)", (tenant_id, ids))
    tx.execute("update purge_state set removed_records = true where not removed_records")
    audit.record(tx, tenant_id, actor=actor, action="fax.remove-records", object=f"tenant:{tenant_id}", faxes=ids)
    return len(ids)
