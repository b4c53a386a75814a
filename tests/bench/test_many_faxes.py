"""Many faxes between two tenants at once: each arrives exactly once, and nothing is left in a working state."""

from pathlib import Path

import pytest

from faxplan import outbound
from faxplan.outbound import SendRequest
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.world import World


@pytest.mark.parametrize("count", [12, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_each_fax_arrives_exactly_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    offices = (world.acme, world.borea)
    for number in range(count):
        sender, receiver = offices[number % 2], offices[(number + 1) % 2]
        letter = tmp_path / "letter.txt"
        letter.write_text(f"Fax number {number}.\n")
        outbound.submit(world.portal, world.store, sender.user, SendRequest(receiver.did, letter, letter.name))
    world.render_all()
    with faxplan_on_bench(world, monkeypatch) as switch:
        wait_for(lambda: _counted(world, "inbound", "received") == count, "every fax to be received", seconds=1200)
        wait_for(lambda: _counted(world, "outbound", "sent") == count, "every fax to be sent", seconds=60)
        assert not switch.complaints
    assert _counted(world, "outbound") == _counted(world, "inbound") == count
    for office in offices:
        with world.portal.tenant(office.tenant.id) as tx:
            assert tx.value("select count(*) from attempts where outcome is null") == 0
            assert tx.value("select count(*) from calls") == tx.value("select count(*) from fax_queue") == 0
            assert tx.value("select count(*) from mailbox_entries") == tx.value(
                "select count(distinct fax_id) from mailbox_entries"
            )
    assert not list(world.settings.journal.iterdir())
    assert not list(world.settings.pending.iterdir())
    assert not [path for path in world.settings.spool.rglob("*") if path.is_file()]


def _counted(world: World, direction: str, state: str | None = None) -> int:
    total = 0
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            total += tx.value(
                "select count(*) from faxes where direction = %s and (%s::text is null or state = %s)",
                (direction, state, state),
            )
    return total
