"""What is due: faxes of a lane, in its tenant's sending hours; and when a look is worth while."""

from typing import Any

import pytest

from faxplan import lanes, tenants, trunk_tests
from tests import many
from tests.claiming import BULK, ends, taken, trunk_names
from tests.faxes import NUMBER, claim, due_now, queued, whole_claim
from tests.routing import add_route, add_trunk, change
from tests.world import World


def outlook(world: World, **limits: Any) -> tuple[int, float | None, int]:
    """Of a claim: how many faxes it took, when to look again, and the node's calls then."""
    claim = whole_claim(world, **limits)
    return len(claim.faxes), claim.wait, claim.calls


def test_a_fax_that_is_not_due_waits(world: World) -> None:
    queued(world, world.acme, due_in=3600)
    took, wait, calls = outlook(world)
    assert wait is not None
    assert 3500 < wait <= 3600
    assert (took, calls) == (0, 0)
    due_now(world)
    assert outlook(world, max_calls=0) == (0, lanes.BLOCKED_SECONDS, 0)
    assert outlook(world) == (1, None, 1)
    assert outlook(world) == (0, None, 1)


def test_a_disabled_tenants_faxes_are_nothing_to_wait_for(world: World) -> None:
    queued(world, world.acme)
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"enabled": False})
    assert outlook(world) == (0, None, 0)


class TestOutlook:
    """When another claim may find something, reckoned from what this one has seen."""

    def test_the_fax_behind_those_that_were_taken(self, world: World) -> None:
        queued(world, world.acme)
        queued(world, world.acme, due_in=300)
        took, wait, _ = outlook(world)
        assert wait is not None
        assert took == 1
        assert 290 < wait <= 300

    def test_the_soonest_of_another_lane(self, world: World) -> None:
        queued(world, world.acme, due_in=300)
        queued(world, world.borea)
        queued(world, world.acme, priority=BULK, due_in=100)
        took, wait, _ = outlook(world)
        assert wait is not None
        assert took == 1
        assert 90 < wait <= 100

    def test_now_where_all_were_taken_that_were_asked_for(self, world: World) -> None:
        for _ in range(3):
            queued(world, world.acme)
        assert outlook(world, most=2) == (2, 0, 2)
        assert outlook(world, most=2) == (1, None, 3)

    def test_now_where_a_lane_has_more_than_was_looked_at(self, world: World) -> None:
        """Of eight lanes one has many: a claim looks at four faxes of each."""
        many.add_tenants(world, 7)
        many.queue(world, 9)
        for _ in range(20):
            queued(world, world.acme)
        took, wait, _ = outlook(world)
        assert 4 < took < 16
        assert wait == 0

    def test_some_seconds_where_what_is_due_may_not_be_dialled(self, world: World) -> None:
        change(world, "trunks", max_calls=1)
        for _ in range(2):
            queued(world, world.acme)
        assert outlook(world) == (1, lanes.BLOCKED_SECONDS, 1)
        assert outlook(world) == (0, lanes.BLOCKED_SECONDS, 1)

    def test_when_a_trunk_with_a_rate_takes_its_next_call(self, world: World) -> None:
        change(world, "trunks", calls_per_second=10)
        for _ in range(2):
            queued(world, world.acme)
        assert outlook(world) == (1, 0.1, 1)
        took, wait, _ = outlook(world)
        assert wait is not None
        assert took == 0
        assert 0 < wait <= 0.1

    def test_now_where_routes_were_changed(self, world: World) -> None:
        queued(world, world.acme)
        change(world, "routes", position=50)
        assert outlook(world) == (0, 0, 0)
        assert outlook(world) == (1, None, 1)


def test_a_full_trunk_does_not_put_a_tenants_faxes_off(world: World) -> None:
    """They keep their order, and go as soon as there is room."""
    change(world, "trunks", max_calls=1)
    mine, others = queued(world, world.acme, due_in=-20), [queued(world, world.borea, due_in=-n) for n in (10, 5)]
    (running,) = claim(world)
    assert running.fax_id == mine
    ends(world, running)
    (running,) = claim(world)
    queued(world, world.acme)
    assert claim(world) == []
    ends(world, running)
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from fax_queue where not_before > now()") == 0
    assert running.fax_id == others[0]


def test_a_test_of_a_trunk_that_waits_may_go_first(world: World) -> None:
    for _ in range(2):
        queued(world, world.acme)
    trunk_tests.submit(world.portal, world.store, world.acme.user, "carrier", NUMBER)
    claim = whole_claim(world, tests_first=True)
    assert (len(claim.faxes), claim.tests) == (0, True)
    claim = whole_claim(world)
    assert (len(claim.faxes), claim.tests) == (2, True)


def test_a_queued_fax_follows_routes_that_were_changed(world: World) -> None:
    fax_id = queued(world, world.acme)
    add_route(world, "+49", add_trunk(world, "new"))
    assert claim(world) == []
    (fax,) = claim(world)
    assert (fax.fax_id, trunk_names([fax])) == (fax_id, ["new"])
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["trunk"], attempt["route_prefix"]) == ("new", "+49")


def test_faxes_to_other_numbers_come_up_behind_many_to_one_that_is_taken(world: World) -> None:
    for _ in range(50):
        queued(world, world.acme, due_in=-60)
    other = queued(world, world.acme, number="+494012345678")
    (first,) = claim(world, calls_to_one_number=1)
    assert first.called_number == NUMBER
    assert outlook(world, calls_to_one_number=1) == (0, 0, 1)
    assert taken(world, calls_to_one_number=1) == [other]
    with world.switch.across_tenants() as tx:
        waits = tx.value("select count(*) from fax_queue where not_before > now()")
    assert waits == 49


class TestSendingHours:
    def test_a_tenants_faxes_wait_for_them(self, world: World) -> None:
        queued(world, world.acme)
        queued(world, world.borea)
        self.open(world, "never")
        assert [fax.tenant_id for fax in claim(world)] == [world.borea.tenant.id]
        self.open(world, "now")
        assert [fax.tenant_id for fax in claim(world)] == [world.acme.tenant.id]

    def test_those_of_one_priority_bind_no_other(self, world: World) -> None:
        bulk, normal = queued(world, world.acme, priority=BULK), queued(world, world.acme)
        self.open(world, "never", priority=BULK)
        assert taken(world) == [normal]
        self.open(world, "now", priority=BULK)
        assert taken(world) == [bulk]

    @pytest.mark.parametrize(("for_all", "for_bulk"), [("now", "never"), ("never", "now")])
    def test_those_of_a_priority_count_in_place_of_those_for_all(
        self, world: World, for_all: str, for_bulk: str
    ) -> None:
        bulk, normal = queued(world, world.acme, priority=BULK), queued(world, world.acme)
        self.open(world, for_all)
        self.open(world, for_bulk, priority=BULK, others_stay=True)
        assert taken(world) == [normal if for_all == "now" else bulk]

    def open(self, world: World, when: str, priority: int | None = None, *, others_stay: bool = False) -> None:
        """All of today, or only on another day than today and tomorrow, in the tenant's own zone."""
        with world.admin.tenant(world.acme.tenant.id) as tx:
            today = tx.value("select extract(isodow from now() at time zone %s)", (world.acme.tenant.time_zone,))
            days = range(1, 8) if when == "now" else [int(today + 2) % 7 + 1]
            if not others_stay:
                tx.execute("delete from sending_hours")
            for day in days:
                tx.execute(
                    """insert into sending_hours (tenant_id, priority, weekday, opens, closes)
                       values (%s, %s, %s, '00:00', '24:00')""",
                    (world.acme.tenant.id, priority, day),
                )
