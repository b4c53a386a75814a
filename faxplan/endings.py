"""How a node's calls end in the database: those that were reported, those that nobody will report, those received."""

import time
from collections.abc import Callable

from faxplan import failure_rules, inbound, settling, t30_trace
from faxplan.call_result import CallResult, without_channel
from faxplan.db import Database, Row
from faxplan.document_store import Store
from faxplan.journal import Journal, Outcome
from faxplan.live_calls import LiveCalls
from faxplan.pending import Pending, PendingFax
from faxplan.salvage import Salvage
from faxplan.spool import OutboundSidecar, SidecarDamaged, Spool

LOST = CallResult(hangup_cause="NONE")
"""Of a call that nobody will report on."""


class Endings:
    """The runtime's hand in it. actor: for the audit; log: as Switch.log.

    Every method raises DatabaseUnavailable, and may be repeated. Those that deliver raise StoreUnavailable, too.
    """

    def __init__(
        self,
        db: Database,
        store: Store,
        spool: Spool,
        journal: Journal,
        pending_faxes: Pending,
        live: LiveCalls,
        *,
        actor: str,
        calls_to_one_number: int,
        log: Callable[[str, str], None],
    ) -> None:
        self._db = db
        self._store = store
        self._spool = spool
        self._journal = journal
        self._pending = pending_faxes
        self._live = live
        self._actor = actor
        self._calls_to_one_number = calls_to_one_number
        self._salvage = Salvage(db, store, spool, pending_faxes, actor=actor, log=log)

    def settle(self, outcome: Outcome) -> None:
        """Settles what the journal holds, and takes it out."""
        # Pages told in the same breath as the end, or while the database was away, count as those that are recorded.
        told = self._pages_told(outcome.attempt_id)
        if failure_rules.is_silent(outcome.result):
            # That a fax machine was heard may have been told in the same breath, too.
            self._live.record(self._db)
        sidecar = self._spool.staged(outcome.attempt_id)
        trace = self._trace(sidecar, outcome.result)
        done = settling.settle(
            self._db,
            outcome,
            sidecar,
            actor=self._actor,
            pages_told=told,
            trace=trace,
            calls_to_one_number=self._calls_to_one_number,
        )
        self._journal.remove(outcome.attempt_id)
        call = self._live.of_attempt(outcome.attempt_id)
        # Else what lies in the spool may be another call's, with the same id from a restored database.
        if done or (call is not None and outcome.is_of(call.fax.channel_uuid)):
            self._spool.discard_outbound(outcome.attempt_id)
            self._live.forget(outcome.attempt_id)

    def end_lost(self, call: Row) -> None:
        """Ends a call that is gone (whereabouts.py), by what is known of it."""
        attempt_id = call["attempt_id"]
        if call["direction"] == "inbound":
            self._end_received(call, answered=True)
            return
        # Read once more: its hook may have come since somebody looked.
        outcome = self._journal.read(attempt_id) or self._of_error(attempt_id)
        if outcome is not None:
            self.settle(outcome)
            return
        told, trace = self._pages_told(attempt_id), self._trace(self._spool.staged(attempt_id), LOST)
        settling.settle_unknown(self._db, call, actor=self._actor, pages_told=told, trace=trace)
        self._live.forget(attempt_id)

    def end_undialled(self, call: Row) -> None:
        """Ends a call that was claimed, and never was one: nothing of it is unknown."""
        result = without_channel("claim-unheard", ended_at=time.time())
        self.settle(Outcome(call["tenant_id"], call["fax_id"], call["attempt_id"], result, call["channel_uuid"]))

    def end_unanswered(self, call: Row) -> None:
        """Ends a call that came in, is gone, and was never answered: not looked up in time, or over before."""
        self._end_received(call, answered=False)

    def deliver(self, received: PendingFax) -> None:
        """Brings a received fax into its mailbox."""
        if self._salvage.has(received.sidecar.attempt_id):
            # As a crash has left it, and the rest of it is being made.
            return
        inbound.deliver(self._db, self._store, received, actor=self._actor)

    def adopt(self, attempt_id: int) -> None:
        """Delivers what a call that is gone has left in the spool, in a thread: see salvage."""
        self._salvage.take(attempt_id)

    def close(self) -> None:
        """Waits for nothing."""
        self._salvage.close()

    def _end_received(self, call: Row, *, answered: bool) -> None:
        attempt_id = call["attempt_id"]
        if not self._may_come(attempt_id):
            answered = answered or self._pending.has_damaged(attempt_id) or self._spool.has_damaged(attempt_id)
            unanswered = None if answered else inbound.NOT_ANSWERED
            inbound.abandon(self._db, call, actor=self._actor, unanswered=unanswered)
            self._pending.remove_half(attempt_id)

    def _may_come(self, attempt_id: int) -> bool:
        """Whether a received fax is here yet: whole, in hand, or as its call left it, on a full disk say."""
        if self._pending.holds(attempt_id) or self._salvage.has(attempt_id):
            return True
        try:
            return self._spool.expected(attempt_id) is not None
        except SidecarDamaged:
            # Nobody can say whose it is.
            return False

    def _trace(self, sidecar: OutboundSidecar | None, result: CallResult) -> str | None:
        """Read before a transaction is open: a few milliseconds, for a call that failed."""
        if sidecar is None or not t30_trace.is_wanted(sidecar.t30_trace, success=result.fax_success is True):
            return None
        folder = self._spool.outbound_trace(sidecar.attempt_id)
        return t30_trace.read(folder, result.phase_b_times, result.phase_d_times)

    def _of_error(self, attempt_id: int) -> Outcome | None:
        """By its `-ERR`, should its hook have been lost: the call was never answered, and nothing of it is unknown."""
        call = self._live.of_attempt(attempt_id)
        if call is None or call.error is None:
            return None
        result = CallResult(hangup_cause=call.error or "NONE", channel=call.has_channel)
        return Outcome(call.fax.tenant_id, call.fax.fax_id, attempt_id, result, call.fax.channel_uuid)

    def _pages_told(self, attempt_id: int) -> int:
        if attempt_id not in self._live:
            # Of a runtime before this one: by its channel alone nobody knows whose pages they are, but the database.
            self._live.record(self._db)
        return self._live.pages_told(attempt_id)
