"""A claim: each fax is one node's, with what its call needs."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from faxplan import claims, lanes, outbound, queue
from faxplan.db import Transaction
from faxplan.lanes import Look
from tests.faxes import NUMBER, claim, due_now, in_threads, queued
from tests.past_the_gate import column
from tests.routing import add_route, add_trunk
from tests.world import World


def claimed_ids(world: World, most: int = 16) -> list[int]:
    return [fax.fax_id for fax in claim(world, most)]


def test_a_claim_has_what_a_call_needs(world: World, tmp_path: Path) -> None:
    fax_id = queued(world, world.acme, pages=3)
    (fax,) = claim(world)
    assert (fax.tenant_id, fax.fax_id, fax.attempt_number) == (world.acme.tenant.id, fax_id, 1)
    assert (fax.called_number, fax.calling_number, fax.pages, fax.start_page) == (NUMBER, world.acme.did, 3, 0)
    assert fax.trunk is not None
    assert (fax.trunk.name, fax.trunk.t38) == ("carrier", True)
    world.store.copy_to_send(fax.rendering, tmp_path / "pages.tif")
    assert (tmp_path / "pages.tif").read_bytes()[:2] == b"II"
    row = world.fax(world.acme, fax_id)
    assert (row["state"], row["attempts_made"]) == ("dialing", 1)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["channel_uuid"], attempt["trunk"], attempt["outcome"]) == (fax.channel_uuid, "carrier", None)


def test_two_nodes_claim_one_after_the_other(world: World) -> None:
    """What one counts the other has changed before: limits would not hold else."""
    first, second = queued(world, world.acme, due_in=-20), queued(world, world.acme, due_in=-10)
    took, release = threading.Event(), threading.Event()

    def one_node() -> list[int]:
        with world.switch.across_tenants() as tx:
            mine = claims.claim_faxes(tx, node="one", switch_uuid="s", most=1, max_calls=9, lease_seconds=60).faxes
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


def test_a_call_uses_what_is_known_of_its_number(world: World) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            """insert into destinations (tenant_id, number, t38_off, v17_off, entered_by)
               values (%s, %s, true, true, 'test')""",
            (world.acme.tenant.id, NUMBER),
        )
    mine, other = queued(world, world.acme), queued(world, world.borea)
    found = {fax.fax_id: (fax.t38, fax.v17, fax.ecm) for fax in claim(world)}
    assert found == {mine: (False, False, True), other: (True, True, True)}
    (attempt,) = world.attempts(world.acme, mine)
    assert (attempt["t38_offered"], attempt["v17_offered"], attempt["ecm_offered"]) == (False, False, True)


def test_what_is_known_and_has_expired_counts_for_nothing(world: World) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            """insert into destinations (tenant_id, number, t38_off, entered_by, expires_at)
               values (%s, %s, true, 'learned', now())""",
            (world.acme.tenant.id, NUMBER),
        )
    queued(world, world.acme)
    assert [fax.t38 for fax in claim(world)] == [True]


def test_a_number_that_is_no_longer_the_tenants_is_not_called_from(world: World) -> None:
    """It may be another tenant's by now."""
    queued(world, world.acme)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set number = '+493023125009' where number = %s", (world.acme.did,))
    assert claim(world) == []  # whose numbers are DIDs has changed, and lanes are mended first
    assert [fax.calling_number for fax in claim(world)] == ["+493023125009"]
    queued(world, world.acme)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set enabled = false")
    due_now(world)
    assert [fax.calling_number for fax in claim(world)] == [None]


def test_lanes_that_are_counted_anew_between_two_looks_give_no_fax_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A more urgent fax comes in, and what stood first stands second now."""
    monkeypatch.setattr(lanes, "LANES_AT_ONCE", 2)
    add_route(world, "+33", add_trunk(world, "full", max_calls=1))
    queued(world, world.borea, number="+33123456789")
    assert len(claim(world)) == 1
    queued(world, world.acme, number="+33123456780", priority=10)
    normal = queued(world, world.acme, priority=100)
    looks = []
    real = lanes.look

    def look(tx: Transaction, **given: Any) -> Look:
        looks.append(given)
        if len(looks) == 2:
            queued(world, world.borea, priority=10, due_in=-5)
        return real(tx, **given)

    monkeypatch.setattr(lanes, "look", look)
    assert normal in [fax.fax_id for fax in claim(world)]
    assert len(looks) > 1
