"""A runtime that ends, as in an upgrade: what only it is told is written down before it goes."""

import pytest

from faxplan.switch import NoAnswer
from tests.faxes import queued
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
