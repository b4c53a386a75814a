"""A connection to a mail server: one that reaches only what may be reached, and for no longer than it may take."""

import smtplib
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from faxplan.bounded_line import Line, SecuredLine, Spoken, Until
from faxplan.web_client import WebClient

_TAKING_SECONDS = 600
"""RFC 5321, 4.5.3.2.6: many look into a mail before they say that they have it, and who does not wait for that hands it
over again and again."""


class Smtp(smtplib.SMTP):
    """An open one. name: by which we say who we are. client: by which a host is reached that a tenant has named; None:
    an operator has. at_once: TLS from the start. seconds: for an answer; of a host that a tenant has named, for all of
    them until there is more time (`give_time`)."""

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        seconds: float,
        *,
        client: WebClient | None,
        at_once: "ssl.SSLContext | Bounded | None",
    ) -> None:
        self._client = client
        self._at_once = at_once
        self._line: Line | None = None
        super().__init__(host, port, name, timeout=seconds)

    def give_time(self, seconds: float) -> None:
        """A host that a tenant has named has so long from now on. Else it could say a byte now and then, and keep us,
        and all others' mail, for as long as it likes."""
        if self._line is not None:
            self._line.until = Until.after(seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        if self._client is None:
            made: Any = socket.create_connection((host, port), timeout)
        else:
            until = Until.after(timeout)
            reached = self._client.connected(host, port, timeout)
            self._line = Line(reached, until)
            made = _Conversation(self._line, reached)
        try:
            return made if self._at_once is None else self._at_once.wrap_socket(made, server_hostname=host)
        except BaseException:
            made.close()
            raise

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Hands a mail over, and waits until it is taken."""
        if self._line is not None or self.sock is None:
            return super().data(msg)
        self.sock.settimeout(_TAKING_SECONDS)
        try:
            return super().data(msg)
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.timeout)


class _Conversation(Spoken):
    """A line, as smtplib takes a socket; closed with that."""

    def __init__(self, line: Line | SecuredLine, reached: socket.socket) -> None:
        super().__init__(line)
        self.reached = reached

    def close(self) -> None:
        self.reached.close()


@dataclass(frozen=True, slots=True)
class Bounded:
    """A context of TLS, as smtplib takes one, on lines."""

    context: ssl.SSLContext

    def wrap_socket(self, made: _Conversation, *, server_hostname: str) -> _Conversation:
        return _Conversation(made.secured(self.context, server_hostname), made.reached)
