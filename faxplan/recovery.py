"""What calls of a node left behind that nobody will report on: their switch died, or lost them."""

from collections.abc import Container
from dataclasses import dataclass

from faxplan import queue
from faxplan.db import Database, Row
from faxplan.spool import Spool
from faxplan.switch import Switch
from faxplan.whereabouts import Where, Whereabouts


@dataclass(frozen=True, slots=True)
class LeftOver:
    """received, staged: attempts with files in the spool whose calls are gone. calls: as queue.calls_of_node gives
    them, or queue.expired_calls for another node's. undialled: those that were claimed and will not be. unanswered:
    those of this switch that came in and have no sidecar, which is written before the answer, and goes when the fax is
    in pending/."""

    received: list[int]
    staged: set[int]
    calls: list[Row]
    undialled: list[Row]
    unanswered: list[Row]


class Recovery:
    """Looks for what is left over; changes nothing, but hangs up calls that are past their lease."""

    def __init__(self, switch: Switch, db: Database, spool: Spool, node: str) -> None:
        self._switch = switch
        self._db = db
        self._spool = spool
        self._node = node
        self._whereabouts = Whereabouts(switch, spool)
        self._expired: set[tuple[int, int]] = set()

    def look(self, on_their_way: Container[int], now: float) -> LeftOver:
        """on_their_way: attempts that are being staged or dialled, and may have no channel yet. now: monotonic.

        Raises DatabaseUnavailable.
        """
        # Before the calls are read: a call's row is there before its files are, so what is listed here and has no
        # living call is really left over.
        received, staged = self._spool.inbound_attempts(), self._spool.outbound_attempts()
        with self._db.across_tenants() as tx:
            here = queue.calls_of_node(tx, self._node)
            expired = {(c["tenant_id"], c["attempt_id"]): c for c in queue.expired_calls(tx)}
        where = self._whereabouts.look(here, on_their_way, set(staged), now)
        for call in here:
            if call["expired"] and where[call["attempt_id"]] is Where.RUNNING:
                self._switch.hang_up(call["channel_uuid"], "ALLOTTED_TIMEOUT")
        living = {attempt_id for attempt_id, is_at in where.items() if is_at is not Where.GONE}
        undialled = [call for call in here if where[call["attempt_id"]] is Where.UNDIALLED]
        dead = [call for call in here if call["attempt_id"] not in living]
        unanswered = [call for call in dead if self._is_ours(call) and call["attempt_id"] not in received]
        # Twice seen: a clock that jumped makes every lease look old until the nodes have reported again.
        gone = [call for key, call in expired.items() if key in self._expired and call["node"] != self._node]
        self._expired = set(expired)
        # Of a call that the database does not know, a handler may be at work all the same.
        in_hand = {attempt for attempt in received if attempt not in where and self._spool.is_in_hand(attempt)}
        return LeftOver(
            [attempt for attempt in received if attempt not in living | in_hand],
            set(staged) - living,
            [call for call in dead if call not in unanswered] + gone,
            undialled,
            unanswered,
        )

    def _is_ours(self, call: Row) -> bool:
        """Whether it came in to this very switch: the spool of one before it may have gone with its machine."""
        return call["direction"] == "inbound" and bool(call["switch_uuid"] == self._switch.uuid())
