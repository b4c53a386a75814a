"""Where the DNS says that a SIP host is (RFC 3263): SRV records of its transport, and the addresses behind them."""

import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.resolver

_SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_SECONDS = 3.0
_PATIENCE_SECONDS = 10.0
"""After that no further name is asked for: a page waits, and what the records name is whoever's who wrote them."""
_MOST = 16


@dataclass(frozen=True, slots=True)
class Located:
    """services: name and port of each SRV record, the first to be asked first; empty: there are none.

    addresses: sorted; of the host itself and of what its services name. Empty: its name cannot be resolved.
    """

    services: tuple[tuple[str, int], ...]
    addresses: tuple[str, ...]


def locate(host: str, port: int | None, transport: str) -> Located:
    """Asks the DNS: for so many names as come within _PATIENCE_SECONDS, first of all for the host itself. An address is
    where it is."""
    bare = host.strip("[]")
    if _is_address(bare):
        return Located((), (bare,))
    found = () if port is not None else services(bare, transport)
    ends, addresses = time.monotonic() + _PATIENCE_SECONDS, set(_addresses(bare))
    for name in dict.fromkeys(name for name, _port in found):
        if time.monotonic() >= ends:
            break
        addresses.update(_addresses(name))
    return Located(found, tuple(sorted(addresses)))


def services(host: str, transport: str) -> tuple[tuple[str, int], ...]:
    """The SRV records of a host: lowest priority first, then highest weight; none where the DNS has none or is away."""
    try:
        answer = dns.resolver.resolve(f"{_SERVICES[transport]}.{host}", "SRV", lifetime=_SECONDS, search=False)
    except (dns.exception.DNSException, OSError, ValueError):
        return ()
    records = sorted(answer, key=lambda each: (each.priority, -each.weight, str(each.target)))
    named = [(str(each.target).rstrip("."), int(each.port)) for each in records[:_MOST]]
    # One record with the target "." says that there is no such service (RFC 2782).
    return tuple((name, port) for name, port in named if name)


def _addresses(name: str) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, ValueError):
        return ()
    return sorted({str(address[0]) for *_, address in found})[:_MOST]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
