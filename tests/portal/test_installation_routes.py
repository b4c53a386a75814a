"""Routes, as an operator keeps them; and why a call would go so."""

from typing import Any

import pytest

from faxplan import tenants, trunk_provisioning
from tests.portal.conftest import Visitor
from tests.routing import add_trunk
from tests.world import World

AT = "/installation/routes"
FORM: dict[str, object] = {
    "prefix": "+49", "trunk": "carrier", "only_for": "", "position": "100", "weight": "1", "cost": "", "enabled": "on",
}  # fmt: skip


def routes(world: World) -> list[dict[str, Any]]:
    return trunk_provisioning.all_routes(world.admin)


def test_one_is_added_changed_and_removed(world: World, olga: Visitor) -> None:
    assert olga.post(AT, {**FORM, "only_for": "borea", "cost": "0,012"}).status_code == 303
    here = f"{AT}/one?prefix=%2B49&trunk=carrier&only_for=borea"
    page = olga.get(AT).text
    assert here.replace("&", "&amp;") in page
    assert "0.012" in page
    assert "Of borea alone." in olga.get(here).text
    assert olga.post(here, {"position": "5", "weight": "3", "cost": "", "in_clear": "on"}).status_code == 303
    (row,) = [each for each in routes(world) if each["prefix"] == "+49"]
    assert (row["position"], row["weight"], row["cost"], row["in_clear"], row["enabled"]) == (5, 3, None, True, False)
    # Another one of the same beginning is another route.
    assert olga.get(f"{AT}/one?prefix=%2B49&trunk=carrier").status_code == 404
    assert olga.post(f"{AT}/remove?prefix=%2B49&trunk=carrier").status_code == 404
    assert olga.post(f"{AT}/remove?prefix=%2B49&trunk=carrier&only_for=borea").status_code == 303
    assert [row["prefix"] for row in routes(world)] == ["+"]


def test_numbers_are_barred(world: World, olga: Visitor) -> None:
    barred = {**FORM, "prefix": "+49900", "trunk": ":barred"}
    # Not by a field that was left as it came, nor without having been asked.
    left = olga.post(AT, {**barred, "trunk": ""})
    assert (left.status_code, "Choose a trunk, or that they are barred." in left.text) == (400, True)
    assert '<option value="" selected>Choose' in olga.get(AT).text
    asked = olga.post(AT, barred)
    assert asked.status_code == 400
    assert "begin with +49900, for every tenant" in asked.text
    assert 'name="sure"' in asked.text
    assert len(routes(world)) == 1
    assert olga.post(AT, {**barred, "sure": "on"}).status_code == 303
    assert "Barred" in olga.get(AT).text
    page = olga.get(f"{AT}/explain?tenant=acme&number=%2B4990012345678").text
    assert "barred" in page
    assert "+ through carrier: " in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"prefix": "49"}, "prefix"),
        ({"prefix": "+", "trunk": "carrier"}, "already"),
        ({"trunk": "nothing"}, "Choose one of these."),
        ({"cost": "dear"}, "is no amount"),
        ({"cost": "-1"}, "is no amount"),
        ({"weight": "0"}, "Write a whole number, 1 to 1000."),
        ({"only_for": "nobody"}, "There is no tenant"),
    ],
)
def test_what_cannot_be_is_said(world: World, olga: Visitor, changed: dict[str, object], said: str) -> None:
    answer = olga.post(AT, {**FORM, **changed})
    assert (answer.status_code, said.lower() in answer.text.lower()) == (400, True)
    assert len(routes(world)) == 1


def test_a_call_is_explained(world: World, olga: Visitor) -> None:
    add_trunk(world, "cheap")
    olga.post(AT, {**FORM, "trunk": "cheap"})
    page = olga.get(f"{AT}/explain?tenant=acme&number=030%20231250%2099").text
    table = page.partition("in the order in which they are tried</caption>")[2].partition("</table>")[0]
    assert "/installation/trunks/cheap" in table
    assert "A route for all, +49, position 100, weight 1" in table
    assert "+493023125099" in table
    assert "+ through carrier: +49 fits better" in page
    assert "It calls as +49 30 23125001." in page.replace("\xa0", " ")


def test_what_cannot_be_explained_says_why(world: World, olga: Visitor) -> None:
    for number, slug, said in (
        ("110", "acme", "emergency"), ("x", "acme", "number"), ("030 99", "nobody", "no tenant"), ("", "acme", "Fill"),
    ):  # fmt: skip
        answer = olga.get(f"{AT}/explain?tenant={slug}&number={number}")
        assert (answer.status_code, said in answer.text, "faxplan" in answer.text.lower()) == (400, True, False)
    with world.admin.across_tenants() as tx:
        tenants.list_number(tx, world.acme.tenant.id, "+4930", allowed=False, blocked=True)
    page = olga.get(f"{AT}/explain?tenant=acme&number=030%20231250%2099").text
    assert "is blocked for acme" in page


def test_tenants_are_offered_and_routes_stand_as_they_are_tried(world: World, olga: Visitor) -> None:
    for path in (AT, f"{AT}/explain", "/installation/numbers/new", "/installation/failures"):
        assert '<option value="borea">' in olga.get(path).text
    olga.post(AT, {**FORM, "prefix": "+4930"})
    page = olga.get(AT).text
    assert page.index(">+4930</a>") < page.index(">+</a>")
