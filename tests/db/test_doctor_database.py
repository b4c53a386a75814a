"""The doctor on what waits in the database."""

import re
from pathlib import Path

import pytest

from faxplan import doctor_database, doctor_nodes, doctor_queue, nodes, outbound, render_jobs
from faxplan.findings import Finding, Level
from faxplan.outbound import SendRequest
from tests.faxes import NUMBER, queued
from tests.past_the_gate import connected
from tests.world import World


@pytest.fixture
def job(world: World, tmp_path: Path) -> None:
    """A document that waits for a worker."""
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    outbound.submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "letter.txt"))


def waits_since(world: World, seconds: int) -> None:
    with world.worker.across_tenants() as tx:
        tx.execute("update render_jobs set not_before = now() - make_interval(secs => %s)", (seconds,))


def taken(world: World, *, lease_seconds: int) -> None:
    with world.worker.across_tenants() as tx:
        assert render_jobs.claim(tx, worker="here:17", lease_seconds=lease_seconds)


def of_worker(world: World) -> Finding:
    (found,) = (each for each in doctor_database.database(world.settings)[0] if each.what == "worker")
    return found


def seconds(found: Finding) -> int:
    """How long a document waits, as the finding says."""
    said = re.search(r"for (\d+) s", found.found)
    assert said is not None
    return int(said[1])


def test_without_a_document_nothing_tells_whether_a_worker_runs(world: World) -> None:
    assert of_worker(world).level is Level.OK


def test_a_document_that_came_just_now_is_no_finding(world: World, job: None) -> None:
    assert of_worker(world).level is Level.OK


def test_a_document_that_nobody_renders_shows_that_no_worker_runs(world: World, job: None) -> None:
    waits_since(world, 90)
    found = of_worker(world)
    assert found.level is Level.ERROR
    assert found.found.startswith("no worker runs: 1 document waits for ")
    assert 90 <= seconds(found) < 900
    assert "faxplan-worker" in found.remedy


def test_a_document_in_hand_waits_for_nobody(world: World, job: None) -> None:
    waits_since(world, 90)
    taken(world, lease_seconds=600)
    assert of_worker(world).level is Level.OK


def test_a_document_whose_worker_died_waits_since_its_lease_ran_out(world: World, job: None) -> None:
    waits_since(world, 90_000)
    taken(world, lease_seconds=-90)
    found = of_worker(world)
    assert found.level is Level.ERROR
    assert 90 <= seconds(found) < 900


def test_documents_that_wait_behind_another_name_the_worker_that_has_it(
    world: World, job: None, tmp_path: Path
) -> None:
    taken(world, lease_seconds=600)
    outbound.submit(
        world.portal, world.store, world.acme.user, SendRequest(NUMBER, tmp_path / "letter.txt", "letter.txt")
    )
    waits_since(world, 90)
    found = of_worker(world)
    assert (found.level, "here:17" in found.found) == (Level.WARNING, True)


def test_one_that_is_to_be_tried_again_later_is_not_due(world: World, job: None) -> None:
    waits_since(world, -600)
    assert of_worker(world).level is Level.OK


def test_a_time_zone_that_postgresql_does_not_list_is_told(world: World) -> None:
    assert not [each for each in doctor_database.database(world.settings)[0] if each.what == "time zone"]
    # The database takes it, as POSIX has it: one that an upgrade took away cannot be had here.
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set time_zone = 'XYZ-3' where slug = 'acme'")
    (found,) = (each for each in doctor_database.database(world.settings)[0] if each.what == "time zone")
    assert found.level is Level.ERROR
    assert "acme's, XYZ-3" in found.found
    assert "faxplan tenant set acme --time-zone" in found.remedy


def test_a_database_that_lets_everybody_in_is_told(world: World) -> None:
    """As one that was made by hand for a restore: a dump has no rights to the database itself."""
    assert of_access(world).level is Level.OK
    database = world.installation.database
    with connected(world.installation, "postgres") as cursor:
        cursor.execute(f"grant connect, temporary on database {database} to public")
        cursor.connection.commit()
    found = of_access(world)
    assert found.level is Level.ERROR
    assert "faxplan database migrate" in found.remedy


def of_access(world: World) -> Finding:
    found = doctor_database.database(world.settings)[0]
    return next(each for each in found if each.what == "database roles")


def test_a_fax_that_could_have_been_dialled_long_ago_is_a_warning(world: World) -> None:
    queued(world, world.acme, due_in=-600)
    queued(world, world.acme, due_in=3600)
    with world.admin.across_tenants() as tx:
        assert doctor_queue.age(tx).level is Level.OK
    queued(world, world.acme, due_in=-1000)
    with world.admin.across_tenants() as tx:
        found = doctor_queue.age(tx)
    assert found.level is Level.WARNING
    assert found.found == "3 faxes wait, 2 of them due, the oldest for 17 min"


def test_nodes_that_are_paused_or_silent_are_told_of(world: World) -> None:
    with world.switch.across_tenants() as tx:
        for name, paused in (("node1", True), ("node2", True), ("node3", False), ("node4", False)):
            nodes.report(tx, name, switch_uuid="switch", max_channels=10, paused=paused)
        tx.execute("update nodes set heartbeat_at = now() - interval '5 minutes' where name = 'node3'")
    with world.admin.across_tenants() as tx:
        found = doctor_nodes.others(tx, "node1")
    assert [(each.what, each.level) for each in found] == [
        ("node node1", Level.WARNING),
        ("node node2", Level.WARNING),
        ("node node3", Level.ERROR),
    ]
