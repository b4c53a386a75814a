"""Objects in the store that no row names: what a crash left between the file and the commit. They go after 7 days.

Sealed as they are, with wraps that were never committed, nobody can open them. One folder of the store after the other,
once a day, so that a purge with a time limit gets round.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from faxplan import audit, purge_state
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.objects import FOLDERS, Listed

AGE_SECONDS = 7 * 86400.0
_EVERY = timedelta(hours=20)
_AT_ONCE = 1000


@dataclass(slots=True)
class Swept:
    """objects, bytes: of what was removed. finished: the whole store was looked through, now or within the day."""

    objects: int = 0
    bytes: int = 0
    finished: bool = True


def sweep(db: Database, store: Store, may_go_on: Callable[[], bool]) -> Swept:
    """Removes them (role purge), from where the last one stopped. may_go_on: asked before each folder."""
    with db.across_tenants() as tx:
        state = purge_state.get(tx)
    swept = Swept()
    if state.next_folder == 0 and state.swept_at is not None and datetime.now(UTC) - state.swept_at < _EVERY:
        return swept
    for number in range(state.next_folder, FOLDERS):
        if not may_go_on():
            swept.finished = False
            return swept
        store.check()
        found = list(_old(store, number))
        removed = [
            each for first in range(0, len(found), _AT_ONCE) for each in _orphans(db, found[first : first + _AT_ONCE])
        ]
        size = sum(each.size for each in removed if store.remove(each, number))
        with db.across_tenants() as tx:
            purge_state.note_folder(tx, number + 1)
            if removed:
                audit.record(
                    tx, audit.INSTALLATION, actor="purge", action="store.remove-orphans", object="store",
                    objects=len(removed), bytes=size,
                )  # fmt: skip
        swept.objects += len(removed)
        swept.bytes += size
    store.drop_unfinished(time.time() - AGE_SECONDS)
    return swept


def count(db: Database, store: Store) -> tuple[int, int]:
    """How many objects no row names, of any age, and their bytes (role purge)."""
    found = size = 0
    for number in range(FOLDERS):
        there = list(_old(store, number, than_seconds=0))
        for first in range(0, len(there), _AT_ONCE):
            for each in _orphans(db, there[first : first + _AT_ONCE]):
                found += 1
                size += each.size
    return found, size


def _old(store: Store, number: int, than_seconds: float = AGE_SECONDS) -> Iterator[Listed]:
    before = time.time() - than_seconds
    return (each for each in store.listed(number) if each.modified <= before)


def _orphans(db: Database, found: Sequence[Listed]) -> list[Listed]:
    """What is left of a copy that was interrupted (NAME.partial) is named by no row either."""
    if not found:
        return []
    with db.across_tenants() as tx:
        rows = tx.rows(
            "select object_name from documents where object_name = any(%s)", ([each.name for each in found],)
        )
    named = {row["object_name"] for row in rows}
    return [each for each in found if each.name not in named]
