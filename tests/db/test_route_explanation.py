"""What the routes make of a number, told to the administrator: the claims' own rules, in words."""

import pytest

from faxplan import route_explanation, trunk_health
from faxplan.errors import InvalidNumber, NotFound
from faxplan.route_explanation import Explanation
from tests.faxes import accepted, claim, queued
from tests.routing import add_encrypted_trunk, add_route, add_trunk, carrier, change
from tests.world import World


def explain(world: World, number: str = "030 99001234") -> Explanation:
    return route_explanation.explain(world.admin, world.settings, "acme", number)


def ways(world: World) -> list[tuple[str, str]]:
    return [(way.trunk, way.why) for way in explain(world).ways]


def test_trunks_are_named_in_order_with_what_decided(world: World) -> None:
    add_route(world, "+49", add_trunk(world, "second"), position=20)
    add_route(world, "+49", add_trunk(world, "much"), position=10, weight=9)
    add_route(world, "+49", add_trunk(world, "little"), position=10)
    add_route(world, "+49", add_trunk(world, "own"), position=99, only_for=world.acme.tenant.id)
    add_route(world, "+", add_trunk(world, "dedicated", dedicated_to=world.acme.tenant.id))
    found = explain(world)
    assert (found.number, found.calling, found.barred) == ("+493099001234", world.acme.did, "")
    assert [(way.trunk, way.why) for way in found.ways] == [
        ("dedicated", "dedicated to acme, +, position 100, weight 1"),
        ("own", "acme's own route, +49, position 99, weight 1"),
        ("much", "a route for all, +49, position 10, weight 9"),
        ("little", "a route for all, +49, position 10, weight 1"),
        ("second", "a route for all, +49, position 20, weight 1"),
    ]
    assert found.passed_over == ["+ through carrier: +49 fits better"]


def test_the_order_is_the_claims_own(world: World) -> None:
    add_route(world, "+49", add_trunk(world, "second"), position=20)
    add_route(world, "+49", add_trunk(world, "first"), position=10, only_for=world.acme.tenant.id)
    assert [name for name, _ in ways(world)] == ["first", "second"]
    queued(world, world.acme, number="+493099001234")
    (fax,) = claim(world)
    assert fax.trunk is not None
    assert fax.trunk.name == "first"


def test_a_dial_string_is_the_one_that_would_be_used(world: World) -> None:
    change(world, "trunks", called_format="national", calling_format="e164-no-plus", caller_id_in="rpid")
    (way,) = explain(world).ways
    assert way.dialled == "03099001234"
    assert "origination_caller_id_number=493023125001,origination_caller_id_name=493023125001" in way.dial_string
    assert "sip_cid_type=rpid" in way.dial_string
    assert "sofia/gateway/carrier/03099001234 '&python(fax_out 0)'" in way.dial_string


def test_what_keeps_a_trunk_from_a_call_is_said(world: World) -> None:
    change(world, "trunks", max_calls=1)
    assert explain(world).ways[0].busy == ""
    queued(world, world.acme)
    assert claim(world)
    assert explain(world).ways[0].busy == "all of its 1 calls are in use"
    with world.switch.across_tenants() as tx:
        for number in range(3):
            trunk_health.failed(tx, carrier(world), "503", f"+49301000{number}")
    assert explain(world).ways[0].busy.startswith("it rests for 10 s after 3 failures in a row, all of its")


def test_a_trunk_with_a_pace_says_when(world: World) -> None:
    change(world, "trunks", calls_per_second=0.01)
    queued(world, world.acme)
    assert claim(world)
    assert explain(world).ways[0].busy.startswith("its calls a second allow the next one in ")
    change(world, "trunks", calls_per_second=1000)
    with world.admin.across_tenants() as tx:
        trunk_health.wake(tx, "carrier")
    assert explain(world).ways[0].busy == ""


