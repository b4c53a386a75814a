"""Dialling: claims faxes that are due, as many as there is room for, has them staged, and originates their calls."""

import time
from collections.abc import Callable, Mapping, Sequence

from faxplan import claims, queue, tenants, trunk_tests
from faxplan.call_rate import HELD_SECONDS, CallRate
from faxplan.claims import Claim, ClaimedFax
from faxplan.config import Settings
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.live_calls import LiveCalls
from faxplan.one_by_one import one_by_one
from faxplan.spool import Spool
from faxplan.spool_watch import SpoolWatch
from faxplan.staging import Staged, Stager
from faxplan.store_watch import StoreWatch
from faxplan.switch import Switch
from faxplan.tenants import Tenant
from faxplan.ways import Ways
from faxplan.whereabouts import DIALLING_SECONDS

SWITCH_FULL_SECONDS = 1.0
"""Between two looks whether a switch has room that is full of other calls."""
LEAST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 5.0
"""Between two looks into the queue, where no notification says that there is something new."""


class Dialer:
    """A runtime's hand in it; its methods raise DatabaseUnavailable, and may be repeated.

    due: when to look into the queue, monotonic. end_undialled: notes durably how a call ended that has no channel.
    """

    def __init__(
        self,
        switch: Switch,
        db: Database,
        store: Store,
        spool: Spool,
        settings: Settings,
        live: LiveCalls,
        watch: StoreWatch,
        end_undialled: Callable[[ClaimedFax, str], None],
    ) -> None:
        self.due = 0.0
        self.has_sandbox = False
        """Whether a fax to a sandbox number was due when it last claimed."""
        self._switch = switch
        self._db = db
        self._settings = settings
        self._live = live
        self._watch = watch
        self._spool_watch = SpoolWatch(spool, switch)
        self._end_undialled = end_undialled
        self._ways = Ways()
        self._stager = Stager(store, spool, settings)
        self._rate = CallRate(settings.calls_per_second, time.monotonic())
        self._lease_seconds = settings.call_cap_seconds + settings.lease_margin_seconds
        self._full = False

    @property
    def is_staging(self) -> bool:
        """Whether a long fax is being stamped; `dial_staged` is to be called soon."""
        return bool(self._stager.attempts)

    def on_their_way(self, now: float) -> frozenset[int]:
        """Attempts that are claimed and may have no channel yet. now: monotonic."""
        return self._stager.attempts | self._live.dialled_since(now - DIALLING_SECONDS)

    def wake(self) -> None:
        """There may be something new in the queue, or to be done at once."""
        self.due = 0.0

    def note_room(self) -> None:
        """A call of this node has ended."""
        if self._full:
            self.due = 0.0

    def close(self) -> None:
        """Ends what was claimed and is not dialled; nothing can be dialled any more."""
        one_by_one(self._switch, self._stager.close(), self._stopped_undialled)

    def dial_due(self) -> None:
        """Claims and dials what there is room for, and sets when to look again."""
        sessions_left = self._sessions_left()
        allowance = self._rate.allowance(time.monotonic())
        if allowance < 1:
            self.look_in(max(1 / self._rate.per_second, HELD_SECONDS / 2))
            return
        if self._stager.room < 1:
            self.look_in(LEAST_WAIT_SECONDS)
            return
        if sessions_left < 1:
            self.look_in(SWITCH_FULL_SECONDS)
            return
        if not self._watch.is_there() or not self._spool_watch.is_well():
            self.look_in(LONGEST_WAIT_SECONDS)
            return
        most = min(allowance, sessions_left, claims.MOST_CLAIMED, self._stager.room)
        with self._db.across_tenants() as tx:
            claim = self._claim(tx, most, tests_first=True)
        self.has_sandbox = claim.sandbox
        if claim.tests:
            # First, since one that nobody can take now must not keep a place from the faxes.
            most -= self._dial_test()
            if most < 1:
                return
            with self._db.across_tenants() as tx:
                claim = self._claim(tx, most, tests_first=False)
        # Full: a settlement wakes us. Else until the next is due. But not long: a NOTIFY may get lost.
        self._full = claim.calls >= self._settings.max_channels
        wait = LONGEST_WAIT_SECONDS if claim.wait is None or self._full else claim.wait
        least = 0.0 if claim.faxes else LEAST_WAIT_SECONDS
        self.look_in(min(max(wait, least), LONGEST_WAIT_SECONDS))
        self._dial_claimed(claim.faxes, claim.owners)

    def _claim(self, tx: Transaction, most: int, *, tests_first: bool) -> Claim:
        return claims.claim_faxes(
            tx,
            node=self._settings.node,
            switch_uuid=self._switch.uuid(),
            most=most,
            max_calls=self._settings.max_channels,
            lease_seconds=self._lease_seconds,
            calls_to_one_number=self._settings.calls_to_one_number,
            ways=self._ways,
            internal=self._settings.internal_delivery,
            tests_first=tests_first,
        )

    def dial_staged(self) -> None:
        """Dials what has been staged meanwhile, unless it was cancelled, or settled by another runtime."""
        ready = self._stager.ready()
        if not ready:
            return
        with self._db.across_tenants() as tx:
            cancelled = queue.open_calls(tx, [staged.fax.attempt_id for staged in ready])
        for staged in ready:
            self._stager.forget(staged)
            if staged.fax.attempt_id not in cancelled:
                self._live.forget(staged.fax.attempt_id)  # recovery removes what lies in the spool
        going = [staged for staged in ready if cancelled.get(staged.fax.attempt_id) is False]
        one_by_one(self._switch, going, self._originate)
        stopped = [staged.fax for staged in ready if cancelled.get(staged.fax.attempt_id)]
        one_by_one(self._switch, stopped, self._cancelled_undialled)

    def look_in(self, seconds: float) -> None:
        """The next look into the queue is so much later, unless it is woken."""
        self.due = time.monotonic() + seconds

    def _sessions_left(self) -> int:
        """How many more calls the switch takes and keeps what is reserved for others. Paces the runtime below it."""
        capacity = self._switch.capacity()
        if capacity is None:
            return claims.MOST_CLAIMED
        self._rate.keep_below(capacity.per_second)
        return capacity.most_sessions - capacity.sessions - self._settings.session_reserve

    def _dial_test(self) -> int:
        """How many were dialled, one at most. In a transaction of its own: whatever is wrong with a test must not keep
        other faxes from being dialled.
        """
        try:
            with self._db.across_tenants() as tx:
                claimed = trunk_tests.claim(
                    tx,
                    node=self._settings.node,
                    switch_uuid=self._switch.uuid(),
                    lease_seconds=self._lease_seconds,
                    max_calls=self._settings.max_channels,
                    actor=f"switch:{self._settings.node}",
                )
                owners = {fax.tenant_id: tenants.get(tx, fax.tenant_id) for fax in claimed}
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above; it is tried again
            self._switch.log("crit", f"test of a trunk: {type(error).__name__}: {ascii(str(error))[:300]}")
            return 0
        self._dial_claimed(claimed, owners)
        return len(claimed)

    def _dial_claimed(self, claimed: Sequence[ClaimedFax], owners: Mapping[int, Tenant]) -> None:
        self._rate.take(len(claimed))
        for fax in claimed:
            self._live.add(fax)
        one_by_one(self._switch, [(fax, owners[fax.tenant_id]) for fax in claimed], self._dial)

    def _dial(self, owned: tuple[ClaimedFax, Tenant]) -> None:
        staged = self._stager.take(*owned)
        if staged is not None:
            self._originate(staged)

    def _originate(self, staged: Staged) -> None:
        fax = staged.fax
        try:
            argument = staged.argument()
        except Exception as error:  # noqa: BLE001 - the other faxes of this claim are to be dialled all the same
            told = f"attempt {fax.attempt_id} was not dialled: {type(error).__name__}: {error}"
            self._switch.log("err", ascii(told)[:300])
            if isinstance(error, OSError):
                self._spool_watch.failed()
            self._end_undialled(fax, error.error_id if isinstance(error, FaxplanError) else "spool-failed")
            return
        if (call := self._live.on_channel(fax.channel_uuid)) is not None:
            call.dialled_at = time.monotonic()
        self._switch.originate(argument)

    def _cancelled_undialled(self, fax: ClaimedFax) -> None:
        self._end_undialled(fax, "ORIGINATOR_CANCEL")

    def _stopped_undialled(self, fax: ClaimedFax) -> None:
        self._end_undialled(fax, "runtime-stopped")
