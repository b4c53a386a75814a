"""Events and their bus: the Event and EventConsumer that scripts see (switch_event.c, switch_cpp.cpp)."""

import json
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import quote

_CUSTOM = "CUSTOM"


@dataclass
class EventData:
    """One event: its type (`CUSTOM` has a subclass), headers in order, and body."""

    type: str
    subclass: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None

    def header(self, name: str) -> str | None:
        """A header's value; names are compared without case, as FreeSWITCH does."""
        found = self.headers.get(name)
        if found is not None:
            return found
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)


class EventBus:
    """Hands every event to the consumers bound to it. Thread safe."""

    def __init__(self, core_uuid: str) -> None:
        self._core_uuid = core_uuid
        self._lock = threading.Lock()
        self._consumers: list[Consumer] = []
        self._sequence = 0

    def publish(self, event: EventData) -> None:
        """Add the headers that every event has, and hand it to every consumer that is bound to it."""
        now = time.time()
        with self._lock:
            self._sequence += 1
            base = {"Event-Name": event.type}
            if event.subclass:
                base["Event-Subclass"] = event.subclass
            base |= {
                "Core-UUID": self._core_uuid,
                "FreeSWITCH-Hostname": "bench",
                "FreeSWITCH-Switchname": "bench",
                "FreeSWITCH-IPv4": "127.0.0.1",
                "Event-Date-Local": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)),
                "Event-Date-GMT": formatdate(now, usegmt=True),
                "Event-Date-Timestamp": str(int(now * 1_000_000)),
                "Event-Sequence": str(self._sequence),
            }
            event.headers = base | event.headers
            consumers = list(self._consumers)
        for consumer in consumers:
            consumer.offer(event)

    def attach(self, consumer: "Consumer") -> None:
        """From now on the consumer is offered every event."""
        with self._lock:
            self._consumers.append(consumer)

    def detach(self, consumer: "Consumer") -> None:
        """The consumer is offered nothing any more."""
        with self._lock:
            if consumer in self._consumers:
                self._consumers.remove(consumer)


class Consumer:
    """A bounded queue of the events it is bound to; what does not fit is dropped, as FreeSWITCH does."""

    def __init__(self, bus: EventBus, length: int = 5000) -> None:
        self._bus = bus
        self._bindings: set[tuple[str, str]] = set()
        self._queue: queue.Queue[EventData] = queue.Queue(length)
        bus.attach(self)

    def bind(self, type_: str, subclass: str = "") -> None:
        """Take events of this type, or ALL; an empty subclass takes every one."""
        self._bindings.add((type_.upper(), subclass))

    def offer(self, event: EventData) -> None:
        """Called by the bus, in the thread that fires the event."""
        if not any(
            type_ in (event.type, "ALL") and subclass in ("", event.subclass) for type_, subclass in self._bindings
        ):
            return
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            return

    def pop(self, *, block: bool, timeout_ms: int) -> EventData | None:
        """The next event, or None. Blocking with a time of 0 waits for ever."""
        try:
            return self._queue.get(block, timeout_ms / 1000 if block and timeout_ms > 0 else None)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop taking events."""
        self._bus.detach(self)


def serialize(event: EventData, format_: str | None = None) -> str:
    """Text (values URL-encoded), `json` or `xml`, as switch_event_serialize* write them."""
    if format_ == "json":
        body = {} if event.body is None else {"Content-Length": str(len(event.body)), "_body": event.body}
        return json.dumps(event.headers | body)
    if format_ == "xml":
        headers = "".join(f"    <{name}>{quote(value, safe='')}</{name}>\n" for name, value in event.headers.items())
        body_xml = "" if event.body is None else f"  <body>{quote(event.body, safe='')}</body>\n"
        return f"<event>\n  <headers>\n{headers}  </headers>\n{body_xml}</event>"
    lines: Iterable[str] = (f"{name}: {quote(value, safe=_PLAIN)}" for name, value in event.headers.items())
    text = "\n".join(lines) + "\n"
    if event.body is None:
        return text + "\n"
    return f"{text}Content-Length: {len(event.body.encode())}\n\n{event.body}"


# switch_url_encode leaves everything but "\r\n \"#%&+:;<=>?@[\\]^`{|}" as it is.
_PLAIN = "!$'()*,-./_~"
