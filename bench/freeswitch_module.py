"""What scripts import as `freeswitch`: functions and classes by the names that SWIG gives them (mod_python_wrap.cpp).

One module for the whole process, which talks to the switch that runs now. Where none runs, `running()` is False.
"""

import time
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.events import Consumer, EventData, serialize
from bench.session import Session as _Session

if TYPE_CHECKING:
    from bench.switch import Switch

_current: "list[Switch]" = []


def attach(switch: "Switch") -> None:
    """Make `switch` the one that scripts talk to. One at a time."""
    if _current:
        raise BenchError("another bench switch runs in this process: stop it first")
    _current.append(switch)


def detach(switch: "Switch") -> None:
    if switch in _current:
        _current.remove(switch)


def _switch() -> "Switch":
    if not _current:
        raise BenchError("no bench switch is running")
    return _current[0]


def running() -> bool:
    return bool(_current) and _current[0].running


def consoleLog(level_str: str, msg: str) -> None:
    _only_text(level_str, msg)
    if _current:
        _current[0].console_log(level_str, msg)


def consoleCleanLog(msg: str) -> None:
    consoleLog("console", msg)


console_log = consoleLog
console_clean_log = consoleCleanLog


def getGlobalVariable(var_name: str) -> str | None:
    _only_text(var_name)
    return _switch().globals.get(var_name)


def setGlobalVariable(var_name: str, var_val: str) -> None:
    _only_text(var_name, var_val)
    _switch().globals[var_name] = var_val


def msleep(ms: int) -> None:
    time.sleep(ms / 1000)


class API:
    """The switch's API commands, as fs_cli has them."""

    def __init__(self, s: object = None) -> None:
        self._session = s

    def execute(self, command: str, data: str | None = None) -> str:
        _only_text(command)
        if data is not None:
            _only_text(data)
        return _switch().api.execute(command, data or "")

    def executeString(self, command: str) -> str:
        _only_text(command)
        name, _, data = command.partition(" ")
        return _switch().api.execute(name, data)

    def getTime(self) -> str:
        return str(int(time.time() * 1000))


class Event:
    """An event. One made by a script can be changed and fired; one that was received can be read."""

    def __init__(self, type: str, subclass_name: str | None = None) -> None:
        _only_text(type)
        self._data = EventData(type.upper(), subclass_name or "")
        self._data.headers["Event-Name"] = self._data.type
        if subclass_name:
            self._data.headers["Event-Subclass"] = subclass_name
        self._mine = True

    @classmethod
    def received(cls, data: EventData) -> "Event":
        event = cls.__new__(cls)
        event._data, event._mine = data, False
        return event

    def getHeader(self, header_name: str) -> str | None:
        _only_text(header_name)
        return self._data.header(header_name)

    def getBody(self) -> str | None:
        return self._data.body

    def getType(self) -> str:
        return self._data.type

    def serialize(self, format: str | None = None) -> str:
        return serialize(self._data, format)

    def addHeader(self, header_name: str, value: str) -> bool:
        _only_text(header_name, value)
        self._data.headers[header_name] = value
        return True

    def delHeader(self, header_name: str) -> bool:
        return self._data.headers.pop(header_name, None) is not None

    def addBody(self, value: str) -> bool:
        _only_text(value)
        self._data.body = value
        return True

    def fire(self) -> bool:
        if not self._mine:
            return False
        self._mine = False
        _switch().events.publish(self._data)
        return True


class EventConsumer:
    """A queue of events that it is bound to."""

    def __init__(self, event_name: str | None = None, subclass_name: str = "", len: int = 5000) -> None:
        self._consumer: Consumer = _switch().new_consumer(len)
        if event_name:
            self.bind(event_name, subclass_name)

    def bind(self, event_name: str, subclass_name: str = "") -> int:
        _only_text(event_name, subclass_name)
        if event_name.upper() not in _EVENT_NAMES:
            return 0
        self._consumer.bind(event_name, subclass_name)
        return 1

    def pop(self, block: int = 0, timeout: int = 0) -> Event | None:
        """The next event or None. `timeout` in ms; block with 0 waits for ever."""
        data = self._consumer.pop(block=bool(block), timeout_ms=timeout)
        return None if data is None else Event.received(data)

    def cleanup(self) -> None:
        self._consumer.close()


class Stream:
    """Where an API function writes its reply."""

    def __init__(self) -> None:
        self._written: list[str] = []

    def write(self, data: str) -> None:
        _only_text(data)
        self._written.append(data)

    def raw_write(self, data: str, len: int) -> None:
        _only_text(data)
        self._written.append(data[:len])

    def get_data(self) -> str:
        return "".join(self._written)


class Session(_Session):
    """Session(uuid): a second handle on a channel that exists."""

    def __init__(self, uuid: str) -> None:
        _only_text(uuid)
        switch = _switch()
        channel = switch.channels.get(uuid)
        if channel is None:
            switch.complain(
                f"Session({uuid!r}): no such channel; dialling that way holds the GIL and is not for the bench"
            )
            raise BenchError(f"no channel {uuid}")
        super().__init__(channel, switch)


def _only_text(*values: object) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"in method, argument of type 'char *' expected, not {type(value).__name__}")


_EVENT_NAMES = {
    "ALL",
    "API",
    "BACKGROUND_JOB",
    "CHANNEL_ANSWER",
    "CHANNEL_CREATE",
    "CHANNEL_DESTROY",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_ORIGINATE",
    "CHANNEL_STATE",
    "CUSTOM",
    "HEARTBEAT",
    "MODULE_LOAD",
    "RELOADXML",
    "SHUTDOWN",
    "STARTUP",
}
