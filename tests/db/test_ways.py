"""Through which trunk a fax goes: routes, dedicated trunks, and what was tried."""

from collections import Counter

import pytest

from faxplan import routes, trunks
from faxplan.errors import NoRoute
from faxplan.ways import Ways
from tests.claiming import ends, taken, trunk_names
from tests.faxes import NUMBER, claim, queued
from tests.routing import add_encrypted_trunk, add_route, add_trunk, carrier, change
from tests.world import Office, World


def ways(world: World, office: Office, number: str = NUMBER) -> list[str]:
    """The names of the trunks that may take it, in order."""
    with world.admin.across_tenants() as tx:
        return [way.trunk.name for way in trunks.ways_out(tx, office.tenant.id, number)]


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

    @pytest.mark.parametrize("enabled", [True, False])
    def test_a_bar_that_it_passes_holds_for_the_shared_ones(self, world: World, *, enabled: bool) -> None:
        add_route(world, "+493099", None)
        dedicated = add_trunk(world, "own", dedicated_to=world.acme.tenant.id, enabled=enabled)
        add_route(world, "+493099", dedicated)
        assert ways(world, world.acme) == ["own"] * enabled
        # Which waits for its trunk, as no shared one may have it.
        queued(world, world.acme)
        assert trunk_names(claim(world)) == ["own"] * enabled

    def test_a_bar_for_the_tenant_holds_against_a_route_for_all_of_the_same_prefix(self, world: World) -> None:
        add_route(world, "+493099", carrier(world))
        add_route(world, "+493099", None, only_for=world.acme.tenant.id)
        with pytest.raises(NoRoute, match="barred"):
            ways(world, world.acme)
        assert ways(world, world.borea) == ["carrier"]


def test_a_fax_goes_to_another_trunk_than_those_that_could_not_take_it(world: World) -> None:
    add_route(world, "+", add_trunk(world, "second"), position=200)
    queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set tried = %s", ([carrier(world)],))
    assert trunk_names(claim(world)) == ["second"]


@pytest.mark.parametrize("how", ["route removed", "trunk off"])
def test_a_fax_goes_back_to_a_trunk_that_failed_where_no_other_is_left(world: World, how: str) -> None:
    second = add_trunk(world, "second")
    add_route(world, "+", second, position=200)
    queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set tried = %s", ([carrier(world)],))
    with world.admin.across_tenants() as tx:
        if how == "trunk off":
            tx.execute("update trunks set enabled = false where id = %s", (second,))
        else:
            routes.remove(tx, "+", second)
    # The first claim gives it its right lane.
    assert trunk_names([*claim(world), *claim(world)]) == ["carrier"]


def test_a_fax_goes_back_to_a_trunk_that_failed_where_the_other_has_no_room_for_long(world: World) -> None:
    add_route(world, "+", add_trunk(world, "second", max_calls=1), position=200)
    queued(world, world.borea)
    (other,) = claim(world)
    with world.switch.across_tenants() as tx:
        tx.execute("update calls set trunk_id = (select id from trunks where name = 'second')")
    queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set tried = %s", ([carrier(world)],))
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        # Some seconds go by.
        tx.execute("update fax_queue set not_before = not_before - interval '6 s'")
    assert trunk_names(claim(world)) == ["carrier"]
    assert other.trunk is not None


def test_a_number_that_was_barred_after_its_fax_was_handed_in_ends_it(world: World) -> None:
    fax_id = queued(world, world.acme)
    add_route(world, NUMBER[:6], None)
    assert claim(world) == []
    (fax,) = claim(world)
    assert (fax.fax_id, fax.trunk) == (fax_id, None)


def test_numbers_that_are_barred_off_or_unserved_do_not_share_a_lane(world: World) -> None:
    change(world, "routes", prefix="+49")
    add_route(world, "+49900", None)
    off = add_trunk(world, "off", enabled=False)
    add_route(world, "+33", off)
    numbers = ["+33123456789", "+499001234567", "+442079460000"]
    waits, barred, unserved = (queued(world, world.acme, number=number, due_in=-60) for number in numbers)
    known = Ways()
    assert {fax.fax_id for _ in range(3) for fax in claim(world, ways=known)} == {barred, unserved}
    with world.switch.across_tenants() as tx:
        assert tx.rows("select fax_id from fax_queue") == [{"fax_id": waits}]


