"""Two nodes on one database are one system: each fax goes out once, and limits and turns hold whoever dials."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faxplan import nodes, outbound, tenants
from faxplan.outbound import SendRequest
from tests.bench.switch_process import SwitchProcess, node_settings
from tests.bench.whole import wait_for
from tests.faxes import queued
from tests.routing import change
from tests.world import Office, World

TRUNK_CALLS, TENANT_CALLS, NODE_CALLS, CALLS_TO_ONE_NUMBER = 6, 4, 4, 2
CALLS_A_SECOND = 5
"""New ones, of the trunk. Slow enough that its tolerance (limits.TRUNK_ROOM) is one call: no second has one more."""
COUNTS = [24, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
FAX = '[[number]]\nprefix = "+49309876"\n'


@pytest.fixture
def two_nodes(world: World, tmp_path: Path) -> Iterator[None]:
    """Both run. Neither has channels for all that the trunk takes, so that a burst needs both."""
    limits = {"max_channels": NODE_CALLS, "calls_to_one_number": CALLS_TO_ONE_NUMBER}
    running = [
        SwitchProcess(world, tmp_path / name, settings=replace(settings, **limits), speed=20, numbers=FAX)
        for name, settings in (("one", world.settings), ("two", node_settings(world, "node2")))
    ]
    try:
        wait_for(lambda: names_of_nodes(world) == {"node1", "node2"}, "both nodes to report")
        yield
    finally:
        for each in running:
            each.stop()


def names_of_nodes(world: World) -> set[str]:
    with world.admin.across_tenants() as tx:
        return {node["name"] for node in nodes.everyone(tx)}


def most_at_once(calls: list[dict[str, Any]]) -> int:
    """The most of these calls that went on at one moment."""
    moments = [(call["started_at"], 1) for call in calls] + [(call["ended_at"], -1) for call in calls]
    most = now = 0
    # Where one ends as another starts, the end comes first.
    for _, step in sorted(moments, key=lambda moment: (moment[0], moment[1])):
        now += step
        most = max(most, now)
    return most


def most_in_a_second(calls: list[dict[str, Any]]) -> int:
    """The most of these calls that began within any one second."""
    began = sorted(call["started_at"] for call in calls)
    return max(sum(first <= at < first + timedelta(seconds=1) for at in began) for first in began)


def calls_of(world: World, office: Office) -> list[dict[str, Any]]:
    """Those that were made for it, in order, with the number."""
    with world.portal.tenant(office.tenant.id) as tx:
        return tx.rows(
            """select a.fax_id, f.called_number, a.node, a.started_at, a.ended_at
               from attempts a join faxes f on f.tenant_id = a.tenant_id and f.id = a.fax_id order by a.started_at"""
        )


def finished(world: World, *offices: Office) -> int:
    """How many of their faxes are final."""
    total = 0
    for office in offices:
        with world.portal.tenant(office.tenant.id) as tx:
            total += tx.value("select count(*) from faxes where finished_at is not null and direction = 'outbound'")
    return total


def assert_all_sent(world: World, office: Office) -> None:
    with world.portal.tenant(office.tenant.id) as tx:
        assert {row["state"] for row in tx.rows("select state from faxes")} == {"sent"}


@pytest.mark.parametrize("count", COUNTS)
def test_a_burst_goes_out_once_and_within_every_limit(
    world: World, two_nodes: None, tmp_path: Path, count: int
) -> None:
    # Not before all are rendered, or they would come one by one.
    change(world, "trunks", max_calls=TRUNK_CALLS, calls_per_second=CALLS_A_SECOND, enabled=False)
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"max_calls": TENANT_CALLS})
    offices = (world.acme, world.borea)
    letter = tmp_path / "letter.txt"
    letter.write_text("A page.\n")
    ids = [
        outbound.submit(
            world.portal,
            world.store,
            offices[number % 2].user,
            # Three in a row to each number, of both tenants: one more than it takes at once.
            SendRequest(f"+49309876{number // 3:04d}", letter, letter.name),
        ).fax_id
        for number in range(count)
    ]
    world.render_all()
    change(world, "trunks", enabled=True)
    wait_for(lambda: finished(world, *offices) == count, "every fax to be final", 60 + 3 * count)
    calls: list[dict[str, Any]] = []
    for office in offices:
        assert_all_sent(world, office)
        mine = calls_of(world, office)
        if office is world.acme:
            assert most_at_once(mine) <= TENANT_CALLS
        calls += mine
    assert sorted(call["fax_id"] for call in calls) == sorted(ids)
    assert most_at_once(calls) <= TRUNK_CALLS
    assert most_in_a_second(calls) <= CALLS_A_SECOND
    for name in ("node1", "node2"):
        assert 0 < most_at_once([call for call in calls if call["node"] == name]) <= NODE_CALLS
    numbers = {call["called_number"] for call in calls}
    to_each = [[call for call in calls if call["called_number"] == number] for number in numbers]
    # Reached, or the limit was never asked.
    assert max(most_at_once(each) for each in to_each) == CALLS_TO_ONE_NUMBER


@pytest.mark.parametrize("count", COUNTS)
def test_one_fax_of_a_tenant_gets_the_next_slot_of_anothers_hundreds(world: World, two_nodes: None, count: int) -> None:
    change(world, "trunks", max_calls=TRUNK_CALLS)
    for number in range(count):
        queued(world, world.acme, pages=1, number=f"+49309876{number:04d}")
    wait_for(lambda: finished(world, world.acme) > 0, "the first calls to be over")
    queued(world, world.borea, pages=1, number=f"+49309876{count:04d}")
    with world.admin.across_tenants() as tx:
        waits_since = tx.value("select clock_timestamp()")
    wait_for(lambda: finished(world, world.acme, world.borea) == count + 1, "every fax to be final", 60 + 3 * count)
    for office in (world.acme, world.borea):
        assert_all_sent(world, office)
    hundreds, (one,) = calls_of(world, world.acme), calls_of(world, world.borea)
    before = [call for call in hundreds if call["started_at"] < one["started_at"]]
    assert most_at_once(before) == TRUNK_CALLS, "it had to wait for a slot"
    assert len(before) < count - TRUNK_CALLS, "many waited longer than it did"
    assert [call for call in before if call["started_at"] > waits_since] == [], "nobody went before it"
