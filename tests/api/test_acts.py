"""What a program does is told of its key, in the audit; and in the language of whoever asks, or of the key's user."""

from datetime import UTC, datetime, timedelta

import pytest

from faxplan import users
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import NUMBER, problem, send
from tests.world import Office, World


def test_each_act_of_a_program_names_its_key(world: World, acme: Program) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    number = send(acme, send_at=later).get_json()["faxes"][0]["id"]
    world.render_all()
    acme.get(f"/faxes/{number}/files")
    acme.ask("POST", f"/faxes/{number}/cancel")
    assert acme.ask("DELETE", f"/faxes/{number}").status_code == 204
    contact = acme.hand("/contacts", {"number": NUMBER, "name": "Ann"}).get_json()["id"]
    group = acme.hand("/groups", {"name": "All"}).get_json()["id"]
    acme.hand(f"/groups/{group}/members", {"contacts": [contact]})
    acme.ask("DELETE", f"/groups/{group}/members/{contact}")
    acme.ask("PUT", f"/groups/{group}", json={"name": "None"})
    acme.ask("PUT", f"/contacts/{contact}", json={"number": NUMBER, "name": "Bob"})
    for address in (f"/contacts/{contact}", f"/groups/{group}"):
        assert acme.ask("DELETE", address).status_code == 204
    assert problem(send(acme, to=["110"])) == (422, "emergency-number")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select action, authenticated, address from audit where actor like 'user:%%' order by sequence")
    assert [each["action"] for each in rows] == [
        "fax.submit", "fax.open", "fax.cancelled", "fax.delete", "contact.add", "contact-group.add",
        "contact-group.put", "contact-group.take", "contact-group.change", "contact.change", "contact.remove",
        "contact-group.remove", "fax.submit",
    ]  # fmt: skip
    assert {(each["authenticated"], each["address"]) for each in rows} == {(f"api-key:{acme.key_id}", "127.0.0.1")}


def test_another_s_act_in_the_same_request_is_not_the_programs(world: World, portal: Portal, acme: Program) -> None:
    """The switch, or a colleague, is not who asks."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        cara = users.create(tx, world.acme.tenant.id, email="cara@acme.example", name="Cara")
    other = a_program(world, portal, Office(world.acme.tenant, cara, world.acme.did), name="hers")
    assert acme.hand("/contacts", {"number": NUMBER, "name": "Ann"}).status_code == 201
    assert other.hand("/contacts", {"number": NUMBER, "name": "Bob"}).status_code == 201
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select actor, authenticated from audit where action = 'contact.add' order by sequence")
    assert [tuple(each.values()) for each in rows] == [
        (f"user:{world.acme.user.id}", f"api-key:{acme.key_id}"), (f"user:{cara.id}", f"api-key:{other.key_id}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "users", "tenants", "told"),
    [(None, None, None, "en"), (None, None, "de", "de"), (None, "de", None, "de"), (None, "en", "de", "en"),
     ("de-AT", None, None, "de"), ("en", "de", "de", "en"), ("fr", "de", None, "en")],
)  # fmt: skip
def test_problems_are_told_in_the_language_that_is_asked_for_or_the_users(
    world: World, acme: Program, asked: str | None, users: str | None, tenants: str | None, told: str
) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set language = %s where id = %s", (tenants, world.acme.tenant.id))
        tx.enter_tenant(world.acme.tenant.id)
        tx.execute("update users set language = %s where id = %s", (users, world.acme.user.id))
    said = acme.ask("GET", "/contacts/1", headers={"Accept-Language": asked} if asked else {})
    assert said.headers["Content-Language"] == told
    assert ("You have no contact" in said.get_json()["detail"]) == (told == "en")
