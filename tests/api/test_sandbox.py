"""What a program is told of faxes to sandbox numbers, without a trunk."""

import json

from standardwebhooks import Webhook

from faxplan.sandbox_numbers import End
from tests.api.conftest import Program
from tests.api.test_faxes import problem, send
from tests.api.test_webhooks import receiver
from tests.db.test_sandbox_calls import call
from tests.routing import change
from tests.webhook_receiver import Receiver, tell_all
from tests.world import World

__all__ = ["receiver"]


def test_a_program_is_tried_against_each_end(world: World, acme: Program) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("delete from routes")
    sent = send(acme, to=[End.SENT.number, End.BUSY.number, End.BAD_NUMBER.number]).get_json()["faxes"]
    assert [each["to"] for each in sent] == [End.SENT.number, End.BUSY.number, End.BAD_NUMBER.number]
    world.render_all()
    for _ in sent:
        call(world)
    good, busy, bad = (acme.get(f"/faxes/{each['id']}").get_json() for each in sent)
    assert {each["test"] for each in (good, busy, bad)} == {True}
    assert (good["state"], good["pages_done"], good["error"]) == ("sent", 1, None)
    assert (busy["state"], busy["attempts"], busy["error"]["sip_code"]) == ("queued", 1, 486)
    assert busy["next_attempt_at"] is not None
    assert (bad["state"], bad["error"]["error_id"], bad["error"]["q850_cause"]) == ("failed", "UNALLOCATED_NUMBER", 1)


def test_a_program_is_tried_against_a_fax_that_comes_in(world: World, acme: Program, receiver: Receiver) -> None:
    webhook = acme.hand(
        "/webhooks", {"address": receiver.address, "types": ["fax.received"], "own_only": True}
    ).get_json()
    (sent,) = send(acme, to=[End.RECEIVED.number]).get_json()["faxes"]
    world.render_all()
    assert call(world) == "sent"
    (came_in,) = acme.get("/faxes", direction="inbound").get_json()["faxes"]
    assert (came_in["state"], came_in["test"], came_in["caller_id"]) == ("received", True, world.acme.did)
    assert acme.get(f"/faxes/{sent['id']}").get_json()["state"] == "sent"
    files = acme.get(f"/faxes/{came_in['id']}/files").get_json()["files"]
    assert {each["name"] for each in files} == {"tiff", "pdf", "images", "thumbnail"}
    assert all(each["wraps"] for each in files)
    tell_all(world)
    (told,) = receiver.told
    Webhook(webhook["secret"]).verify(told.body, told.headers)
    assert json.loads(told.body)["data"] == {"fax_id": came_in["id"], "direction": "inbound", "state": "received"}


def test_where_it_is_switched_off_it_is_refused_as_no_number(world: World, acme: Program) -> None:
    change(world, "tenants", sandbox_numbers=False)
    assert problem(send(acme, to=[End.SENT.number])) == (422, "invalid-number")
