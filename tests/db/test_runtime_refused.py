"""The runtime on a scripted switch: calls for which it makes no channel, which no hook tells of."""

import pytest

from faxplan.switch import NoAnswer
from tests.db.test_runtime import rendering_of
from tests.faxes import queued
from tests.routing import add_route, add_trunk
from tests.runtime import SENT, Runtime
from tests.scripted_switch import Originate
from tests.world import World


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    return Runtime(world, monkeypatch)


@pytest.mark.parametrize("cause", ["GATEWAY_DOWN", "INVALID_GATEWAY", "NETWORK_OUT_OF_ORDER", "", "NEVER HEARD OF"])
def test_a_call_without_a_channel_is_settled(world: World, runtime: Runtime, cause: str) -> None:
    fax_id = queued(world, world.acme)

    def no_channel(call: Originate) -> None:
        runtime.switch.no_channel(call)
        runtime.switch.tell(NoAnswer(call.uuid, cause))

    runtime.switch.on_originate = no_channel
    runtime.run(runtime.settled(world.acme, fax_id))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", cause or "NONE")
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert not [*world.spool.outbound.iterdir(), *world.journal.folder.iterdir()]


def test_a_call_that_the_switch_refuses_in_this_second_goes_through_the_next_trunk_in_another(
    world: World, runtime: Runtime
) -> None:
    add_route(world, "+", add_trunk(world, "second"), position=200)
    fax_id, switch = queued(world, world.acme, pages=3), runtime.switch
    refused_at: list[float] = []

    def throttled(call: Originate) -> None:
        if refused_at and switch.clock.monotonic() >= refused_at[0] + 1:
            switch.ends(call, SENT)
            return
        refused_at.append(switch.clock.monotonic())
        switch.no_channel(call)
        switch.tell(NoAnswer(call.uuid, "DESTINATION_OUT_OF_ORDER"))

    switch.on_originate = throttled
    runtime.run(runtime.settled(world.acme, fax_id, attempts=2))
    assert [call.gateway for call in switch.originated] == ["carrier", "second"]
    assert len(refused_at) == 1
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_the_hooks_outcome_wins_over_an_err_that_came_first(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)

    def both(call: Originate) -> None:
        runtime.switch.tell(NoAnswer(call.uuid, "NORMAL_CLEARING"))
        runtime.switch.ends(call, SENT)

    runtime.switch.on_originate = both
    runtime.run(runtime.settled(world.acme, fax_id))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_an_err_for_a_call_that_has_a_channel_waits_for_its_hook(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)
    runtime.switch.on_originate = lambda call: runtime.switch.tell(NoAnswer(call.uuid, "USER_BUSY"))
    runtime.run(lambda: runtime.switch.turns > 50)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] is None


def test_a_sweep_within_the_grace_of_an_err_does_not_put_it_off(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faxplan.runtime.SWEEP_SECONDS", 1000.0)
    lost, refused = queued(world, world.acme, due_in=-10), queued(world, world.acme)
    world.store.delete(rendering_of(world, lost))  # what cannot be staged is settled by a sweep at once

    def no_channel(call: Originate) -> None:
        runtime.switch.no_channel(call)
        runtime.switch.tell(NoAnswer(call.uuid, "GATEWAY_DOWN"))

    began = runtime.switch.clock.monotonic()
    runtime.switch.on_originate = no_channel
    runtime.run(runtime.settled(world.acme, refused))
    assert runtime.switch.clock.monotonic() - began < 5
