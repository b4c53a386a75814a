"""The embedded switch: everything that belongs to one run of it, from start to stop."""

import logging
import sys
import threading
import time
import uuid as uuids

from bench import freeswitch_module, spandsp
from bench.api import Api
from bench.applications import Applications
from bench.calls import Calls, InboundCall
from bench.channel import Channel, ChannelTable
from bench.config import BenchConfig
from bench.control import ControlSocket
from bench.events import Consumer, EventBus
from bench.far_end import FarFaxResult
from bench.gate import SessionGate
from bench.gateways import Gateways
from bench.pump import Pump
from bench.scripts import ScriptRunner
from bench.session import Session

_log = logging.getLogger("bench")
_FREESWITCH_STACK = 240 * 1024
_ORDINARY_STACK = 1024 * 1024
_LEVELS = {
    "console": logging.INFO,
    "alert": logging.CRITICAL,
    "crit": logging.CRITICAL,
    "err": logging.ERROR,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "notice": logging.INFO,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


class Switch:
    """A context manager. `complaints` collects what FreeSWITCH would not forgive; tests assert that it is empty.

    Raises SpandspMissing where libspandsp is not installed, BenchError if another switch runs in this process.
    """

    def __init__(self, config: BenchConfig) -> None:
        self.config = config
        self.core_uuid = str(uuids.uuid4())
        self.running = False
        self.started = time.monotonic()
        self.complaints: list[str] = []
        self.console: list[tuple[str, str]] = []
        self.globals: dict[str, str] = {
            "core_uuid": self.core_uuid,
            "hostname": "bench",
            "local_ip_v4": "127.0.0.1",
            "script_dir": str(config.script_dir),
            "switch_serial": "bench",
        } | config.globals
        self.events = EventBus(self.core_uuid)
        self.channels = ChannelTable()
        self.gate = SessionGate(config.sessions_per_second, config.max_sessions)
        self.gateways = Gateways(config.gateway_dir, config.plan.down_gateways)
        for name in config.gateways:
            self.gateways.add(name)
        self.scripts = ScriptRunner(
            config.script_dir, _FREESWITCH_STACK if config.freeswitch_stack else _ORDINARY_STACK
        )
        self.pump = Pump(None if config.time == "virtual" else config.speed)
        self.applications = Applications(self)
        self.calls = Calls(self)
        self.api = Api(self)
        self._control = ControlSocket(config.control_socket, self.api) if config.control_socket else None
        self._scripts_running: list[threading.Thread] = []
        self._idle = threading.Condition()
        self._calls = 0

    def __enter__(self) -> "Switch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin: scripts can import `freeswitch`, calls can be made. What __enter__ does."""
        spandsp.short_calls()
        freeswitch_module.attach(self)
        sys.modules["freeswitch"] = freeswitch_module
        self.running = True
        self.scripts.install()
        self.pump.start()
        if self._control is not None:
            self._control.start()
        for command in self.config.startup_scripts:
            self.start_script(command)
        _log.info("bench switch %s is up (%s time)", self.core_uuid, self.config.time)

    def stop(self, timeout_s: float = 20.0) -> None:
        """End all calls, wait for their hooks and for runtime scripts to see that `running()` is False."""
        if not self.running:
            return
        self.running = False
        if self._control is not None:
            self._control.stop()
        for channel in self.channels.all():
            channel.hangup("SYSTEM_SHUTDOWN")
        deadline = time.monotonic() + timeout_s
        if not self.wait_idle(timeout_s):
            self.complain(f"{len(self.channels)} channel(s) did not end within {timeout_s:g} s")
        for thread in self._scripts_running:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.complain(f"script {thread.name} did not end when freeswitch.running() became False")
        self.pump.stop()
        self.scripts.remove()
        freeswitch_module.detach(self)
        sys.modules.pop("freeswitch", None)

    def start_script(self, command: str) -> None:
        """A startup-script or pyrun: `runtime(args)` in its own thread, which is not started again."""
        thread = self.scripts.start_thread(f"pyrun-{command}", lambda: self.scripts.call(command, "runtime"))
        self._scripts_running.append(thread)

    def call_in(self, call: InboundCall) -> FarFaxResult:
        """A fax machine outside calls one of our numbers."""
        return self.calls.call_in(call)

    def wait_idle(self, timeout_s: float = 60.0) -> bool:
        """Wait until no call is left, hooks included. False if time runs out."""
        with self._idle:
            return self._idle.wait_for(lambda: self._calls == 0, timeout_s)

    def new_consumer(self, length: int = 5000) -> Consumer:
        """A consumer of this switch's events, bound to nothing yet."""
        return Consumer(self.events, length)

    def complain(self, what: str, error: BaseException | None = None) -> None:
        """Something happened that FreeSWITCH would not forgive, or not in the same way."""
        self.complaints.append(what)
        _log.error("%s", what, exc_info=error)

    def console_log(self, level: str, message: str) -> None:
        """A line on the switch's console, as consoleLog writes it."""
        self.console.append((level, message))
        _log.log(_LEVELS.get(level.lower(), logging.INFO), "%s", message.rstrip("\n"))

    def session_of(self, channel: Channel) -> Session:
        """What a script gets to see of a channel."""
        return Session(channel, self)

    def call_begins(self, _channel: Channel) -> None:
        """A channel's thread starts."""
        with self._idle:
            self._calls += 1

    def call_over(self, _channel: Channel) -> None:
        """A channel is gone, hook and all."""
        with self._idle:
            self._calls -= 1
            self._idle.notify_all()
