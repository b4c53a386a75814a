"""API keys: made after the password once more, shown once, ended by their user and by administrators."""

import html
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.test import Client

from faxplan import api_keys, audit_entries, audit_words, provisioning, tenants, users
from faxplan.api_keys import ApiKey, Scope
from faxplan.users import User
from portal.app import Portal
from tests.api.conftest import Program
from tests.portal.conftest import DOMAIN, Visitor
from tests.portal.test_brand import boss
from tests.portal.test_second_factor import auth_of
from tests.retained import execute
from tests.world import World

__all__ = ["boss"]

PAGE = "/account/api-keys"


@pytest.fixture
def portal(world: World) -> Portal:
    return Portal(world.portal, world.store, DOMAIN, admin=world.admin, settings=world.settings)


def keys(world: World, user: User) -> list[ApiKey]:
    with world.portal.tenant(user.tenant_id) as tx:
        return api_keys.of_user(tx, user)


def of_somebody(world: World, user: User, name: str = "shop") -> ApiKey:
    with world.portal.tenant(user.tenant_id) as tx:
        return api_keys.make(tx, user, name, [Scope.FAXES_READ], None, actor="test")[1]


def told(world: World) -> list[str]:
    """What the audit says of keys, in words."""
    tenant_id = world.acme.tenant.id
    with world.portal.tenant(tenant_id) as tx:
        rows = audit_entries.some(tx, tenant_id, audit_entries.Wanted(action="api-key"), before=None, limit=9)
        names = audit_entries.names(tx, tenant_id, rows)
    return [audit_words.sentence(each, names, "DE") for each in reversed(rows)]


def test_a_key_takes_the_password_is_shown_once_and_works_until_it_is_ended(
    world: World, portal: Portal, ann: Visitor
) -> None:
    wanted = {"name": "The <shop>", "scopes": "faxes:send account:read", "until": "2099-12-31"}
    refused = ann.hand(PAGE, {"auth": "00" * 32, **wanted})
    assert (refused.status_code, refused.get_json()["error_id"]) == (401, "wrong-login")
    assert keys(world, world.acme.user) == []
    auth = auth_of(world).hex()
    for wrong in ({"name": None}, {"scopes": None}, {"scopes": "root"}, {"until": "x"}, {"until": "2020-01-01"}):
        said = ann.hand(PAGE, {"auth": auth, **wanted, **wrong})
        assert (said.status_code, said.get_json()["error_id"]) == (400, "invalid-api-key"), wrong
    secret = ann.hand(PAGE, {"auth": auth, **wanted}).get_json()["secret"]
    (key,) = keys(world, world.acme.user)
    assert key.scopes == {Scope.FAXES_SEND, Scope.ACCOUNT_READ}
    # The whole day, by the clock of whoever chose it.
    zone = world.acme.tenant.zone
    assert key.expires_at == datetime(2100, 1, 1, tzinfo=zone)
    program = Program(Client(portal), world.acme, key.id, secret)
    assert program.get("/numbers").status_code == 200
    page = ann.get(PAGE).text
    assert "The &lt;shop&gt;" in page
    assert (key.ending in page, secret in page) == (True, False)
    assert ann.post(f"{PAGE}/{key.id}/end").status_code == 303
    assert program.get("/numbers").status_code == 401
    assert key.ending not in ann.get(PAGE).text
    assert ann.post(f"{PAGE}/{key.id}/end").status_code == 404
    assert told(world) == [f"A User made API key {key.id}, for A User", f"A User ended API key {key.id}, of A User"]


@pytest.mark.parametrize(
    ("whose", "words"), [("own", "An administrator of your organisation permits it"), ("tenant", "Whoever runs this")]
)
def test_who_may_have_no_programs_reads_why_and_makes_no_key(
    world: World, ann: Visitor, whose: str, words: str
) -> None:
    key = of_somebody(world, world.acme.user)
    values = {"permissions": ["send", "receive"]}
    with world.admin.across_tenants() as tx:
        if whose == "tenant":
            tenants.change(tx, world.acme.tenant.id, values)
        else:
            tx.enter_tenant(world.acme.tenant.id)
            users.change(tx, world.acme.tenant.id, world.acme.user.id, values)
    for path in (PAGE, f"{PAGE}/new"):
        page = html.unescape(ann.get(path).text)
        assert words in page
        assert ("Make an API key</a>" in page, 'id="old"' in page) == (False, False)
    said = ann.hand(PAGE, {"auth": auth_of(world).hex(), "name": "x", "scopes": "keys"})
    assert said.status_code == 403
    # What there is from before can be ended.
    assert ann.post(f"{PAGE}/{key.id}/end").status_code == 303
    assert keys(world, world.acme.user) == []


def test_one_ends_nobody_elses_key(world: World, ann: Visitor) -> None:
    cara = provisioning.add_user(world.admin, "x", "acme", email="cara@acme.example", name="Cara", role="user")
    key = of_somebody(world, cara)
    assert ann.post(f"{PAGE}/{key.id}/end").status_code == 404
    assert ann.post(f"/organisation/people/{cara.id}/api-keys/end", {"key": key.id}).status_code == 403
    assert keys(world, cara) == [key]


def test_an_administrator_sees_and_ends_keys_of_their_people_but_of_no_operator(world: World, boss: Visitor) -> None:
    cara = provisioning.add_user(world.admin, "x", "acme", email="cara@acme.example", name="Cara", role="user")
    key, own = of_somebody(world, cara, "Cara's archive"), of_somebody(world, world.acme.user)
    page = f"/organisation/people/{cara.id}"
    shown = html.unescape(boss.get(page).text)
    assert ("Cara's archive" in shown, key.ending in shown, "See faxes, and fetch" in shown) == (True, True, True)
    for wrong in ("", "x", "0", str(own.id), "9" * 30):
        assert boss.post(f"{page}/api-keys/end", {"key": wrong}).status_code == 404
    with world.admin.tenant(cara.tenant_id) as tx:
        users.change(tx, cara.tenant_id, cara.id, {"operator": True})
    assert "End it" not in boss.get(page).text
    assert boss.post(f"{page}/api-keys/end", {"key": key.id}).status_code == 403
    with world.admin.tenant(cara.tenant_id) as tx:
        users.change(tx, cara.tenant_id, cara.id, {"operator": False})
    assert boss.post(f"{page}/api-keys/end", {"key": key.id}).status_code == 303
    assert (keys(world, cara), keys(world, world.acme.user)) == ([], [own])
    assert told(world)[-1] == f"A User ended API key {key.id}, of Cara"


def test_a_key_that_has_expired_is_shown_as_such(world: World, ann: Visitor) -> None:
    key = of_somebody(world, world.acme.user)
    assert not key.has_expired
    assert replace(key, expires_at=datetime.now(UTC) - timedelta(seconds=1)).has_expired
    execute(world, "update api_keys set expires_at = now()")
    assert "expired" in ann.get(PAGE).text
