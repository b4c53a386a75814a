"""Listening sockets that systemd hands over (sd_listen_fds(3)): they outlive our processes, so nobody is refused
between one and the next."""

import os
import socket
from collections.abc import MutableMapping

_FIRST = 3


def take(environment: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """Those that are for this process, once: none of its children takes them for its own."""
    count, pid = environment.pop("LISTEN_FDS", "0"), environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    found = [socket.socket(fileno=number) for number in range(_FIRST, _FIRST + int(count))]
    for each in found:
        each.set_inheritable(False)
    return found
