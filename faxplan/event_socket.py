"""A client of FreeSWITCH's event socket (mod_event_socket, inbound mode): commands and events, from outside the switch.

For the guard, for `make run` and for tests. Scripts in FreeSWITCH use the freeswitch module instead.
"""

import socket
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from faxplan.errors import SwitchUnavailable


@dataclass(frozen=True, slots=True)
class SwitchEvent:
    """One event: its headers, URL-decoded, and its body ('' for none)."""

    headers: dict[str, str]
    body: str

    @property
    def name(self) -> str:
        """Such as CHANNEL_HANGUP_COMPLETE."""
        return self.headers.get("Event-Name", "")

    @property
    def subclass(self) -> str:
        """Such as spandsp::txfaxpageresult; '' but for CUSTOM events."""
        return self.headers.get("Event-Subclass", "")


class EventSocket:
    """One connection; not to be shared among threads. Every failure is SwitchUnavailable, after which it is closed."""

    def __init__(self, port: int, password: str, host: str = "127.0.0.1", timeout_seconds: float = 10.0) -> None:
        self._timeout = timeout_seconds
        self._events: deque[SwitchEvent] = deque()
        self._buffer = b""
        self._where = f"{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout_seconds)
        except OSError as error:
            message = f"No FreeSWITCH answers on its event socket {self._where} ({error}); is it running?"
            raise SwitchUnavailable(message) from error
        self._expect("auth/request")
        reply = self._command(f"auth {password}")
        if not reply.startswith("+OK"):
            self.close()
            raise SwitchUnavailable(
                f"FreeSWITCH's event socket {self._where} refuses the password; see event_socket.conf.xml."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """May be called twice."""
        self._socket.close()

    def api(self, command: str, timeout_seconds: float | None = None) -> str:
        """The command's output. Waits for it: an originate takes as long as it rings."""
        self._send(f"api {command}")
        return self._expect("api/response", timeout_seconds)

    def bgapi(self, command: str, job_uuid: str | None = None) -> str:
        """Start a command in the switch; its Job-UUID, which the BACKGROUND_JOB event carries with the output."""
        self._send(f"bgapi {command}" + (f"\nJob-UUID: {job_uuid}" if job_uuid else ""))
        reply, _ = self._wait_for("command/reply", None)
        return reply.get("Job-UUID", "")

    def subscribe(self, *names: str) -> None:
        """Names as in `event plain`: CHANNEL_HANGUP_COMPLETE, BACKGROUND_JOB; 'CUSTOM spandsp::txfaxresult' last."""
        reply = self._command("event plain " + " ".join(names))
        if not reply.startswith("+OK"):
            raise SwitchUnavailable(f"FreeSWITCH refuses the subscription: {reply}")

    def next_event(self, timeout_seconds: float) -> SwitchEvent | None:
        """The oldest event not yet taken; None if there is none in that time."""
        deadline = time.monotonic() + timeout_seconds
        while not self._events:
            try:
                headers, body = self._message(deadline)
            except TimeoutError:
                return None
            self._keep(headers, body)
        return self._events.popleft()

    def _command(self, command: str) -> str:
        self._send(command)
        headers, _ = self._wait_for("command/reply", None)
        return headers.get("Reply-Text", "")

    def _send(self, command: str) -> None:
        if "\n\n" in command:
            raise ValueError("an empty line would end the command early")
        try:
            self._socket.sendall(f"{command}\n\n".encode())
        except OSError as error:
            raise self._lost(error) from error

    def _expect(self, content_type: str, timeout_seconds: float | None = None) -> str:
        return self._wait_for(content_type, timeout_seconds)[1]

    def _wait_for(self, content_type: str, timeout_seconds: float | None) -> tuple[dict[str, str], str]:
        deadline = time.monotonic() + (timeout_seconds or self._timeout)
        while True:
            try:
                headers, body = self._message(deadline)
            except TimeoutError as error:
                # The late answer would be taken for the next command's.
                raise self._lost(error) from error
            if headers.get("Content-Type") == content_type:
                return headers, body
            self._keep(headers, body)

    def _keep(self, headers: dict[str, str], body: str) -> None:
        if headers.get("Content-Type") == "text/disconnect-notice":
            raise self._lost(ConnectionError("it closed the connection"))
        if headers.get("Content-Type") == "text/event-plain":
            head, _, rest = body.partition("\n\n")
            self._events.append(SwitchEvent(_headers(head), rest))

    def _message(self, deadline: float) -> tuple[dict[str, str], str]:
        while b"\n\n" not in self._buffer:
            self._receive(deadline)
        head, _, rest = self._buffer.partition(b"\n\n")
        headers = _headers(head.decode("utf-8", "surrogateescape"))
        length = int(headers.get("Content-Length", "0"))
        while len(rest) < length:
            # Put back what is there, so that a time-out in mid-message loses nothing.
            self._receive(deadline)
            rest = self._buffer.partition(b"\n\n")[2]
        self._buffer = rest[length:]
        return headers, rest[:length].decode("utf-8", "surrogateescape")

    def _receive(self, deadline: float) -> None:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise self._lost(ConnectionError("it closed the connection"))
        self._buffer += data

    def _lost(self, error: BaseException) -> SwitchUnavailable:
        self.close()
        return SwitchUnavailable(f"FreeSWITCH's event socket {self._where} does not answer any more ({error}).")


def _headers(text: str) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in text.split("\n") if ": " in line)
    return {key: unquote(value, errors="surrogateescape") for key, value in pairs}
