"""The runtime's threads for what takes no call, beside the calls: faxes within the installation (internal_delivery),
and to sandbox numbers (sandbox_calls)."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from faxplan import internal_delivery, queue, sandbox_calls
from faxplan.db import Database
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable


class InternalDeliveries:
    """One fax after the other, tenants by turns. `wake` and `close` are for one thread to call. log: as Switch.log.

    lane: of which faxes (queue.INTERNAL, SANDBOX).
    """

    def __init__(
        self, db: Database, store: Store, node: str, log: Callable[[str, str], None], *, lane: str = queue.INTERNAL
    ) -> None:
        self._db = db
        self._store = store
        self._node = node
        self._log = log
        self._lane = lane
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"faxplan-{lane}")
        self._running: Future[None] | None = None
        self._closed = Event()

    def wake(self) -> None:
        """There may be something due. Returns at once."""
        if self._running is None or self._running.done():
            self._running = self._pool.submit(self._deliver_all)

    def close(self) -> None:
        """Ends with the fax that is in hand, without waiting for it."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _deliver_all(self) -> None:
        after = 0
        while not self._closed.is_set():
            picked = None
            try:
                with self._db.across_tenants() as tx:
                    picked = queue.pick_internal(tx, after=after, lane=self._lane)
                if picked is None:
                    return
                after = picked.tenant_id
                if self._lane == queue.SANDBOX:
                    sandbox_calls.call(self._db, self._store, picked, node=self._node)
                else:
                    internal_delivery.deliver(self._db, self._store, picked, node=self._node)
            except (DatabaseUnavailable, StoreUnavailable) as error:
                # What was picked is due again in a while.
                self._log("err", f"{self._lane} delivery: {ascii(str(error))[:200]}")
                return
            except Exception as error:  # noqa: BLE001 - one fax's trouble must not stop the others; it is tried again
                self._log("crit", f"{self._lane} delivery: {type(error).__name__}: {ascii(str(error))[:300]}")
                if picked is None:
                    return
