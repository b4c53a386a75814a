"""What calls of a node left behind that nobody will report on: their switch died, or lost them."""

from collections.abc import Container
from dataclasses import dataclass

from faxplan import queue
from faxplan.db import Database, Row
from faxplan.spool import Spool
from faxplan.switch import Switch

DIALLING_SECONDS = 120.0
"""So long a call may have no channel: its originate is on its way through the switch."""


@dataclass(frozen=True, slots=True)
class LeftOver:
    """received, staged: attempts with files in the spool and no living call. calls: as queue.calls_of_node gives them,
    or queue.expired_calls for another node's."""

    received: list[int]
    staged: set[int]
    calls: list[Row]


class Recovery:
    """Looks for what is left over; changes nothing, but hangs up calls that are past their lease."""

    def __init__(self, switch: Switch, db: Database, spool: Spool, node: str) -> None:
        self._switch = switch
        self._db = db
        self._spool = spool
        self._node = node
        self._expired: set[tuple[int, int]] = set()

    def look(self, on_their_way: Container[int]) -> LeftOver:
        """on_their_way: attempts that are being staged or dialled, and may have no channel yet.

        Raises DatabaseUnavailable.
        """
        # Before the calls are read: a call's row is there before its files are, so what is listed here and has no
        # living call is really left over.
        received, staged = self._spool.inbound_attempts(), self._spool.outbound_attempts()
        with self._db.across_tenants() as tx:
            here = queue.calls_of_node(tx, self._node)
            expired = {(c["tenant_id"], c["attempt_id"]): c for c in queue.expired_calls(tx)}
        dead = [call for call in here if call["attempt_id"] not in on_their_way and self._is_dead(call)]
        living = {call["attempt_id"] for call in here} - {call["attempt_id"] for call in dead}
        # Twice seen: a clock that jumped makes every lease look old until the nodes have reported again.
        gone = [call for key, call in expired.items() if key in self._expired and call["node"] != self._node]
        self._expired = set(expired)
        return LeftOver([attempt for attempt in received if attempt not in living], set(staged) - living, dead + gone)

    def _is_dead(self, call: Row) -> bool:
        """Whether a call of this node is over.

        Of this very switch, the switch itself knows; a lease only bounds how long the call may go on.
        """
        if call["switch_uuid"] != self._switch.uuid():
            return True
        if self._switch.channel_exists(call["channel_uuid"]):
            if call["expired"]:
                self._switch.hang_up(call["channel_uuid"], "ALLOTTED_TIMEOUT")
            return False
        return bool(call["age"] > DIALLING_SECONDS)
