"""Which faxes are dialled next, and through which trunk: routes, limits, turns."""

from collections import Counter
from typing import Any

import pytest

from faxplan import claims, queue, tenants, trunk_health, trunks
from faxplan.claims import ClaimedFax
from faxplan.errors import NoRoute
from tests.faxes import NUMBER, claim, due_now, in_threads, queued
from tests.routing import add_route, add_trunk, carrier, change
from tests.world import Office, World

BULK = 1000


def taken(world: World, most: int = 16, **limits: Any) -> list[int]:
    return [fax.fax_id for fax in claim(world, most, **limits)]


def trunk_names(faxes: list[ClaimedFax]) -> list[str | None]:
    return [fax.trunk.name if fax.trunk else None for fax in faxes]


def ways(world: World, office: Office, number: str = NUMBER) -> list[str]:
    """The names of the trunks that may take it, in order."""
    with world.admin.across_tenants() as tx:
        return [way.trunk.name for way in trunks.ways_out(tx, office.tenant.id, number)]


def ends(world: World, *faxes: ClaimedFax) -> None:
    """Their calls are over; whatever follows."""
    for fax in faxes:
        with world.switch.tenant(fax.tenant_id) as tx:
            assert queue.take_call(tx, fax.tenant_id, fax.attempt_id)


def limit_tenant(world: World, office: Office, **values: Any) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, office.tenant.id, values)


class TestRoutes:
    def test_the_longest_prefix_wins_and_then_the_tenants_own_route(self, world: World) -> None:
        add_route(world, "+49", add_trunk(world, "germany"))
        add_route(world, "+49", add_trunk(world, "acmes"), only_for=world.acme.tenant.id)
        assert ways(world, world.acme) == ["acmes", "germany"]
        assert ways(world, world.borea) == ["germany"]
        assert ways(world, world.borea, "+12125550100") == ["carrier"]

    @pytest.mark.parametrize(
        ("prefix", "takes"), [("+49XX9", True), ("+49NN", False), ("+4930Z", True), ("+49Z0Z", True), ("+4931X", False)]
    )
    def test_a_prefix_may_have_wild_digits(self, world: World, prefix: str, *, takes: bool) -> None:
        add_route(world, prefix, add_trunk(world, "wild"))
        assert (ways(world, world.acme) == ["wild"]) is takes

    def test_of_two_prefixes_of_one_length_the_one_with_more_digits_wins(self, world: World) -> None:
        add_route(world, "+49XX", add_trunk(world, "wild"))
        add_route(world, "+4930", add_trunk(world, "berlin"))
        assert ways(world, world.acme) == ["berlin"]
        assert ways(world, world.acme, "+494012345678") == ["wild"]

    def test_trunks_of_a_prefix_are_tried_by_position(self, world: World) -> None:
        add_route(world, "+49", add_trunk(world, "second"), position=20)
        add_route(world, "+49", add_trunk(world, "first"), position=10)
        assert ways(world, world.acme) == ["first", "second"]

    def test_weight_shares_the_calls_out_among_trunks_of_one_position(self, world: World) -> None:
        add_route(world, "+49", add_trunk(world, "much"), weight=9)
        add_route(world, "+49", add_trunk(world, "little"), weight=1)
        shares: Counter[str | None] = Counter()
        for _ in range(8):
            for _ in range(16):
                queued(world, world.acme)
            faxes = claim(world)
            shares.update(trunk_names(faxes))
            ends(world, *faxes)
        # Of 128 calls 115 are expected; fewer than 90 come once in some 10^9 runs.
        assert 90 <= shares["much"] < 128
        assert shares["little"] + shares["much"] == 128

    def test_a_disabled_trunk_is_passed_over(self, world: World) -> None:
        add_route(world, "+49", add_trunk(world, "off", enabled=False))
        add_route(world, "+49", add_trunk(world, "on"), position=200)
        assert ways(world, world.acme) == ["on"]

    def test_a_number_waits_while_all_its_trunks_are_disabled(self, world: World) -> None:
        """An administrator mends a trunk: that must not end a queue of faxes."""
        change(world, "trunks", enabled=False)
        fax_id = queued(world, world.acme)
        assert claim(world) == []
        change(world, "trunks", enabled=True)
        # Its lane is that of a number that nobody serves: the first claim mends it.
        assert [taken(world), taken(world)] == [[], [fax_id]]

    def test_a_number_that_no_trunk_serves_is_claimed_without_one(self, world: World) -> None:
        change(world, "routes", prefix="+1")
        queued(world, world.acme)
        assert trunk_names(claim(world)) == [None]

    def test_a_queued_fax_follows_routes_that_were_changed(self, world: World) -> None:
        fax_id = queued(world, world.acme)
        add_route(world, "+49", add_trunk(world, "new"))
        assert claim(world) == []
        (fax,) = claim(world)
        assert (fax.fax_id, trunk_names([fax])) == (fax_id, ["new"])
        (attempt,) = world.attempts(world.acme, fax_id)
        assert (attempt["trunk"], attempt["route_prefix"]) == ("new", "+49")


