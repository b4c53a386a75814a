"""What the flows ask of a switch. fs_scripts/faxplan_switch.py gives it over FreeSWITCH's `freeswitch` module."""

import re
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ChannelMade:
    """An originate has its channel. However that ends, its hangup hook will tell."""

    channel_uuid: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """An originate that came to nothing, `-ERR CAUSE`: its channel ended before the answer, or there never was one."""

    channel_uuid: str
    cause: str


@dataclass(frozen=True, slots=True)
class FaxStarted:
    """txfax or rxfax and the far end agreed on a transmission."""

    channel_uuid: str


@dataclass(frozen=True, slots=True)
class PageDone:
    """pages: acknowledged (sending) or whole (receiving) in this call so far."""

    channel_uuid: str
    pages: int


@dataclass(frozen=True, slots=True)
class CallJournalled:
    """The hangup hook has written an outcome to the journal."""

    attempt_id: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of the whole switch, whoever uses it.

    sessions: channels at this moment; most_sessions: beyond which it refuses. per_second: as many new ones as it
    refuses in a second; it admits one less.
    """

    sessions: int
    most_sessions: int
    per_second: int


_SESSIONS = re.compile(r"^(\d+) session\(s\) - peak", re.MULTILINE)
_MOST_SESSIONS = re.compile(r"^(\d+) session\(s\) max", re.MULTILINE)
_PER_SECOND = re.compile(r"^\d+ session\(s\) per Sec out of max (\d+)", re.MULTILINE)


def capacity_of(status: str) -> Capacity | None:
    """What the API command `status` says (mod_commands.c, status_function); None where it says something else."""
    found = [pattern.search(status) for pattern in (_SESSIONS, _MOST_SESSIONS, _PER_SECOND)]
    if not all(found):
        return None
    return Capacity(*(int(each[1]) for each in found if each))


REGISTERED, UNREGISTERED = "REGED", "NOREG"
"""What FreeSWITCH calls a gateway that has registered, and one that does not register at all (sofia_state_names)."""
_STATE = re.compile(r"<state>(\w+)</state>")
_STATUS = re.compile(r"<status>(\w+)</status>")


@dataclass(frozen=True, slots=True)
class GatewayState:
    """How a gateway does. registration: how far it is with registering, in FreeSWITCH's word; empty: there is no such
    gateway. is_silent: its OPTIONS are not answered, so that FreeSWITCH refuses calls through it."""

    registration: str
    is_silent: bool = False


def gateway_state_of(status: str) -> GatewayState:
    """What `sofia xmlstatus gateway NAME` says (mod_sofia.c, xml_gateway_status)."""
    state, up = _STATE.search(status), _STATUS.search(status)
    registration = state[1] if state else ""
    # One that has yet to register is DOWN as well.
    has_begun = registration in (REGISTERED, UNREGISTERED)
    return GatewayState(registration, has_begun and up is not None and up[1] == "DOWN")


SwitchEvent = ChannelMade | NoAnswer | FaxStarted | PageDone | CallJournalled


class Commanded(Protocol):
    """What of a switch it takes to keep its gateways."""

    def command(self, text: str) -> None:
        """Runs an API command, in the background where it can."""

    def gateway(self, name: str) -> GatewayState:
        """How a gateway does."""

    def log(self, level: str, text: str) -> None:
        """One line to a log. level: err, warning, notice, info, debug."""


class Switch(Commanded, Protocol):
    """A switch that runs calls. No method blocks longer than it says, and none holds Python's lock while it waits."""

    def running(self) -> bool:
        """False once the switch stops, or was told to stop the runtime."""

    def uuid(self) -> str:
        """The core's UUID: new at each start."""

    def capacity(self) -> Capacity | None:
        """How much room the switch has, for whatever calls."""

    def originate(self, argument: str) -> None:
        """Starts a call (`bgapi`); how it fares comes as events. argument: from dial_string.originate."""

    def channel_is_up(self, channel_uuid: str) -> bool:
        """Whether the channel is there, and not hung up. False says nothing of its script and its hook."""

    def hang_up(self, channel_uuid: str, cause: str) -> None:
        """Ends a call, if it is there."""

    def next_event(self, timeout_ms: int) -> SwitchEvent | None:
        """The next event, waiting up to timeout_ms; None where none came."""
