"""Where the calling number stands in the INVITE as the carrier gets it, for each rule that a trunk may have."""

from collections.abc import Iterator

import pytest

from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from faxplan.gateways import Gateway, write_gateways
from tests.live.calls import NUMBER, invite, wait_for

IDENTITIES = {"sip_P-Asserted-Identity", "sip_P-Preferred-Identity", "sip_Remote-Party-ID"}


def test_the_number_in_from_alone(ours: Instance, carriers_side: EventSocket) -> None:
    found = invite(ours, carriers_side, caller_id_in="from")
    assert found["sip_from_user"] == NUMBER
    assert not IDENTITIES & set(found)
    assert "sip_Privacy" not in found


def test_the_number_in_p_asserted_identity_too(ours: Instance, carriers_side: EventSocket) -> None:
    found = invite(ours, carriers_side, caller_id_in="pai")
    assert found["sip_from_user"] == NUMBER
    assert found["sip_P-Asserted-Identity"] == f'"{NUMBER}" <sip:{NUMBER}@127.0.0.1>'
    assert IDENTITIES & set(found) == {"sip_P-Asserted-Identity"}
    assert found["sip_Privacy"] == "none"


def test_the_number_in_remote_party_id_too(ours: Instance, carriers_side: EventSocket) -> None:
    found = invite(ours, carriers_side, caller_id_in="rpid")
    assert found["sip_from_user"] == NUMBER
    assert IDENTITIES & set(found) == {"sip_Remote-Party-ID"}
    assert found["sip_Remote-Party-ID"] == f'"{NUMBER}" <sip:{NUMBER}@127.0.0.1>;party=calling;screen=yes;privacy=off'


@pytest.mark.parametrize("caller_id_in", ["pai", "rpid"])
def test_a_private_call_tells_its_number_to_the_carrier_only(
    ours: Instance, carriers_side: EventSocket, caller_id_in: str
) -> None:
    found = invite(ours, carriers_side, caller_id_in=caller_id_in, privacy=True)
    assert found["sip_from_uri"] == "anonymous@anonymous.invalid"
    assert found["sip_from_display"] == "Anonymous"
    assert found["sip_Privacy"] == "id"
    if caller_id_in == "pai":
        assert found["sip_P-Asserted-Identity"] == f'"{NUMBER}" <sip:{NUMBER}@127.0.0.1>'
    else:
        assert f"<sip:{NUMBER}@127.0.0.1>" in found["sip_Remote-Party-ID"]
        assert "privacy=full" in found["sip_Remote-Party-ID"]


@pytest.fixture
def account(ours: Instance) -> Iterator[str]:
    """A gateway whose From names the account, as carriers with a registration want it."""
    kept = list(ours.options.gateways)
    carrier = next(each for each in kept if each.name == "carrier")
    made = Gateway("account", carrier.host, carrier.port, from_user="49301234", from_domain="carrier.example")
    write_gateways(ours.gateways_folder, [*kept, made])
    ours.api("sofia profile faxplan rescan")
    wait_for(lambda: "Invalid" not in ours.api("sofia status gateway account"), 10, "the gateway")
    yield "account"
    write_gateways(ours.gateways_folder, kept)
    ours.api("sofia profile faxplan killgw account")


def test_the_account_in_from_and_the_number_beside_it(ours: Instance, carriers_side: EventSocket, account: str) -> None:
    found = invite(ours, carriers_side, account, caller_id_in="pai")
    assert found["sip_from_uri"] == "49301234@carrier.example"
    assert found["sip_P-Asserted-Identity"] == f'"{NUMBER}" <sip:{NUMBER}@carrier.example>'
    found = invite(ours, carriers_side, account, caller_id_in="rpid")
    assert f"<sip:{NUMBER}@carrier.example>" in found["sip_Remote-Party-ID"]
    found = invite(ours, carriers_side, account, privacy=True)
    assert found["sip_from_uri"] == "anonymous@anonymous.invalid"
    assert found["sip_P-Asserted-Identity"] == f'"{NUMBER}" <sip:{NUMBER}@carrier.example>'
