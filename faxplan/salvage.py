"""What calls that are gone have left in the spool: secured and delivered in a thread beside the runtime.

A PDF and images are made of it, which takes seconds for a long fax; and a switch that died may have left a fax for each
of its calls. Nobody who is to be dialled waits for that.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from faxplan import inbound, pending
from faxplan.db import Database
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable
from faxplan.pending import Pending
from faxplan.spool import Spool


class Salvage:
    """One fax after the other. For one thread to use. actor: for the audit; log: as Switch.log."""

    def __init__(
        self,
        db: Database,
        store: Store,
        spool: Spool,
        pending_faxes: Pending,
        *,
        actor: str,
        log: Callable[[str, str], None],
    ) -> None:
        self._db = db
        self._store = store
        self._spool = spool
        self._pending = pending_faxes
        self._actor = actor
        self._log = log
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="faxplan-salvage")
        self._taken: dict[int, Future[None]] = {}

    def take(self, attempt_id: int) -> None:
        """Sees to what this attempt left. Returns at once; what fails is tried again when it is taken again."""
        if not self.has(attempt_id):
            self._taken[attempt_id] = self._pool.submit(self._bring, attempt_id)

    def has(self, attempt_id: int) -> bool:
        """Whether an attempt was taken and is not done: nobody else is to deliver it meanwhile, or to give it up."""
        taken = self._taken.get(attempt_id)
        if taken is not None and taken.done():
            del self._taken[attempt_id]
            return False
        return taken is not None

    def close(self) -> None:
        """Ends with the fax that is in hand, without waiting for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _bring(self, attempt_id: int) -> None:
        try:
            fax = pending.adopt(self._spool, self._pending, attempt_id)
            if fax is not None:
                inbound.deliver(self._db, self._store, fax, actor=self._actor)
        except (DatabaseUnavailable, StoreUnavailable) as error:
            # It lies in pending/, and is delivered when both are there.
            self._log("err", f"attempt {attempt_id}: {ascii(str(error))[:200]}")
        except Exception as error:  # noqa: BLE001 - one fax's trouble must not stop the others
            self._log("crit", f"attempt {attempt_id}: {type(error).__name__}: {ascii(str(error))[:300]}")
