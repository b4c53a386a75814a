"""A telephone line that does what a test says, and a clock that runs as fast as the test can."""

import queue
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from faxplan.call_result import CallResult, without_channel
from faxplan.journal import Journal, Outcome
from faxplan.spool import Spool
from faxplan.switch import CallJournalled, Capacity, ChannelMade, GatewayState, SwitchEvent

_ORIGINATE = re.compile(
    r"uuid:(?P<uuid>\S+) originate .*sofia/gateway/(?P<gateway>[^/]+)/(?P<number>\S+) "
    r"'&python\(fax_out (?P<attempt>\d+)\)'"
)
MOST_TURNS = 5000


@dataclass
class Clock:
    """Stands in for the module `time`: a wait for events that brings none takes its time here, and none outside."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_750_000_000 + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Originate:
    """One call that was asked for."""

    uuid: str
    gateway: str
    number: str
    attempt_id: int
    at: float


def _nothing(_: Originate) -> None:
    """Lets it ring."""


@dataclass
class ScriptedSwitch:
    """faxplan.switch.Switch. `until` is asked before each turn of the runtime, which ends when it holds."""

    clock: Clock
    spool: Spool
    journal: Journal
    core: str = "switch-1"
    room: Capacity | None = None
    """`sessions`: those that are not ours."""
    on_originate: Callable[[Originate], None] = _nothing
    on_turn: Callable[[], None] = lambda: None
    until: Callable[[], bool] = lambda: True
    originated: list[Originate] = field(default_factory=list)
    channels: dict[str, Originate] = field(default_factory=dict)
    hung_up: list[tuple[str, str]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    busiest: int = 0
    turns: int = 0

    def __post_init__(self) -> None:
        self._events: queue.SimpleQueue[SwitchEvent] = queue.SimpleQueue()
        self._without_channel: list[Originate] = []

    def running(self) -> bool:
        self.turns += 1
        assert self.turns < MOST_TURNS, f"after {self.turns} turns the runtime is not where it should be: {self.logged}"
        return not self.until()

    def uuid(self) -> str:
        return self.core

    def capacity(self) -> Capacity | None:
        return self.room and replace(self.room, sessions=self.room.sessions + len(self.channels))

    def originate(self, argument: str) -> None:
        found = _ORIGINATE.fullmatch(argument)
        assert found, argument
        call = Originate(
            found["uuid"], found["gateway"], found["number"], int(found["attempt"]), self.clock.monotonic()
        )
        self.originated.append(call)
        self.channels[call.uuid] = call
        self.busiest = max(self.busiest, len(self.channels))
        self.on_originate(call)
        if call not in self._without_channel:
            self.tell(ChannelMade(call.uuid))

    def channel_is_up(self, channel_uuid: str) -> bool:
        return channel_uuid in self.channels

    def hang_up(self, channel_uuid: str, cause: str) -> None:
        self.hung_up.append((channel_uuid, cause))
        if channel_uuid in self.channels:
            self.ends(self.channels[channel_uuid], without_channel(cause, ended_at=self.clock.time()))

    def command(self, text: str) -> None:
        raise AssertionError(f"no test expects the command {text!r}")

    def gateway(self, name: str) -> GatewayState:  # noqa: ARG002 - of each the same
        return GatewayState("REGED")

    def next_event(self, timeout_ms: int) -> SwitchEvent | None:
        if timeout_ms:
            self.on_turn()
        try:
            return self._events.get_nowait()
        except queue.Empty:
            self.clock.sleep(timeout_ms / 1000)
            return None

    def log(self, level: str, text: str) -> None:
        assert text.isascii()
        self.logged.append(f"{level}: {text}")

    def tell(self, *events: SwitchEvent) -> None:
        """Puts events before the runtime."""
        for event in events:
            self._events.put(event)

    def no_channel(self, call: Originate) -> None:
        """The switch never made this call's channel."""
        self._without_channel.append(call)
        del self.channels[call.uuid]

    def hangs_up(self, call: Originate) -> None:
        """Its hang-up begins: no channel is found any more. `ends` is its hook, which comes later, or never."""
        del self.channels[call.uuid]

    def ends(self, call: Originate, result: CallResult) -> None:
        """The hangup hook runs: as fs_scripts/fax_out.settle does it."""
        self.channels.pop(call.uuid, None)
        sidecar = self.spool.staged(call.attempt_id)
        assert sidecar is not None
        self.journal.write(Outcome(sidecar.tenant_id, sidecar.fax_id, call.attempt_id, result, call.uuid))
        self.tell(CallJournalled(call.attempt_id))