class TestDedicatedTrunks:
    def test_only_its_tenant_uses_it_and_before_any_other(self, world: World) -> None:
        add_route(world, "+", add_trunk(world, "acmes", dedicated_to=world.acme.tenant.id), position=900)
        add_route(world, "+49", add_trunk(world, "germany"))
        assert ways(world, world.acme) == ["acmes", "germany"]
        assert ways(world, world.borea) == ["germany"]

    def test_without_overflow_its_tenants_calls_wait_for_it(self, world: World) -> None:
        add_route(
            world, "+49", add_trunk(world, "acmes", dedicated_to=world.acme.tenant.id, overflow=False, max_calls=1)
        )
        for _ in range(2):
            queued(world, world.acme)
        (fax,) = claim(world)
        assert trunk_names([fax]) == ["acmes"]
        assert claim(world) == []
        ends(world, fax)
        assert trunk_names(claim(world)) == ["acmes"]

    def test_with_overflow_they_go_on_to_the_shared_ones(self, world: World) -> None:
        add_route(world, "+49", add_trunk(world, "acmes", dedicated_to=world.acme.tenant.id, max_calls=1))
        for _ in range(2):
            queued(world, world.acme)
        assert trunk_names(claim(world)) == ["acmes", "carrier"]

    def test_without_overflow_it_keeps_its_tenants_calls_while_it_is_disabled(self, world: World) -> None:
        trunk = add_trunk(world, "acmes", dedicated_to=world.acme.tenant.id, overflow=False, enabled=False)
        add_route(world, "+", trunk)
        queued(world, world.acme)
        assert ways(world, world.acme) == []
        assert claim(world) == []

    def test_a_bar_for_all_stops_a_tenant_with_a_less_specific_one(self, world: World) -> None:
        add_route(world, "+", add_trunk(world, "acmes", dedicated_to=world.acme.tenant.id))
        add_route(world, "+4930", None)
        with pytest.raises(NoRoute, match="barred"):
            ways(world, world.acme)
        assert ways(world, world.acme, "+494012345678") == ["acmes", "carrier"]


class TestLimits:
    def test_of_a_trunk(self, world: World) -> None:
        change(world, "trunks", max_calls=3)
        for office in (world.acme, world.borea) * 3:
            queued(world, office)
        faxes = claim(world)
        assert len(faxes) == 3
        assert claim(world, node="node2") == []
        ends(world, faxes[0])
        assert len(claim(world, node="node2")) == 1

    def test_a_full_trunk_overflows_to_the_next_of_the_route(self, world: World) -> None:
        change(world, "trunks", max_calls=1)
        add_route(world, "+", add_trunk(world, "second", max_calls=2), position=200)
        for _ in range(4):
            queued(world, world.acme)
        assert trunk_names(claim(world)) == ["carrier", "second", "second"]

    def test_of_a_tenant(self, world: World) -> None:
        limit_tenant(world, world.acme, max_calls=2)
        for _ in range(3):
            queued(world, world.acme)
            queued(world, world.borea)
        assert Counter(fax.tenant_id for fax in claim(world)) == {world.acme.tenant.id: 2, world.borea.tenant.id: 3}
        assert claim(world) == []

    def test_of_a_tenants_calls_in_an_hour(self, world: World) -> None:
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

    def test_of_a_number_but_not_of_one_that_is_ours(self, world: World) -> None:
        for office in (world.acme, world.borea) * 2:
            queued(world, office)
            queued(world, office, number=world.borea.did)
        faxes = claim(world, calls_to_one_number=2)
        assert Counter(fax.called_number for fax in faxes) == {NUMBER: 2, world.borea.did: 4}
        assert claim(world, node="node2", calls_to_one_number=2) == []

    def test_faxes_to_other_numbers_come_up_behind_many_to_one_that_is_taken(self, world: World) -> None:
        for _ in range(50):
            queued(world, world.acme, due_in=-60)
        other = queued(world, world.acme, number="+494012345678")
        (first,) = claim(world, calls_to_one_number=1)
        assert first.called_number == NUMBER
        assert [taken(world, calls_to_one_number=1) for _ in range(2)] == [[], [other]]
        with world.switch.across_tenants() as tx:
            waits = tx.value("select count(*) from fax_queue where not_before > now()")
        assert waits == 49

    def test_of_a_trunks_calls_a_second(self, world: World) -> None:
        change(world, "trunks", calls_per_second=10)
        for _ in range(5):
            queued(world, world.acme)
        assert len(claim(world)) == 1
        assert claim(world) == []
        with world.switch.across_tenants() as tx:
            wait, _ = claims.outlook(tx, "node1")
            assert wait is not None
            assert 0 < wait <= 0.1
            tx.execute("update trunk_states set next_call_at = next_call_at - interval '0.1 s'")
        assert len(claim(world)) == 1

    def test_a_trunk_that_takes_many_a_second_takes_some_at_once(self, world: World) -> None:
        change(world, "trunks", calls_per_second=50)
        for _ in range(16):
            queued(world, world.acme)
        assert len(claim(world)) == 5

    def test_they_hold_while_several_nodes_claim_at_once(self, world: World) -> None:
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


