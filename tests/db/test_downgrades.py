"""What the next call goes without, as an administrator has decided it: for all, for a tenant, for a trunk."""

from typing import Any

import pytest

from faxplan import failure_changes
from faxplan.errors import FaxplanError
from faxplan.failure_changes import PointlessRule
from faxplan.failure_rules import Action, Downgrade
from tests.db.test_failing_over import (
    BUSY,
    CANNOT_TRAIN,
    ECM_FAILED,
    change_rule,
    failed,
    known,
    next_call,
    sent,
    settle,
)
from tests.faxes import claim, queued
from tests.routing import carrier
from tests.world import World

UNTRAINED = f"fax:{CANNOT_TRAIN}"
DROPPED = 49


def after(world: World, code: int = CANNOT_TRAIN, *, in_t38: bool = True, calls: int = 1) -> tuple[bool, bool, bool]:
    """T.38, V.17 and ECM of the call that follows so many that failed so."""
    queued(world, world.acme)
    (fax,) = claim(world)
    for _ in range(calls):
        settle(world, fax, failed(code, in_t38=in_t38))
        fax = next_call(world)
    return fax.t38, fax.v17, fax.ecm


@pytest.mark.parametrize(
    ("downgrade", "used"),
    [
        (None, (True, False, True)),
        (Downgrade.LESS, (True, False, True)),
        (Downgrade.V17, (True, False, True)),
        (Downgrade.AUDIO, (False, True, True)),
        (Downgrade.ECM, (True, True, False)),
        (Downgrade.NONE, (True, True, True)),
    ],
)
def test_the_next_call_goes_without_what_was_decided(
    world: World, downgrade: Downgrade | None, used: tuple[bool, bool, bool]
) -> None:
    change_rule(world, UNTRAINED, Action.RETRY, downgrade=downgrade)
    assert after(world) == used


def test_a_rule_without_a_downgrade_is_given_one(world: World) -> None:
    change_rule(world, "fax:2", Action.RETRY, downgrade=Downgrade.ECM)
    assert after(world, 2, in_t38=False) == (True, True, False)


def test_what_a_call_did_not_have_is_not_taken_from_the_next(world: World) -> None:
    change_rule(world, UNTRAINED, Action.RETRY, downgrade=Downgrade.V17)
    assert after(world, calls=3) == (True, False, True)


def test_none_keeps_a_number_from_being_learned(world: World) -> None:
    """Two calls in a row that fail in T.38 would switch it off."""
    for code in (CANNOT_TRAIN, DROPPED):
        change_rule(world, f"fax:{code}", Action.RETRY, downgrade=Downgrade.NONE)
    assert after(world, calls=3) == (True, True, True)
    assert known(world) == []


def test_without_a_change_such_a_number_is_learned(world: World) -> None:
    assert after(world, DROPPED, calls=2) == (False, True, True)
    assert [(row["number"], row["t38_off"]) for row in known(world)] == [("+493099001234", True)]


def test_audio_is_learned_of_the_number_and_ecm_first_does_not_come_before_it(world: World) -> None:
    change_rule(world, f"fax:{ECM_FAILED}", Action.RETRY, downgrade=Downgrade.AUDIO)
    assert after(world, ECM_FAILED, calls=2) == (False, True, True)
    assert [(row["number"], row["t38_off"]) for row in known(world)] == [("+493099001234", True)]


def test_v17_that_was_left_out_on_demand_and_helped_is_learned(world: World) -> None:
    change_rule(world, UNTRAINED, Action.RETRY, downgrade=Downgrade.V17)
    queued(world, world.acme)
    (fax,) = claim(world)
    settle(world, fax, failed(CANNOT_TRAIN, in_t38=False))
    settle(world, next_call(world), sent(3, in_t38=False))
    assert [(row["v17_off"], row["t38_off"]) for row in known(world)] == [(True, False)]


@pytest.mark.parametrize("scope", ["tenant", "trunk", "both"])
def test_it_is_decided_for_a_tenant_or_a_trunk(world: World, scope: str) -> None:
    values: dict[str, Any] = {}
    if scope != "trunk":
        values["only_for"] = world.acme.tenant.id
    if scope != "tenant":
        values["trunk_id"] = carrier(world)
    change_rule(world, UNTRAINED, Action.RETRY, downgrade=Downgrade.NONE)
    change_rule(world, UNTRAINED, Action.RETRY, downgrade=Downgrade.AUDIO, **values)
    assert after(world) == (False, True, True)
    with world.admin.across_tenants() as tx:
        failure_changes.reset(tx, UNTRAINED, **values)
    assert after_of_borea(world) == (True, True, True)


def after_of_borea(world: World) -> tuple[bool, bool, bool]:
    queued(world, world.borea)
    (fax,) = claim(world)
    settle(world, fax, failed(CANNOT_TRAIN, in_t38=True))
    with world.switch.across_tenants() as tx:
        tx.execute("delete from fax_queue where tenant_id = %s", (world.acme.tenant.id,))
    fax = next_call(world)
    return fax.t38, fax.v17, fax.ecm


def test_it_may_go_with_another_trunk(world: World) -> None:
    change_rule(world, "sip:486", Action.RETRY, downgrade=Downgrade.AUDIO)
    queued(world, world.acme)
    (fax,) = claim(world)
    settle(world, fax, BUSY)
    assert not next_call(world).t38


@pytest.mark.parametrize("downgrade", [each for each in Downgrade if each is not Downgrade.NONE])
def test_what_is_final_has_no_next_call(world: World, downgrade: Downgrade) -> None:
    with pytest.raises(PointlessRule) as refused:
        change_rule(world, UNTRAINED, Action.FINAL, downgrade=downgrade)
    assert isinstance(refused.value, FaxplanError)
    change_rule(world, UNTRAINED, Action.FINAL, downgrade=Downgrade.NONE)
