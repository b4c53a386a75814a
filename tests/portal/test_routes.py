"""Every address of the portal, from its own table: who is not logged in, or is of another tenant, finds nothing."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.test import Client, EnvironBuilder, TestResponse, run_wsgi_app

from faxplan import (
    api_keys,
    campaign_uploads,
    campaigns,
    contact_groups,
    contact_imports,
    contacts,
    cover_provisioning,
    drafts,
    mail_in_provisioning,
    passkeys,
    users,
    webhook_events,
    webhooks,
)
from faxplan.api_keys import Scope
from faxplan.campaign_pace import Pace
from faxplan.contacts import Entry
from faxplan.mail_in_provisioning import Wish
from faxplan.originals import HandedIn
from faxplan.web_client import WebClient
from faxplan.webauthn import Credential
from portal.app import Portal
from portal.policy import CONTENT_SECURITY_POLICY
from portal.roles import OPERATOR
from portal.route import Route
from portal.routes import ROUTES
from tests.portal.conftest import DOMAIN, Visitor, visitor
from tests.retained import received, sent
from tests.world import World

CLOSED = [each for each in ROUTES if each.logged_in]
OF_TENANTS = [each for each in CLOSED if "<int:number>" in each.path and each.role is not OPERATOR]
"""What an operator sees is no tenant's."""
LOG_INS = [each for each in ROUTES if not each.logged_in and each.method == "POST"]


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@dataclass
class Things:
    """What a tenant has, by the word in an address before its id."""

    faxes: list[int]
    drafts: list[int]
    sessions: list[int]
    people: list[int]
    contacts: list[int]
    groups: list[int]
    imports: list[int]
    passkeys: list[int]
    mailboxes: list[int]
    covers: list[int]
    webhooks: list[int]
    deliveries: list[int]
    campaigns: list[int]
    api_keys: list[int]


@pytest.fixture
def things(world: World, ben: Visitor, letter: Path) -> Things:
    """Of borea: a fax of either direction, a draft, a session."""
    faxes = [received(world, world.borea, "b"), sent(world, world.borea)]
    draft, kept = (
        drafts.make(world.portal, world.store, world.borea.user, HandedIn(letter, "letter.txt")) for _each in range(2)
    )
    with world.portal.tenant(world.borea.tenant.id) as tx:
        session = tx.value("select id from sessions")
        entered = [
            contacts.add(tx, world.borea.user, Entry("B", "", "+4930990012"), shared=each) for each in (True, False)
        ]
        groups = [contact_groups.add(tx, world.borea.user, "B", shared=each).id for each in (True, False)]
        brought = contact_imports.begin(tx, world.borea.user, "b.csv", b"Name,Fax\nBea,+4930990012\n")
        passkeys.enter(tx, world.borea.user, "x", Credential(b"id", b"key", 0), None, actor="test")
        passkey = tx.value("select id from passkeys")
        _secret, webhook = webhooks.make(
            tx, world.borea.user, "https://shop.example/", webhooks.FINAL, WebClient(), own_only=True, actor="test"
        )
        told = webhook_events.test(tx, world.borea.user, webhook.id, actor="test")
        campaign = campaigns.make(tx, world.borea.user, "B", kept.id, Pace(), actor="test")
        campaign_uploads.begin(tx, world.borea.user, campaign.id, "b.csv", b"Fax\n+4930990012\n")
        _secret, key = api_keys.make(tx, world.borea.user, "x", [Scope.KEYS], None, actor="test")
    mail_in_provisioning.change(
        world.admin, "test", "borea", world.borea.user.email, Wish(add="b@home.example", token=True)
    )
    assert world.borea.user.mailbox_id is not None
    return Things(
        faxes=faxes,
        drafts=[draft.id],
        sessions=[session],
        people=[world.borea.user.id],
        contacts=[each.id for each in entered],
        groups=groups,
        imports=[brought.id],
        passkeys=[passkey],
        mailboxes=[world.borea.user.mailbox_id],
        covers=[cover_provisioning.put(world.admin, "test", "borea", "B", "{{ message }}", "").id],
        webhooks=[webhook.id],
        deliveries=[told.id],
        campaigns=[campaign.id],
        api_keys=[key.id],
    )


def noun(route: Route) -> str:
    return route.path.partition("/<int:number>")[0].rpartition("/")[2].replace("-", "_")


def addresses(route: Route, ids: list[int]) -> list[str]:
    kinds = (
        ("tiff", "pdf", "images", "thumbnail", "original", "cover", "cover-images") if "<kind>" in route.path else ("",)
    )
    return [route.path.replace("<int:number>", str(each)).replace("<kind>", kind) for each in ids for kind in kinds]