class TestTurns:
    def test_one_fax_of_a_tenant_comes_before_the_rest_of_anothers_hundred(self, world: World) -> None:
        for _ in range(20):
            queued(world, world.acme, due_in=-60)
        (running,) = claim(world, 1)
        late = queued(world, world.borea)
        ends(world, running)
        assert taken(world, 1) == [late]

    def test_whoever_has_fewer_calls_comes_first(self, world: World) -> None:
        for _ in range(12):
            queued(world, world.acme, due_in=-60)
        claim(world, 6)
        for _ in range(12):
            queued(world, world.borea)
        assert Counter(fax.tenant_id for fax in claim(world, 8)) == {world.acme.tenant.id: 1, world.borea.tenant.id: 7}

    def test_bulk_waits_while_anything_more_urgent_can_be_dialled(self, world: World) -> None:
        bulk = [queued(world, world.acme, priority=BULK, due_in=-60) for _ in range(3)]
        normal = [queued(world, world.borea) for _ in range(3)]
        assert taken(world, 4) == [*normal, bulk[0]]

    def test_bulk_is_dialled_while_what_is_more_urgent_has_to_wait(self, world: World) -> None:
        limit_tenant(world, world.borea, max_calls=1)
        for _ in range(2):
            queued(world, world.borea)
        bulk = queued(world, world.acme, priority=BULK)
        assert bulk in taken(world, 2)

    def test_a_tenants_faxes_go_in_the_order_in_which_they_became_due(self, world: World) -> None:
        late, early = queued(world, world.acme, due_in=-10), queued(world, world.acme, due_in=-20)
        assert [taken(world, 1), taken(world, 1)] == [[early], [late]]


