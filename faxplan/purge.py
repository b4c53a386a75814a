"""Purge: destroys faxes that were kept for long enough, what users have deleted, and old drafts. docs/retention.md.

A batch at a time. In one transaction all goes that opens a fax (wraps), its rows but the record, and a tombstone stands
for each of its objects in the store. Then the objects are deleted, and then their tombstones. Killed at any point, it
leaves nothing that can be opened, and the next run finds every object that is left. What is held, or has not ended, is
not touched; in each batch that is asked anew, in the tenant's turn (holds.take_turn).
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from faxplan import (
    campaign_purge,
    due_faxes,
    fax_contents,
    holds,
    leftovers,
    mails_in,
    orphans,
    purge_state,
    queue,
    retention,
)
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.due_faxes import Due, Pile
from faxplan.errors import FaxplanError
from faxplan.fax_contents import Destroyed, References
from faxplan.listener import Listener
from faxplan.pending import Pending
from faxplan.spool import Spool
from faxplan.tenants import Tenant

ACTOR = "purge"
_LOCK = 0x7075726765
"""Any number ("purge" in ASCII)."""
_BATCH = 100
_OBJECTS_AT_ONCE = 1000


class PurgeRuns(FaxplanError):
    """Another purge is at work."""

    error_id = "purge-runs"
    retryable = True


@dataclass(slots=True)
class Purged:
    """What a run did. objects, bytes: of faxes and drafts. records: rows of faxes removed. orphans: objects that no row
    named. leftovers: calls with files in spool and pending/. recipients: of campaigns. finished: nothing due is left.
    failures: what could not be done, in words; it is tried again by the next run.
    """

    faxes: int = 0
    objects: int = 0
    bytes: int = 0
    records: int = 0
    orphans: int = 0
    leftovers: int = 0
    drafts: int = 0
    recipients: int = 0
    finished: bool = True
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Purge:
    """db: of role purge. seconds: how long it may begin something new; None: no limit. told: after each batch.
    counts: called for a tenant before records of its calls are removed, which nobody can count any more then.
    """

    db: Database
    store: Store
    spool: Spool
    pending: Pending
    seconds: float | None = None
    told: Callable[[Purged], None] = lambda _: None
    counts: Callable[[Tenant], object] = lambda _: None

    def run(self, of_tenants: Sequence[Tenant], *, everything: bool) -> Purged:
        """everything: these are all tenants, and what belongs to none is looked through as well.

        Raises PurgeRuns, Restored, StoreUnavailable and DatabaseUnavailable.
        """
        self.store.check()
        with closing(Listener(self.db.url, ())) as lock:
            if not lock.try_lock(_LOCK):
                raise PurgeRuns("Another purge is at work. It goes on where it is; look again when it has ended.")
            purge_state.begin(self.db, self.store)
            done = self._run(of_tenants, everything=everything)
            lock.unlock(_LOCK)
            return done

    def _run(self, of_tenants: Sequence[Tenant], *, everything: bool) -> Purged:
        stop_at = None if self.seconds is None else time.monotonic() + self.seconds

        def may_go_on() -> bool:
            return stop_at is None or time.monotonic() < stop_at

        done = Purged()
        with self.db.across_tenants() as tx:
            by = fax_contents.references(tx)
        for tenant in of_tenants:
            try:
                if self._of_tenant(tenant.id, by, done, may_go_on):
                    self._remove_records(tenant, done, may_go_on)
            except FaxplanError as error:
                if error.retryable:
                    raise
                # One tenant's trouble is not to keep the others' faxes.
                done.failures.append(f"{tenant.slug}: {error}")
        if everything:
            done.leftovers = leftovers.sweep(self.db, self.spool, self.pending)
            swept = orphans.sweep(self.db, self.store, may_go_on)
            done.orphans = swept.objects
            purge_state.end(self.db, finished=done.finished and not done.failures)
        return done

    def _of_tenant(self, tenant_id: int, by: References, done: Purged, may_go_on: Callable[[], bool]) -> bool:
        """Whether all that is due is destroyed, and records may go as well; False: the time is over, or they stay."""
        self._finish_burials(tenant_id, done)
        if not self._drafts(tenant_id, by, done, may_go_on) or not self._campaigns(tenant_id, done, may_go_on):
            return False
        with self.db.tenant(tenant_id) as tx:
            mails_in.forget(tx, tenant_id)
            campaign_purge.forget_uploads(tx, tenant_id)
            policy = retention.policy(tx, tenant_id)
            found = due_faxes.piles(tx, tenant_id, policy)
        for pile in found:
            last: Due | None = None
            while True:
                if not may_go_on():
                    done.finished = False
                    return False
                looked_at, destroyed = self._batch(tenant_id, pile, last, by)
                if not looked_at:
                    break
                last = looked_at[-1]
                self._bury(tenant_id, destroyed.objects, done)
                done.faxes += len(destroyed.faxes)
                done.objects += len(destroyed.objects)
                done.bytes += destroyed.bytes
                self.told(done)
        return policy.bounds.remove_records

    def _remove_records(self, tenant: Tenant, done: Purged, may_go_on: Callable[[], bool]) -> None:
        self.counts(tenant)
        while True:
            if not may_go_on():
                done.finished = False
                return
            with self.db.tenant(tenant.id) as tx:
                holds.take_turn(tx, tenant.id)
                removed = fax_contents.remove_records(tx, tenant.id, _BATCH, actor=ACTOR)
            if not removed:
                return
            done.records += removed

    def _drafts(self, tenant_id: int, by: References, done: Purged, may_go_on: Callable[[], bool]) -> bool:
        """What has expired or was removed; False: the time is over."""
        while True:
            if not may_go_on():
                done.finished = False
                return False
            with self.db.tenant(tenant_id) as tx:
                looked_at, drafts, destroyed = fax_contents.destroy_drafts(tx, tenant_id, _BATCH, by, actor=ACTOR)
            if not looked_at:
                return self._campaign_covers(tenant_id, done, may_go_on)
            self._bury(tenant_id, destroyed.objects, done)
            done.drafts += drafts
            done.objects += len(destroyed.objects)
            done.bytes += destroyed.bytes
            self.told(done)

    def _campaigns(self, tenant_id: int, done: Purged, may_go_on: Callable[[], bool]) -> bool:
        """Whom those went to that were kept for long enough; False: the time is over."""
        while True:
            if not may_go_on():
                done.finished = False
                return False
            with self.db.tenant(tenant_id) as tx:
                gone = campaign_purge.destroy(tx, tenant_id, actor=ACTOR)
            if gone is None:
                return True
            done.recipients += gone
            self.told(done)

    def _campaign_covers(self, tenant_id: int, done: Purged, may_go_on: Callable[[], bool]) -> bool:
        """Those of which no fax is made any more; False: the time is over."""
        while True:
            if not may_go_on():
                done.finished = False
                return False
            with self.db.tenant(tenant_id) as tx:
                destroyed = fax_contents.destroy_campaign_covers(tx, tenant_id, _BATCH)
            if not destroyed.objects:
                return True
            self._bury(tenant_id, destroyed.objects, done)
            done.objects += len(destroyed.objects)
            done.bytes += destroyed.bytes
            self.told(done)

    def _batch(self, tenant_id: int, pile: Pile, after: Due | None, by: References) -> tuple[Sequence[Due], Destroyed]:
        """What was looked at, and what of that was destroyed, all but the objects in the store."""
        with self.db.tenant(tenant_id) as tx:
            holds.take_turn(tx, tenant_id)
            policy = retention.policy(tx, tenant_id)
            found = due_faxes.look(tx, tenant_id, pile, policy, holds.of_mailboxes(tx, tenant_id), after, _BATCH)
            ids = queue.lock_ended(tx, tenant_id, [each.fax_id for each in found])
            if not ids:
                return found, Destroyed([], [], 0)
            return found, fax_contents.destroy(tx, tenant_id, ids, by, actor=ACTOR, why=pile.why)

    def _finish_burials(self, tenant_id: int, done: Purged) -> None:
        """What an interrupted run has left in the store."""
        failed = len(done.failures)
        while len(done.failures) == failed:
            with self.db.tenant(tenant_id) as tx:
                objects = fax_contents.buried(tx, tenant_id, _OBJECTS_AT_ONCE)
            if not objects:
                return
            self._bury(tenant_id, objects, done)

    def _bury(self, tenant_id: int, objects: Sequence[str], done: Purged) -> None:
        """Deletes objects, durably, then their tombstones. What cannot be deleted keeps its one."""
        self.store.check()
        left = self.store.delete_all(objects)
        for why in sorted(set(left.values())):
            names = [name for name in objects if left.get(name) == why]
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            done.failures.append(f"object {names[0]}{more}: {why}")
        gone = [name for name in objects if name not in left]
        self.store.make_deletions_last(gone)
        if gone:
            with self.db.tenant(tenant_id) as tx:
                fax_contents.forget(tx, tenant_id, gone)
