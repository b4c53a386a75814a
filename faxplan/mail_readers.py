"""What workers may open of received faxes to send them by mail, for mailboxes that chose that (mailboxes.mail); and the
thumbnails of faxes that came by mail, for users who want one in the answer (users.mail_thumbnail).

It costs the promise: a fax that waits for mail a worker can open, and whoever has its key of the day. So the keys are
the workers' alone, in a folder that no switch opens; they live a day (transient_readers); a document's wraps go when
its mail is handed over or given up (`let_go`), or nobody did either for days. The mailer opens them by `opened`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from faxplan import documents, quotas, transient_readers
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import KeyElsewhere, Store
from faxplan.key_folder import KeyFolder
from faxplan.transient_readers import LOST_SECONDS, MAILER, KeyGone, TransientKey
from faxplan.wraps import PublicKey

LOG = logging.getLogger(__name__)
GIVE_UP_SECONDS = 3 * 86400
"""So long a mail is tried, and a document waits for it, whatever becomes of who should send it."""


def close(tx: Transaction, tenant_id: int, mailbox_id: int) -> int:
    """Gives up what came in there, and not what a copy there shares with the mailbox where it came in (forwarding); how
    many wraps that were (role portal)."""
    quotas.take_turn(tx, tenant_id)
    return tx.execute(
        """delete from transient_wraps w using transient_keys k
           where w.tenant_id = %s and k.id = w.key_id and k.purpose = %s
             and exists (select from mailbox_wraps m where m.tenant_id = w.tenant_id
                         and m.document_id = w.document_id and m.mailbox_id = %s)
             and not exists (
                 select from faxes f join mailboxes b on b.tenant_id = f.tenant_id and b.id = f.mailbox_id and b.mail
                 where f.tenant_id = w.tenant_id and f.forwarded_by is null
                   and w.document_id in (f.tiff_id, f.pdf_id))""",
        (tenant_id, MAILER, mailbox_id),
    )


def keys_for(tx: Transaction, tenant_id: int, mailbox_id: int) -> list[TransientKey]:
    """To which keys a fax for this mailbox is wrapped besides: none where it did not choose mail, or no worker runs."""
    rows = tx.rows(
        """select k.id, k.node, k.public_key from transient_keys k
           where k.purpose = %s and k.retired_at is null and k.created_at > now() - make_interval(secs => %s)
             and exists (select from mailboxes b where b.tenant_id = %s and b.id = %s and b.mail) order by k.id""",
        (MAILER, LOST_SECONDS, tenant_id, mailbox_id),
    )
    return _keys(rows)


def _keys(rows: Sequence[Row]) -> list[TransientKey]:
    return [TransientKey(row["id"], row["node"], PublicKey(bytes(row["public_key"]))) for row in rows]


def keys_for_thumbnail(tx: Transaction, tenant_id: int, fax_ids: Sequence[int]) -> list[TransientKey]:
    """To which keys the thumbnail of these faxes is wrapped besides: none, where the mail that says how they ended is
    not to show it (users.mail_thumbnail)."""
    rows = tx.rows(
        """select k.id, k.node, k.public_key from transient_keys k
           where k.purpose = %s and k.retired_at is null and k.created_at > now() - make_interval(secs => %s)
             and exists (select from mails_in i join users u on u.tenant_id = i.tenant_id and u.id = i.user_id
                         where i.tenant_id = %s and i.fax_id = any(%s) and i.answer_to is not null
                           and u.mail_thumbnail) order by k.id""",
        (MAILER, LOST_SECONDS, tenant_id, list(fax_ids)),
    )
    return _keys(rows)


def still_wanted(tx: Transaction, tenant_id: int, mailbox_id: int, wraps: Mapping[int, bytes]) -> dict[int, bytes]:
    """Of wraps that were made when a call ended those to keep now: to keys that are there, if mail is still chosen."""
    if not wraps:
        return {}
    # Who chooses otherwise at this moment takes away what is there by then, and sees what we add.
    quotas.take_turn(tx, tenant_id)
    rows = tx.rows(
        """select k.id from transient_keys k where k.purpose = %s and k.id = any(%s)
             and exists (select from mailboxes b where b.tenant_id = %s and b.id = %s and b.mail)""",
        (MAILER, list(wraps), tenant_id, mailbox_id),
    )
    return {row["id"]: wraps[row["id"]] for row in rows}


def renew(db: Database, keys: KeyFolder, node: str) -> bool:
    """As transient_readers.renew, for this machine's mailer key (role worker); and gives up what waited too long."""
    more = transient_readers.renew(db, keys, node, MAILER)
    with db.across_tenants() as tx:
        late = tx.rows(
            """select distinct w.tenant_id, w.document_id
               from transient_wraps w join transient_keys k on k.id = w.key_id
               where k.purpose = %s and w.created_at < now() - make_interval(secs => %s)""",
            (MAILER, GIVE_UP_SECONDS),
        )
    for tenant_id in sorted({row["tenant_id"] for row in late}):
        with db.tenant(tenant_id) as tx:
            given_up = _without_early_ones(
                tx, tenant_id, [row["document_id"] for row in late if row["tenant_id"] == tenant_id]
            )
            let_go(tx, tenant_id, given_up)
        if given_up:
            LOG.error(
                "tenant %s: %s documents were not mailed in time; their readers have them", tenant_id, len(given_up)
            )
    return more


