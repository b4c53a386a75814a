"""Whether faxes go in and out now, for who asks a machine and not a person: what is missing, in plain words."""

from faxplan import migrations, nodes
from faxplan.db import Database, Transaction
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable

SILENT_SECONDS = 30.0
"""A switch that has not reported for so long is not counted on."""
WAITING_SECONDS = 60.0
"""A document that nobody has taken for so long waits for a worker that is not there."""


def missing(db: Database, store: Store) -> list[str]:
    """What keeps faxes from going in and out (role metrics); empty: nothing. Faxes that were accepted are not lost."""
    found = []
    try:
        store.check()
    except StoreUnavailable as away:
        found.append(f"The document store: {away}")
    try:
        with db.across_tenants() as tx:
            found += _of_database(tx)
    except DatabaseUnavailable as away:
        found.append(f"The database: {away}")
    return found


def _of_database(tx: Transaction) -> list[str]:
    level = migrations.standing(**tx.one(migrations.HAD, migrations.known()))
    if level.behind:
        return [f"The database is {level.behind} migrations behind: `faxplan database migrate` brings it up to date."]
    if not level.suits:
        return ["The database is of a newer Faxplan than this one: install that."]
    found = []
    silent = [each["silent"] for each in nodes.everyone(tx)]
    if not silent:
        found.append("No switch has ever reported: let FreeSWITCH run fax_queue, and see its log.")
    elif min(silent) > SILENT_SECONDS:
        found.append(f"No switch reports: the last one did {min(silent):.0f} s ago. `faxplan guard` starts it again.")
    oldest = tx.value(
        """select extract(epoch from max(now() - greatest(not_before, lease_until)))::float from render_jobs
           where coalesce(lease_until < now(), true)"""
    )
    if (oldest or 0.0) > WAITING_SECONDS:
        found.append(f"No worker takes documents: one waits for {oldest:.0f} s. `faxplan doctor` says more.")
    return found
