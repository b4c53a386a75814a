"""How far purge is, and whether database and store are those that it knows.

A database that was restored has lost what came after the backup: holds, so that purge would destroy what is held; and
the rows of objects, which would look like orphans. So nothing is purged after a restore until an administrator has
looked (`faxplan doctor --adopt`). It is noticed by three things: the database's identity (database_identity in
schema.sql), a restore that the audit notes, and a run of purge that the store knows of and the database does not.
"""

from dataclasses import dataclass
from datetime import datetime

from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.errors import FaxplanError

_NOTE = ".faxplan-purge"


class Restored(FaxplanError):
    """Database and store may not belong together any more; nothing is purged."""

    error_id = "restored"


@dataclass(frozen=True, slots=True)
class State:
    """Columns as in schema.sql."""

    runs: int
    ended_at: datetime | None
    finished: bool
    next_folder: int
    swept_at: datetime | None
    removed_records: bool


def get(tx: Transaction) -> State:
    """As it is."""
    row = tx.one("select runs, ended_at, finished, next_folder, swept_at, removed_records from purge_state")
    return State(**row)


def restored(tx: Transaction, store: Store) -> str | None:
    """By what it shows that the database was restored since an administrator last looked; None: it does not."""
    row = tx.one(
        """select s.database <> database_identity() as is_another, s.generation <> t.generation as is_noted, s.runs
           from purge_state s cross join audit_tree t"""
    )
    if row["is_another"]:
        return "this is another database than before, or another time line of it"
    if row["is_noted"]:
        return "a restore is noted in the audit"
    if (noted := _noted(store)) is not None and noted > row["runs"]:
        return f"the store has seen {noted} runs of purge, and the database knows of {row['runs']}"
    return None


def begin(db: Database, store: Store) -> None:
    """Counts a run, in the database and then in the store. Raises Restored."""
    with db.across_tenants() as tx:
        if why := restored(tx, store):
            raise Restored(
                f"The database was restored: {why}. What was decided after the backup is missing in it, such as legal "
                "holds, so nothing is purged. Enter those again (`faxplan hold set`), then `faxplan doctor --adopt`."
            )
        runs = int(tx.value("update purge_state set runs = runs + 1 returning runs"))
    _note(store, runs)


def end(db: Database, *, finished: bool) -> None:
    """Notes that a run over all tenants came to its end. finished: nothing due is left."""
    with db.across_tenants() as tx:
        tx.execute("update purge_state set ended_at = now(), finished = %s", (finished,))


def adopt(tx: Transaction, store: Store) -> None:
    """Takes database and store for belonging together from now on (role admin, across tenants)."""
    tx.execute(
        "update purge_state set database = database_identity(), generation = (select generation from audit_tree)"
    )
    _note(store, get(tx).runs)


def note_folder(tx: Transaction, number: int) -> None:
    """The store's folders before this one were looked through; 256: all of them."""
    if number > 255:
        tx.execute("update purge_state set next_folder = 0, swept_at = now()")
    else:
        tx.execute("update purge_state set next_folder = %s", (number,))


def _noted(store: Store) -> int | None:
    found = store.note(_NOTE)
    try:
        return None if found is None else int(found)
    except ValueError:
        # A damaged disk; a file that says nothing must not stop purge for ever. The other two signs stay.
        return None


def _note(store: Store, runs: int) -> None:
    store.set_note(_NOTE, f"{runs}\n".encode())
