"""A trunk that fails again and again rests."""

from faxplan import trunk_health
from tests.claiming import trunk_names
from tests.faxes import claim, queued
from tests.routing import add_route, add_trunk, carrier
from tests.world import World


def fail(world: World, times: int) -> None:
    for _ in range(times):
        with world.switch.across_tenants() as tx:
            trunk_health.failed(tx, carrier(world), "SIP 503")


def test_a_trunk_that_failed_three_times_in_a_row_rests(world: World) -> None:
    queued(world, world.acme)
    fail(world, 3)
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        (state,) = trunk_health.everyone(tx)
        assert (state["failures"], state["rests_seconds"], state["last_failure"]) == (3, 10, "SIP 503")
        tx.execute("update trunk_states set rests_until = now()")
    assert len(claim(world)) == 1


def test_the_next_trunk_takes_its_calls_meanwhile(world: World) -> None:
    add_route(world, "+", add_trunk(world, "second"), position=200)
    queued(world, world.acme)
    fail(world, 3)
    assert trunk_names(claim(world)) == ["second"]


def test_it_rests_longer_each_time_and_not_for_ever(world: World) -> None:
    rests = []
    for _ in range(10):
        fail(world, 1)
        with world.switch.across_tenants() as tx:
            rests.append(trunk_health.everyone(tx)[0]["rests_seconds"])
    assert rests == [0, 0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_call_that_it_took_ends_that(world: World) -> None:
    fail(world, 4)
    with world.switch.across_tenants() as tx:
        trunk_health.worked(tx, carrier(world))
    queued(world, world.acme)
    assert len(claim(world)) == 1
