"""Two nodes on one database are one system: each fax goes out once, and limits hold whoever dials."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faxplan import nodes, outbound, tenants
from faxplan.outbound import SendRequest
from tests.bench.switch_process import SwitchProcess, node_settings
from tests.bench.whole import wait_for
from tests.routing import change
from tests.world import World

TRUNK_CALLS, TENANT_CALLS, NODE_CALLS = 6, 4, 4
FAX = '[[number]]\nprefix = "+49309876"\n'


@pytest.fixture
def two_nodes(world: World, tmp_path: Path) -> Iterator[None]:
    """Both run. Neither has channels for all that the trunk takes, so that a burst needs both."""
    running = [
        SwitchProcess(
            world, tmp_path / name, settings=replace(settings, max_channels=NODE_CALLS), speed=20, numbers=FAX
        )
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


@pytest.mark.parametrize("count", [24, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_a_burst_goes_out_once_and_within_every_limit(
    world: World, two_nodes: None, tmp_path: Path, count: int
) -> None:
    change(world, "trunks", max_calls=TRUNK_CALLS)
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"max_calls": TENANT_CALLS})
    letter = tmp_path / "letter.txt"
    letter.write_text("A page.\n")
    offices = (world.acme, world.borea)
    ids = [
        outbound.submit(
            world.portal,
            world.store,
            offices[number % 2].user,
            SendRequest(f"+49309876{number:04d}", letter, letter.name),
        ).fax_id
        for number in range(count)
    ]
    world.render_all()
    finished = "select count(*) from faxes where finished_at is not null and direction = 'outbound'"

    def done() -> int:
        total = 0
        for office in offices:
            with world.portal.tenant(office.tenant.id) as tx:
                total += tx.value(finished)
        return total

    wait_for(lambda: done() == count, "every fax to be final", 60 + 3 * count)
    calls: list[dict[str, Any]] = []
    for office in offices:
        with world.portal.tenant(office.tenant.id) as tx:
            mine = tx.rows("select fax_id, node, started_at, ended_at, outcome from attempts")
            assert {row["state"] for row in tx.rows("select state from faxes")} == {"sent"}
        if office is world.acme:
            assert most_at_once(mine) <= TENANT_CALLS
        calls += mine
    assert sorted(call["fax_id"] for call in calls) == sorted(ids)
    assert most_at_once(calls) <= TRUNK_CALLS
    for name in ("node1", "node2"):
        assert 0 < most_at_once([call for call in calls if call["node"] == name]) <= NODE_CALLS
