"""A trunk with encrypted media: SRTP over a real FreeSWITCH or no call, whatever the far end does."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from faxplan.event_socket import EventSocket
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from tests.bench.whole import SCRIPTS, wait_for, write_settings
from tests.certificates import Authority
from tests.live.by_hand import Caller, Liar
from tests.live.carrier import DIALPLAN
from tests.live.conftest import NOT_INSTALLED
from tests.live.running import TEST_NUMBER, send, settled
from tests.routing import change
from tests.world import World

HERE = "127.0.0.1"


@dataclass
class Tls:
    """A carrier that speaks TLS, and what it takes to be its customer."""

    authority: Authority
    carrier: Instance
    customers_port: int
    customers_udp_port: int


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    base = tmp_path_factory.mktemp("encrypted")
    authority, ours, ours_udp, theirs = Authority("The test's authority"), *(free_sip_port() for _ in range(3))
    authority.install(base / "carrier" / "certs", HERE)
    carrier = Instance(
        found,
        InstanceOptions(
            base / "carrier",
            Path(__file__).parent / "scripts",
            Path(sys.executable),
            name="carrier",
            startup_scripts=(),
            tls_port=theirs,
            dialplan=DIALPLAN,
            max_sessions=20,
            gateways=[Gateway("faxplan", HERE, ours, "tls"), Gateway("in-the-clear", HERE, ours_udp)],
        ),
    )
    try:
        carrier.start()
        yield Tls(authority, carrier, ours, ours_udp)
    finally:
        carrier.stop()


@pytest.fixture
def liar(tls: Tls, tmp_path: Path) -> Iterator[Liar]:
    tls.authority.install(tmp_path / "liar", HERE)
    answering = Liar(tmp_path / "liar" / "agent.pem")
    answering.start()
    yield answering
    answering.stop()


@pytest.fixture
def faxplan(world: World, tls: Tls, liar: Liar, tmp_path: Path) -> Iterator[Instance]:
    base = tmp_path / "fs"
    tls.authority.install(base / "certs", HERE)
    change(world, "trunks", encrypted_media=True, t38=False, transport="tls", port=tls.carrier.options.tls_port)
    instance = Instance(
        tls.carrier.found,
        InstanceOptions(
            base,
            SCRIPTS,
            Path(sys.executable),
            sip_port=tls.customers_udp_port,
            tls_port=tls.customers_port,
            environment={"FAXPLAN_CONFIG": str(write_settings(world)), "PYTHONPATH": str(SCRIPTS.parent)},
            gateways=[
                Gateway("carrier", HERE, tls.carrier.options.tls_port, "tls"),
                Gateway("liar", HERE, liar.port, "tls"),
            ],
            max_sessions=20,
        ),
    )
    try:
        instance.start()
        yield instance
    finally:
        instance.stop()


@pytest.fixture
def carriers_side(tls: Tls) -> Iterator[EventSocket]:
    with tls.carrier.connect() as opened:
        opened.subscribe("CHANNEL_HANGUP_COMPLETE")
        yield opened


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("For your eyes only.\n")
    return path


def attempt(world: World, letter: Path, number: str) -> dict[str, object]:
    fax_id = send(world, letter, number)
    wait_for(settled(world, fax_id), "the attempt to be settled", 120)
    (found,) = world.attempts(world.acme, fax_id)
    return {**found, "fax_state": world.fax(world.acme, fax_id)["state"]}


def test_a_fax_travels_encrypted(world: World, faxplan: Instance, letter: Path, carriers_side: EventSocket) -> None:
    # The far machine asks for T.38, and is refused.
    found = attempt(world, letter, TEST_NUMBER + "000")
    assert (found["outcome"], found["fax_state"], found["t38_status"]) == ("sent", "sent", "off")
    ended = carriers_side.next_event(20)
    assert ended is not None
    assert ended.headers["variable_rtp_secure_audio_confirmed"] == "true"
    assert ended.headers["variable_rtp_has_crypto"] == "AEAD_AES_256_GCM"
    offer = ended.headers["variable_switch_r_sdp"]
    assert re.findall(r"^m=(\S+) \d+ (\S+)", offer, re.MULTILINE) == [("audio", "RTP/SAVP")]
    assert "NULL_AUTH" not in offer


def test_a_fax_is_received_encrypted(world: World, faxplan: Instance, letter: Path) -> None:
    found = attempt(world, letter, world.borea.did)
    assert (found["outcome"], found["t38_status"]) == ("sent", "off")
    with world.portal.tenant(world.borea.tenant.id) as tx:
        wait_for(
            lambda: tx.value("select outcome from attempts") == "received",  # read committed
            "the fax to be received",
        )


def test_a_far_end_without_srtp_gets_nothing(world: World, faxplan: Instance, letter: Path, tls: Tls) -> None:
    tls.carrier.api("global_setvar rtp_secure_media_inbound=forbidden")
    try:
        found = attempt(world, letter, TEST_NUMBER + "000")
    finally:
        tls.carrier.api("global_setvar rtp_secure_media_inbound=")
    assert (found["outcome"], found["fax_state"], found["sip_code"]) == ("not-sent", "failed", 488)
    assert str(found["explanation"]).startswith("The far end does not take encrypted media (SRTP)")


def test_an_answer_in_the_clear_is_no_answer(world: World, faxplan: Instance, letter: Path, liar: Liar) -> None:
    change(world, "trunks", name="liar")
    found = attempt(world, letter, TEST_NUMBER + "000")
    assert (found["outcome"], found["fax_state"], found["fax_result_code"]) == ("not-sent", "failed", None)
    assert str(found["explanation"]).startswith("The far end does not take encrypted media (SRTP)")
    assert "RTP/SAVP" in liar.offers[0]
    assert liar.heard == b""


@pytest.mark.parametrize(
    ("gateway", "srtp", "told"),
    [
        ("faxplan", "mandatory", "+OK"),
        ("faxplan", "forbidden", "-ERR INCOMPATIBLE_DESTINATION"),
        # Its keys could be read on the way.
        ("in-the-clear", "mandatory", "-ERR INCOMPATIBLE_DESTINATION"),
    ],
)
def test_a_received_call_is_encrypted_or_refused(
    world: World, faxplan: Instance, tls: Tls, gateway: str, srtp: str, told: str
) -> None:
    dial = f"{{rtp_secure_media={srtp},originate_timeout=20}}sofia/gateway/{gateway}/{world.acme.did}"
    assert tls.carrier.api(f"originate {dial} &hangup").startswith(told)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        calls = tx.value("select count(*) from attempts")
    assert calls == (1 if told == "+OK" else 0)
    if calls:
        with world.portal.tenant(world.acme.tenant.id) as tx:
            wait_for(lambda: tx.value("select outcome from attempts") is not None, "the call to be settled")


def test_a_later_offer_in_the_clear_is_refused(world: World, faxplan: Instance, tls: Tls) -> None:
    with Caller(tls.customers_port, world.acme.did) as caller:
        assert caller.invite("RTP/SAVP", keys=True).startswith("SIP/2.0 200 ")
        assert caller.invite("RTP/AVP", keys=False).startswith("SIP/2.0 488 ")
        assert caller.request("BYE").startswith("SIP/2.0 200 ")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        wait_for(lambda: tx.value("select outcome from attempts") is not None, "the call to be settled")
