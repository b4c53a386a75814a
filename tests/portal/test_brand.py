"""Brands: two organisations look like themselves, on hosts of their own, and nothing names who made the software."""

import io
import re

import pytest
from werkzeug.test import Client

from faxplan import brand_provisioning, brands, users
from faxplan.constraints import ConstraintViolated
from portal.app import Portal
from portal.roles import OPERATOR
from portal.routes import ROUTES
from tests.hostile import TEXTS
from tests.portal.conftest import DOMAIN, HERE, Visitor
from tests.retained import received, sent
from tests.unit.test_brand_pictures import png
from tests.world import World

FORM = {
    "name": "Acme Fax",
    "colour": "#aa3300",
    "support": "help@acme.example",
    "legal": "Acme GmbH\nBerlin",
    "mail_sender": "",
    "mail_reply_to": "",
}


@pytest.fixture
def boss(world: World, ann: Visitor) -> Visitor:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator"})
    return ann


def at(portal: Portal, host: str, path: str = "/log-in") -> tuple[int, str]:
    answer = Client(portal).get(path, base_url=f"https://{host}", environ_base=HERE)
    return answer.status_code, answer.text


def test_a_brand_is_on_every_page_and_on_no_other_tenants(portal: Portal, boss: Visitor, ben: Visitor) -> None:
    before = boss.get("/inbox").text
    assert ("Acme" in before, "colours.css" in before) == (True, False)
    logo, icon = png(300, 60), png(64, 64)
    answer = boss.post(
        "/organisation/brand", {**FORM, "logo": (io.BytesIO(logo), "l.png"), "icon": (io.BytesIO(icon), "i.png")}
    )
    assert answer.status_code == 303, answer.text
    for page in (boss.get("/inbox").text, at(portal, boss.host)[1]):
        assert all(
            each in page for each in ('alt="Acme Fax"', "- Acme Fax</title>", "help@acme.example", 'href="/legal"')
        )
        sheet = boss.get(re.findall(r'href="(/brand/[^"]+colours.css)"', page)[0])
        assert (sheet.content_type, "#aa3300" in sheet.text) == ("text/css; charset=utf-8", True)
        assert "immutable" in sheet.headers["Cache-Control"]
        shown = boss.get(re.findall(r'src="(/brand/[^"]+logo.png)"', page)[0])
        assert (shown.content_type, shown.data) == ("image/png", brands.picture(logo, "logo"))
        assert boss.get(re.findall(r'href="(/brand/[^"]+icon.png)"', page)[0]).data == brands.picture(icon, "icon")
    assert "Acme GmbH\nBerlin" in boss.get("/legal").text
    assert "- Acme Fax</title>" in boss.get("/nothing-here").text
    assert all(each not in ben.get("/inbox").text for each in ("Acme", "aa3300", "help@"))
    assert ben.get("/legal").status_code == 404
    # Another look has other addresses: browsers keep these for good.
    old = re.findall(r"/brand/(\w+)/", boss.get("/inbox").text)[0]
    boss.post("/organisation/brand", {**FORM, "colour": "#003300", "no-logo": "on"})
    page = boss.get("/inbox").text
    assert (old in page, "logo.png" in page, "icon.png" in page) == (False, False, True)
    assert boss.get(f"/brand/{old}/colours.css").status_code == 404
    with boss_audit(boss) as rows:
        assert rows[0]["logo"] == f"{len(brands.picture(logo, 'logo'))} bytes"
        assert rows[1]["logo"] is None


class boss_audit:  # noqa: N801 - used like a function
    """The details of acme's rows about its brand."""

    def __init__(self, boss: Visitor) -> None:
        self._portal = boss.client.application

    def __enter__(self) -> list[dict[str, object]]:
        db = self._portal._db
        with db.across_tenants() as tx:
            tenant_id = tx.value("select id from tenants where slug = 'acme'")
        with db.tenant(tenant_id) as tx:
            return [
                row["details"]
                for row in tx.rows("select details from audit where action = 'brand.change' order by sequence")
            ]

    def __exit__(self, *_: object) -> None:
        pass


