"""Which fax is next: the more urgent, then by turns among tenants, then the one that waits the longest."""

from collections import Counter

from tests.claiming import BULK, ends, limit_tenant, taken
from tests.faxes import claim, queued
from tests.world import World

URGENT = 10


def test_the_more_urgent_and_then_the_older_fax_comes_first(world: World) -> None:
    usual, older, urgent = (
        queued(world, world.acme, due_in=-10),
        queued(world, world.acme, due_in=-20),
        queued(world, world.borea, priority=URGENT),
    )
    assert [taken(world, 1) for _ in range(4)] == [[urgent], [older], [usual], []]


def test_one_fax_of_a_tenant_comes_before_the_rest_of_anothers_hundreds(world: World) -> None:
    for _ in range(500):
        queued(world, world.acme, due_in=-60)
    (running,) = claim(world, 1)
    late = queued(world, world.borea)
    ends(world, running)
    assert taken(world, 1) == [late]


def test_whoever_has_fewer_calls_comes_first(world: World) -> None:
    for _ in range(12):
        queued(world, world.acme, due_in=-60)
    claim(world, 6)
    for _ in range(12):
        queued(world, world.borea)
    assert Counter(fax.tenant_id for fax in claim(world, 8)) == {world.acme.tenant.id: 1, world.borea.tenant.id: 7}


def test_bulk_waits_while_anything_more_urgent_can_be_dialled(world: World) -> None:
    bulk = [queued(world, world.acme, priority=BULK, due_in=-60) for _ in range(3)]
    normal = [queued(world, world.borea) for _ in range(3)]
    assert taken(world, 4) == [*normal, bulk[0]]


def test_bulk_is_dialled_while_what_is_more_urgent_has_to_wait(world: World) -> None:
    limit_tenant(world, world.borea, max_calls=1)
    for _ in range(2):
        queued(world, world.borea)
    bulk = queued(world, world.acme, priority=BULK)
    assert bulk in taken(world, 2)


def test_a_tenants_faxes_go_in_the_order_in_which_they_became_due(world: World) -> None:
    late, early = queued(world, world.acme, due_in=-10), queued(world, world.acme, due_in=-20)
    assert [taken(world, 1), taken(world, 1)] == [[early], [late]]


def test_what_is_urgent_to_one_tenant_keeps_no_other_waiting(world: World) -> None:
    for _ in range(20):
        queued(world, world.acme, priority=URGENT, due_in=-60)
    ordinary = [queued(world, world.borea) for _ in range(2)]
    first = claim(world, 4)
    assert [fax.fax_id for fax in first if fax.tenant_id == world.borea.tenant.id] == ordinary
    assert len(first) == 4


def test_the_urgent_come_first_among_their_tenants_own(world: World) -> None:
    ordinary, urgent = queued(world, world.acme, due_in=-60), queued(world, world.acme, priority=URGENT)
    assert [taken(world, 1), taken(world, 1)] == [[urgent], [ordinary]]
