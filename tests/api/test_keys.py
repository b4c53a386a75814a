"""Whoever has an API key does what its user may, of that what its scopes name, and so often."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.test import Client

from faxplan import api_keys, users
from faxplan.api_keys import InvalidKey, Scope
from faxplan.errors import Forbidden, NotFound
from faxplan.permissions import EVERYTHING, Permission
from portal.api.operations import OPERATIONS, ROOT
from portal.app import Portal
from portal.roles import OPERATOR
from tests.api.conftest import Program, a_program
from tests.portal.conftest import DOMAIN
from tests.retained import execute
from tests.world import World

NOT_FOUND, REFUSED, TOO_MANY = 404, 401, 429


def test_a_key_says_whose_it_is_and_what_it_may(acme: Program) -> None:
    said = acme.get("/account")
    assert said.status_code == 200
    assert said.get_json() | {"scopes": []} == {
        "organisation": "Acme", "user": "A User", "email": "user@acme.example", "key": "test", "scopes": [],
        "expires_at": None,
    }  # fmt: skip
    assert said.get_json()["scopes"] == sorted({*Scope} - {Scope.OPERATOR})


def test_without_a_key_that_counts_nothing_is_answered(world: World, portal: Portal, acme: Program) -> None:
    wrong = [
        "", "fxp_", "fxp_" + "A" * 43, acme.secret[:-1], acme.secret + "x", acme.secret.upper(), "\u00e9", "x" * 10_000,
    ]  # fmt: skip
    for secret in wrong:
        said = replace(acme, secret=secret).get("/account")
        assert (said.status_code, said.get_json()["error_id"]) == (REFUSED, "not-authenticated"), secret
        assert said.headers["WWW-Authenticate"] == "Bearer"
        assert said.content_type == "application/problem+json"
    # Of another organisation it is none.
    assert replace(acme, office=world.borea).get("/account").status_code == REFUSED
    for host in (DOMAIN, f"nobody.{DOMAIN}", "elsewhere.example"):
        said = Client(portal).get(
            f"{ROOT}/account", base_url=f"https://{host}", headers={"Authorization": f"Bearer {acme.secret}"}
        )
        assert (said.status_code, said.get_json()["error_id"]) == (NOT_FOUND, "not-found")


@pytest.mark.parametrize(
    "statement",
    [
        "update api_keys set ended_at = now()",
        "update api_keys set expires_at = now()",
        "update users set enabled = false",
        "update users set permissions = array_remove(permissions, 'api')",
        "update tenants set permissions = array_remove(permissions, 'api')",
        "update tenants set enabled = false",
    ],
)
def test_a_key_that_has_ended_or_whose_user_may_not_opens_nothing(world: World, acme: Program, statement: str) -> None:
    assert acme.get("/account").status_code == 200
    execute(world, statement)
    assert acme.get("/account").status_code == REFUSED


def test_each_operation_takes_its_scope(world: World, portal: Portal) -> None:
    programs = {
        scope: a_program(world, portal, world.acme, {*api_keys.open_to(world.acme.user)} - {scope}, name=scope.value)
        for scope in Scope
    }
    for each in OPERATIONS:
        if each.scope is None:
            continue
        said = programs[each.scope].ask(each.method, _an_address(each.path), json={})
        assert (said.status_code, said.get_json()["error_id"]) == (403, "no-scope"), each.name
        assert each.scope.value in said.get_json()["detail"]


def _an_address(path: str) -> str:
    path = re.sub(r"<int\([^<>]*\):(number|contact|reader)>", "1", path)
    path = re.sub(r"<any\([^<>]*\):name>", "tiff", path)
    path = re.sub(r"<[^<>]*:e164>", "+4930990012", path)
    return re.sub(r"<[^<>]*:(name|slug|caller)>", "x", path)


def test_another_organisations_things_are_unknown(world: World, acme: Program, borea: Program) -> None:
    """SECURITY: every address of one tenant answers 404 to another, also to its administrators and to an operator."""
    for office in (world.acme, world.borea):
        with world.admin.tenant(office.tenant.id) as tx:
            users.change(tx, office.tenant.id, office.user.id, {"role": users.ADMINISTRATOR, "operator": True})
    sent = acme.hand("/faxes", {"to": ["+493023125009"], "documents": [{"name": "a.txt", "content": "SGVsbG8="}]})
    number = sent.get_json()["faxes"][0]["id"]
    world.render_all()
    contact = acme.hand("/contacts", {"number": "+493023125009", "name": "Ann", "shared": True}).get_json()["id"]
    group = acme.hand("/groups", {"name": "All", "shared": True}).get_json()["id"]
    assert acme.hand(f"/groups/{group}/members", {"contacts": [contact]}).get_json() == {"added": 1}
    letter = {"name": "a.txt", "content": "SGVsbG8="}
    campaign = acme.hand("/campaigns", {"name": "Spring", "documents": [letter]}).get_json()["id"]
    ids = {
        "faxes": number,
        "batches": sent.get_json()["batch"],
        "contacts": contact,
        "groups": group,
        "keys": acme.key_id,
        "campaigns": campaign,
    }
    webhook = acme.hand("/webhooks", {"address": "https://shop.example/", "own_only": True})
    ids["webhooks"] = webhook.get_json()["id"]
    ids["mailboxes"] = acme.hand("/organisation/mailboxes", {"name": "Group"}).get_json()["id"]
    words = {"name": "Letter", "body": "{{ message }}"}
    ids["cover-pages"] = acme.hand("/organisation/cover-pages", words).get_json()["id"]
    acme.hand("/organisation/do-not-fax", {"number": "+4930990012"})
    bodies: dict[str, object] = {
        "changeContact": {"number": "+493023125009", "name": "x"},
        "addMembers": {"contacts": [contact]},
        "changeWebhook": {},
        "addRecipients": {"numbers": ["+493023125009"]},
        "previewRecipients": {"csv": "MQ=="},
        "resendFax": {},
        "addReader": {"email": "user@borea.example"},
        "changeCoverPage": words,
        "changeOrganisationNumber": {"enabled": False},
        "addCaller": {"caller": "+4930", "rule": "block"},
        "putCampaignCover": {},
        "previewCampaignCover": {"cover": {}},
        "testCampaign": {"to": "+493023125009"},
    }
    for name in ("faxes", "contacts"):
        assert acme.get(f"/{name}/{ids[name]}").status_code == 200
    tried = []
    for each in OPERATIONS:
        if each.role is OPERATOR:
            # What they see is no tenant's (test_installation).
            continue
        if "number>" in each.path:
            noun = each.path.removeprefix("/organisation").split("/")[1]
            address = (
                _an_address(each.path).replace("/1", f"/{ids[noun]}", 1).replace("members/1", f"members/{contact}")
            )
            body = {} if each.body is None else {"json": bodies.get(each.name, {"name": "x"})}
            said = borea.ask(each.method, address, **body)
            assert (said.status_code, said.get_json()["error_id"]) == (NOT_FOUND, "not-found"), each.name
            tried.append(noun)
        elif each.path.startswith("/organisation/") and "e164" in each.path:
            known = "+4930990012" if "do-not-fax" in each.path else world.acme.did
            body = {} if each.body is None else {"json": bodies[each.name]}
            said = borea.ask(each.method, _an_address(each.path).replace("+4930990012", known), **body)
            assert (said.status_code, said.get_json()["error_id"]) == (NOT_FOUND, "not-found"), each.name
            tried.append("by number")
    ids["by number"] = 0
    assert {noun: tried.count(noun) for noun in ids} == {
        "faxes": 10,
        "batches": 2,
        "contacts": 3,
        "groups": 4,
        "keys": 1,
        "campaigns": 19,
        "webhooks": 7,
        "mailboxes": 3,
        "cover-pages": 3,
        "by number": 6,
    }
    # And in no list.
    for address in ("/contacts", "/groups", "/labels", "/campaigns", "/faxes?direction=outbound"):
        assert "[]" in borea.ask("GET", address).text.replace(" ", ""), address
    assert borea.get("/contacts", group=group).status_code == NOT_FOUND
    assert [each["id"] for each in borea.get("/keys").get_json()["keys"]] == [borea.key_id]


def test_a_key_makes_so_many_requests_in_a_minute(world: World, portal: Portal, acme: Program) -> None:
    world.settings = replace(world.settings, api_requests_per_minute=3)
    portal._api._settings = world.settings  # type: ignore[union-attr]  # as a restart would
    left = [acme.get("/account").headers["RateLimit"] for _try in range(3)]
    assert [each.split(";")[1] for each in left] == ["r=2", "r=1", "r=0"]
    said = acme.get("/account")
    assert (said.status_code, said.get_json()["error_id"], said.get_json()["retryable"]) == (
        TOO_MANY, "too-many-requests", True,
    )  # fmt: skip
    assert 1 <= int(said.headers["Retry-After"]) <= 60
    assert said.headers["RateLimit-Policy"] == '"key";q=3;w=60'
    other = a_program(world, portal, world.acme, name="other")
    assert other.get("/account").status_code == 200
    execute(world, "update api_use set began_at = began_at - interval '61 seconds'")
    assert acme.get("/account").status_code == 200


def test_a_key_is_made_within_limits(world: World) -> None:
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        secret, key = api_keys.make(tx, user, "  the   shop ", [Scope.FAXES_SEND], None, actor="test")
        assert (key.name, key.ending, secret[:4], len(secret)) == ("the shop", secret[-4:], "fxp_", 47)
        assert tx.value("select count(*) from api_keys where position(%s in digest::text) > 0", (secret,)) == 0
        for name, scopes, ends in (
            ("", [Scope.KEYS], None),
            ("x" * 61, [Scope.KEYS], None),
            ("a\x00b", [Scope.KEYS], None),
            ("x", [], None),
            ("x", [Scope.KEYS], datetime.now(UTC) - timedelta(seconds=1)),
        ):
            with pytest.raises(InvalidKey):
                api_keys.make(tx, user, name, scopes, ends, actor="test")
    with pytest.raises(InvalidKey, match="name already"), world.portal.tenant(user.tenant_id) as tx:
        api_keys.make(tx, user, "the shop", [Scope.KEYS], None, actor="test")
    with world.admin.tenant(user.tenant_id) as tx:
        users.change(tx, user.tenant_id, user.id, {"permissions": [*{*EVERYTHING} - {Permission.API}]})
    with pytest.raises(Forbidden), world.portal.tenant(user.tenant_id) as tx:
        api_keys.make(tx, user, "x", [Scope.KEYS], None, actor="test")


def test_a_key_is_ended_by_its_user_and_by_nobody_beside(world: World, acme: Program) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        boss = users.create(tx, world.acme.tenant.id, email="b@acme.example", name="B", role="administrator")
    with pytest.raises(NotFound), world.portal.tenant(world.acme.tenant.id) as tx:
        api_keys.end(tx, boss, acme.key_id, actor="test")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        api_keys.end(tx, world.acme.user, acme.key_id, actor="test")
        assert api_keys.of_user(tx, world.acme.user) == []
    assert acme.get("/account").status_code == REFUSED
    with world.portal.tenant(world.acme.tenant.id) as tx:
        actions = tx.rows("select action from audit where action like 'api-key.%%' order by sequence")
    assert [each["action"] for each in actions] == ["api-key.make", "api-key.end"]
