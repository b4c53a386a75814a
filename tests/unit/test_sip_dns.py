"""Where the DNS says that a carrier is: SRV records in their order, and addresses; by a resolver that is played."""

import socket
from dataclasses import dataclass

import dns.exception
import dns.resolver
import pytest

from faxplan import sip_dns
from faxplan.sip_dns import Located


@dataclass
class Record:
    priority: int
    weight: int
    target: str
    port: int


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Record]]:
    """SRV records by name; and one address for whatever is asked."""
    records: dict[str, list[Record]] = {}

    def resolve(name: str, kind: str, **_: object) -> list[Record]:
        assert kind == "SRV"
        if name not in records:
            raise dns.resolver.NXDOMAIN
        return records[name]

    def addresses(name: str, *_: object, **__: object) -> list[object]:
        if name == "away.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", (f"192.0.2.{len(name)}", 0))]

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    return records


def test_services_come_by_priority_and_weight(zone: dict[str, list[Record]]) -> None:
    zone["_sips._tcp.sip.example"] = [
        Record(20, 0, "late.example.", 5061), Record(10, 1, "b.example.", 5061), Record(10, 9, "a.example.", 5071),
    ]  # fmt: skip
    found = sip_dns.locate("sip.example", None, "tls")
    assert found.services == (("a.example", 5071), ("b.example", 5061), ("late.example", 5061))
    assert found.addresses == ("192.0.2.11", "192.0.2.12", "192.0.2.9")


def test_without_services_the_host_itself_counts(zone: dict[str, list[Record]]) -> None:
    assert sip_dns.locate("sip.example", None, "udp") == Located((), ("192.0.2.11",))
    # A port says where it is (RFC 3263, 4.2), and nobody is asked for services.
    zone["_sip._udp.sip.example"] = [Record(1, 1, "a.example.", 5060)]
    assert sip_dns.locate("sip.example", 5070, "udp").services == ()
    zone["_sip._udp.sip.example"] = [Record(1, 1, ".", 0)]
    assert sip_dns.locate("sip.example", None, "udp").services == ()


def test_an_address_is_where_it_is(zone: dict[str, list[Record]]) -> None:
    assert sip_dns.locate("192.0.2.200", None, "udp") == Located((), ("192.0.2.200",))
    assert sip_dns.locate("[2001:db8::1]", None, "tcp") == Located((), ("2001:db8::1",))


def test_what_nobody_knows_has_no_address(zone: dict[str, list[Record]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert sip_dns.locate("away.example", None, "udp") == Located((), ())

    def late(*_: object, **__: object) -> None:
        raise dns.exception.Timeout

    monkeypatch.setattr(dns.resolver, "resolve", late)
    assert sip_dns.services("sip.example", "udp") == ()


def test_names_that_nobody_answers_for_keep_nobody_waiting(
    zone: dict[str, list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    zone["_sip._udp.sip.example"] = [Record(each, 0, f"{each}.example.", 5060) for each in range(16)]
    clock, asked = [0.0], list[str]()

    def slow(name: str, *_: object, **__: object) -> None:
        asked.append(name)
        clock[0] += 8
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    assert sip_dns.locate("sip.example", None, "udp").addresses == ()
    assert asked == ["sip.example", "0.example"]
