"""Faxplan on a real FreeSWITCH: submit, render, dial by SIP to the carrier, which brings our DIDs back to us."""

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import mailboxes, outbound, trunks
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_instance import Instance
from faxplan.gateways import Gateway, write_gateways
from tests.bench.whole import wait_for
from tests.covered import send_with_cover
from tests.live.calls import Live
from tests.live.running import TEST_NUMBER, due_now, send, settled
from tests.received_pages import assert_same_pages_below_the_header
from tests.routing import change
from tests.world import World


@pytest.mark.parametrize(("number", "t38"), [("+493023125002", "negotiated"), ("+493023125102", "off")])
def test_a_document_lands_in_the_other_tenants_mailbox(
    world: World, faxplan: Instance, letter: Path, tmp_path: Path, number: str, t38: str
) -> None:
    fax_id = send(world, letter, number)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final", 120)
    wait_for(lambda: bool(_inbox(world)), "the fax to lie in the mailbox")
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["explanation"]) == ("sent", 3, "All 3 pages arrived.")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["t38_status"], attempt["pages"]) == ("sent", t38, 3)
    assert attempt["sip_call_id"]
    (entry,) = _inbox(world)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 3, world.acme.did)
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)
    # Drawn in children of FreeSWITCH's own process, with its limits.
    received = world.fax(world.borea, entry.fax_id)
    assert None not in [received[column] for column in ("tiff_id", "pdf_id", "images_id", "thumbnail_id")]


@pytest.mark.parametrize(("number", "t38"), [("+493023125002", "negotiated"), ("+493023125102", "off")])
def test_a_cover_arrives_before_the_document(
    world: World, faxplan: Instance, letter: Path, tmp_path: Path, number: str, t38: str
) -> None:
    fax_id = send_with_cover(world, letter, number)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final", 120)
    wait_for(lambda: bool(_inbox(world)), "the fax to lie in the mailbox")
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"]) == ("sent", 4)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["t38_status"], attempt["pages"]) == (t38, 4)
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)


def test_within_the_installation_it_takes_no_call_where_that_is_switched_on(
    world: World, at_home: None, faxplan: Instance, letter: Path, tmp_path: Path
) -> None:
    fax_id = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final", 120)
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    (entry,) = _inbox(world)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 3, world.acme.did)
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)
    # Not a single call.
    assert "CALLS-OUT" in faxplan.api("sofia status profile faxplan")
    assert re.search(r"^CALLS-OUT\s+0$", faxplan.api("sofia status profile faxplan"), re.MULTILINE)


@pytest.fixture
def at_home(world: World) -> None:
    """Before the switch starts, which reads its settings once."""
    world.settings = replace(world.settings, internal_delivery=True)


def _inbox(world: World) -> list[mailboxes.Entry]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return mailboxes.entries(tx, world.borea.tenant.id, world.borea.user.id)


@pytest.mark.parametrize(
    ("digits", "sip_code", "state"),
    [("486", 486, "queued"), ("404", 404, "failed"), ("503", 503, "queued"), ("603", 603, "failed")],
)
def test_a_refused_call_is_recorded_with_its_sip_code(
    world: World, faxplan: Instance, letter: Path, digits: str, sip_code: int, state: str
) -> None:
    fax_id = send(world, letter, TEST_NUMBER + digits)
    wait_for(settled(world, fax_id), "the attempt to be settled")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["sip_code"], attempt["fax_result_code"]) == ("not-sent", sip_code, None)
    assert world.fax(world.acme, fax_id)["state"] == state


def test_a_call_dropped_after_a_page_is_resumed_at_the_next(world: World, faxplan: Instance, letter: Path) -> None:
    fax_id = send(world, letter, TEST_NUMBER + "021")
    wait_for(settled(world, fax_id), "the attempt to be settled", 120)
    assert world.fax(world.acme, fax_id)["pages_done"] == 1
    due_now(world)
    wait_for(lambda: len(world.attempts(world.acme, fax_id)) == 2, "the second call")
    wait_for(settled(world, fax_id), "the second attempt to be settled", 120)
    assert [(a["start_page"], a["pages"]) for a in world.attempts(world.acme, fax_id)] == [(0, 1), (1, 1)]


