"""A connection to somebody who may mean harm: what comes is bounded, in time and in bytes, and TLS's own part of it.

Time-outs of a socket bound a wait, and not how many there are.
"""

import io
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

MOST_BYTES = 1024 * 1024
"""Of all that the other side sends."""
_PIECE = 16384
_T = TypeVar("_T")


class TooMuch(OSError):
    """The other side sends more than is taken."""


@dataclass(frozen=True, slots=True)
class Until:
    """When the time of a fetch is over, from the look-up to the last byte. at: on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Until":
        """So many from now on."""
        return cls(monotonic() + seconds)

    def left(self) -> float:
        """In seconds, more than none. Raises TimeoutError."""
        left = self.at - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Line:
    """A connection. The other side may send a byte a second, and each would be in time: so each waits for what is left
    of the whole; and of all that comes, heads, chunks and TLS's own, no more is taken than MOST_BYTES. until: may be
    set anew, where one thing is done after another."""

    def __init__(self, made: socket.socket, until: Until) -> None:
        self._made = made
        self.until = until
        self._taken = 0

    def send(self, content: bytes) -> None:
        """All of it. Raises OSError."""
        self._made.settimeout(self.until.left())
        self._made.sendall(content)

    def receive(self, most: int) -> bytes:
        """Empty at its end. Raises OSError."""
        self._made.settimeout(self.until.left())
        piece = self._made.recv(most)
        self._taken += len(piece)
        if self._taken > MOST_BYTES:
            raise TooMuch
        return piece


class SecuredLine:
    """TLS on a line. It is fed by us: on a socket of its own it goes on for as long as it is sent what is for itself,
    such as tickets, and knows no time meanwhile."""

    def __init__(self, line: Line, context: ssl.SSLContext, host: str) -> None:
        self._line = line
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._fed(self._tls.do_handshake)

    def send(self, content: bytes) -> None:
        """As a line does."""
        self._fed(lambda: self._tls.write(content))

    def receive(self, most: int) -> bytes:
        """As a line does."""
        return self._fed(lambda: self._tls.read(most))

    def _fed(self, act: Callable[[], _T]) -> _T:
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                self._pass_on()
                if piece := self._line.receive(_PIECE):
                    self._in.write(piece)
                else:
                    self._in.write_eof()
            else:
                self._pass_on()
                return done

    def _pass_on(self) -> None:
        if content := self._out.read():
            self._line.send(content)


class Spoken:
    """A line, as http.client takes a socket."""

    def __init__(self, line: Line | SecuredLine) -> None:
        self._line = line

    def sendall(self, content: bytes) -> None:
        """As a socket does."""
        self._line.send(content)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What arrives; http.client asks for nothing else."""
        return io.BufferedReader(_Arriving(self._line), _PIECE)

    def secured(self, context: ssl.SSLContext, host: str) -> SecuredLine:
        """TLS on it, from now on. Raises OSError."""
        if isinstance(self._line, SecuredLine):
            raise OSError("there is TLS already")
        return SecuredLine(self._line, context, host)

    def close(self) -> None:
        """Whoever made it closes it."""


class _Arriving(io.RawIOBase):
    def __init__(self, line: Line | SecuredLine) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._line.receive(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
