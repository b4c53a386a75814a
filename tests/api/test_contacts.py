"""Programs look after contacts and groups as their user does: their own, and those that the organisation shares."""

from typing import Any

import pytest

from faxplan import users
from faxplan.api_keys import Scope
from faxplan.permissions import EVERYTHING, Permission
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import problem
from tests.retained import count
from tests.world import Office, World

NUMBER = "+493023125009"


def add(program: Program, name: str, **more: Any) -> int:
    said = program.hand("/contacts", {"number": NUMBER, "name": name, **more})
    assert said.status_code == 201, said.text
    number: int = said.get_json()["id"]
    return number


@pytest.fixture
def colleague(world: World, portal: Portal) -> Program:
    """Of acme, too."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        user = users.create(tx, world.acme.tenant.id, email="cara@acme.example", name="Cara")
    return a_program(world, portal, Office(world.acme.tenant, user, world.acme.did))


def test_a_contact_is_entered_changed_and_deleted(world: World, acme: Program) -> None:
    said = acme.hand("/contacts", {"number": "030 23125009", "company": "Co", "note": "a\nb"}).get_json()
    assert (said["number"], said["shared"], said["may_change"]) == (NUMBER, False, True)
    address = f"/contacts/{said['id']}"
    assert acme.get(address).get_json() == said
    changed = acme.ask("PUT", address, json={"number": NUMBER, "name": "Ann", "shared": True}).get_json()
    assert (changed["name"], changed["company"], changed["note"], changed["shared"]) == ("Ann", "", "", True)
    assert acme.ask("DELETE", address).status_code == 204
    assert problem(acme.get(address)) == (404, "not-found")
    for wrong, error_id in (
        ({"number": "12", "name": "a"}, "invalid-number"),
        ({"number": NUMBER}, "constraint-violated"),
        ({"number": NUMBER, "name": "a\x00"}, "constraint-violated"),
        ({"number": NUMBER, "name": "a", "email": "x"}, "constraint-violated"),
        ({"name": "a"}, "invalid-request"),
    ):
        assert problem(acme.hand("/contacts", wrong)) == (422, error_id), wrong
    assert count(world, "contacts") == 0


def test_the_same_request_enters_one_contact_and_one_group(world: World, acme: Program) -> None:
    for path, value, table in (
        ("/contacts", {"number": NUMBER, "name": "Ann"}, "contacts"),
        ("/groups", {"name": "All"}, "contact_groups"),
    ):
        first, second = (acme.hand(path, value, Idempotency_Key=f"x{path}") for _each in range(2))
        assert (first.status_code, second.status_code, second.text) == (201, 201, first.text)
        assert second.headers["Idempotent-Replayed"] == "true"
        assert count(world, table) == 1


def test_a_list_is_searched_and_goes_on_with_its_cursor(acme: Program) -> None:
    names = ["Ann", "\u00c4nne", "Bob", "\U0001d7d8" * 200, "\u05d0\u05d1"]
    made = {add(acme, each): each for each in names}
    seen, cursor = [], None
    while True:
        said = acme.get("/contacts", limit=2, **({} if cursor is None else {"cursor": cursor})).get_json()
        seen += [each["id"] for each in said["contacts"]]
        cursor = said["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    found = [each["id"] for each in acme.get("/contacts", text="an").get_json()["contacts"]]
    assert {made[each] for each in found} == {"Ann", "\u00c4nne"}
    assert len(acme.get("/contacts", text="030 2312").get_json()["contacts"]) == len(names)
    for wrong in ({"cursor": "x"}, {"cursor": "WyJcdWQ4MDAiLCAxXQ"}, {"text": "a\0"}, {"scope": "none"}, {"limit": 0}):
        assert problem(acme.get("/contacts", **wrong)) == (422, "invalid-request"), wrong


def test_a_group_takes_contacts_and_gives_them_back(acme: Program) -> None:
    ann, bob = add(acme, "Ann"), add(acme, "Bob")
    group = acme.hand("/groups", {"name": "Customers"}).get_json()["id"]
    assert acme.hand(f"/groups/{group}/members", {"contacts": [ann, bob, 999]}).get_json() == {"added": 2}
    assert acme.hand(f"/groups/{group}/members", {"contacts": [ann]}).get_json() == {"added": 0}
    assert acme.get("/groups").get_json()["groups"][0]["contacts"] == 2
    assert acme.ask("DELETE", f"/groups/{group}/members/{ann}").status_code == 204
    assert problem(acme.ask("DELETE", f"/groups/{group}/members/{ann}")) == (404, "not-found")
    assert [each["id"] for each in acme.get("/contacts", group=group).get_json()["contacts"]] == [bob]
    assert acme.ask("PUT", f"/groups/{group}", json={"name": "Clients"}).get_json()["name"] == "Clients"
    assert acme.ask("DELETE", f"/groups/{group}").status_code == 204
    assert (acme.get("/groups").get_json(), acme.get(f"/contacts/{bob}").status_code) == ({"groups": []}, 200)


def test_a_colleague_sees_what_is_shared_and_changes_none_of_it(acme: Program, colleague: Program) -> None:
    own, shared = add(acme, "Own"), add(acme, "Shared", shared=True)
    group = acme.hand("/groups", {"name": "All", "shared": True}).get_json()["id"]
    assert [each["name"] for each in colleague.get("/contacts").get_json()["contacts"]] == ["Shared"]
    assert colleague.get(f"/contacts/{shared}").get_json()["may_change"] is False
    assert problem(colleague.get(f"/contacts/{own}")) == (404, "not-found")
    value = {"number": NUMBER, "name": "x"}
    for method, address, body in (
        ("PUT", f"/contacts/{shared}", value),
        ("DELETE", f"/contacts/{shared}", None),
        ("PUT", f"/groups/{group}", {"name": "x"}),
        ("POST", f"/groups/{group}/members", {"contacts": [shared]}),
        ("DELETE", f"/groups/{group}/members/{shared}", None),
        ("DELETE", f"/groups/{group}", None),
    ):
        said = colleague.ask(method, address, **({} if body is None else {"json": body}))
        assert problem(said) == (403, "forbidden"), address
    assert problem(acme.hand(f"/groups/{group}/members", {"contacts": [own]})) == (422, "not-shared")


def test_who_may_have_no_contacts_has_none_by_a_program(world: World, acme: Program) -> None:
    number = add(acme, "Ann")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {
            "permissions": [*{*EVERYTHING} - {Permission.CONTACTS}]})  # fmt: skip
    for address in ("/contacts", "/groups", f"/contacts/{number}"):
        assert problem(acme.get(address)) == (403, "forbidden")


def test_reading_is_not_changing(world: World, portal: Portal) -> None:
    reader = a_program(world, portal, world.acme, [Scope.CONTACTS_READ], name="reader")
    assert reader.get("/contacts").status_code == 200
    assert problem(reader.hand("/contacts", {"number": NUMBER, "name": "x"})) == (403, "no-scope")