def test_a_host_of_its_own_answers_once_an_operator_has_confirmed_it(
    world: World, portal: Portal, boss: Visitor
) -> None:
    assert boss.post("/organisation/brand/hosts", {"host": "FAX.acme.example."}).status_code == 303
    assert "not confirmed yet" in boss.get("/organisation/brand").text
    assert at(portal, "fax.acme.example")[0] == 404
    brand_provisioning.confirm_host(world.admin, "x", "acme", "fax.acme.example")
    status, page = at(portal, "fax.acme.example")
    assert (status, "Acme" in page) == (200, True)
    assert at(portal, "FAX.ACME.example:8443")[0] == 200
    assert at(portal, "x.fax.acme.example")[0] == 404
    assert boss.post("/organisation/brand/hosts/remove", {"host": "fax.acme.example"}).status_code == 303
    assert at(portal, "fax.acme.example")[0] == 404


def test_a_session_is_one_of_its_tenant_at_whichever_host(world: World, portal: Portal, boss: Visitor) -> None:
    for slug in ("acme", "borea"):
        brand_provisioning.add_host(world.admin, "x", slug, f"fax.{slug}.example", DOMAIN)
        brand_provisioning.confirm_host(world.admin, "x", slug, f"fax.{slug}.example")
    for slug, status in (("acme", 200), ("borea", 303)):
        answer = Client(portal, use_cookies=False).get(
            "/inbox", base_url=f"https://fax.{slug}.example", headers={"Cookie": f"__Host-session={boss.token}"}
        )
        assert answer.status_code == status


@pytest.mark.parametrize(
    "host",
    [
        "", "acme", "a b.example", "borea.fax.example", "fax.example", "x.y.fax.example", "10.0.0.1", "-a.example",
        "\u00e9.example", "a.example/", "a" * 64 + ".example", "[::1]", "a.example:80", "<script>.example",
        "a\0.example",
    ],
)  # fmt: skip
def test_what_can_be_no_host_of_ones_own_is_refused(world: World, boss: Visitor, host: str) -> None:
    answer = boss.post("/organisation/brand/hosts", {"host": host})
    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
    assert brand_provisioning.hosts(world.admin, None) == []


