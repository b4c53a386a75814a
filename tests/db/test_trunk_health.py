"""A trunk that fails again and again rests."""

import pytest

from faxplan import queue, settling, trunk_health
from faxplan.call_result import CallResult
from faxplan.journal import Outcome
from tests.claiming import trunk_names
from tests.faxes import NUMBER, accepted, claim, queued
from tests.routing import add_route, add_trunk, carrier
from tests.world import World


def fail(world: World, times: int, number: str | None = None) -> None:
    for time in range(times):
        with world.switch.across_tenants() as tx:
            trunk_health.failed(tx, carrier(world), "SIP 503", number or f"+49301000{time}")


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
    for time in range(10):
        # Calls that were claimed together tell once.
        for _ in range(2 if time > 1 else 1):
            fail(world, 1, f"+49301000{min(time, 2)}")
        with world.switch.across_tenants() as tx:
            rests.append(trunk_health.everyone(tx)[0]["rests_seconds"])
            tx.execute("update trunk_states set rests_until = now() where rests_until > now()")
    assert rests == [0, 0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_after_its_rest_it_is_tried_with_one_call_at_a_time(world: World) -> None:
    fail(world, 3)
    for _ in range(4):
        queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        tx.execute("update trunk_states set rests_until = now()")
    assert len(claim(world)) == 1
    with world.switch.across_tenants() as tx:
        assert trunk_health.everyone(tx)[0]["is_tried"]
    assert claim(world) == []
    # It rings by now.
    with world.switch.across_tenants() as tx:
        tx.execute("update calls set started_at = started_at - interval '61 s'")
    assert len(claim(world)) == 1
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        trunk_health.worked(tx, carrier(world), "node1")
        assert not trunk_health.everyone(tx)[0]["is_tried"]
    assert len(claim(world)) == 2


def test_calls_that_came_in_do_not_stand_in_the_way_of_that(world: World) -> None:
    fail(world, 3)
    with world.switch.across_tenants() as tx:
        tx.execute("update trunk_states set rests_until = now() - interval '1 s'")
    accepted(world, world.borea, "uuid-1")
    queued(world, world.acme)
    assert len(claim(world)) == 1


def test_a_call_that_it_took_ends_that(world: World) -> None:
    fail(world, 3)
    with world.switch.across_tenants() as tx:
        trunk_health.worked(tx, carrier(world), "node1")
    queued(world, world.acme)
    assert len(claim(world)) == 1
    # And it is counted anew.
    fail(world, 2)
    queued(world, world.acme)
    assert len(claim(world)) == 1


def test_one_number_that_nobody_reaches_is_no_trunks_fault(world: World) -> None:
    fail(world, 5, "+49301")
    fail(world, 5, "+49302")
    queued(world, world.acme)
    assert len(claim(world)) == 1
    with world.switch.across_tenants() as tx:
        assert trunk_health.everyone(tx)[0]["failures"] == 2
    fail(world, 1, "+49303")
    queued(world, world.acme)
    assert claim(world) == []


def down_on(world: World, node: str) -> None:
    with world.switch.across_tenants() as tx:
        trunk_health.down_on_node(tx, carrier(world), "down", node)


def node_waits(world: World) -> float:
    with world.switch.across_tenants() as tx:
        return float(
            tx.value(
                """select extract(epoch from (node_rests -> 'node2' ->> 1)::timestamptz - now())
                   from trunk_states"""
            )
        )


def test_a_gateway_that_one_nodes_switch_cannot_reach_rests_there_and_at_once(world: World) -> None:
    queued(world, world.acme)
    down_on(world, "node2")
    assert claim(world, node="node2") == []
    with world.switch.across_tenants() as tx:
        (state,) = trunk_health.everyone(tx)
        assert (state["down_on"], state["rests_seconds"], state["failures"]) == (["node2"], 0, 0)
    assert len(claim(world, node="node1")) == 1


def test_there_it_rests_longer_each_time_until_a_call_of_that_node_goes_through(world: World) -> None:
    rests = []
    for _ in range(7):
        # Calls that were claimed together tell once.
        down_on(world, "node2")
        down_on(world, "node2")
        rests.append(round(node_waits(world) / 10) * 10)
        with world.switch.across_tenants() as tx:
            tx.execute(
                """update trunk_states set node_rests = jsonb_set(node_rests, '{node2,1}',
                                                                  to_jsonb(now() - interval '1 s'))"""
            )
    assert rests == [10, 20, 40, 80, 160, 300, 300]
    with world.switch.across_tenants() as tx:
        trunk_health.worked(tx, carrier(world), "node1")
    down_on(world, "node2")
    assert node_waits(world) > 250
    with world.switch.across_tenants() as tx:
        trunk_health.worked(tx, carrier(world), "node2")
        assert tx.value("select node_rests from trunk_states") == {}


def on_trial(world: World) -> None:
    fail(world, 3)
    with world.switch.across_tenants() as tx:
        tx.execute("update trunk_states set rests_until = now() - interval '1 s'")


def test_a_trial_is_not_for_one_tenants_urgent_faxes_alone(world: World) -> None:
    on_trial(world)
    for number in range(6):
        queued(world, world.acme, number=f"+4930990099{number:02}", priority=10, due_in=-60)
    queued(world, world.borea)
    served = []
    for _ in range(4):
        (fax,) = claim(world)
        served.append(fax.tenant_id)
        with world.switch.tenant(fax.tenant_id) as tx:
            queue.take_call(tx, fax.tenant_id, fax.attempt_id)
            trunk_health.failed(tx, carrier(world), "SIP 408", fax.called_number)
        with world.switch.across_tenants() as tx:
            tx.execute("update trunk_states set rests_until = now() - interval '1 s'")
        queued(world, world.borea)
    acme, borea = world.acme.tenant.id, world.borea.tenant.id
    assert served in ([acme, borea] * 2, [borea, acme] * 2)


def test_a_trial_that_one_tenant_cannot_use_goes_to_another(world: World) -> None:
    on_trial(world)
    queued(world, world.acme, number=NUMBER)
    (fax,) = claim(world)
    # It rings; its number takes no second call. Borea waits longest, for that very number.
    with world.switch.across_tenants() as tx:
        tx.execute("update calls set started_at = started_at - interval '61 s'")
    queued(world, world.borea, number=NUMBER)
    queued(world, world.acme, number="+493099005555")
    assert [each.tenant_id for each in claim(world, calls_to_one_number=1)] == [fax.tenant_id]


@pytest.mark.parametrize(
    ("result", "proves"),
    [
        (CallResult("ORIGINATOR_CANCEL", channel=True), False),
        (CallResult("ORIGINATOR_CANCEL", channel=True, sip_code=487), False),
        (CallResult("ORIGINATOR_CANCEL", channel=True, sip_code=487, progress_at=1_750_000_000), True),
        (CallResult("USER_BUSY", channel=True, sip_code=486), True),
    ],
)
def test_a_call_that_was_cancelled_before_anything_was_heard_proves_nothing(
    world: World, result: CallResult, *, proves: bool
) -> None:
    on_trial(world)
    for _ in range(3):
        queued(world, world.acme)
    (fax,) = claim(world)
    outcome = Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, result)
    assert settling.settle(world.switch, outcome, None, actor="switch:node1")
    with world.switch.across_tenants() as tx:
        assert trunk_health.everyone(tx)[0]["is_tried"] is not proves
