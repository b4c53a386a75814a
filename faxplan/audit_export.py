"""A tenant's audit for others: rows with their hashes, so that a stranger can verify them without our database.

docs/audit/verify_export.py is what that stranger runs. Values are texts, exactly as they were hashed; so are `details`,
which are JSON, in JSON too.
"""

from collections.abc import Iterator
from datetime import datetime

from faxplan import audit, audit_chain, audit_form
from faxplan.audit import Who
from faxplan.db import Row, Transaction

COLUMNS = (*audit_form.COLUMNS, "details_hash")


def note(tx: Transaction, actor: Who, tenant_id: int, whose: str, *, since: str | None, until: str | None) -> None:
    """The export itself is a row of the audit: before its first one is given. since, until: as they are shown."""
    audit.record(tx, tenant_id, actor=actor, action="audit.export", object=whose, since=since, until=until)


def rows(tx: Transaction, tenant_id: int, *, since: datetime | None, until: datetime | None) -> Iterator[Row]:
    """From the first row since then to the last one before, without a gap. In that tenant's transaction."""
    bounds = tx.one(
        """select (select min(sequence) from audit where tenant_id = %(tenant)s
                   and at >= coalesce(%(since)s, '-infinity'::timestamptz)) as first,
                  (select max(sequence) from audit where tenant_id = %(tenant)s
                   and at < coalesce(%(until)s, 'infinity'::timestamptz)) as last""",
        {"tenant": tenant_id, "since": since, "until": until},
    )
    if bounds["first"] is None or bounds["last"] is None:
        return
    for row in audit_chain.rows(tx, tenant_id, after=bounds["first"] - 1, until=bounds["last"]):
        row["details_hash"] = audit_form.details_hash(row)
        yield {name: row[name] for name in COLUMNS}
