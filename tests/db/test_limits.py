"""Calls at once, an hour and a second: of node, tenant, trunk and number."""

import time
from collections import Counter

import pytest

from faxplan.claims import ClaimedFax
from faxplan.constraints import ConstraintViolated
from tests.claiming import ends, limit_tenant, trunk_names
from tests.faxes import NUMBER, claim, in_threads, queued
from tests.routing import add_route, add_trunk, change
from tests.world import World


def test_a_node_takes_no_more_than_its_calls_leave_room_for(world: World) -> None:
    for _ in range(4):
        queued(world, world.acme)
    assert [len(claim(world, max_calls=3)) for _ in range(2)] == [3, 0]
    assert len(claim(world, node="node2", max_calls=3)) == 1


def test_of_a_trunk(world: World) -> None:
    change(world, "trunks", max_calls=3)
    for office in (world.acme, world.borea) * 3:
        queued(world, office)
    faxes = claim(world)
    assert len(faxes) == 3
    assert claim(world, node="node2") == []
    ends(world, faxes[0])
    assert len(claim(world, node="node2")) == 1


def test_a_full_trunk_overflows_to_the_next_of_the_route(world: World) -> None:
    change(world, "trunks", max_calls=1)
    add_route(world, "+", add_trunk(world, "second", max_calls=2), position=200)
    for _ in range(4):
        queued(world, world.acme)
    assert trunk_names(claim(world)) == ["carrier", "second", "second"]


def test_of_a_tenant(world: World) -> None:
    limit_tenant(world, world.acme, max_calls=2)
    for _ in range(3):
        queued(world, world.acme)
        queued(world, world.borea)
    assert Counter(fax.tenant_id for fax in claim(world)) == {world.acme.tenant.id: 2, world.borea.tenant.id: 3}
    assert claim(world) == []


def test_of_a_tenants_calls_in_an_hour(world: World) -> None:
    limit_tenant(world, world.acme, calls_per_hour=3)
    for _ in range(5):
        queued(world, world.acme)
    first = claim(world, 2)
    ends(world, *first)
    second = claim(world)
    assert (len(first), len(second)) == (2, 1)
    ends(world, *second)
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        tx.execute("update tenant_turns set hour = hour - interval '1 hour'")
    assert len(claim(world)) == 2


def test_of_a_number_but_not_of_one_that_is_ours(world: World) -> None:
    for office in (world.acme, world.borea) * 2:
        queued(world, office)
        queued(world, office, number=world.borea.did)
    faxes = claim(world, calls_to_one_number=2)
    assert Counter(fax.called_number for fax in faxes) == {NUMBER: 2, world.borea.did: 4}
    assert claim(world, node="node2", calls_to_one_number=2) == []


def test_of_a_trunks_calls_a_second(world: World) -> None:
    change(world, "trunks", calls_per_second=0.1)
    for _ in range(5):
        queued(world, world.acme)
    assert len(claim(world)) == 1
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        tx.execute("update trunk_states set next_call_at = next_call_at - interval '10 s'")
    assert len(claim(world)) == 1


def test_a_trunk_that_takes_many_a_second_takes_some_at_once(world: World) -> None:
    change(world, "trunks", calls_per_second=50)
    for _ in range(16):
        queued(world, world.acme)
    assert len(claim(world)) == 5


def test_they_hold_while_several_nodes_claim_at_once(world: World) -> None:
    change(world, "trunks", max_calls=7)
    limit_tenant(world, world.acme, max_calls=4)
    for _ in range(20):
        queued(world, world.acme)
        queued(world, world.borea)

    def claims_what_it_gets(node: str) -> list[ClaimedFax]:
        return [fax for _ in range(5) for fax in claim(world, 3, node=node)]

    shares = in_threads(*(lambda name=f"node{n}": claims_what_it_gets(name) for n in range(4)))
    faxes = [fax for share in shares for fax in share]  # type: ignore[attr-defined]
    assert len(faxes) == len({fax.fax_id for fax in faxes}) == 7
    assert sum(fax.tenant_id == world.acme.tenant.id for fax in faxes) <= 4


def test_a_trunk_whose_rate_is_raised_need_not_wait_as_long_as_before(world: World) -> None:
    change(world, "trunks", calls_per_second=0.001)
    queued(world, world.acme)
    queued(world, world.acme)
    assert len(claim(world)) == 1
    assert claim(world) == []
    change(world, "trunks", calls_per_second=1000)
    time.sleep(0.05)
    assert len(claim(world)) == 1


@pytest.mark.parametrize("rate", [1e-13, 0.0009, 1001])
def test_a_rate_that_no_clock_can_keep_is_refused(world: World, rate: float) -> None:
    with pytest.raises(ConstraintViolated, match=r"0\.001 to 1000"):
        change(world, "trunks", calls_per_second=rate)
