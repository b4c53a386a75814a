"""Leases of calls and their ends: each call is settled once."""

from faxplan import nodes, queue
from tests.faxes import claim, queued
from tests.world import World


def test_a_node_sees_its_calls_and_everybody_those_past_their_lease(world: World) -> None:
    queued(world, world.acme)
    queued(world, world.borea)
    (living,) = claim(world, 1, lease_seconds=600)
    (dead,) = claim(world, 1, node="node2", lease_seconds=-1)
    with world.switch.across_tenants() as tx:
        (mine,) = queue.calls_of_node(tx, "node1")
        assert (mine["attempt_id"], mine["expired"], mine["channel_uuid"]) == (
            living.attempt_id,
            False,
            living.channel_uuid,
        )
        assert [call["attempt_id"] for call in queue.expired_calls(tx)] == [dead.attempt_id]


def test_calls_past_their_lease_are_left_to_a_node_that_still_reports(world: World) -> None:
    queued(world, world.acme)
    (call,) = claim(world, node="node2", lease_seconds=-1)
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node2", switch_uuid="switch-2", max_channels=9)
        assert queue.expired_calls(tx) == []
        tx.execute("update nodes set heartbeat_at = now() - interval '6 minutes'")
        assert [each["attempt_id"] for each in queue.expired_calls(tx)] == [call.attempt_id]


def test_pages_of_a_call_never_go_back(world: World) -> None:
    queued(world, world.acme)
    (fax,) = claim(world)
    with world.switch.across_tenants() as tx:
        for pages in (2, 1):
            queue.record_pages(tx, fax.channel_uuid, pages)
    with world.switch.tenant(fax.tenant_id) as tx:
        call = queue.take_call(tx, fax.tenant_id, fax.attempt_id)
        assert call is not None
        assert call["pages"] == 2
        assert queue.take_call(tx, fax.tenant_id, fax.attempt_id) is None
