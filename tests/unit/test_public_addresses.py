"""What anybody can reach, and what is somebody's own network, however it is written."""

import ipaddress

import pytest

from faxplan.public_addresses import is_public

PUBLIC = """
1.1.1.1 9.9.9.9 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255
172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
2000:: 2001:200:: 2001:4860:4860::8888 2001:db7:ffff:: 2001:db9:: 2003:: 2620:fe::fe 2a00:1450:4001:80b::200e 3ffe::1
3fff:1000:: ::ffff:9.9.9.9 64:ff9b::9.9.9.9 2002:909:909::1
"""
NOT = {
    "this network": "0.0.0.0 0.0.0.1 0.255.255.255 :: ::ffff:0.0.0.0",
    "private": "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255",
    "carriers' NAT": "100.64.0.0 100.127.255.255",
    "this machine": "127.0.0.0 127.0.0.1 127.255.255.255 ::1",
    "link-local": "169.254.0.0 169.254.169.254 169.254.255.255 fe80:: fe80::1 febf::1",
    "IETF's protocols": "192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.170 192.0.0.255 2001:1::1 2001:4:112::1 2001:1ff::",
    "documentation": "192.0.2.1 198.51.100.1 203.0.113.255 2001:db8:: 2001:db8:ffff::1 3fff:: 3fff:fff:ffff::1",
    "6to4's relays": "192.88.99.1",
    "benchmarks": "198.18.0.0 198.19.255.255 2001:2::1",
    "multicast": "224.0.0.1 239.255.255.255 ff02::1 ff0e::1 ::ffff:224.0.0.1",
    "reserved": "240.0.0.0 255.255.255.254 255.255.255.255",
    "unique local": "fc00:: fd00::1 fdff::1 fd00:ec2::254",
    "site-local": "fec0::1",
    "ORCHID": "2001:10::1 2001:20::1 2001:30::1",
    "segment routing": "5f00::1",
    "discard": "100::1 100:0:0:1::1",
    "not given out": "1::1 200::1 1fff:ffff:: 4000::1 8000::1 e000::1",
    "IPv4-mapped": "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:100.64.0.1 ::ffff:198.18.0.1",
    "IPv4-compatible": "::127.0.0.1 ::10.0.0.1 ::9.9.9.9",
    "IPv4-translated": "::ffff:0:127.0.0.1 ::ffff:0:9.9.9.9",
    "6to4": "2002:7f00:1::1 2002:a00:1:: 2002:a9fe:a9fe:: 2002:c0a8:101:: 2002:6440:1:: 2002:e000:1:: 2002::1",
    "NAT64": "64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b::0.0.0.1 64:ff9b::240.0.0.1",
    "NAT64 of a network": "64:ff9b:1:: 64:ff9b:1::9.9.9.9 64:ff9b:1:ffff:ffff:ffff:909:909 64:ff9b:0:0:0:1:909:909",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2 2001::1 2001:0:909:909::f6f6:f6f6",
}


@pytest.mark.parametrize("address", PUBLIC.split())
def test_anybody_reaches_it(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(("kind", "address"), [(kind, each) for kind, all_of in NOT.items() for each in all_of.split()])
def test_not_everybody_reaches_it(kind: str, address: str) -> None:
    assert not is_public(ipaddress.ip_address(address)), kind
