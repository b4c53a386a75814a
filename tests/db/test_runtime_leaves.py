"""A runtime that ends, as in an upgrade: what only it is told is written down before it goes."""

from pathlib import Path

import pytest

from faxplan import node_trunks, nodes
from faxplan.switch import NoAnswer
from tests.faxes import queued
from tests.routing import change
from tests.runtime import Runtime
from tests.scripted_switch import Originate
from tests.world import World


def test_what_the_switch_has_refused_is_settled_by_the_next_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Runtime(world, monkeypatch)
    fax_id = queued(world, world.acme)

    def refuses(call: Originate) -> None:
        node.switch.no_channel(call)
        # Told when the runtime is about to end.
        node.switch.tell(NoAnswer(call.uuid, "GATEWAY_DOWN"))

    node.switch.on_originate = refuses
    node.run(lambda: bool(node.switch.originated))
    (waiting,) = world.journal.waiting()
    assert waiting.result.hangup_cause == "GATEWAY_DOWN"
    node.switch.on_originate = lambda _call: None
    before = node.switch.clock.now
    node.run(node.settled(world.acme, fax_id))
    (attempt,) = world.attempts(world.acme, fax_id)[:1]
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "GATEWAY_DOWN")
    assert node.switch.clock.now - before < 30


def test_it_does_not_wait_for_a_call_that_has_its_channel(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Runtime(world, monkeypatch)
    queued(world, world.acme)
    node.run(lambda: bool(node.switch.originated))
    assert list(world.journal.waiting()) == []
    assert len(node.switch.channels) == 1


@pytest.mark.parametrize("on_purpose", [True, False])
def test_one_that_is_stopped_on_purpose_gives_up_what_it_registers(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on_purpose: bool
) -> None:
    """In an upgrade another runtime follows in this FreeSWITCH, within a second: it keeps all."""
    change(world, "trunks", register=True, username="fax", password="secret")
    node = Runtime(world, monkeypatch, gateway_dir=tmp_path)
    told: list[str] = []
    monkeypatch.setattr(node.switch, "command", told.append)

    def has_it() -> bool:
        with world.switch.across_tenants() as tx:
            nodes.report(tx, "node2", switch_uuid="v", max_channels=1)
            node_trunks.applied(tx, "node2", node_trunks.versions(tx))
        if on_purpose and (tmp_path / "carrier.xml").exists():
            node.settings.stop_file.touch()
        return (tmp_path / "carrier.xml").exists()

    node.run(has_it)
    assert (tmp_path / "carrier.xml").exists() != on_purpose
    assert ("sofia profile faxplan killgw carrier" in told) == on_purpose
    with world.admin.across_tenants() as tx:
        assert {each["name"]: each["stopped"] for each in nodes.everyone(tx)} == {"node1": on_purpose, "node2": False}
