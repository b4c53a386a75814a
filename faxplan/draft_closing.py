"""Drafts that end without being sent: nobody sees them any more, and no machine opens them (drafts)."""

from collections.abc import Callable

from faxplan import audit, queue, transient_readers
from faxplan.db import Database, Transaction
from faxplan.errors import DatabaseUnavailable, FaxplanError

LOOK_SECONDS = 60.0
"""Between two looks for what has expired."""
_AT_ONCE = 100


def close_expired(db: Database, log: Callable[[str], None]) -> bool:
    """Takes what has expired away from the machines that would have sent it (role worker). True: there may be more.

    One draft's trouble is logged, and does not stop the others. Raises DatabaseUnavailable.
    """
    with db.across_tenants() as tx:
        expired = tx.rows(
            """select tenant_id, id from drafts where not closed and expires_at <= now()
               order by expires_at limit %s""",
            (_AT_ONCE,),
        )
    closed = 0
    for each in expired:
        try:
            closed += _expire(db, each["tenant_id"], each["id"])
        except DatabaseUnavailable:
            raise
        except FaxplanError as error:
            log(f"draft {each['id']} of tenant {each['tenant_id']} is not closed: {error}")
    return len(expired) == _AT_ONCE and closed > 0


def _expire(db: Database, tenant_id: int, draft_id: int) -> bool:
    with db.tenant(tenant_id) as tx:
        row = tx.row(
            """select r.original_id from drafts d
               join renderings r on r.tenant_id = d.tenant_id and r.id = d.rendering_id
               where d.tenant_id = %s and d.id = %s""",
            (tenant_id, draft_id),
        )
        if row is None:
            return False
        original_id = row["original_id"]
        queue.hold_originals(tx, tenant_id, [original_id])
        if not tx.value("select exists (select from drafts where tenant_id = %s and id = %s and not closed)",
                        (tenant_id, draft_id)):  # fmt: skip
            return False
        close(tx, tenant_id, draft_id, original_id)
        audit.record(tx, tenant_id, actor="worker", action="draft.expire", object=f"draft:{draft_id}")
    return True


def close(tx: Transaction, tenant_id: int, draft_id: int, original_id: int) -> None:
    """Takes a draft, whose original is held (queue.hold_originals), away from the machines."""
    rows = tx.rows(
        """select document_id as id from renderings
           where tenant_id = %(tenant)s and original_id = %(original)s and document_id is not null
           union all select %(original)s""",
        {"tenant": tenant_id, "original": original_id},
    )
    transient_readers.forget(tx, tenant_id, [row["id"] for row in rows])
    tx.execute("update drafts set closed = true where tenant_id = %s and id = %s", (tenant_id, draft_id))
