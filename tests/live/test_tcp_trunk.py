"""A trunk over TCP: a whole fax goes out, and one comes in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import trunks
from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live.calls import Live
from tests.live.calls import wait_for as wait_for_event
from tests.live.running import TEST_NUMBER, faxplan_at, send, settled
from tests.routing import change
from tests.world import World


@pytest.fixture
def faxplan(world: World, live: Live, tmp_path: Path) -> Iterator[Instance]:
    change(world, "trunks", port=live.carrier.sip_port, transport="tcp")
    with world.admin.across_tenants() as tx:
        gateways = trunks.gateways(tx)
    with faxplan_at(world, live.faxplan_port, tmp_path / "fs", *gateways) as instance:
        yield instance


def test_a_fax_goes_out(world: World, faxplan: Instance, carriers_side: EventSocket, letter: Path) -> None:
    fax_id = send(world, letter, TEST_NUMBER + "000")
    wait_for(settled(world, fax_id), "the attempt to be settled", 120)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"], attempt["t38_status"]) == ("sent", 3, "negotiated")

    def the_carriers_leg() -> dict[str, str] | None:
        event = carriers_side.next_event(0.2)
        is_it = event is not None and event.headers.get("variable_sip_call_id") == attempt["sip_call_id"]
        return event.headers if event is not None and is_it else None

    theirs = wait_for_event(the_carriers_leg, 20, "the carrier's leg")
    assert theirs["variable_sip_via_protocol"] == "tcp"
    assert theirs["variable_sip_full_via"].startswith("SIP/2.0/TCP ")


def test_a_fax_comes_in(world: World, live: Live, faxplan: Instance, three_pages: Path) -> None:
    with faxplan.connect() as our_side:
        our_side.subscribe("CHANNEL_HANGUP_COMPLETE")
        variables = {
            "ignore_early_media": "true",
            "fax_enable_t38": "true",
            "origination_caller_id_number": "+493099001234",
            "execute_on_fax_result": "'sched_hangup +3 normal_clearing'",
        }
        listed = ",".join(f"{name}={value}" for name, value in variables.items())
        where = f"sofia/gateway/faxplan-tcp/{world.borea.did}"
        live.carrier.api(f"bgapi originate {{{listed}}}{where} '&txfax({three_pages})'")
        event = wait_for_event(lambda: our_side.next_event(0.2), 120, "the received call")
    assert event.headers["variable_sip_via_protocol"] == "tcp"

    def received() -> list[dict[str, object]]:
        with world.portal.tenant(world.borea.tenant.id) as tx:
            return tx.rows("select outcome, pages, hangup_cause from attempts where outcome is not null")

    wait_for(lambda: bool(received()), "the fax to be received")
    assert received() == [{"outcome": "received", "pages": 3, "hangup_cause": "NORMAL_CLEARING"}]
