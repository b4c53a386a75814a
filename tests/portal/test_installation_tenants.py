"""Tenants, as an operator keeps them: settings, what they may call, quotas, their people."""

from typing import Any

import pytest

from faxplan import audit, audit_list, brand_provisioning, invitations, provisioning, tenant_directory
from faxplan.permissions import EVERYTHING
from faxplan.tenants import Tenant
from tests.hostile import TEXTS
from tests.portal.conftest import Visitor
from tests.world import World

AT = "/installation/tenants/borea"


def borea(world: World) -> Tenant:
    return tenant_directory.one(world.admin, "borea")


def acts(world: World, noun: str, tenant_id: int = audit.INSTALLATION) -> list[dict[str, Any]]:
    """The newest first."""
    with world.admin.tenant(tenant_id) as tx:
        return audit_list.some(tx, tenant_id, before=None, limit=20, action=noun)


def settings(**changed: object) -> dict[str, object]:
    """The form as it stands, but for this."""
    form: dict[str, object] = {
        "name": "Borea", "time_zone": "Europe/Berlin", "station_ident": "+493023125002", "header_name": "Borea",
        "header_line": "on", "page_n_of_m": "on", "max_attempts": "5", "max_calls": "", "calls_per_hour": "",
        "pages_per_hour": "", "wait_hours": "", "redial_limits": "none", "redial_unknown": "on", "enabled": "on",
        "sandbox_numbers": "on",
        "permissions": list(EVERYTHING), "billing_codes": "none",
    }  # fmt: skip
    form.update(changed)
    return {name: value for name, value in form.items() if value is not None}


def test_one_is_added_with_its_first_administrator(world: World, olga: Visitor) -> None:
    form = {"slug": "nova", "name": "Nova & Söhne", "country": "at", "time_zone": "Europe/Vienna"}
    answer = olga.post("/installation/tenants", form)
    assert answer.headers["Location"] == "/installation/tenants/nova/people?note=added"
    assert "It has no people yet." in olga.get("/installation/tenants/nova/people").text
    olga.post("/installation/tenants/nova/people", {"email": "ada@nova.example", "role": "administrator"})
    page = olga.get("/installation/tenants/nova/people").text
    assert "ada@nova.example" in page
    assert "Nova &amp; Söhne" in page
    (row,) = acts(world, "tenant.add")
    assert row["actor"] == f"user:{world.acme.user.id}"
    (person,) = acts(world, "user.add", tenant_directory.one(world.admin, "nova").id)
    assert person["details"]["role"] == "administrator"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"slug": "", "name": "x", "country": "DE", "time_zone": "Europe/Berlin"}, "Fill this in."),
        ({"slug": "acme", "name": "x", "country": "DE", "time_zone": "Europe/Berlin"}, "short name"),
        ({"slug": "A b", "name": "x", "country": "DE", "time_zone": "Europe/Berlin"}, "short name"),
        ({"slug": "x", "name": "x", "country": "XX", "time_zone": "Europe/Berlin"}, "country"),
        ({"slug": "x", "name": "x", "country": "DE", "time_zone": "Berlin"}, "is not an IANA time zone"),
    ],
)
def test_what_is_wrong_is_said(olga: Visitor, form: dict[str, object], said: str) -> None:
    answer = olga.post("/installation/tenants", form)
    assert (answer.status_code, said in answer.text) == (400, True)


