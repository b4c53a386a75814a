"""Objects in the store that no row names: what a crash left between the file and the commit. They go after 7 days.

Sealed as they are, with wraps that were never committed, nobody can open them. One folder of the store after the other,
once a day, so that a purge with a time limit gets round.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from faxplan import audit, purge_state
from faxplan.db import Database
from faxplan.document_store import Store

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
    for number in range(state.next_folder, 256):
        if not may_go_on():
            swept.finished = False
            return swept
        store.check()
        files = list(_old(store.root / f"{number:02x}"))
        removed = [
            each for first in range(0, len(files), _AT_ONCE) for each in _orphans(db, files[first : first + _AT_ONCE])
        ]
        size = sum(_remove(each) for each in removed)
        with db.across_tenants() as tx:
            purge_state.note_folder(tx, number + 1)
            if removed:
                audit.record(
                    tx, audit.INSTALLATION, actor="purge", action="store.remove-orphans", object="store",
                    objects=len(removed), bytes=size,
                )  # fmt: skip
        swept.objects += len(removed)
        swept.bytes += size
    return swept


def count(db: Database, store: Store) -> tuple[int, int]:
    """How many objects no row names, of any age, and their bytes (role purge)."""
    found = size = 0
    for number in range(256):
        files = list(_old(store.root / f"{number:02x}", than_seconds=0))
        for first in range(0, len(files), _AT_ONCE):
            for each in _orphans(db, files[first : first + _AT_ONCE]):
                found += 1
                size += _size(each)
    return found, size


def _old(folder: Path, than_seconds: float = AGE_SECONDS) -> Sequence[Path]:
    if not folder.is_dir():
        return []
    before = time.time() - than_seconds
    return [path for path in folder.iterdir() if _modified(path) <= before]


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time() + 1


def _orphans(db: Database, files: Sequence[Path]) -> list[Path]:
    """What is left of a copy that was interrupted (NAME.partial) is named by no row either."""
    if not files:
        return []
    with db.across_tenants() as tx:
        rows = tx.rows(
            "select object_name from documents where object_name = any(%s)", ([path.name for path in files],)
        )
    named = {row["object_name"] for row in rows}
    return [path for path in files if path.name not in named]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _remove(path: Path) -> int:
    size = _size(path)
    path.unlink(missing_ok=True)
    return size
