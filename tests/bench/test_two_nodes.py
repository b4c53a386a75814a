"""Two nodes on one database are one system: each fax goes out once, and limits hold whoever dials."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faxplan import outbound, tenants
from faxplan.outbound import SendRequest
from tests.bench.switch_process import SwitchProcess, node_settings
from tests.bench.whole import wait_for
from tests.routing import change
from tests.world import World

TRUNK_CALLS, TENANT_CALLS = 6, 4
FAX = '[[number]]\nprefix = "+49309876"\n'


@pytest.fixture
def nodes(world: World, tmp_path: Path) -> Iterator[list[SwitchProcess]]:
    running = [
        SwitchProcess(world, tmp_path / "one", speed=20, numbers=FAX),
        SwitchProcess(world, tmp_path / "two", settings=node_settings(world, "node2"), speed=20, numbers=FAX),
    ]
    yield running
    for each in running:
        each.stop()


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
    world: World, nodes: list[SwitchProcess], tmp_path: Path, count: int
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
    assert {call["node"] for call in calls} == {"node1", "node2"}