def forget_unwanted(db: Database, grace_seconds: int) -> int:
    """Lets go of what no mail waits for any more (role worker): to nobody it goes, or who had chosen it has left. How
    many documents. grace_seconds: so old it is at least."""
    with db.across_tenants() as tx:
        rows = tx.rows(
            """select w.tenant_id, array_agg(distinct w.document_id) as documents
               from transient_wraps w join transient_keys k on k.id = w.key_id
               where k.purpose = %s and w.created_at < now() - make_interval(secs => %s) group by 1""",
            (MAILER, grace_seconds),
        )
    count = 0
    for row in rows:
        with db.tenant(row["tenant_id"]) as tx:
            found = tx.rows(
                """select d as id from unnest(%(documents)s::bigint[]) d where not exists (
                       select from faxes f join notices n on n.tenant_id = f.tenant_id and n.fax_id = f.id
                       join outbox o on o.tenant_id = n.tenant_id and o.notice_id = n.id and o.state = 'waiting'
                       left join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
                       where f.tenant_id = %(tenant)s and case when n.mailbox_id is null
                             then d = coalesce(f.thumbnail_id, r.thumbnail_id) else d in (f.tiff_id, f.pdf_id) end)""",
                {"tenant": row["tenant_id"], "documents": row["documents"]},
            )
            unwanted = _without_early_ones(tx, row["tenant_id"], [each["id"] for each in found])
            let_go(tx, row["tenant_id"], unwanted)
            count += len(unwanted)
    return count


def _without_early_ones(tx: Transaction, tenant_id: int, document_ids: Sequence[int]) -> list[int]:
    """Those whose time has come: not the thumbnails of faxes that have not ended."""
    rows = tx.rows(
        """select d as id from unnest(%(documents)s::bigint[]) d
           where not exists (select from faxes f where f.tenant_id = %(tenant)s and f.thumbnail_id = d
                             and f.finished_at is null)
             and not exists (select from renderings r
                             join faxes f on f.tenant_id = r.tenant_id and f.rendering_id = r.id
                             where r.tenant_id = %(tenant)s and r.thumbnail_id = d and f.finished_at is null)""",
        {"tenant": tenant_id, "documents": list(document_ids)},
    )
    return [row["id"] for row in rows]


@contextmanager
def opened(db: Database, store: Store, keys: KeyFolder, tenant_id: int, document_id: int) -> Iterator[BinaryIO]:
    """A document that waits to be mailed, to be read from the start (role worker). keys: this machine's, for mail.

    Raises NotFound, KeyElsewhere where another worker can open it, KeyGone where none can any more (let it go, then),
    and as Store.open.
    """
    with db.tenant(tenant_id) as tx:
        document = documents.get_to_mail(tx, tenant_id, document_id)
    digest = document.stored.digest
    key = None if digest is None else transient_readers.file_key(keys, document.wraps, digest)
    if key is None and document.wraps:
        raise KeyElsewhere("This worker has no key to this document (yet); another one has.")
    if key is None:
        raise KeyGone("The key that would mail this document is gone. Its readers open it as before.")
    with store.open(document.stored, key) as reader:
        yield reader


def let_go(tx: Transaction, tenant_id: int, document_ids: list[int]) -> None:
    """Their mail is handed over, or given up: no worker opens them from now on."""
    transient_readers.forget(tx, tenant_id, document_ids, MAILER)


def let_go_of_mailed(tx: Transaction, tenant_id: int, mail_id: int) -> None:
    """A mail of the outbox has ended: what it was about no worker opens from now on, unless another waits for it (role
    worker, in the transaction that ends it)."""
    # Two that end at once would each leave it to the other.
    quotas.take_turn(tx, tenant_id)
    rows = tx.rows(
        """select d.id from outbox o join notices n on n.tenant_id = o.tenant_id and n.id = o.notice_id
           join faxes f on f.tenant_id = n.tenant_id and f.id = n.fax_id and f.forwarded_by is null
           left join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
           cross join lateral unnest(case when n.mailbox_id is null then array[coalesce(f.thumbnail_id, r.thumbnail_id)]
                                          else array[f.tiff_id, f.pdf_id] end) d (id)
           where o.tenant_id = %s and o.id = %s and d.id is not null
             and (n.mailbox_id is not null or f.direction = 'outbound' and f.finished_at is not null)
             and not exists (
               select from notices m join outbox p on p.tenant_id = m.tenant_id and p.notice_id = m.id
               where m.tenant_id = f.tenant_id and m.fax_id = f.id
                 and (m.mailbox_id is null) = (n.mailbox_id is null) and p.state = 'waiting')""",
        (tenant_id, mail_id),
    )
    let_go(tx, tenant_id, _without_early_ones(tx, tenant_id, [row["id"] for row in rows]))