def test_of_another_tenant_nothing_is_there(world: World, ann: Visitor, things: Things) -> None:
    """SECURITY: each id of borea answers 404 to acme, as one that never was; and nothing of borea is changed."""
    # Whatever they may do at home.
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator", "operator": True})
    before = _state(world)
    asked = 0
    for route in OF_TENANTS:
        for address in addresses(route, getattr(things, noun(route))):
            asked += 1
            answer = ann.get(address) if route.method == "GET" else ann.post(address, {"numbers": "+493023125009"})
            if noun(route) == "sessions":
                # One's own sessions, and no others': what is not there has ended.
                assert answer.status_code == 303
                continue
            assert answer.status_code == 404, named(route)
            unknown = route.path.replace("<int:number>", "999999").replace("<kind>", address.rsplit("/", 1)[-1])
            other = ann.get(unknown) if route.method == "GET" else ann.post(unknown, {"numbers": "+493023125009"})
            number = address.removeprefix(route.path.partition("<")[0]).partition("/")[0]
            assert words(answer).replace(number, "N") == words(other).replace("999999", "N"), named(route)
        assert _state(world) == before, named(route)
    assert asked > len(OF_TENANTS) > 30


def words(answer: TestResponse) -> str:
    """What an error page says."""
    return answer.text.partition('role="alert">')[2].partition("</p>")[0]


def _state(world: World) -> list[dict[str, object]]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return [
            *tx.rows("select * from faxes order by id"),
            *tx.rows("select * from drafts order by id"),
            *tx.rows("select * from campaigns order by id"),
            *tx.rows("select * from campaign_files"),
            *tx.rows("select * from campaign_uploads"),
            *tx.rows("select id, user_id from sessions order by id"),
            *tx.rows("select id, user_id from passkeys order by id"),
            *tx.rows("select * from mailbox_entries order by fax_id"),
            *tx.rows("select * from users order by id"),
            *tx.rows("select * from contacts order by id"),
            *tx.rows("select * from contact_groups order by id"),
            *tx.rows("select id, taken from contact_imports order by id"),
            *tx.rows("select * from cover_templates order by id"),
            *tx.rows("select id, mail_mode, mail_format, mail_set_at from mailboxes order by id"),
            *tx.rows("select * from mail_recipients order by id"),
            *tx.rows("select * from mail_senders"),
            *tx.rows("select * from mail_tokens"),
            *tx.rows("select * from api_keys order by id"),
        ]


def test_of_another_tenants_faxes_no_thumbnail_is_given(ann: Visitor, things: Things) -> None:
    answer = ann.post("/thumbnails", {"fax": [str(each) for each in things.faxes]})
    assert (answer.status_code, answer.get_json()) == (200, {})


def test_who_is_not_logged_in_is_asked_to(portal: Portal, world: World) -> None:
    nobody = visitor(portal, world.acme)
    for route in CLOSED:
        address = route.path.replace("<int:number>", "1").replace("<kind>", "tiff")
        answer = nobody.get(address) if route.method == "GET" else nobody.post(address)
        to = "/log-in?over=1&to=" if route.method == "POST" else "/log-in"
        if (route.method, address) == ("GET", "/faxes/1"):
            to = "/log-in?to=%2Ffaxes%2F1"
        assert (answer.status_code, answer.headers.get("Location")) == (303, to), named(route)
        script = {"Accept": "application/json"}
        answer = nobody.get(address, **script) if route.method == "GET" else nobody.post(address, **script)
        assert (answer.status_code, answer.get_json()["error_id"]) == (401, "logged-out"), named(route)


@pytest.mark.parametrize("wrong", ["another site", "no token", "no word whence"])
def test_nobody_acts_by_a_form_of_another_site(world: World, ann: Visitor, wrong: str) -> None:
    for route in CLOSED:
        if route.method == "POST":
            _is_refused(ann, route, wrong)
    assert ann.get("/inbox").status_code == 200


def _is_refused(ann: Visitor, route: Route, wrong: str) -> None:
    address = route.path.replace("<int:number>", "1")
    if wrong == "no token":
        ann.csrf = "0" * 64
        answer = ann.post(address, Accept="application/json")
    elif wrong == "another site":
        answer = ann.post(address, Sec_Fetch_Site="cross-site", Accept="application/json")
    else:
        answer = ann.client.post(
            address, base_url=f"https://{ann.host}", data={"csrf": ann.csrf}, headers={"Accept": "application/json"}
        )
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "cross-site"), named(route)


@pytest.mark.parametrize("route", LOG_INS, ids=named)
def test_nobody_is_logged_in_by_another_site(portal: Portal, world: World, route: Route) -> None:
    answer = visitor(portal, world.acme).post(route.path, {"email": "x"}, Sec_Fetch_Site="cross-site")
    assert answer.status_code == 400


def test_an_old_browser_says_whence_by_its_origin(portal: Portal, world: World) -> None:
    """Before Sec-Fetch-Site."""
    nobody = visitor(portal, world.acme)
    for origin, status in ((f"https://{nobody.host}", 200), ("https://evil.example", 400), ("null", 400)):
        answer = nobody.client.post(
            "/log-in/challenge", base_url=f"https://{nobody.host}", data={"email": "a@b.example"},
            headers={"Origin": origin, "Accept": "application/json"},
        )  # fmt: skip
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/inbox", "/nothing", "/static/x/portal.css", "/faxes/77", "/log-in"])
def test_every_answer_has_the_policy(ann: Visitor, path: str) -> None:
    answer = ann.get(path)
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["", "nobody.", "acme.borea.", "ACME.x."])
def test_another_host_is_nobodys(portal: Portal, world: World, host: str) -> None:
    answer = Client(portal).get("/inbox", base_url=f"https://{host}{DOMAIN}")
    assert answer.status_code == 404
    assert world.acme.tenant.name not in answer.text


