"""Administration: who may, the people of an organisation, and the process that answers it."""

from dataclasses import dataclass

import pytest
from werkzeug.test import Client

from faxplan import invitations, users
from portal.app import Portal
from portal.roles import ADMINISTRATOR, OPERATOR, USER, Role
from portal.route import Route
from portal.routes import ROUTES
from tests.hostile import TEXTS
from tests.portal.conftest import DOMAIN, Visitor
from tests.world import World

ADMINISTRATION = [each for each in ROUTES if each.role is not USER]


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def make(world: World, **values: object) -> None:
    """Of acme's user."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, values)


@pytest.fixture
def boss(world: World, ann: Visitor) -> Visitor:
    """Ann, as an administrator."""
    make(world, role="administrator")
    return ann


@dataclass
class Row:
    actor: str
    authenticated: str
    address: str
    details: dict[str, object]


def audited(world: World, action: str) -> list[Row]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select actor, authenticated, address, details from audit where action = %s", (action,))
    return [Row(**row) for row in rows]


@pytest.mark.parametrize("role", [ADMINISTRATOR, OPERATOR])
def test_who_has_not_the_role_is_refused(world: World, ann: Visitor, role: Role) -> None:
    if role is OPERATOR:
        make(world, role="administrator")
    routes = [each for each in ADMINISTRATION if each.role is role]
    assert len(routes) > 20
    for route in routes:
        address = route.path.replace("<int:number>", str(world.acme.user.id))
        answer = ann.get(address) if route.method == "GET" else ann.post(address)
        assert (answer.status_code, "Only" in answer.text) == (403, True), named(route)


def test_without_the_role_of_the_database_there_is_no_administration(world: World, boss: Visitor) -> None:
    make(world, operator=True)
    boss.client = Client(Portal(world.portal, world.store, DOMAIN))
    assert boss.log_in().status_code == 200
    for route in ADMINISTRATION:
        address = route.path.replace("<int:number>", str(world.acme.user.id))
        answer = boss.get(address) if route.method == "GET" else boss.post(address)
        assert answer.status_code == 404, named(route)
    # Nor does anything lead there.
    assert 'href="/organisation/' not in boss.get("/menu").text


def test_the_process_of_the_administration_answers_nothing_else(world: World, boss: Visitor) -> None:
    alone = Visitor(Client(Portal(world.portal, world.store, DOMAIN, admin=world.admin, has_users=False)), world.acme)
    assert alone.get("/log-in").status_code == 404
    assert boss.token is not None
    alone.client.set_cookie("__Host-session", boss.token, domain=alone.host, secure=True)
    assert alone.get("/inbox").status_code == 404
    assert "user@acme.example" in alone.get("/organisation/people").text


def test_the_menu_has_what_the_user_may(world: World, ann: Visitor) -> None:
    assert 'href="/organisation/people"' not in ann.get("/menu").text
    make(world, role="administrator")
    assert 'href="/organisation/people"' in ann.get("/menu").text


def test_somebody_is_added_changed_and_switched_off(world: World, boss: Visitor) -> None:
    answer = boss.post("/organisation/people", {"email": "Eve@acme.example ", "name": "Eve", "role": "user"})
    assert answer.status_code == 303
    place = answer.headers["Location"].partition("?")[0]
    assert "Added." in boss.get(answer.headers["Location"]).text
    (row,) = audited(world, "user.add")
    assert (row.actor, row.authenticated, row.address) == (f"user:{world.acme.user.id}", "password", "127.0.0.1")
    assert row.details["email"] == "eve@acme.example"
    assert "eve@acme.example" in boss.get("/organisation/people").text
    answer = boss.post(place, {"name": "Eve Adams", "role": "administrator", "permissions": ["send", "api"]})
    assert answer.status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        eve = users.entry(tx, world.acme.tenant.id, int(place.rpartition("/")[2]))
    assert (eve["name"], eve["role"], eve["enabled"]) == ("Eve Adams", "administrator", False)
    (row,) = audited(world, "user.change")
    assert row.details == {
        "name": "Eve Adams", "role": "administrator", "enabled": False, "permissions": ["send", "api"]
    }  # fmt: skip


def test_what_the_organisation_may_not_at_present_nobody_loses_by_another_change(world: World, boss: Visitor) -> None:
    def of_tenant(*permitted: str) -> None:
        with world.admin.across_tenants() as tx:
            tx.execute("update tenants set permissions = %s where slug = 'acme'", (list(permitted),))

    of_tenant("send", "contacts")
    place = f"/organisation/people/{world.acme.user.id}"
    form = {"name": "Ann", "role": "administrator", "enabled": "on", "permissions": ["send"]}
    assert boss.post(place, form).status_code == 303
    assert boss.get("/inbox").headers["Location"] == "/sent"
    of_tenant("send", "contacts", "receive")
    assert boss.get("/inbox").status_code == 200
    # What it may, and they may no more, is gone.
    assert boss.get("/contacts").status_code == 403


def test_who_is_switched_off_is_logged_out(world: World, boss: Visitor) -> None:
    boss.post("/organisation/people", {"email": "eve@acme.example", "name": "", "role": "administrator"})
    boss.post(f"/organisation/people/{world.acme.user.id}", {"name": "", "role": "administrator"})
    assert boss.get("/inbox").headers["Location"] == "/log-in"


def test_the_last_administrator_stays_one(world: World, boss: Visitor) -> None:
    for form in ({"role": "user", "enabled": "on"}, {"role": "administrator"}):
        answer = boss.post(f"/organisation/people/{world.acme.user.id}", {"name": "A User", **form})
        assert answer.status_code == 400
        assert "is the last administrator" in answer.text
    assert boss.get("/organisation/people").status_code == 200


def test_an_administrator_changes_no_operator_and_makes_none(world: World, boss: Visitor) -> None:
    boss.post("/organisation/people", {"email": "olga@acme.example", "name": "Olga", "role": "user"})
    with world.admin.tenant(world.acme.tenant.id) as tx:
        olga = users.by_email(tx, world.acme.tenant.id, "olga@acme.example")
        users.change(tx, world.acme.tenant.id, olga.id, {"operator": True})
    form = {"name": "x", "role": "user", "enabled": "on", "operator": "on"}
    answer = boss.post(f"/organisation/people/{olga.id}", form)
    assert (answer.status_code, "runs this installation as well" in answer.text) == (400, True)
    boss.post(f"/organisation/people/{world.acme.user.id}", {**form, "role": "administrator"})
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert not users.get(tx, world.acme.tenant.id, world.acme.user.id).operator
    make(world, operator=True)
    assert boss.post(f"/organisation/people/{olga.id}", form).status_code == 303


def test_somebody_is_invited_by_a_link_that_is_shown_once(world: World, boss: Visitor) -> None:
    boss.post("/organisation/people", {"email": "eve@acme.example", "name": "", "role": "user"})
    with world.admin.tenant(world.acme.tenant.id) as tx:
        eve = users.by_email(tx, world.acme.tenant.id, "eve@acme.example")
    place = f"/organisation/people/{eve.id}"
    token = boss.post(f"{place}/invitation").text.partition(f"https://{boss.host}/welcome#")[2].partition("<")[0]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert invitations.find(tx, world.acme.tenant.id, token).user.id == eve.id
    assert "/welcome#" not in boss.get(place).text
    # Whoever opens it acts as that user.
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, eve.id, {"operator": True})
    answer = boss.post(f"{place}/invitation")
    assert (answer.status_code, "runs this installation" in answer.text) == (400, True)
    make(world, operator=True)
    assert boss.post(f"{place}/invitation").status_code == 200
    # Nor has who is switched off a link.
    boss.post(place, {"name": "", "role": "user"})
    assert boss.post(f"{place}/invitation").status_code == 400


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "", "role": "user"}, "Fill this in."),
        ({"email": "x", "role": "user"}, "address"),
        ({"email": "user@acme.example", "role": "user"}, "address"),
        ({"email": "x@acme.example", "role": "operator"}, "Choose one of these."),
        ({"email": "x@acme.example", "role": "user", "name": "n" * 101}, "At most 100 characters."),
        ({"email": "x@acme.example", "role": "user", "name": "a\0b"}, "There is a character"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_written(boss: Visitor, form: dict[str, object], said: str) -> None:
    answer = boss.post("/organisation/people", form)
    assert answer.status_code == 400
    assert said in answer.text
    assert "faxplan" not in answer.text.lower()


@pytest.mark.parametrize("text", TEXTS)
def test_a_name_is_text(boss: Visitor, text: str) -> None:
    form = {"email": "eve@acme.example", "name": text.encode("utf-8", "surrogatepass"), "role": "user"}
    assert boss.post("/organisation/people", form).status_code in (303, 400)
    page = boss.get("/organisation/people")
    assert (page.status_code, "<script>alert" in page.text, "<img src=x" in page.text) == (200, False, False)


def test_the_list_is_searched_and_goes_on(boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.people.AT_ONCE", 2)
    for name in ("eve", "bob", "carl", "dora"):
        boss.post("/organisation/people", {"email": f"{name}@acme.example", "name": f"{name} Smith", "role": "user"})
    seen: list[str] = []
    path = "/organisation/people?q=smiTH"
    while path:
        page = boss.get(path).text
        seen += [part.partition("<")[0] for part in page.split('<span class="hint">')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == [f"{name}@acme.example" for name in ("bob", "carl", "dora", "eve")]
    assert "Nobody is found" in boss.get("/organisation/people?q=%25").text


def test_of_another_tenant_nobody_is_there(world: World, boss: Visitor) -> None:
    address = f"/organisation/people/{world.borea.user.id}"
    assert boss.get(address).status_code == 404
    assert boss.post(address, {"name": "x", "role": "user", "enabled": "on"}).status_code == 404
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert users.get(tx, world.borea.tenant.id, world.borea.user.id).name == "A User"


def test_on_a_phone_the_bar_has_few_places(boss: Visitor) -> None:
    page = boss.get("/inbox").text
    assert page.count('class="near') == 4  # and "Send a fax"


def test_who_is_there_already_is_not_added_and_who_is_added_is_to_be_invited(world: World, boss: Visitor) -> None:
    form = {"email": "eve@acme.example", "name": "Eve", "role": "user"}
    added = boss.post("/organisation/people", form)
    assert "a link that you hand over" in boss.get(added.headers["Location"]).text
    again = boss.post("/organisation/people", form)
    assert (again.status_code, "a user with this e-mail address already" in again.text) == (400, True)
    assert "a mailbox of this name" not in again.text
