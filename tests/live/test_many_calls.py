"""A hundred calls at once through the whole stack, on FreeSWITCH; benchmarks/live_at_once.py has more, with figures."""

from pathlib import Path

import pytest

from faxplan.freeswitch_found import find
from tests.bench.test_two_nodes import most_at_once
from tests.bench.whole import wait_for
from tests.live import many_calls
from tests.live.conftest import NOT_INSTALLED
from tests.world import World

RATE = 20.0


@pytest.mark.parametrize(
    "calls", [6, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(900)])], ids=["few", "a hundred"]
)
def test_all_at_once_each_arrives_once(world: World, tmp_path: Path, calls: int) -> None:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    ids = many_calls.prepare(world, tmp_path, calls)
    with many_calls.with_room_for(calls, RATE, world, found, tmp_path):
        many_calls.release(world)
        wait_for(lambda: many_calls.unfinished(world) == 0, "every fax to be final on both sides", 120 + 3 * calls)
    attempts = [attempt for fax_id in ids for attempt in world.attempts(world.acme, fax_id)]
    assert [attempt["fax_id"] for attempt in attempts] == ids, "a call for each"
    assert {(a["outcome"], a["t38_status"], a["pages"]) for a in attempts} == {("sent", "negotiated", 1)}
    assert most_at_once(attempts) == calls
    sent = many_calls.sent_pages(world, ids, tmp_path)
    assert len(set(sent)) == calls, "the pages must differ, or nobody would notice that one came twice"
    assert sorted(many_calls.received_pages(world, tmp_path)) == sorted(sent)
