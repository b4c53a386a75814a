"""The runtime of a node: claims due faxes, dials them, notes their pages, and settles what the journal holds.

One a node, by a session-level advisory lock. It survives a database restart, and ends when the switch stops.
"""

import time

from faxplan import node_names, nodes, overdue, queue, transient_readers
from faxplan.call_result import without_channel
from faxplan.claims import ClaimedFax
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.dialer import LEAST_WAIT_SECONDS, Dialer
from faxplan.document_store import Store
from faxplan.endings import Endings
from faxplan.errors import DatabaseUnavailable
from faxplan.gateway_sync import GatewaySync
from faxplan.internal_deliveries import InternalDeliveries
from faxplan.journal import Journal, Outcome
from faxplan.listener import Listener
from faxplan.live_calls import LiveCall, LiveCalls
from faxplan.one_by_one import one_by_one
from faxplan.pending import Pending
from faxplan.recovery import Recovery
from faxplan.spool import Spool
from faxplan.store_watch import StoreWatch
from faxplan.switch import CallJournalled, ChannelMade, FaxStarted, NoAnswer, PageDone, Switch, SwitchEvent

LONGEST_TICK_SECONDS = 0.5
"""How long the runtime sleeps where nothing happens and nothing is due: so late may it hear PostgreSQL, or a stop."""
COLLECT_SECONDS, BUSY_COLLECT_SECONDS = 0.2, 0.5
"""What the switch tells within this time is worked on together: each waking costs as much as several statements. Busy:
with so many calls in hand that there is always something to do, and unless something is due sooner."""
BUSY_CALLS = 10
TROUBLE_SECONDS = 1.0
TAKEOVER_SECONDS = 5.0
"""How long a runtime waits for the lock of one that has just died: PostgreSQL may not have noticed yet."""
PROGRESS_SECONDS = 0.5
"""Page counts that come within this time share a transaction."""
SWEEP_SECONDS = 5.0
"""What an error left over is tried again so often; the rest is settled when the switch tells of it."""
CANCEL_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
RECOVERY_SECONDS = 30.0
PAUSED_SECONDS = 1.0
"""Between two looks whether a paused node may dial again."""
MOST_EVENTS = 200
NO_CHANNEL_GRACE_SECONDS = 0.5
"""How long a `-ERR` waits to be told of a channel: events may come out of order."""
LEAVING_SECONDS = 2.0
"""How long a runtime that ends waits to be told of a channel for what it has just dialled."""
REFUSED_BY_SWITCH, REFUSED_GRACE_SECONDS = "DESTINATION_OUT_OF_ORDER", 1.0
"""What a switch says that has had too many calls in this second, and how long it waits then: through another trunk in
the same second it would be refused once more (switch_core_session_request_uuid), and wait for a minute."""


def collect_seconds(calls: int, due_seconds: float) -> float:
    """How long to wait for what else the switch tells. calls: in hand; due_seconds: until there is something to do."""
    if calls < BUSY_CALLS:
        return COLLECT_SECONDS
    return min(max(due_seconds, COLLECT_SECONDS), BUSY_COLLECT_SECONDS)


