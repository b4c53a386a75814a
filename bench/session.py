"""The session that a script is handed (CoreSession of switch_cpp.cpp, Session of freeswitch_python.cpp)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bench import causes
from bench.applications import sleep
from bench.channel import Channel
from bench.fax_application import answer

if TYPE_CHECKING:
    from bench.freeswitch_module import Event
    from bench.switch import Switch


class Session:
    """A script's handle on a channel. After `destroy` strings are '' and truths False, as sanity_check gives them."""

    def __init__(self, channel: Channel, switch: "Switch") -> None:
        self._channel: Channel | None = channel
        self._switch = switch
        self._hook: Callable[..., Any] | None = None
        self._hook_argument: object = None

    # -- variables --------------------------------------------------------------------------------------------------

    def getVariable(self, var: str) -> str | None:
        _only_text(var)
        return "" if self._channel is None else self._channel.get(var)

    def setVariable(self, var: str, val: str | None) -> None:
        _only_text(var)
        if val is not None:
            _only_text(val)
        if self._channel is not None:
            self._channel.set(var, val)

    def get_uuid(self) -> str:
        return "" if self._channel is None else self._channel.uuid

    def getState(self) -> str:
        return "" if self._channel is None else self._channel.state

    def hangupCause(self) -> str:
        if self._channel is None:
            return ""
        # Inbound it stays NONE: CoreSession.cause is set by its own originate alone.
        return "NONE" if self._channel.profile.direction == "inbound" else self._channel.cause or "NONE"

    # -- call control -----------------------------------------------------------------------------------------------

    def execute(self, app: str, data: str | None = None) -> None:
        _only_text(app)
        if data is not None:
            _only_text(data)
        self._run_hangup_hook()
        if self._channel is not None and self._channel.ready():
            self._switch.applications.execute(self._channel, app, data or "")
        self._run_hangup_hook()

    def answer(self) -> int:
        if self._channel is None or not self._channel.ready():
            return -1
        with self._channel.line.lock:
            answer(self._channel)
        return 1

    def preAnswer(self) -> int:
        return 1 if self.ready() else -1

    def hangup(self, cause: str = "normal_clearing") -> None:
        _only_text(cause)
        if self._channel is not None:
            self._channel.hangup(causes.cause_named(cause))
        self._run_hangup_hook()

    def hangupState(self) -> None:
        self._run_hangup_hook()

    def sleep(self, ms: int, sync: int = 0) -> int:
        self._run_hangup_hook()
        if self._channel is None or not self._channel.ready():
            return -1
        sleep(self._channel, ms)
        self._run_hangup_hook()
        return 1

    def ready(self) -> bool:
        is_ready = self._channel is not None and self._channel.ready()
        self._run_hangup_hook()
        return is_ready

    def answered(self) -> bool:
        return self._channel is not None and self._channel.answered

    def mediaReady(self) -> bool:
        return self._channel is not None and self._channel.answered and self._channel.ready()

    def bridged(self) -> bool:
        return False

    def setAutoHangup(self, val: bool) -> int:
        return 0

    def destroy(self) -> None:
        self._channel = None
        self._hook = None

    def flushEvents(self) -> int:
        return 0

    def flushDigits(self) -> int:
        return 0

    def sendEvent(self, sendME: "Event") -> None:
        sendME.fire()

    def setEventData(self, e: "Event") -> None:
        """switch_channel_event_set_data: the one place where a script reads why its call was hung up."""
        if self._channel is not None:
            for name, value in self._channel.headers().items():
                e.addHeader(name, value)

    def consoleLog(self, level_str: str, msg: str) -> None:
        _only_text(level_str)
        _only_text(msg)
        self._switch.console_log(level_str, msg)

    # -- hooks ------------------------------------------------------------------------------------------------------

    def setHangupHook(self, pyfunc: Callable[..., Any], arg: object = None) -> None:
        """`pyfunc(session, 'hangup', arg)`, in this thread, at the next call that lets others run, or `ready`."""
        self._hook, self._hook_argument = pyfunc, arg

    def _run_hangup_hook(self) -> None:
        if self._hook is None or self._channel is None or self._channel.ready():
            return
        hook, self._hook = self._hook, None
        try:
            hook(self, "hangup", self._hook_argument)
        except SystemExit:
            self._switch.complain("SystemExit in a hangup hook would have ended FreeSWITCH")
        except Exception as error:  # noqa: BLE001 - mod_python3 prints it to stderr and goes on
            self._switch.console_log("err", f"hangup hook: {error!r}")


def _only_text(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"in method, argument of type 'char *' expected, not {type(value).__name__}")
