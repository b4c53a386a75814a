"""Ports on 127.0.0.1 that nobody uses at the moment, for a FreeSWITCH and a portal of our own."""

import random
import socket
from dataclasses import dataclass
from typing import Self

from faxplan.errors import SwitchUnavailable

_LOOPBACK = "127.0.0.1"
# Below the kernel's ephemeral ports (32768 and up), so that outgoing connections do not take them.
_RTP_FIRST, _RTP_END = 10000, 32000
_BLOCK = 100


def free_tcp_port() -> int:
    """Free now; whoever wants it binds it soon."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def free_tcp_port_like(wanted: int) -> int:
    """This one, if it is free; else any. 0: any."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As a server binds it: what is left of its earlier connections does not keep it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, wanted))
        except OSError:
            return free_tcp_port()
        return int(probe.getsockname()[1])


def free_sip_port() -> int:
    """Free for UDP and for TCP: a SIP profile listens on both."""
    for _ in range(100):
        port = free_tcp_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((_LOOPBACK, port))
            except OSError:
                continue
            return port
    raise SwitchUnavailable("No port of 127.0.0.1 is free for SIP over both UDP and TCP.")


@dataclass(slots=True)
class RtpPorts:
    """A range for RTP and UDPTL. While it is reserved, no other of our processes takes an overlapping one."""

    first: int
    last: int
    _guards: list[socket.socket]

    @classmethod
    def reserve(cls, count: int) -> Self:
        """At least `count` ports, in blocks of a hundred, each guarded by a socket bound to its last port."""
        blocks = list(range(_RTP_FIRST, _RTP_END, _BLOCK))
        needed = -(-count // (_BLOCK - 2))
        random.shuffle(blocks)
        for first in blocks:
            last = first + needed * _BLOCK - 1
            if last >= _RTP_END:
                continue
            guards = [_bound(port) for port in range(first + _BLOCK - 1, last + 1, _BLOCK)]
            if all(guards):
                return cls(first, last - 1, [guard for guard in guards if guard])
            for guard in guards:
                if guard:
                    guard.close()
        raise SwitchUnavailable(f"No {count} UDP ports in a row are free on 127.0.0.1; stop other test switches.")

    def release(self) -> None:
        """Once the switch that used the range has ended."""
        for guard in self._guards:
            guard.close()
        self._guards.clear()


def _bound(port: int) -> socket.socket | None:
    guard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        guard.bind((_LOOPBACK, port))
    except OSError:
        guard.close()
        return None
    return guard
