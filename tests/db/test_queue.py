"""Claims, leases and their ends: each fax is one node's, each rendering one worker's."""

import threading
import time
from pathlib import Path

import pytest

from faxplan import claims, nodes, outbound, queue, tenants
from tests.faxes import NUMBER, claim, due_now, in_threads, queued
from tests.past_the_gate import column
from tests.world import World

URGENT = 10


def claimed_ids(world: World, most: int = 16) -> list[int]:
    return [fax.fax_id for fax in claim(world, most)]


def test_a_claim_has_what_a_call_needs(world: World) -> None:
    fax_id = queued(world, world.acme, pages=3)
    (fax,) = claim(world)
    assert (fax.tenant_id, fax.fax_id, fax.attempt_number) == (world.acme.tenant.id, fax_id, 1)
    assert (fax.called_number, fax.calling_number, fax.pages, fax.start_page) == (NUMBER, world.acme.did, 3, 0)
    assert fax.trunk is not None
    assert (fax.trunk.name, fax.trunk.t38) == ("carrier", True)
    with world.store.open(fax.rendering) as pages:
        assert pages.read(2) == b"II"
    row = world.fax(world.acme, fax_id)
    assert (row["state"], row["attempts_made"]) == ("dialing", 1)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["channel_uuid"], attempt["trunk"], attempt["outcome"]) == (fax.channel_uuid, "carrier", None)


def test_the_more_urgent_and_then_the_older_fax_comes_first(world: World) -> None:
    usual, older, urgent = (
        queued(world, world.acme, due_in=-10),
        queued(world, world.acme, due_in=-20),
        queued(world, world.borea, priority=URGENT),
    )
    assert [claimed_ids(world, 1) for _ in range(4)] == [[urgent], [older], [usual], []]


def test_a_fax_that_is_not_due_waits(world: World) -> None:
    queued(world, world.acme, due_in=3600)
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        wait, calls = claims.outlook(tx, "node1")
        assert wait is not None
        assert 3500 < wait <= 3600
        assert calls == 0
    due_now(world)
    with world.switch.across_tenants() as tx:
        assert claims.outlook(tx, "node1") == (claims.BLOCKED_SECONDS, 0)
    assert len(claim(world)) == 1
    with world.switch.across_tenants() as tx:
        assert claims.outlook(tx, "node1") == (None, 1)


def test_a_disabled_tenants_faxes_are_nothing_to_wait_for(world: World) -> None:
    queued(world, world.acme)
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"enabled": False})
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        assert claims.outlook(tx, "node1") == (None, 0)


def test_a_node_takes_no_more_than_its_calls_leave_room_for(world: World) -> None:
    for _ in range(4):
        queued(world, world.acme)
    assert [len(claim(world, max_calls=3)) for _ in range(2)] == [3, 0]
    assert len(claim(world, node="node2", max_calls=3)) == 1


def test_two_nodes_claim_one_after_the_other(world: World) -> None:
    """What one counts the other has changed before: limits would not hold else."""
    first, second = queued(world, world.acme, due_in=-20), queued(world, world.acme, due_in=-10)
    took, release = threading.Event(), threading.Event()

    def one_node() -> list[int]:
        with world.switch.across_tenants() as tx:
            mine = claims.claim_faxes(tx, node="one", switch_uuid="s", most=1, max_calls=9, lease_seconds=60)
            took.set()
            assert release.wait(60)
        return [fax.fax_id for fax in mine]

    def another_node() -> list[int]:
        assert took.wait(60)
        return [fax.fax_id for fax in claim(world, node="another")]

    def lets_it_end() -> None:
        assert took.wait(60)
        waits = """select count(*) from pg_locks l join pg_database d on d.oid = l.database
                   where l.locktype = 'advisory' and not l.granted and d.datname = current_database()"""
        while column(world.installation, waits) == [0]:
            time.sleep(0.01)
        release.set()

    assert in_threads(one_node, another_node, lets_it_end) == [[first], [second], None]


def test_four_claimers_at_once_get_each_fax_once(world: World) -> None:
    waiting = {queued(world, office) for office in (world.acme, world.borea) for _ in range(10)}

    def claim_all() -> list[int]:
        mine: list[int] = []
        while got := claim(world, 3):
            mine += [fax.fax_id for fax in got]
        return mine

    shares = in_threads(*[claim_all] * 4)
    took = [fax_id for share in shares for fax_id in share]  # type: ignore[attr-defined]
    # A claimer that found everything locked ends early; what it left is claimed now.
    took += claimed_ids(world) + claimed_ids(world)
    assert sorted(took) == sorted(waiting)


def test_a_cancelled_fax_is_not_claimed(world: World) -> None:
    fax_id = queued(world, world.acme)
    assert outbound.cancel(world.portal, world.acme.user, fax_id)
    assert claim(world) == []


def test_a_claim_and_a_cancel_at_the_same_moment_end_one_way(world: World) -> None:
    """Neither waits for the other for ever, and the fax is either in a call that ends, or cancelled."""
    for _ in range(8):
        fax_id = queued(world, world.acme)
        cancelled, claimed = in_threads(
            lambda fax=fax_id: outbound.cancel(world.portal, world.acme.user, fax), lambda: claimed_ids(world)
        )
        row = world.fax(world.acme, fax_id)
        assert claimed == ([] if cancelled else [fax_id])
        assert (row["state"], row["cancel_requested"]) == (("cancelled", False) if cancelled else ("dialing", True))


def test_a_claim_does_not_wait_for_a_cancel(world: World) -> None:
    """A cancel locks the fax, then its place in the queue; a claim the other way round would be a deadlock."""
    fax_id, other = queued(world, world.acme, due_in=-20), queued(world, world.acme, due_in=-10)
    with world.portal.tenant(world.acme.tenant.id) as cancelling:
        assert queue.lock_fax(cancelling, world.acme.tenant.id, fax_id)
        assert in_threads(lambda: claimed_ids(world)) == [[other]]
        assert queue.withdraw(cancelling, world.acme.tenant.id, fax_id)
        queue.enqueue(cancelling, world.acme.tenant.id, fax_id, pages_done=0, delay_seconds=0, explanation=None)
    assert claimed_ids(world) == [fax_id]


def test_a_number_that_no_trunk_serves_is_claimed_without_one(world: World) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update routes set prefix = '+1'")
    queued(world, world.acme)
    (fax,) = claim(world)
    assert fax.trunk is None


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
