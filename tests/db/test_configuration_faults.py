"""What our own configuration ends is counted for the doctor, and told to tenants' administrators, not too often."""

import pytest

from faxplan import configuration_faults, doctor_database, failure_rules, settling
from faxplan.call_result import CallResult, without_channel
from faxplan.claims import ClaimedFax
from faxplan.failure_rules import OURS, Action
from faxplan.findings import Finding, Level
from tests.db.test_failing_over import change_rule, settle
from tests.faxes import claim, due_now, queued
from tests.routing import add_route, add_trunk
from tests.runtime import SENT
from tests.world import Office, World

NO_PROFILE = without_channel("INVALID_PROFILE", ended_at=0)


def found(world: World) -> list[Finding]:
    return [each for each in doctor_database.database(world.settings)[0] if each.what == "our configuration"]


def end_calls(world: World, result: CallResult = NO_PROFILE, times: int = 1) -> None:
    for _ in range(times):
        due_now(world)
        for fax in claim(world):
            settle(world, fax, result)


def cancel_all(world: World) -> None:
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("delete from fax_queue")


def make_administrator(world: World, office: Office) -> None:
    with world.admin.tenant(office.tenant.id) as tx:
        tx.execute("update users set role = 'administrator' where id = %s", (office.user.id,))


def alerts(world: World, office: Office) -> list[str]:
    with world.portal.tenant(office.tenant.id) as tx:
        rows = tx.rows("select n.text, u.role from notices n join users u on u.id = n.user_id where n.kind = 'alert'")
    assert all(row["role"] == "administrator" for row in rows)
    return [row["text"] for row in rows]


def test_without_such_calls_all_is_well(world: World) -> None:
    queued(world, world.acme)
    end_calls(world, CallResult("USER_BUSY", sip_code=486, q850_cause=17))
    (finding,) = found(world)
    assert (finding.level, finding.found) == (Level.OK, "ended no call in the last 24 hours")


def test_the_doctor_counts_them_by_trunk_and_says_what_to_look_at(world: World) -> None:
    queued(world, world.acme)
    queued(world, world.borea)
    end_calls(world, times=2)
    (finding,) = found(world)
    assert finding.level is Level.ERROR
    assert finding.found == "it ended 4 calls in 24 hours through carrier on node1: cause:INVALID_PROFILE"
    assert "sip_profile" in finding.remedy


@pytest.mark.parametrize(
    ("result", "look_at"),
    [
        (CallResult("CALL_REJECTED", sip_code=407), "password"),
        (CallResult("CALL_REJECTED", sip_code=402), "paid"),
        (CallResult("USER_CHALLENGE"), "password"),
    ],
)
def test_what_a_carrier_wants_of_the_operator_is_told_as_well(world: World, result: CallResult, look_at: str) -> None:
    make_administrator(world, world.acme)
    queued(world, world.acme)
    end_calls(world, result)
    (finding,) = found(world)
    assert (finding.level, look_at in finding.remedy) == (Level.ERROR, True)
    assert len(alerts(world, world.acme)) == 1


@pytest.mark.parametrize("with_another", [False, True])
def test_a_gateway_that_the_switch_does_not_take_up_is_counted_and_told_where_a_fax_waits(
    world: World, with_another: bool
) -> None:
    make_administrator(world, world.acme)
    if with_another:
        add_route(world, "+", add_trunk(world, "second"), position=200)
    for time in range(3):
        assert found(world)[0].level is Level.OK, f"before call {time + 1}"
        fax_id = queued(world, world.acme)
        due_now(world)
        for fax in claim(world):
            assert fax.trunk is not None
            settle(world, fax, without_channel("INVALID_GATEWAY", ended_at=0) if fax.trunk.name == "carrier" else SENT)
        with world.switch.tenant(world.acme.tenant.id) as tx:
            if with_another:
                tx.execute("delete from fax_queue where fax_id = %s", (fax_id,))
            # Its rest is over, and this node has had it.
            tx.execute(
                """update trunk_states set node_rests = jsonb_build_object(
                       'node1', jsonb_build_array((node_rests -> 'node1' ->> 0)::integer, now() - interval '1 s'))
                   where node_rests ? 'node1'"""
            )
        if not with_another:
            cancel_all(world)
    (finding,) = found(world)
    assert finding.found == "it ended 1 call in 24 hours through carrier on node1: cause:INVALID_GATEWAY"
    assert "gateway_dir" in finding.remedy
    assert len(alerts(world, world.acme)) == (0 if with_another else 1)


def test_another_fault_on_the_same_day_is_told_too(world: World) -> None:
    make_administrator(world, world.acme)
    queued(world, world.acme)
    end_calls(world)
    end_calls(world, without_channel("INVALID_URL", ended_at=0))
    assert len(alerts(world, world.acme)) == 2


def test_what_is_older_than_a_day_counts_no_more_and_is_gone_after_a_week(world: World) -> None:
    queued(world, world.acme)
    end_calls(world)
    with world.switch.across_tenants() as tx:
        tx.execute("update configuration_faults set hour = hour - interval '25 hours'")
    assert found(world)[0].level is Level.OK
    with world.switch.across_tenants() as tx:
        tx.execute("update configuration_faults set hour = hour - interval '7 days'")
    end_calls(world)
    with world.admin.across_tenants() as tx:
        assert tx.value("select count(*) from configuration_faults") == 1


def test_a_tenants_administrators_are_told_once_a_day(world: World) -> None:
    make_administrator(world, world.acme)
    for office in (world.acme, world.acme, world.borea):
        queued(world, office)
    end_calls(world, times=3)
    (text,) = alerts(world, world.acme)
    assert "cause:INVALID_PROFILE" in text
    # Borea's only user is no administrator.
    assert alerts(world, world.borea) == []
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("update notices set created_at = created_at - interval '25 hours'")
    end_calls(world)
    assert len(alerts(world, world.acme)) == 2


@pytest.mark.parametrize("condition", [each for each, rule in failure_rules.SHIPPED.items() if rule.name == OURS.name])
def test_each_way_in_which_it_ends_calls_is_counted_and_has_its_remedy(world: World, condition: str) -> None:
    queued(world, world.acme)
    end_calls(world, without_channel(condition.removeprefix("cause:"), ended_at=0))
    (finding,) = found(world)
    assert finding.found.endswith(condition)
    assert finding.remedy == configuration_faults.what_to_look_at(condition)
    assert finding.remedy != configuration_faults.what_to_look_at("cause:SOMETHING_ELSE")


def test_a_change_of_what_follows_keeps_it_from_nothing(world: World) -> None:
    change_rule(world, "cause:INVALID_PROFILE", Action.FINAL)
    fax_id = queued(world, world.acme)
    end_calls(world)
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    assert found(world)[0].level is Level.ERROR


def test_a_call_without_trunk_or_node_counts_as_well(world: World) -> None:
    fax_id = queued(world, world.acme)
    (fax,) = claim(world)
    assert isinstance(fax, ClaimedFax)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        configuration_faults.note(
            tx, world.acme.tenant.id, fax_id, None, settling.WITHOUT_TRUNK["trunk_id"], NO_PROFILE, waits=True
        )
    assert found(world)[0].found == "it ended 1 call in 24 hours: cause:INVALID_PROFILE"