def test_a_query_that_no_browser_writes_is_read_like_another(portal: Portal, ann: Visitor) -> None:
    """It is asked for on the page as well that says what went wrong."""
    for path, host, status in (("/which", DOMAIN, 200), ("/inbox", ann.host, 400)):
        environ = EnvironBuilder(path, base_url=f"https://{host}", headers={"Cookie": f"__Host-session={ann.token}"})
        given = environ.get_environ() | {"QUERY_STRING": "name=\xff&q=\xff\xed\xa0\x80"}
        assert run_wsgi_app(portal, given, buffered=True)[1].startswith(str(status)), path


def test_a_session_of_one_tenant_is_none_at_another(portal: Portal, ann: Visitor, world: World) -> None:
    # Without cookies of its own, a client sends the header that it is given.
    alone, cookie = Client(portal, use_cookies=False), {"Cookie": f"__Host-session={ann.token}"}
    assert alone.get("/inbox", base_url=f"https://{ann.host}", headers=cookie).status_code == 200
    answer = alone.get("/inbox", base_url=f"https://{world.borea.tenant.slug}.{DOMAIN}", headers=cookie)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/log-in")


def test_the_portals_own_host_asks_which_organisation(portal: Portal, world: World) -> None:
    client = Client(portal)
    assert "Which organisation" in client.get("/", base_url=f"https://{DOMAIN}").text
    for port in ("", ":8443"):
        answer = client.get("/which?name=ACME", base_url=f"https://{DOMAIN}{port}")
        assert answer.headers["Location"] == f"https://acme.{DOMAIN}{port}/log-in"
        page = client.get("/", base_url=f"https://{DOMAIN}{port}")
        assert f"form-action 'self' https://*.{DOMAIN}{port};" in page.headers["Content-Security-Policy"]
    for name in ("nobody", "", "<script>", "evil.example/", "acme.evil.example", "\x00", "a" * 5000):
        answer = client.get("/which", query_string={"name": name}, base_url=f"https://{DOMAIN}")
        assert answer.status_code in (200, 400)
        assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/{v}/../app.py",
        "/static/{v}/%2e%2e/app.py",
        "/static/{v}/vault/vendor/VENDORED.md",
        "/static/0/portal.css",
        "/static/{v}/",
        "/static/{v}//etc/passwd",
    ],
)
def test_of_static_files_only_those_are_given_that_are_meant(ann: Visitor, path: str) -> None:
    page = ann.get("/inbox").text
    version = page.partition('href="/static/')[2].partition("/")[0]
    assert ann.get(f"/static/{version}/portal.css").status_code == 200
    answer = ann.get(path.format(v=version))
    assert answer.status_code in (404, 308)
    assert "root:" not in answer.text


@pytest.mark.parametrize("number", ["0", "-1", str(2**63 - 1), str(2**63), "9" * 400, "1.5", "x", "%00", "1%2f.."])
def test_what_is_no_id_is_not_there(ann: Visitor, number: str) -> None:
    assert ann.get(f"/faxes/{number}").status_code == 404


def test_files_of_ours_are_sent_packed_to_who_takes_that_and_pages_are_not(ann: Visitor) -> None:
    page = ann.get("/inbox", Accept_Encoding="gzip")
    assert "Content-Encoding" not in page.headers
    address = "/static/" + page.text.partition('href="/static/')[2].partition('"')[0]
    plain, packed = ann.get(address), ann.get(address, Accept_Encoding="br, gzip")
    assert (packed.headers["Content-Encoding"], gzip.decompress(packed.data)) == ("gzip", plain.data)
    assert {plain.headers["Vary"], packed.headers["Vary"]} == {"Accept-Encoding"}
    assert plain.headers["ETag"] != packed.headers["ETag"]


def test_on_this_machine_another_name_of_it_leads_to_the_portals(world: World) -> None:
    here = Client(Portal(world.portal, world.store, "localhost"))
    answer = here.get("/", base_url="http://127.0.0.1:8080")
    assert (answer.status_code, "http://localhost:8080" in answer.text) == (404, True)


def test_a_form_of_a_session_that_is_over_leads_back_to_its_page(world: World, portal: Portal) -> None:
    stranger = visitor(portal, world.acme)
    before = f"https://{stranger.host}/drafts/3?to=x"
    answer = stranger.post("/drafts/3/send", Referer=before)
    assert answer.headers["Location"] == "/log-in?over=1&to=%2Fdrafts%2F3%3Fto%3Dx"
    assert "nothing of it was sent or saved" in stranger.get(answer.headers["Location"]).text
    assert "sent or saved" not in stranger.get("/log-in").text
    for elsewhere in ("https://elsewhere.example/drafts/3", "", before.replace("?to=x", "/send")):
        assert stranger.post("/drafts/3/send", Referer=elsewhere).headers["Location"] == "/log-in?over=1&to="