def test_a_bar_that_a_dedicated_trunk_passes_is_named_for_the_others(world: World) -> None:
    add_route(world, "+4930", None)
    add_route(world, "+4930", add_trunk(world, "own", dedicated_to=world.acme.tenant.id))
    found = explain(world)
    assert (found.barred, [way.trunk for way in found.ways]) == ("", ["own"])
    assert found.passed_over == ["+ through carrier: +4930 is barred, but for trunks with a route of their own for it"]


def test_a_bar_is_named(world: World) -> None:
    add_route(world, "+4930", None)
    found = explain(world)
    assert not found.ways
    assert "numbers that begin with +4930 are not dialled" in found.barred
    assert found.passed_over == ["+ through carrier: the number is barred"]


def test_a_dedicated_trunk_may_keep_its_calls(world: World) -> None:
    add_route(world, "+", add_trunk(world, "own", dedicated_to=world.acme.tenant.id, overflow=False))
    assert explain(world).passed_over == [
        "+ through carrier: a dedicated trunk keeps its tenant's calls (--overflow off)"
    ]
    change(world, "trunks", enabled=False)
    found = explain(world)
    assert not found.ways
    assert "the trunk is switched off" in found.passed_over[0]


def test_a_number_that_a_trunk_would_misdial_is_said(world: World) -> None:
    change(world, "trunks", called_format="national", inbound_country="BR")
    (way,) = explain(world).ways
    assert way.dial_string == ""
    assert "not a number of BR" in way.refusal


def test_what_is_no_number_or_nobody_is_refused(world: World) -> None:
    with pytest.raises(InvalidNumber):
        explain(world, "112")
    with pytest.raises(NotFound):
        route_explanation.explain(world.admin, world.settings, "nobody", "030 99001234")


def test_a_trunk_that_would_carry_in_clear_what_is_encrypted_is_told(world: World) -> None:
    add_route(world, "+49", add_encrypted_trunk(world, "sealed"))
    add_route(world, "+49", add_trunk(world, "open"), position=200)
    found = explain(world)
    assert [way.trunk for way in found.ways] == ["sealed"]
    assert found.passed_over == [
        "+49 through open: a trunk with encrypted media takes the number, and this route does not have --in-clear",
        "+ through carrier: +49 fits better",
    ]


def test_a_dedicated_trunk_that_fits_less_well_keeps_nothing(world: World) -> None:
    mine = world.acme.tenant.id
    add_route(world, "+", add_trunk(world, "keeps", dedicated_to=mine, overflow=False))
    add_route(world, "+49", add_trunk(world, "flows", dedicated_to=mine))
    add_route(world, "+49", add_trunk(world, "germany"))
    found = explain(world)
    assert [way.trunk for way in found.ways] == ["flows", "germany"]
    assert sorted(found.passed_over) == ["+ through carrier: +49 fits better", "+ through keeps: +49 fits better"]


def test_a_call_that_came_in_is_no_trial(world: World) -> None:
    for number in range(3):
        with world.switch.across_tenants() as tx:
            trunk_health.failed(tx, carrier(world), "SIP 503", f"+49301000{number}")
    with world.switch.across_tenants() as tx:
        tx.execute("update trunk_states set rests_until = now() - interval '1 s'")
    accepted(world, world.borea, "uuid-1")
    assert explain(world).ways[0].busy == ""
    queued(world, world.acme)
    assert len(claim(world)) == 1
    assert "one call at a time" in explain(world).ways[0].busy


def test_a_prefix_is_shown_and_checked_as_when_it_is_dialled(world: World) -> None:
    change(world, "trunks", called_format="e164-no-plus", called_prefix="11")
    (way,) = explain(world).ways
    assert way.dialled == "11493099001234"
    assert way.why.endswith("weight 1, 11 before the number")
    assert "sofia/gateway/carrier/11493099001234 '" in way.dial_string
    (way,) = explain(world, "+201012345678").ways
    assert (way.dialled, way.dial_string) == ("", "")
    assert "11201012345678, which is an emergency number" in way.refusal