class TestRest:
    def fail(self, world: World, times: int, number: str | None = None) -> None:
        for time in range(times):
            with world.switch.across_tenants() as tx:
                trunk_health.failed(tx, carrier(world), "SIP 503", number or f"+49301000{time}")

    def test_a_trunk_that_failed_three_times_in_a_row_rests(self, world: World) -> None:
        queued(world, world.acme)
        self.fail(world, 3)
        assert claim(world) == []
        with world.switch.across_tenants() as tx:
            (state,) = trunk_health.everyone(tx)
            assert (state["failures"], state["rests_seconds"], state["last_failure"]) == (3, 10, "SIP 503")
            tx.execute("update trunk_states set rests_until = now()")
        assert len(claim(world)) == 1

    def test_the_next_trunk_takes_its_calls_meanwhile(self, world: World) -> None:
        add_route(world, "+", add_trunk(world, "second"), position=200)
        queued(world, world.acme)
        self.fail(world, 3)
        assert trunk_names(claim(world)) == ["second"]

    def test_it_rests_longer_each_time_and_not_for_ever(self, world: World) -> None:
        rests = []
        for time in range(10):
            self.fail(world, 1, f"+49301000{min(time, 2)}")
            with world.switch.across_tenants() as tx:
                rests.append(trunk_health.everyone(tx)[0]["rests_seconds"])
        assert rests == [0, 0, 10, 20, 40, 80, 160, 300, 300, 300]

    def test_a_call_that_it_took_ends_that(self, world: World) -> None:
        self.fail(world, 4)
        with world.switch.across_tenants() as tx:
            trunk_health.worked(tx, carrier(world), "node1")
        queued(world, world.acme)
        assert len(claim(world)) == 1
        # And it is counted anew.
        self.fail(world, 2)
        queued(world, world.acme)
        assert len(claim(world)) == 1

    def test_one_number_that_nobody_reaches_is_no_trunks_fault(self, world: World) -> None:
        self.fail(world, 5, "+49301")
        self.fail(world, 5, "+49302")
        queued(world, world.acme)
        assert len(claim(world)) == 1
        with world.switch.across_tenants() as tx:
            assert trunk_health.everyone(tx)[0]["failures"] == 2
        self.fail(world, 1, "+49303")
        queued(world, world.acme)
        assert claim(world) == []

    def down_on(self, world: World, node: str) -> None:
        with world.switch.across_tenants() as tx:
            trunk_health.down_on_node(tx, carrier(world), "down", node)

    def node_waits(self, world: World) -> float:
        with world.switch.across_tenants() as tx:
            return float(
                tx.value(
                    """select extract(epoch from (node_rests -> 'node2' ->> 1)::timestamptz - now())
                       from trunk_states"""
                )
            )

    def test_a_gateway_that_one_nodes_switch_cannot_reach_rests_there_and_at_once(self, world: World) -> None:
        queued(world, world.acme)
        self.down_on(world, "node2")
        assert claim(world, node="node2") == []
        with world.switch.across_tenants() as tx:
            (state,) = trunk_health.everyone(tx)
            assert (state["down_on"], state["rests_seconds"], state["failures"]) == (["node2"], 0, 0)
        assert len(claim(world, node="node1")) == 1

    def test_there_it_rests_longer_each_time_until_a_call_of_that_node_goes_through(self, world: World) -> None:
        rests = []
        for _ in range(7):
            # Calls that were claimed together tell once.
            self.down_on(world, "node2")
            self.down_on(world, "node2")
            rests.append(round(self.node_waits(world) / 10) * 10)
            with world.switch.across_tenants() as tx:
                tx.execute(
                    """update trunk_states set node_rests = jsonb_set(node_rests, '{node2,1}',
                                                                      to_jsonb(now() - interval '1 s'))"""
                )
        assert rests == [10, 20, 40, 80, 160, 300, 300]
        with world.switch.across_tenants() as tx:
            trunk_health.worked(tx, carrier(world), "node1")
        self.down_on(world, "node2")
        assert self.node_waits(world) > 250
        with world.switch.across_tenants() as tx:
            trunk_health.worked(tx, carrier(world), "node2")
            assert tx.value("select node_rests from trunk_states") == {}


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

    def open(self, world: World, when: str, priority: int | None = None) -> None:
        """All of today, or only on another day than today and tomorrow, in the tenant's own zone."""
        with world.admin.tenant(world.acme.tenant.id) as tx:
            today = tx.value("select extract(isodow from now() at time zone %s)", (world.acme.tenant.time_zone,))
            days = range(1, 8) if when == "now" else [int(today + 2) % 7 + 1]
            tx.execute("delete from sending_hours")
            for day in days:
                tx.execute(
                    """insert into sending_hours (tenant_id, priority, weekday, opens, closes)
                       values (%s, %s, %s, '00:00', '24:00')""",
                    (world.acme.tenant.id, priority, day),
                )


def test_a_fax_goes_to_another_trunk_than_those_that_could_not_take_it(world: World) -> None:
    add_route(world, "+", add_trunk(world, "second"), position=200)
    queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set tried = %s", ([carrier(world)],))
    assert trunk_names(claim(world)) == ["second"]


def test_a_call_uses_what_is_known_of_its_number(world: World) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            """insert into destinations (tenant_id, number, t38_off, v17_off, entered_by)
               values (%s, %s, true, true, 'test')""",
            (world.acme.tenant.id, NUMBER),
        )
    mine, other = queued(world, world.acme), queued(world, world.borea)
    found = {fax.fax_id: (fax.t38, fax.v17, fax.ecm) for fax in claim(world)}
    assert found == {mine: (False, False, True), other: (True, True, True)}
    (attempt,) = world.attempts(world.acme, mine)
    assert (attempt["t38_offered"], attempt["v17_offered"], attempt["ecm_offered"]) == (False, False, True)


def test_what_is_known_and_has_expired_counts_for_nothing(world: World) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            """insert into destinations (tenant_id, number, t38_off, entered_by, expires_at)
               values (%s, %s, true, 'learned', now())""",
            (world.acme.tenant.id, NUMBER),
        )
    queued(world, world.acme)
    assert [fax.t38 for fax in claim(world)] == [True]


def test_a_number_that_is_no_longer_the_tenants_is_not_called_from(world: World) -> None:
    """It may be another tenant's by now."""
    queued(world, world.acme)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set number = '+493023125009' where number = %s", (world.acme.did,))
    assert [fax.calling_number for fax in claim(world)] == ["+493023125009"]
    queued(world, world.acme)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set enabled = false")
    due_now(world)
    assert [fax.calling_number for fax in claim(world)] == [None]
