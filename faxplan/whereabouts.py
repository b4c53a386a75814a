"""Where a call of this node is: running, ended but not reported yet, gone, or never dialled.

That the switch does not find a channel says little. FreeSWITCH finds none from the moment its hang-up begins
(switch_core_session_read_lock refuses what is switch_channel_down_nosig), and only then txfax returns, its script ends,
and the hangup hook writes how it went; nor does it find one whose originate is still on its way. See
docs/decisions/when-a-call-is-gone.md.
"""

from collections.abc import Container, Iterable
from enum import Enum, auto

from faxplan.db import Row
from faxplan.spool import Spool
from faxplan.switch import Switch

DIALLING_SECONDS = 120.0
"""So long a call may have no channel yet: its originate is on its way through the switch."""
REPORT_SECONDS = 60.0
"""So long a call that has no channel any more may take to be reported: a hook waits for Python's lock and the disk."""


UNHEARD_SECONDS = 30.0
"""A claim that is older, and of which nothing was staged, was committed by a database that could not
say so any more."""


class Where(Enum):
    """RUNNING: it has a channel. UNREPORTED: none yet, or none any more; it will be heard of. GONE: it will not.
    UNDIALLED: it was claimed, and whoever claimed it does not know: it has no channel, and gets none."""

    RUNNING = auto()
    UNDIALLED = auto()
    UNREPORTED = auto()
    GONE = auto()


class Whereabouts:
    """Looks at a node's calls, pass by pass. What it knows of earlier passes goes with the process."""

    def __init__(self, switch: Switch, spool: Spool) -> None:
        self._switch = switch
        self._spool = spool
        self._silent_since: dict[str, float] = {}

    def look(
        self, calls: Iterable[Row], on_their_way: Container[int], staged: Container[int], now: float
    ) -> dict[int, Where]:
        """One pass: where each call is, by attempt. A call is gone with its switch, or when pass after pass for
        REPORT_SECONDS found no channel.

        calls: all of the node, as queue.calls_of_node gives them. on_their_way: attempts that are being staged or
        dialled. staged: those with anything in the spool, listed before the calls: nothing is dialled without, and it
        stays until the call is settled. now: monotonic. Who ends a call that is gone reads the journal again directly
        before.
        """
        found: dict[int, Where] = {}
        silent_since: dict[str, float] = {}
        for call in calls:
            attempt_id, channel_uuid = call["attempt_id"], call["channel_uuid"]
            if call["switch_uuid"] != self._switch.uuid():
                found[attempt_id] = Where.GONE
            elif self._switch.channel_is_up(channel_uuid):
                found[attempt_id] = Where.RUNNING
            elif attempt_id in on_their_way or self._is_in_hand(call):
                found[attempt_id] = Where.UNREPORTED
            elif call["direction"] == "outbound" and attempt_id not in staged and call["age"] > UNHEARD_SECONDS:
                found[attempt_id] = Where.UNDIALLED
            else:
                since = silent_since[channel_uuid] = self._silent_since.get(channel_uuid, now)
                over = now - since >= REPORT_SECONDS and call["age"] > DIALLING_SECONDS
                found[attempt_id] = Where.GONE if over else Where.UNREPORTED
        self._silent_since = silent_since
        return found

    def _is_in_hand(self, call: Row) -> bool:
        """Whether a handler of ours is still at work on it. Past its lease, one that hangs holds nothing up."""
        return self._spool.is_in_hand(call["attempt_id"]) and not call["expired"]