def test_an_unknown_gateway_is_settled_without_a_channel(world: World, faxplan: Instance, letter: Path) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set name = 'nowhere'")
    fax_id = send(world, letter, world.borea.did)
    wait_for(settled(world, fax_id), "the attempt to be settled")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "INVALID_GATEWAY")


def test_a_paused_switch_is_settled_without_a_channel(world: World, faxplan: Instance, letter: Path) -> None:
    faxplan.api("fsctl pause outbound")
    fax_id = send(world, letter, world.borea.did)
    wait_for(settled(world, fax_id), "the attempt to be settled")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] == "not-sent"
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_a_gateway_that_is_down_is_settled_without_a_channel(
    world: World, faxplan: Instance, live: Live, letter: Path
) -> None:
    write_gateways(
        faxplan.gateways_folder,
        [
            Gateway("carrier", "127.0.0.1", live.carrier.sip_port),
            Gateway("dead", "127.0.0.1", free_sip_port(), ping_seconds=5),
        ],
    )
    faxplan.api("sofia profile faxplan rescan")
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set name = 'dead'")
    wait_for(lambda: "DOWN" in faxplan.api("sofia status gateway dead"), "the gateway to be seen down")
    fax_id = send(world, letter, world.borea.did)
    wait_for(settled(world, fax_id), "the attempt to be settled")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "GATEWAY_DOWN")
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_calls_beyond_sessions_per_second_are_settled_without_a_channel(
    world: World, faxplan: Instance, letter: Path
) -> None:
    """The runtime keeps below that limit, but shares it with whatever else the switch does."""
    faxplan.api("fsctl sps 3")
    ends = threading.Event()

    def other_calls() -> None:
        with faxplan.connect() as connection:
            while not ends.wait(0.02):
                connection.bgapi(f"originate sofia/gateway/carrier/{TEST_NUMBER}486 &park()")

    others = threading.Thread(target=other_calls)
    others.start()
    try:
        ids = [send(world, letter, TEST_NUMBER + "486") for _ in range(6)]
        for fax_id in ids:
            wait_for(settled(world, fax_id), "the attempt to be settled")
    finally:
        ends.set()
        others.join()
    causes = [world.attempts(world.acme, fax_id)[0]["hangup_cause"] for fax_id in ids]
    assert set(causes) <= {"DESTINATION_OUT_OF_ORDER", "USER_BUSY"}
    assert "DESTINATION_OUT_OF_ORDER" in causes
    assert all(world.fax(world.acme, fax_id)["state"] == "queued" for fax_id in ids)


def test_the_runtime_keeps_below_sessions_per_second(world: World, faxplan: Instance, letter: Path) -> None:
    faxplan.api("fsctl sps 3")
    ids = [send(world, letter, TEST_NUMBER + "486") for _ in range(6)]
    for fax_id in ids:
        wait_for(settled(world, fax_id), "the attempt to be settled")
    assert {world.attempts(world.acme, fax_id)[0]["hangup_cause"] for fax_id in ids} == {"USER_BUSY"}


def test_a_cancelled_call_ends(world: World, faxplan: Instance, letter: Path) -> None:
    fax_id = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sending", "pages to be on their way")
    assert outbound.cancel(world.portal, world.acme.user, fax_id) is False
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "cancelled", "the call to end")


def test_a_trunk_that_is_switched_off_takes_no_calls_until_it_is_on_again(
    world: World, faxplan: Instance, letter: Path
) -> None:
    change(world, "trunks", enabled=False)
    with world.admin.across_tenants() as tx:
        assert not trunks.gateways(tx)
    fax_id = send(world, letter, world.borea.did)
    with world.switch.across_tenants() as tx:
        tx.notify("faxplan_queue")
    assert world.attempts(world.acme, fax_id) == []
    change(world, "trunks", enabled=True)
    due_now(world)
    wait_for(settled(world, fax_id), "the fax to be sent", 120)
    assert world.fax(world.acme, fax_id)["state"] == "sent"
