"""kill -9 of switch, worker and database at random while faxes go out, one in ten of which fails anyway.

Every fax ends in a final state; no recorded page goes out again; what the receivers have twice was under way at a kill
of the switch, and is marked: its outcome was unknown.
"""

from pathlib import Path

import pytest

from faxplan import postgres
from tests.bench.random_kills import DROPPED, PAGES, Aftermath, Killing, Plan
from tests.world import World


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(faxes=20, kills=5, seed=1, seconds=(1.0, 2.5)), id="few"),
        pytest.param(Plan(faxes=500, kills=40, seed=2), id="many", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_whatever_is_killed(own_world: tuple[World, postgres.Cluster], tmp_path: Path, plan: Plan) -> None:
    world, cluster = own_world
    after = Killing(world, cluster, tmp_path, plan).run()
    assert len(after.fates) == plan.faxes
    _each_fax_is_final(after)
    _no_recorded_page_went_out_again(after)
    _what_came_twice_is_marked(after)
    assert after.kills.total() > 0


def _each_fax_is_final(after: Aftermath) -> None:
    for fax_id, fate in after.fates.items():
        assert fate.row["state"] == ("sent" if fate.should_arrive else "failed"), (fate.number, fate.row)
        assert all(attempt["outcome"] for attempt in fate.attempts)
        here = [after.arrived[fax_id, page] for page in range(PAGES)]
        if fate.should_arrive:
            assert fate.row["pages_done"] == PAGES
            assert all(here), (fate.number, here)
        else:
            assert not any(here), (fate.number, here)


def _no_recorded_page_went_out_again(after: Aftermath) -> None:
    for fax_id, fate in after.fates.items():
        done = 0
        for attempt in fate.attempts:
            assert attempt["start_page"] == done, (fax_id, fate.attempts)
            done += attempt["pages"]
    assert after.recorded_again() == 0, after.twice()


def _what_came_twice_is_marked(after: Aftermath) -> None:
    unknown, twice = after.unknown(), after.twice()
    assert len(unknown) <= after.in_flight
    assert after.unmarked() == 0, twice
    # A call may have had several pages that nobody recorded: of a database that was killed before its switch.
    calls = {fax_id: max(twice.get((fax_id, page), 0) for page in range(PAGES)) for fax_id, _ in twice}
    assert sum(calls.values()) <= after.in_flight
    # A page that broke off in the midst is none of its fax's: only machines that drop calls have such.
    dropping = [fate for fate in after.fates.values() if fate.number[-3:] in DROPPED]
    assert after.strange <= len(unknown) + sum(len(fate.attempts) for fate in dropping)
