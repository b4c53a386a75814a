"""A trunk over TLS, with a certificate authority of the test's own: calls both ways, and who counts as the carrier."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from tests.certificates import Authority
from tests.live.calls import invite, wait_for
from tests.live.carrier import DIALPLAN
from tests.live.conftest import NOT_INSTALLED

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass
class Pair:
    """Our switch, and carriers by what their certificate is."""

    ours: Instance
    carriers: dict[str, Instance]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    base = tmp_path_factory.mktemp("tls")
    trusted, stranger = Authority("The test's authority"), Authority("Somebody else's authority")
    certificates = {
        "trusted": (trusted, "127.0.0.1"),
        "stranger": (stranger, "127.0.0.1"),
        "misnamed": (trusted, "other.example"),
    }
    ports = {name: free_sip_port() for name in ("ours", *certificates)}

    def switch(name: str, gateways: list[Gateway], dialplan: Path | None) -> Instance:
        options = InstanceOptions(
            base / name, SCRIPTS, Path(sys.executable), name=name, startup_scripts=(), tls_port=ports[name],
            gateways=gateways, dialplan=dialplan, max_sessions=20,
        )  # fmt: skip
        return Instance(found, options)

    carriers = {}
    for name, (authority, host) in certificates.items():
        authority.install(base / name / "certs", host)
        # A carrier that trusts us, whoever signed its own certificate.
        (base / name / "certs" / "cafile.pem").write_bytes(trusted.certificate)
        back = [Gateway("ours", "127.0.0.1", ports["ours"], "tls")]
        carriers[name] = switch(name, back, DIALPLAN)
    trusted.install(base / "ours" / "certs", "127.0.0.1")
    gateways = [Gateway(name, "127.0.0.1", ports[name], "tls", ping_seconds=5) for name in certificates]
    gateways += [Gateway(f"{name}-unpinged", "127.0.0.1", ports[name], "tls") for name in certificates]
    ours = switch("ours", gateways, None)
    try:
        for each in (*carriers.values(), ours):
            each.start()
        yield Pair(ours, carriers)
    finally:
        for each in (ours, *carriers.values()):
            each.stop()


def status(ours: Instance, gateway: str) -> str:
    lines = ours.api(f"sofia status gateway {gateway}").splitlines()
    return next(line.split("\t")[1] for line in lines if line.startswith("Status"))


def test_a_call_goes_out_over_tls(pair: Pair) -> None:
    with pair.carriers["trusted"].connect() as carriers_side:
        carriers_side.subscribe("CHANNEL_HANGUP_COMPLETE")
        found = invite(pair.ours, carriers_side, "trusted")
    assert found["sip_via_protocol"] == "tls"
    assert found["sip_full_via"].startswith("SIP/2.0/TLS ")
    assert found["sip_P-Asserted-Identity"] == '"+493023125001" <sip:+493023125001@127.0.0.1>'


def test_a_call_comes_in_over_tls(pair: Pair) -> None:
    with pair.ours.connect() as our_side:
        our_side.subscribe("CHANNEL_HANGUP_COMPLETE")
        pair.carriers["trusted"].api("originate {originate_timeout=5}sofia/gateway/ours/+493023125002 &hangup")
        event = wait_for(lambda: our_side.next_event(0.2), 20, "the received call")
    assert event.headers["variable_sip_via_protocol"] == "tls"
    assert event.headers["variable_sip_network_ip"] == "127.0.0.1"


@pytest.mark.parametrize("carrier", ["stranger", "misnamed"])
def test_who_cannot_prove_to_be_the_carrier_gets_no_call(pair: Pair, carrier: str) -> None:
    number = "+493099009900486"
    assert pair.ours.api(f"originate sofia/gateway/trusted-unpinged/{number} &hangup") == "-ERR USER_BUSY"
    # The INVITE goes out neither over this TLS nor in the clear instead; after 32 s (timer B) it is given up.
    pair.ours.api(f"bgapi originate sofia/gateway/{carrier}-unpinged/{number} &hangup")
    # OPTIONS fail as well, which takes the gateway down: further calls then fail at once.
    wait_for(lambda: status(pair.ours, carrier).startswith("DOWN"), 60, "the gateway to be down")
    assert status(pair.ours, "trusted").startswith("UP")
    assert pair.ours.api(f"originate sofia/gateway/{carrier}/{number} &hangup") == "-ERR GATEWAY_DOWN"
    assert pair.carriers[carrier].api("status").splitlines()[2].startswith("0 session(s) since startup")
