"""Faxplan on a real FreeSWITCH: submit, render, dial by SIP to the carrier, which brings our DIDs back to us."""

from pathlib import Path

import pytest

from faxplan import mailboxes, outbound, trunks
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_instance import Instance
from faxplan.gateways import Gateway, write_gateways
from faxplan.outbound import SendRequest
from tests.bench.whole import wait_for
from tests.live.calls import Live
from tests.live.sending import TEST_NUMBER, send, settled
from tests.received_pages import assert_same_pages_below_the_header
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
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now()")
        tx.notify("faxplan_queue")
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
    faxplan.api("fsctl sps 2")
    ids = [
        outbound.submit(
            world.portal, world.store, world.acme.user, SendRequest(TEST_NUMBER + "486", letter, letter.name)
        ).fax_id
        for _ in range(6)
    ]
    world.render_all()
    for fax_id in ids:
        wait_for(settled(world, fax_id), "the attempt to be settled")
    causes = [world.attempts(world.acme, fax_id)[0]["hangup_cause"] for fax_id in ids]
    assert set(causes) <= {"DESTINATION_OUT_OF_ORDER", "USER_BUSY"}
    assert "DESTINATION_OUT_OF_ORDER" in causes
    assert all(world.fax(world.acme, fax_id)["state"] == "queued" for fax_id in ids)


def test_a_cancelled_call_ends(world: World, faxplan: Instance, letter: Path) -> None:
    fax_id = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sending", "pages to be on their way")
    assert outbound.cancel(world.portal, world.acme.user, fax_id) is False
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "cancelled", "the call to end")


def test_a_trunk_that_is_switched_off_takes_no_calls(world: World, faxplan: Instance, letter: Path) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set enabled = false")
        assert not trunks.gateways(tx)
    fax_id = send(world, letter, world.borea.did)
    wait_for(settled(world, fax_id), "the attempt to be settled")
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "no-route")