def test_the_list_is_searched_and_goes_on(world: World, olga: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.installation.tenants.AT_ONCE", 2)
    for slug in ("a1", "a2", "a3"):
        form = {"slug": slug, "name": f"Firm {slug}", "country": "DE", "time_zone": "Europe/Berlin"}
        assert olga.post("/installation/tenants", form).status_code == 303
    seen: list[str] = []
    path = "/installation/tenants?q=FIRM"
    while path:
        page = olga.get(path).text
        seen += [part.partition("<")[0] for part in page.split('<span class="hint">')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == ["a1", "a2", "a3"]
    assert "No tenant is found" in olga.get("/installation/tenants?q=%25").text


def test_only_what_was_changed_is_and_stands_in_the_audit(world: World, olga: Visitor) -> None:
    assert olga.post(AT, settings()).status_code == 303
    assert acts(world, "tenant.change") == []
    assert olga.post(AT, settings(calls_per_hour="7", page_n_of_m=None)).status_code == 303
    assert (borea(world).calls_per_hour, borea(world).page_n_of_m, borea(world).enabled) == (7, False, True)
    (row,) = acts(world, "tenant.change")
    assert row["details"] == {"calls_per_hour": 7, "page_n_of_m": False}
    olga.post(AT, settings())
    assert borea(world).calls_per_hour is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"max_attempts": "21"}, "Write a whole number, 1 to 20."),
        ({"time_zone": "Mars"}, "is not an IANA time zone"),
        ({"station_ident": "abc"}, "ident"),
        ({"redial_limits": "x"}, "Choose one of these."),
    ],
)
def test_a_setting_that_cannot_be_is_not_saved(
    world: World, olga: Visitor, changed: dict[str, object], said: str
) -> None:
    before = borea(world)
    answer = olga.post(AT, settings(**changed))
    assert (answer.status_code, said in answer.text, borea(world)) == (400, True, before)


def test_what_its_people_may_at_most_is_chosen(world: World, olga: Visitor) -> None:
    assert olga.post(AT, settings(permissions=["receive", "send"], billing_codes="required")).status_code == 303
    assert (list(borea(world).permissions), borea(world).billing_codes) == (["send", "receive"], "required")
    assert acts(world, "tenant.change")[0]["details"] == {
        "permissions": ["send", "receive"],
        "billing_codes": "required",
    }


def test_one_is_switched_off(world: World, olga: Visitor) -> None:
    olga.post(AT, settings(enabled=None))
    assert not borea(world).enabled
    assert "switched off" in olga.get("/installation/tenants").text


def test_kinds_of_numbers_are_permitted_and_forbidden(world: World, olga: Visitor) -> None:
    olga.post(f"{AT}/kinds", {"satellite": "on", "premium-rate": "on"})
    olga.post(f"{AT}/kinds", {"satellite": "on"})
    assert list(borea(world).permitted_kinds) == ["satellite"]
    assert [row["action"] for row in acts(world, "barring")] == ["barring.forbid", "barring.permit", "barring.permit"]


def test_numbers_are_listed_and_taken_off(world: World, olga: Visitor) -> None:
    olga.post(f"{AT}/entries", {"entry": "+49 900", "rule": "block"})
    olga.post(f"{AT}/entries", {"entry": "de", "rule": "allow"})
    assert (list(borea(world).blocked_numbers), list(borea(world).allowed_numbers)) == (["+49900"], ["DE"])
    page = olga.get(f"{AT}/limits").text
    assert "+49900" in page
    assert "It may call these, and no others:" in page
    olga.post(f"{AT}/entries/remove", {"entry": "+49900"})
    assert list(borea(world).blocked_numbers) == []
    assert olga.post(f"{AT}/entries/remove", {"entry": "+49900"}).status_code == 404
    answer = olga.post(f"{AT}/entries", {"entry": "nonsense", "rule": "block"})
    assert (answer.status_code, "nonsense" in answer.text.lower()) == (400, True)


def test_how_long_faxes_are_kept_is_bounded(world: World, olga: Visitor) -> None:
    olga.post(f"{AT}/retention", {"min_days": "10", "max_days": "90", "remove_records": "yes"})
    own, bounds = tenant_directory.bounds(world.admin, "borea")
    assert (bounds.min_days, bounds.max_days, bounds.remove_records) == (10, 90, True)
    assert "10 days at least and 90 at most" in olga.get(f"{AT}/limits").text
    answer = olga.post(f"{AT}/retention", {"min_days": "100", "max_days": "90", "remove_records": ""})
    assert (answer.status_code, "minimum of days would be above the maximum" in answer.text) == (400, True)
    assert tenant_directory.bounds(world.admin, "borea") == (own, bounds)


