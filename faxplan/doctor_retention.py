"""The doctor on retention: whether purge runs where somebody decided how long faxes are kept, and whether it may."""

from datetime import timedelta

from faxplan import purge_state, retention, tenants
from faxplan.config import Settings
from faxplan.db import Transaction
from faxplan.document_store import Store
from faxplan.findings import Finding, error, ok, warning

_LATE = timedelta(days=2)
"""Cron begins one every hour."""


def purges(tx: Transaction, settings: Settings) -> list[Finding]:
    """In a transaction of role admin without a tenant; it enters tenants. Raises OSError where the store is closed."""
    what = "purge"
    if why := purge_state.restored(tx, Store.of(settings)):
        return [
            error(
                what,
                f"the database was restored ({why}): until you have looked nothing is purged, since the backup may not "
                "have the legal holds of now",
                "Enter those again (`faxplan hold set`), then `faxplan doctor --adopt` (docs/retention.md).",
            )
        ]
    state = purge_state.get(tx)
    made_at = tx.value("select applied_at from schema_migration where name = 'retention'")
    now = tx.value("select now()")
    if not _is_set(tx):
        return [ok(what, "nobody has said how long faxes are kept: until somebody deletes them")]
    found = []
    if settings.backup_days is None:
        found.append(
            warning(
                "backups",
                "nobody has said how long they are kept, and purge does not reach them",
                "Set backup_days (docs/settings.md), which `faxplan retention show` then says beside the rest.",
            )
        )
    if now - (state.ended_at or made_at) > _LATE:
        last = "never" if state.ended_at is None else f"last on {state.ended_at:%Y-%m-%d %H:%M} UTC"
        found.append(
            warning(
                what,
                f"it came to its end {last}: faxes are kept for longer than was decided",
                "Enter conf/cron.d/faxplan into /etc/cron.d. If it is there, `faxplan purge`, as root, says why none "
                "comes to its end.",
            )
        )
    elif not state.finished:
        found.append(ok(what, "the last one left some of what is due to the next"))
    else:
        found.append(ok(what, "nothing that is due was left by the last one"))
    return found


def _is_set(tx: Transaction) -> bool:
    if any(each["max_days"] is not None for each in retention.own_bounds(tx)):
        return True
    for tenant in tenants.everyone(tx):
        tx.enter_tenant(tenant.id)
        if retention.choices(tx, tenant.id):
            return True
    return False
