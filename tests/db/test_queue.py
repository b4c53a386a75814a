"""Leases and their ends: each call is settled once, each rendering is one worker's."""

from pathlib import Path

import pytest

from faxplan import nodes, outbound, queue
from tests.faxes import NUMBER, claim, queued
from tests.world import World


def test_a_node_sees_its_calls_and_everybody_those_past_their_lease(world: World) -> None:
    queued(world, world.acme)
    queued(world, world.borea)
    (living,) = claim(world, 1, lease_seconds=600)
    (dead,) = claim(world, 1, node="node2", lease_seconds=-1)
    with world.switch.across_tenants() as tx:
        assert (queue.calls_on_node(tx, "node1"), queue.calls_on_node(tx, "node2")) == (1, 1)
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


@pytest.fixture
def rendering(world: World, tmp_path: Path) -> int:
    """A fax that waits for its rendering."""
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    request = outbound.SendRequest(NUMBER, letter, "letter.txt")
    return outbound.submit(world.portal, world.store, world.acme.user, request).fax_id


def claim_job(world: World, worker: str, lease_seconds: int = 600) -> queue.RenderJob | None:
    with world.worker.across_tenants() as tx:
        return queue.claim_render_job(tx, worker=worker, lease_seconds=lease_seconds)


def test_a_rendering_under_a_living_lease_is_not_taken(world: World, rendering: int) -> None:
    assert claim_job(world, "one") is not None
    assert claim_job(world, "two") is None


def test_a_dead_workers_rendering_is_taken_over_and_its_late_result_dropped(world: World, rendering: int) -> None:
    dead = claim_job(world, "one", lease_seconds=-1)
    heir = claim_job(world, "two")
    assert dead is not None
    assert heir is not None
    assert (heir.rendering_id, heir.tries) == (dead.rendering_id, 2)
    stored = world.store.put(Path(__file__))
    assert not outbound.rendered(world.worker, dead, "one", stored, 1)
    assert world.fax(world.acme, rendering)["state"] == "accepted"
    assert outbound.rendered(world.worker, heir, "two", stored, 1)
    assert world.fax(world.acme, rendering)["state"] == "queued"


def test_a_postponed_rendering_is_due_later(world: World, rendering: int) -> None:
    job = claim_job(world, "one")
    assert job is not None
    with world.worker.across_tenants() as tx:
        queue.postpone_render_job(tx, job, "one", 3600)
    assert claim_job(world, "two") is None
    with world.worker.across_tenants() as tx:
        tx.execute("update render_jobs set not_before = now()")
    again = claim_job(world, "two")
    assert again is not None
    assert again.tries == 2


def test_a_worker_gets_back_what_it_lost_track_of(world: World, rendering: int) -> None:
    """The database went away while it rendered: it has the lease, and nobody else can end it for half an hour."""
    assert claim_job(world, "one") is not None
    again = claim_job(world, "one")
    assert again is not None
    assert again.tries == 2