def test_a_quota_is_set_and_taken_away(world: World, olga: Visitor) -> None:
    olga.post(f"{AT}/quotas", {"pages": "100", "period": "month", "email": ""})
    olga.post(f"{AT}/quotas", {"pages": "0", "period": "day", "email": "user@borea.example"})
    found = [(row["user"], row["period"], row["limit_pages"]) for row in provisioning.all_quotas(world.admin, "borea")]
    assert found == [(None, "month", 100), ("user@borea.example", "day", 0)]
    olga.post(f"{AT}/quotas", {"pages": "", "period": "month", "email": ""})
    assert len(provisioning.all_quotas(world.admin, "borea")) == 1
    answer = olga.post(f"{AT}/quotas", {"pages": "1", "period": "day", "email": "nobody@x.example"})
    assert (answer.status_code, "has no user" in answer.text) == (400, True)


def test_somebody_is_made_an_operator_and_is_one(world: World, olga: Visitor, ben: Visitor) -> None:
    at = f"{AT}/people/{world.borea.user.id}"
    assert ben.get("/installation").status_code == 403
    assert olga.post(at, {"name": "Ben", "role": "user", "operator": "on", "enabled": "on"}).status_code == 303
    assert ben.get("/installation").status_code == 200
    (row,) = acts(world, "user.change", world.borea.tenant.id)
    assert row["details"] == {"name": "Ben", "operator": True}
    assert "operator" in olga.get(f"{AT}/people").text


def test_a_person_is_looked_for_in_their_own_tenant(world: World, olga: Visitor) -> None:
    for number in (world.acme.user.id, 10**9):
        at = f"{AT}/people/{number}"
        assert olga.get(at).status_code == 404
        assert olga.post(at, {"name": "x", "role": "user", "operator": "on", "enabled": "on"}).status_code == 404


def test_somebody_is_invited_by_a_link_that_is_shown_once(world: World, olga: Visitor) -> None:
    at = f"{AT}/people/{world.borea.user.id}"
    page = olga.post(f"{at}/invitation").text
    link = page.partition('readonly value="')[2].partition('"')[0]
    address, _, token = link.partition("#")
    assert address == "https://borea.fax.example/welcome"
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert invitations.find(tx, world.borea.tenant.id, token).user.id == world.borea.user.id
    assert token not in olga.get(at).text
    (row,) = acts(world, "user.invite", world.borea.tenant.id)
    assert row["actor"] == f"user:{world.acme.user.id}"
    assert token not in str(row)
    # Who may not act is not invited; nor is who is of another tenant.
    olga.post(at, {"name": "Ben", "role": "user"})
    answer = olga.post(f"{at}/invitation")
    assert (answer.status_code, "readonly value" in answer.text) == (400, False)
    assert olga.post(f"{AT}/people/{world.acme.user.id}/invitation").status_code == 404


def test_a_host_name_is_confirmed(world: World, olga: Visitor) -> None:
    brand_provisioning.add_host(world.admin, "x", "borea", "fax.borea.example", "fax.example")
    assert "fax.borea.example" in olga.get(f"{AT}/people").text
    assert olga.post(f"{AT}/hosts", {"host": "fax.borea.example"}).status_code == 303
    assert brand_provisioning.hosts(world.admin, "borea")[0]["confirmed_at"] is not None


@pytest.mark.parametrize("path", ["", "/limits", "/people"])
def test_what_is_no_tenant_is_not_there(olga: Visitor, path: str) -> None:
    for slug in ("nobody", "%00", "BOREA", "a" * 300):
        assert olga.get(f"/installation/tenants/{slug}{path}").status_code in (400, 404)


@pytest.mark.parametrize("text", TEXTS)
def test_a_name_is_text(olga: Visitor, text: str) -> None:
    assert olga.post(AT, settings(name=text.encode("utf-8", "surrogatepass"))).status_code in (303, 400)
    for path in ("/installation/tenants", AT, f"{AT}/limits", f"{AT}/people"):
        page = olga.get(path)
        assert (page.status_code, "<script>alert" in page.text, "<img src=x" in page.text) == (200, False, False)
