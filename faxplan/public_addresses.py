"""Which IP addresses anybody can reach: what tenants name is fetched from these alone (web_client).

By lists of our own (IANA's registries of special-purpose addresses, RFC 6890), as what Python knows changes with its
version. Of IPv6 only what is given out as unicast (2000::/3), and what stands for an IPv4 address is as that one.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_OF_IPV4 = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_OF_IPV6 = tuple(
    # Of the IETF's protocols, with Teredo, benchmarks and ORCHID; documentation, twice.
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "3fff::/20")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether anybody can reach it. One that stands for another (IPv4-mapped, NAT64, 6to4) is as that one."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in each for each in _NOT_OF_IPV4)
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address in _UNICAST and not any(address in each for each in _NOT_OF_IPV6)


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Not of Teredo (2001::/32), and not where NAT64 is a network's own (64:ff9b:1::/48, RFC 8215): both are none."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
