"""What those who run the installation have programs do: organisations, numbers, trunks, routes."""

from typing import Any

import pytest

from faxplan import audit, users
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import problem
from tests.world import World


@pytest.fixture
def olga(world: World, portal: Portal) -> Program:
    """Acme's user, who runs the installation and administers no organisation."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"operator": True})
        world.acme.user = users.get(tx, world.acme.tenant.id, world.acme.user.id)
    return a_program(world, portal, world.acme)


def audited(world: World, program: Program, tenant_id: int = audit.INSTALLATION) -> list[str]:
    """What the program did, each act with its key."""
    with world.admin.across_tenants() as tx:
        tx.enter_tenant(tenant_id)
        rows = tx.rows(
            "select action, details from audit where tenant_id = %s and authenticated = %s order by sequence",
            (tenant_id, f"api-key:{program.key_id}"),
        )
    assert "pass1word" not in str(rows)
    return [row["action"] for row in rows]


def test_organisations_are_made_set_and_switched_off(world: World, olga: Program) -> None:
    wanted = {"slug": "cara", "name": "Cara", "country": "DE", "time_zone": "Europe/Berlin"}
    made = olga.hand("/installation/tenants", wanted)
    assert (made.status_code, made.get_json()["header_name"], made.get_json()["enabled"]) == (201, "Cara", True)
    assert problem(olga.hand("/installation/tenants", wanted)) == (422, "constraint-violated")
    assert problem(olga.hand("/installation/tenants", {**wanted, "country": "XX"})) == (422, "invalid-number")
    assert problem(olga.hand("/installation/tenants", {**wanted, "slug": "D", "x": 1})) == (422, "invalid-request")
    listed = olga.get("/installation/tenants", limit=2).get_json()
    assert [(each["slug"], each["people"], each["numbers"]) for each in listed["tenants"]] == [
        ("acme", 1, 1), ("borea", 1, 1),
    ]  # fmt: skip
    onward = olga.get("/installation/tenants", limit=2, cursor=listed["next"]).get_json()
    assert ([each["slug"] for each in onward["tenants"]], onward["next"]) == (["cara"], None)
    values = {"max_calls": 3, "permissions": ["send"], "wait_hours": 5, "enabled": False}
    changed = olga.ask("PATCH", "/installation/tenants/cara", json=values).get_json()
    assert {name: changed[name] for name in values} == values
    assert olga.ask("PATCH", "/installation/tenants/cara", json={"max_calls": None}).get_json()["max_calls"] is None
    assert olga.get("/installation/tenants/cara").get_json()["wait_hours"] == 5
    for method, body in (("GET", {}), ("PATCH", {"json": {"enabled": True}})):
        assert problem(olga.ask(method, "/installation/tenants/nobody", **body)) == (404, "not-found")
    assert audited(world, olga) == ["tenant.add", "tenant.change", "tenant.change"]


def test_an_organisation_gets_its_first_people(world: World, olga: Program) -> None:
    place = "/installation/tenants/borea/people"
    made = olga.hand(place, {"email": "Bea@borea.example", "name": "Bea"})
    assert (made.status_code, made.get_json()["role"], made.get_json()["operator"]) == (201, "administrator", False)
    assert problem(olga.hand(place, {"email": "bea@borea.example"})) == (422, "constraint-violated")
    assert problem(olga.hand(place, {"email": "x"})) == (422, "constraint-violated")
    one = f"{place}/{made.get_json()['id']}"
    invited = olga.ask("POST", f"{one}/invitation")
    assert invited.status_code == 201
    assert invited.get_json()["link"].startswith(f"{world.settings.portal_of('borea')}/welcome#")
    assert [each["email"] for each in olga.get(place).get_json()["people"]] == [
        "bea@borea.example", "user@borea.example",
    ]  # fmt: skip
    assert problem(olga.ask("PATCH", one, json={"enabled": False})) == (422, "last-administrator")
    assert olga.ask("PATCH", one, json={"name": "Bea B", "role": None}).get_json()["name"] == "Bea B"
    assert problem(olga.ask("PATCH", one, json={"operator": True})) == (422, "invalid-request")
    # Of another organisation, and of none.
    for wrong in (one.replace("borea", "acme"), f"{place}/999", one.replace("borea", "nobody")):
        assert problem(olga.ask("PATCH", wrong, json={"name": "x"})) == (404, "not-found")
        assert problem(olga.ask("POST", f"{wrong}/invitation")) == (404, "not-found")
    assert problem(olga.get(place.replace("borea", "nobody"))) == (404, "not-found")
    acts = ["user.add", "user.invite", "user.change"]
    assert audited(world, olga, world.borea.tenant.id) == acts


def test_numbers_are_given_out_one_by_one_and_in_batches(world: World, olga: Program) -> None:
    box = {"tenant": "borea", "mailbox": "user@borea.example"}
    made = olga.hand("/installation/numbers", {"number": "030 990001", "name": "Desk", **box})
    assert (made.status_code, made.get_json()["number"], made.get_json()["name"]) == (201, "+4930990001", "Desk")
    assert problem(olga.hand("/installation/numbers", {"number": "030 990001", **box})) == (422, "constraint-violated")
    assert problem(olga.hand("/installation/numbers", {"number": "030 990002", **box, "mailbox": "x"}))[0] == 404
    wanted: dict[str, Any] = {"range": {"first": "030 990000", "last": "030 990002", **box}}
    tried = olga.hand("/installation/numbers/several", {**wanted, "only_try": True}).get_json()
    assert (tried["entered"], [bool(each["wrong"]) for each in tried["numbers"]]) == (0, [False, True, False])
    refused = olga.hand("/installation/numbers/several", wanted)
    assert problem(refused) == (422, "not-all-of-them")
    assert [each["pointer"] for each in refused.get_json()["errors"]] == ["/numbers/1"]
    several = {"numbers": [{"number": "030 990003", **box}, {"number": "+4930990004", **box, "name": "Four"}]}
    assert olga.hand("/installation/numbers/several", several).get_json()["entered"] == 2
    assert problem(olga.hand("/installation/numbers/several", {})) == (422, "invalid-request")
    listed = olga.get("/installation/numbers", text="+493099", tenant="borea").get_json()["numbers"]
    assert [each["number"] for each in listed] == ["+4930990001", "+4930990003", "+4930990004"]
    place = "/installation/numbers/+4930990004"
    assert olga.ask("PATCH", place, json={"enabled": False, "max_calls": 1}).get_json()["max_calls"] == 1
    assert (olga.get(place).get_json()["tenant"], olga.get(place).get_json()["enabled"]) == ("borea", False)
    assert olga.ask("DELETE", place).status_code == 204
    for method, body in (("GET", {}), ("PATCH", {"json": {"ecm": True}}), ("DELETE", {})):
        assert problem(olga.ask(method, place, **body)) == (404, "not-found")
    acts = ["did.add", "did.change", "did.add", "did.add", "did.change", "did.remove"]
    assert audited(world, olga, world.borea.tenant.id) == acts


def test_trunks_are_kept_and_their_passwords_never_come_back(world: World, olga: Program) -> None:
    """SECURITY: neither in an answer nor in the audit."""
    values = {"name": "second", "host": "192.0.2.7", "inbound_country": "DE", "source_networks": ["192.0.2.7"]}
    account = {"register": True, "username": "fax", "password": "pass1word"}
    made = olga.hand("/installation/trunks", {**values, **account, "dedicated_to": "borea"})
    assert made.status_code == 201, made.text
    shown = made.get_json()
    assert (shown["password_set"], shown["register"], shown["state"], shown["t38"]) == (True, True, "unused", True)
    assert (shown["source_networks"], shown["dedicated_to"]) == (["192.0.2.7/32"], "borea")
    place = "/installation/trunks/second"
    changed = olga.ask("PATCH", place, json={"max_calls": 5, "enabled": False, "dedicated_to": None})
    assert (changed.get_json()["max_calls"], changed.get_json()["state"], changed.get_json()["dedicated_to"]) == (
        5, "off", None,
    )  # fmt: skip
    assert olga.ask("PATCH", place, json={"password": None, "register": False}).get_json()["password_set"] is False
    assert olga.ask("PATCH", place, json={"password": "pass1word"}).get_json()["password_set"] is True
    everything = olga.get("/installation/trunks")
    assert [each["name"] for each in everything.get_json()["trunks"]] == ["carrier", "second"]
    for said in (made, changed, everything, olga.get(place)):
        assert "pass1word" not in said.text
    assert problem(olga.ask("PATCH", place, json={"source_networks": ["x"]})) == (422, "invalid-trunk")
    no_name = {**values, **account, "name": "third", "host": "a\x9ab", "source_networks": []}
    assert problem(olga.hand("/installation/trunks", no_name))[0] == 422
    assert problem(olga.ask("PATCH", place, json={"encrypted_media": True})) == (422, "constraint-violated")
    assert olga.ask("POST", f"{place}/wake").status_code == 200
    assert problem(olga.ask("DELETE", "/installation/trunks/carrier")) == (422, "constraint-violated")
    assert olga.ask("DELETE", place).status_code == 204
    for method, path, body in (
        ("GET", place, {}), ("PATCH", place, {"json": {"ecm": True}}), ("DELETE", place, {}),
        ("POST", f"{place}/wake", {}),
    ):  # fmt: skip
        assert problem(olga.ask(method, path, **body)) == (404, "not-found")
    assert audited(world, olga) == ["trunk.add", *["trunk.change"] * 3, "trunk.wake", "trunk.remove"]


def test_routes_are_kept(world: World, olga: Program) -> None:
    route = {"prefix": "+49", "trunk": "carrier", "only_for": "borea"}
    made = olga.hand("/installation/routes", {**route, "cost": "0.012"})
    assert (made.status_code, made.get_json()["cost"], made.get_json()["position"]) == (201, "0.012", 100)
    assert problem(olga.hand("/installation/routes", route)) == (422, "constraint-violated")
    assert olga.hand("/installation/routes", {"prefix": "+499"}).get_json()["trunk"] is None
    assert problem(olga.hand("/installation/routes", {**route, "trunk": "nobody"})) == (404, "not-found")
    assert len(olga.get("/installation/routes").get_json()["routes"]) == 3
    changed = olga.ask("PATCH", "/installation/routes", query_string=route, json={"weight": 7, "cost": None})
    assert (changed.get_json()["weight"], changed.get_json()["cost"], changed.get_json()["position"]) == (7, None, 100)
    for which in (route, {"prefix": "+499"}):
        assert olga.ask("DELETE", "/installation/routes", query_string=which).status_code == 204
        for method, body in (("DELETE", {}), ("PATCH", {"json": {"weight": 1}})):
            said = olga.ask(method, "/installation/routes", query_string=which, **body)
            assert problem(said) == (404, "not-found")
    assert audited(world, olga) == ["route.add", "route.add", "route.change", "route.remove", "route.remove"]


def test_a_key_alone_makes_nobody_another_password(world: World, olga: Program) -> None:
    """SECURITY: who opens the link acts as the invited, and has asked for no password or second factor of anybody."""
    people = "/installation/tenants/borea/people"
    assert problem(olga.ask("POST", f"{people}/{world.borea.user.id}/invitation")) == (403, "forbidden")
    with world.admin.tenant(world.borea.tenant.id) as tx:
        other = users.create(tx, world.borea.tenant.id, email="other@borea.example", name="Other")
    assert olga.ask("POST", f"{people}/{other.id}/invitation").status_code == 201
    with world.admin.tenant(world.borea.tenant.id) as tx:
        users.change(tx, world.borea.tenant.id, other.id, {"operator": True})
    assert problem(olga.ask("POST", f"{people}/{other.id}/invitation")) == (403, "forbidden")
