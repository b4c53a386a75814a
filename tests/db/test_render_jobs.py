"""Leases of renderings and their ends: each is one worker's."""

from pathlib import Path

import pytest

from faxplan import outbound, render_jobs, renderings
from faxplan.render_jobs import RenderJob
from faxplan.renderings import Rendered
from tests.faxes import NUMBER
from tests.world import World


@pytest.fixture
def rendering(world: World, tmp_path: Path) -> int:
    """A fax that waits for its rendering."""
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    request = outbound.SendRequest(NUMBER, letter, "letter.txt")
    return outbound.submit(world.portal, world.store, world.acme.user, request).fax_id


def claim_job(world: World, worker: str, lease_seconds: int = 600) -> RenderJob | None:
    with world.worker.across_tenants() as tx:
        return render_jobs.claim(tx, worker=worker, lease_seconds=lease_seconds)


def test_a_rendering_under_a_living_lease_is_not_taken(world: World, rendering: int) -> None:
    assert claim_job(world, "one") is not None
    assert claim_job(world, "two") is None


def test_a_dead_workers_rendering_is_taken_over_and_its_late_result_dropped(world: World, rendering: int) -> None:
    dead = claim_job(world, "one", lease_seconds=-1)
    heir = claim_job(world, "two")
    assert dead is not None
    assert heir is not None
    assert (heir.rendering_id, heir.tries) == (dead.rendering_id, 2)
    made = Rendered([world.seal(Path(__file__), world.acme)], 1)
    assert not renderings.finished(world.worker, dead, "one", made)
    assert world.fax(world.acme, rendering)["state"] == "accepted"
    assert renderings.finished(world.worker, heir, "two", made)
    assert world.fax(world.acme, rendering)["state"] == "queued"


def test_a_postponed_rendering_is_due_later(world: World, rendering: int) -> None:
    job = claim_job(world, "one")
    assert job is not None
    with world.worker.across_tenants() as tx:
        render_jobs.postpone(tx, job, "one", 3600)
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