class Runtime:
    """See the module. Everything it works with is given; nothing is kept beyond the run but in database and on disk."""

    def __init__(
        self,
        switch: Switch,
        db: Database,
        listener: Listener,
        store: Store,
        spool: Spool,
        journal: Journal,
        pending_faxes: Pending,
        settings: Settings,
    ) -> None:
        self._switch = switch
        self._db = db
        self._listener = listener
        self._store = store
        self._spool = spool
        self._journal = journal
        self._pending = pending_faxes
        self._settings = settings
        self._gateway_sync = GatewaySync(switch, db, settings)
        self._recovery = Recovery(switch, db, spool, settings.node)
        self._live = LiveCalls()
        self._endings = Endings(
            db, store, spool, journal, self._pending, self._live, actor=f"switch:{settings.node}",
            calls_to_one_number=settings.calls_to_one_number, log=switch.log,
        )  # fmt: skip
        self._watch = StoreWatch(store, switch)
        self._dialer = Dialer(switch, db, store, spool, settings, self._live, self._watch, self._end_undialled)
        self._internal = InternalDeliveries(db, store, settings.node, switch.log)
        self._sandbox = InternalDeliveries(db, store, settings.node, switch.log, lane=queue.SANDBOX)
        self.started_at = time.time()
        self._paused = self._drains = False
        self._waiting = 0
        self._ended: set[int] = set()
        self._more_told = False
        self._refused_at: float | None = None
        self._next_progress = 0.0
        self._cancelling = False
        self._next_cancel = 0.0
        self._next_sweep = 0.0
        self._next_heartbeat = 0.0
        self._next_recovery = 0.0
        self._next_renewal = 0.0
        self._next_overdue = 0.0
        self._unavailable = False

    def run(self) -> None:
        """Runs until the switch stops, or until another runtime turns out to serve this node."""
        try:
            self._run()
        finally:
            # Given up first: a runtime that is to take over waits for the lock for some seconds only.
            self._listener.close()
            self._internal.close()
            self._sandbox.close()
            self._endings.close()
            self._dialer.close()
            self._store.confinement.close()

    def _run(self) -> None:
        for part in (self._spool, self._journal, self._pending, self._store.keys):
            part.prepare()
        self._store.sweep()
        while self._switch.running():
            self._take_events()
            try:
                if not self._listener.connected and not self._take_node():
                    if self._is_superseded():
                        node_names.tell_superseded(self._switch, self._db, self._settings.node)
                        return
                    continue
                self._work()
                self._available()
            except DatabaseUnavailable as error:
                self._wait_for_database(error)
            except Exception as error:  # noqa: BLE001 - one fax's trouble must not end the runtime of all
                self._switch.log("crit", f"{type(error).__name__}: {ascii(str(error))[:300]}; the runtime goes on")
                time.sleep(TROUBLE_SECONDS)
        self._leave()
        if self._settings.stop_file.exists():
            self._gateway_sync.leave()

    def _leave(self) -> None:
        """A call that has no channel has no hook either: that the switch refused it is told to this runtime alone, and
        whichever comes next could say only after a minute that nobody knows what became of it."""
        until = time.monotonic() + LEAVING_SECONDS
        while (now := time.monotonic()) < until:
            untold = [call for call in self._live if call.dialled_at is not None and not call.has_channel]
            if not untold:
                return
            for call in untold:
                if call.grace_until is not None and now >= call.grace_until:
                    self._note_without_channel(call.fax, call.error or "")
                    self._live.forget(call.fax.attempt_id)
            if (event := self._switch.next_event(50)) is not None:
                self._note(event)

    def _take_node(self) -> bool:
        if not self._listener.try_lock(nodes.lock_key(self._settings.node)):
            self._listener.close()
            return False
        self._refused_at = None
        self._dialer.wake()
        self._next_heartbeat = self._next_recovery = self._next_cancel = 0.0
        # While nobody listened, somebody may have cancelled.
        self._cancelling = True
        return True

    def _is_superseded(self) -> bool:
        """Whether the lock has been another's for too long to be a dead runtime's, or our own lost connection's."""
        now = time.monotonic()
        if self._refused_at is None:
            self._refused_at = now
        return now - self._refused_at >= TAKEOVER_SECONDS

    def _work(self) -> None:
        ended, self._ended = self._ended, set()
        # What cannot be settled now waits in the journal for the sweep.
        one_by_one(self._switch, (self._journal.read(attempt_id) for attempt_id in sorted(ended)), self._settle)
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + PROGRESS_SECONDS
            self._live.record(self._db)
        self._hear()
        # Before it reports: whoever waits for this node to be there may hand in at once what it is to read.
        if now >= self._next_renewal:
            # First: a folder of keys that cannot be written must not keep the runtime from all else.
            self._next_renewal = now + SWEEP_SECONDS
            if not transient_readers.renew(self._db, self._store.keys, self._settings.node):
                self._next_renewal = now + transient_readers.RENEWAL_SECONDS
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_SECONDS
            self._count_waiting()
            with self._db.across_tenants() as tx:
                self._drains = nodes.report(
                    tx,
                    self._settings.node,
                    switch_uuid=self._switch.uuid(),
                    max_channels=self._settings.max_channels,
                    paused=self._settings.pause_file.exists(),
                    waiting=self._waiting,
                )
        self._gateway_sync.work()
        if now >= self._next_recovery:
            self._next_recovery = now + RECOVERY_SECONDS
            self._recover()
        self._end_overdue(now)
        if now >= self._next_sweep:
            self._sweep()
        self._dialer.dial_staged()
        if self._cancelling and now >= self._next_cancel:
            self._next_cancel = now + CANCEL_SECONDS
            self._stop_cancelled()
        if now >= self._dialer.due:
            self._dial()

    def _count_waiting(self) -> None:
        """A disk that cannot be read must not make a node look dead that dials and has its trunks registered."""
        try:
            self._waiting = self._pending.count()
        except OSError as error:
            self._switch.log("err", f"received faxes on this disk cannot be counted: {error}")

    def _dial(self) -> None:
        """What is due, with a call and without."""
        if self._is_paused() or self._drains:
            self._dialer.look_in(PAUSED_SECONDS)
            return
        if self._settings.internal_delivery:
            self._internal.wake()
        self._dialer.dial_due()
        if self._dialer.has_sandbox:
            self._sandbox.wake()

    def _is_paused(self) -> bool:
        """Whether an operator wants nothing new to be dialled here. What is claimed goes on to its end."""
        paused = self._settings.pause_file.exists()
        if paused != self._paused:
            self._paused = paused
            self._next_heartbeat = 0.0
            told = "dials nothing until fax_queue::resume; calls go on" if paused else "dials again"
            self._switch.log("notice", f"node {self._settings.node} {told}")
        return paused

    def calls(self) -> list[tuple[LiveCall, int]]:
        """Those that it has in hand now, each with the pages that PostgreSQL may not know yet. For any thread."""
        return self._live.seen()

    def hears_database(self) -> bool:
        """Whether PostgreSQL answered when it asked last. For any thread."""
        return self._listener.connected and not self._unavailable

    def _hear(self) -> None:
        """Notes what PostgreSQL notified, before anything else can fail: it is told once."""
        heard = self._listener.heard()
        self._cancelling = self._cancelling or queue.CANCEL_CHANNEL in heard
        if queue.QUEUE_CHANNEL in heard:
            self._dialer.wake()

    # ---------------------------------------------------------------------------------------------------------- events

    def _take_events(self) -> None:
        """Takes in what the switch tells, waiting for it. Asks no database, so that nothing told is ever lost."""
        event, taken = self._switch.next_event(self._patience_ms()), 0
        if event is not None and not self._more_told:
            due = 0.0 if self._dialer.is_staging else min(self._dialer.due, self._next_sweep)
            time.sleep(collect_seconds(len(self._live), due - time.monotonic()))
        while event is not None:
            self._note(event)
            taken += 1
            event = self._switch.next_event(0) if taken < MOST_EVENTS else None
        # What is left then has waited already.
        self._more_told = taken == MOST_EVENTS

    def _patience_ms(self) -> int:
        """Milliseconds until something is due, if the switch tells nothing."""
        if not self._listener.connected:
            return int(LEAST_WAIT_SECONDS * 1000)
        if self._dialer.is_staging:
            return int(LEAST_WAIT_SECONDS * 1000)
        due = min(self._dialer.due, self._next_sweep, self._next_heartbeat, self._next_recovery)
        if self._live.untold:
            due = min(due, self._next_progress)
        return int(min(max(due - time.monotonic(), 0.001), LONGEST_TICK_SECONDS) * 1000) + 1

    def _note(self, event: SwitchEvent) -> None:
        match event:
            case CallJournalled(attempt_id):
                self._ended.add(attempt_id)
            case PageDone(channel_uuid, pages):
                self._live.note_pages(channel_uuid, pages)
            case FaxStarted(channel_uuid):
                self._live.note_start(channel_uuid)
            case ChannelMade(channel_uuid):
                if (call := self._live.on_channel(channel_uuid)) is not None:
                    call.has_channel = True
            case NoAnswer(channel_uuid, cause):
                if (call := self._live.on_channel(channel_uuid)) is not None:
                    call.error = cause
                    grace = REFUSED_GRACE_SECONDS if cause == REFUSED_BY_SWITCH else NO_CHANNEL_GRACE_SECONDS
                    call.grace_until = time.monotonic() + grace
                    self._next_sweep = min(self._next_sweep, call.grace_until)

    def _settle(self, outcome: Outcome) -> None:
        self._endings.settle(outcome)
        self._dialer.note_room()

    def _sweep(self) -> None:
        """Settles what waits in the journal, and calls that never had a channel; delivers what waits in pending/."""
        now = time.monotonic()
        self._next_sweep = now + SWEEP_SECONDS
        for call in self._live:
            if call.grace_until is None:
                continue
            if now < call.grace_until:
                self._next_sweep = min(self._next_sweep, call.grace_until)
                continue
            call.grace_until = None
            # Where there was a channel its hook will tell, and knows more, however late it is.
            if not call.has_channel and not self._switch.channel_is_up(call.fax.channel_uuid):
                self._note_without_channel(call.fax, call.error or "")
                # Another trunk may take it at once, and PostgreSQL's word of it is heard in the next turn only.
                self._dialer.wake()
        one_by_one(self._switch, list(self._journal.waiting()), self._settle)
        self._deliver_waiting()

    def _deliver_waiting(self) -> None:
        if waiting := list(self._pending.waiting()):
            one_by_one(self._switch, waiting if self._watch.is_there() else (), self._endings.deliver)

    def _end_undialled(self, fax: ClaimedFax, cause: str) -> None:
        self._note_without_channel(fax, cause)
        self._next_sweep = 0.0

    def _note_without_channel(self, fax: ClaimedFax, cause: str) -> None:
        result = without_channel(cause, ended_at=time.time())
        self._journal.write(Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, result, fax.channel_uuid))

    def _stop_cancelled(self) -> None:
        """Done again until none is left: the channel may not have been there yet when its fax was cancelled."""
        with self._db.across_tenants() as tx:
            cancelled = queue.cancelled_calls(tx, self._settings.node)
        self._cancelling = bool(cancelled)
        for channel_uuid in cancelled:
            self._switch.hang_up(channel_uuid, "ORIGINATOR_CANCEL")

    # --------------------------------------------------------------------------------------------------------- recovery

    def _recover(self) -> None:
        """Ends calls that nobody will report on, and takes care of what they left on the disk."""
        one_by_one(self._switch, list(self._journal.waiting()), self._settle)
        # They may have no channel yet.
        now = time.monotonic()
        left = self._recovery.look(self._dialer.on_their_way(now), now)
        # Before what waits is delivered: where a crash came between, the rest of a fax is still to be made.
        one_by_one(self._switch, left.received, self._endings.adopt)
        self._deliver_waiting()
        one_by_one(self._switch, left.calls, self._endings.end_lost)
        one_by_one(self._switch, left.undialled, self._endings.end_undialled)
        one_by_one(self._switch, left.unanswered, self._endings.end_unanswered)
        for attempt_id in left.staged:
            if attempt_id not in self._live:
                self._spool.discard_outbound(attempt_id)

    def _end_overdue(self, now: float) -> None:
        """Gives up what has waited for too long, now and then; every node does, and every worker."""
        if now < self._next_overdue:
            return
        self._next_overdue = now + overdue.LOOK_SECONDS
        more = overdue.end_all(
            self._db,
            wait_hours=self._settings.wait_hours,
            actor=f"switch:{self._settings.node}",
            log=lambda text: self._switch.log("crit", text),
        )
        if more:
            self._next_overdue = now + PROGRESS_SECONDS

    # --------------------------------------------------------------------------------------------------------- database

    def _wait_for_database(self, error: DatabaseUnavailable) -> None:
        self._refused_at = None
        if not self._unavailable:
            self._unavailable = True
            self._switch.log("err", f"{ascii(str(error))[:200]} Calls go on; nothing new is dialled until it answers.")
        self._next_sweep = 0.0
        self._dialer.wake()
        time.sleep(LEAST_WAIT_SECONDS)

    def _available(self) -> None:
        if self._unavailable:
            self._unavailable = False
            self._switch.log("notice", "PostgreSQL answers again")