def test_a_host_is_one_tenants(world: World, portal: Portal, boss: Visitor) -> None:
    """Who asks for another's name keeps nobody from it, and gets nothing."""
    assert boss.post("/organisation/brand/hosts", {"host": "fax.borea.example"}).status_code == 303
    brand_provisioning.add_host(world.admin, "x", "borea", "fax.borea.example", DOMAIN)
    brand_provisioning.confirm_host(world.admin, "x", "borea", "fax.borea.example")
    with pytest.raises(ConstraintViolated, match="another tenant"):
        brand_provisioning.confirm_host(world.admin, "x", "acme", "fax.borea.example")
    boss.post("/organisation/brand/hosts/remove", {"host": "fax.borea.example"})
    assert "Borea" in at(portal, "fax.borea.example")[1]
    assert boss.post("/organisation/brand/hosts/remove", {"host": "fax.borea.example"}).status_code == 404


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "Write a colour"),
        ({"colour": "#12345"}, "Write a colour"),
        ({"name": "n" * 81}, "At most 80"),
        ({"mail_sender": "nobody"}, "The sender of mails is an e-mail address."),
        ({"logo": (io.BytesIO(b"<svg/>"), "l.svg")}, "no whole PNG"),
        ({"icon": (io.BytesIO(png(600, 10)), "i.png")}, "600 x 10 pixels"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(boss: Visitor, change: dict[str, object], said: str) -> None:
    answer = boss.post("/organisation/brand", {**FORM, **change})
    assert (answer.status_code, said in answer.text) == (400, True)
    # What was written stands there still.
    assert "Acme GmbH" in answer.text
    assert "Acme Fax" not in boss.get("/inbox").text


@pytest.mark.parametrize("text", TEXTS)
def test_what_an_administrator_writes_is_text(boss: Visitor, portal: Portal, text: str) -> None:
    shown = text.encode("utf-8", "surrogatepass")
    boss.post("/organisation/brand", {**FORM, "name": shown, "support": shown, "legal": shown})
    for page in (boss.get("/organisation/brand").text, boss.get("/inbox").text, at(portal, boss.host)[1]):
        assert ("<script>alert" in page, "<img src=x" in page) == (False, False)


def test_the_preview_shows_what_is_not_saved(boss: Visitor) -> None:
    # With scripts it stands beside the form, which loses nothing by it.
    assert re.search(r"<noscript><button[^>]*/organisation/brand/preview", boss.get("/organisation/brand").text)
    page = boss.get(
        "/organisation/brand/preview",
    )
    assert page.status_code == 200
    page = boss.get("/organisation/brand/preview?name=Other+Name&colour=%23004400&support=x").text
    assert ("Other Name" in page, "preview.css?colour=%23004400" in page) == (True, True)
    assert ".preview{--brand:#004400" in boss.get("/organisation/brand/preview.css?colour=%23004400").text
    for wrong in ("", "red", "%23004400%7d*%7bcolor:red", "%230044"):
        assert boss.get(f"/organisation/brand/preview.css?colour={wrong}").text.startswith(".preview{--brand:#1d5f86")
    assert "Other Name" not in boss.get("/inbox").text


def test_no_page_names_who_made_the_software(world: World, portal: Portal, boss: Visitor) -> None:
    """White label: headers and pages alike; but for who runs it, whose pages name the switch that they look after."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"operator": True})
    ids = {"faxes": [received(world, world.acme, "a"), sent(world, world.acme)]}
    looked = 0
    for route in ROUTES:
        if (
            route.role is OPERATOR
            or route.method != "GET"
            or "<version>" in route.path
            or "<of>" in route.path
            or "<kind>" in route.path
        ):
            continue
        for number in ids.get(route.path.split("/")[1], [world.acme.user.id]):
            address = route.path.replace("<int:number>", str(number))
            for answer in (
                boss.get(address),
                Client(portal).get(address, base_url=f"https://{boss.host}", environ_base=HERE),
            ):
                looked += 1
                said = f"{answer.headers} {answer.text}".lower()
                assert "faxplan" not in said, address
                assert "freeswitch" not in said, address
    assert looked > 30


def test_mails_come_from_no_domain_that_nobody_has_confirmed(world: World, boss: Visitor) -> None:
    """SECURITY: our mail server would prove whatever domain somebody names."""
    host = "fax.acme.example"
    for sender in ("ceo@bank.example", f"fax@{host}", "fax@xfax.acme.example"):
        refused = boss.post("/organisation/brand", FORM | {"mail_sender": sender})
        assert (refused.status_code, "confirmed" in refused.text) == (400, True)
    brand_provisioning.add_host(world.admin, "x", "acme", host, DOMAIN)
    assert boss.post("/organisation/brand", FORM | {"mail_sender": f"fax@{host}"}).status_code == 400
    brand_provisioning.confirm_host(world.admin, "x", "acme", host)
    assert boss.post("/organisation/brand", FORM | {"mail_sender": f"fax@{host}"}).status_code == 303
    assert boss.post("/organisation/brand", FORM | {"mail_sender": "fax@acme.example"}).status_code == 400
    # What an operator has set stays while the rest is changed.
    brand_provisioning.set_sender(world.admin, "x", "acme", "fax@acme.example")
    answered = boss.post(
        "/organisation/brand", FORM | {"mail_sender": "fax@acme.example", "mail_reply_to": "a@b.example"}
    )
    assert answered.status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        found = brands.of(tx, world.acme.tenant.id, "")
    assert (found.mail_sender, found.mail_reply_to) == ("fax@acme.example", "a@b.example")