class TestInClear:
    """What a trunk with encrypted media takes goes by no other, unless that one's route says so."""

    def test_a_trunk_in_clear_is_no_way_out_beside_or_after_an_encrypted_one(self, world: World) -> None:
        add_route(world, "+49", add_encrypted_trunk(world, "sealed"), position=20)
        add_route(world, "+49", add_trunk(world, "beside"), position=20)
        add_route(world, "+49", add_trunk(world, "after"), position=30)
        add_route(world, "+49", add_encrypted_trunk(world, "sealed-too"), position=40)
        assert ways(world, world.acme) == ["sealed", "sealed-too"]
        assert ways(world, world.acme, "+12125550100") == ["carrier"]

    def test_one_that_stands_before_it_is_no_step_back(self, world: World) -> None:
        add_route(world, "+49", add_trunk(world, "before"), position=10)
        add_route(world, "+49", add_encrypted_trunk(world, "sealed"), position=20)
        assert ways(world, world.acme) == ["before", "sealed"]

    def test_a_route_may_allow_it(self, world: World) -> None:
        add_route(world, "+49", add_encrypted_trunk(world, "sealed"), position=20)
        add_route(world, "+49", add_trunk(world, "allowed"), position=30, in_clear=True)
        assert ways(world, world.acme) == ["sealed", "allowed"]

    def test_a_dedicated_trunk_that_is_encrypted_does_not_overflow_in_clear(self, world: World) -> None:
        add_route(world, "+", add_encrypted_trunk(world, "sealed", dedicated_to=world.acme.tenant.id, overflow=True))
        assert ways(world, world.acme) == ["sealed"]
        assert ways(world, world.borea) == ["carrier"]

    def test_an_encrypted_trunk_that_is_barred_or_fits_less_well_keeps_nothing(self, world: World) -> None:
        add_route(world, "+49", add_encrypted_trunk(world, "sealed"))
        add_route(world, "+4930", add_trunk(world, "berlin"))
        assert ways(world, world.acme) == ["berlin"]

    def test_faxes_wait_while_the_encrypted_trunk_is_off(self, world: World) -> None:
        sealed = add_encrypted_trunk(world, "sealed")
        add_route(world, "+49", sealed)
        add_route(world, "+49", add_trunk(world, "open"), position=200)
        fax_id = queued(world, world.acme)
        with world.admin.across_tenants() as tx:
            tx.execute("update trunks set enabled = false where id = %s", (sealed,))
        assert [taken(world), taken(world)] == [[], []]
        with world.admin.across_tenants() as tx:
            tx.execute("update trunks set enabled = true where id = %s", (sealed,))
        assert [taken(world), taken(world)] == [[], [fax_id]]

    def test_faxes_that_are_queued_follow_when_a_trunk_is_encrypted(self, world: World) -> None:
        add_route(world, "+49", add_trunk(world, "one"))
        add_route(world, "+49", add_trunk(world, "two", transport="tls", t38=False))
        ids = [queued(world, world.acme) for _ in range(8)]
        with world.admin.across_tenants() as tx:
            tx.execute("update trunks set encrypted_media = true where name = 'two'")
        assert taken(world) == []
        faxes = claim(world)
        assert sorted(fax.fax_id for fax in faxes) == sorted(ids)
        assert trunk_names(faxes) == ["two"] * 8

    def test_a_lane_holds_what_the_same_trunks_take_and_nothing_else(self, world: World) -> None:
        """An encrypted trunk for some numbers of a prefix, switched off: the others' clear trunk is not theirs."""
        sealed = add_encrypted_trunk(world, "sealed", dedicated_to=world.acme.tenant.id, enabled=False)
        munich, berlin = "+498912345678", NUMBER
        add_route(world, "+4989", sealed)
        add_route(world, "+49", add_trunk(world, "allowed", max_calls=1), in_clear=True)
        add_route(world, "+49", add_trunk(world, "forbidden"), position=200)
        assert (ways(world, world.acme, munich), ways(world, world.acme, berlin)) == (
            ["allowed"], ["allowed", "forbidden"],
        )  # fmt: skip
        queued(world, world.acme, number=berlin, due_in=-10)
        queued(world, world.acme, number=munich)
        assert {fax.called_number: fax.trunk and fax.trunk.name for fax in claim(world)} == {berlin: "allowed"}
        queued(world, world.acme, number=berlin)
        assert trunk_names(claim(world)) == ["forbidden"]
