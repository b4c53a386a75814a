"""The whole way in Chromium, from an installation with one operator to a fax that its owner reads, and nobody else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from faxplan import demo, documents, enrolment, users
from faxplan.documents import Locked
from faxplan.enrolment import Secret
from faxplan.keyring import Keyring
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.past_the_gate import connected
from tests.portal.test_in_a_browser import Tab, tab
from tests.portal.test_keys_in_a_browser import OTHER as PASSWORD
from tests.portal.test_keys_in_a_browser import out, welcomed
from tests.received_pages import assert_same_below_the_header
from tests.vendor_words import vendor_words
from tests.world import PHRASE, World

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]
NORTH, SOUTH = "+493055501001", "+493055502001"
NORA, NILS = "nora@nord.example", "nils@nord.example"
SUE, SAM = "sue@sued.example", "sam@sued.example"
RECEIVED = ("tiff_id", "pdf_id", "images_id", "thumbnail_id")
ALL = (NORA, NILS, SUE, SAM)


def test_from_an_operator_to_a_fax_that_its_owner_reads_and_nobody_else(
    world: World, tab: Tab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hosts = Hosts(*(tab.base.replace("acme", slug) for slug in ("acme", "nord", "sued")))
    nora, sue = by_the_operator(world, tab)
    tab.base = hosts.north
    nils = by_an_administrator(tab, nora, "Nordwind Fax", NILS)
    tab.base = hosts.south
    sam = by_an_administrator(tab, sue, "Südhafen Post", SAM)
    tab.base = hosts.north
    enter(tab, nils)
    sent, received = sends(world, tab, monkeypatch)
    # It is read by its owner.
    tab.base = hosts.south
    tab.log_in(SUE, PASSWORD)
    tab.until("location.pathname === '/inbox' && document.images[0]?.naturalWidth > 0")
    assert tab.see("document.querySelector('tr.unread .who').innerText.replaceAll(' ', '')").startswith("03055501001")
    tab.click("tr.unread .who a")
    tab.until("document.images.length === 3 && document.images[0].naturalWidth === 1728")
    assert not vendor_words(tab.see("document.documentElement.outerHTML").encode())
    out(tab)
    # And by nobody else: neither a colleague, nor the other side, nor who runs it all.
    enter(tab, sam)
    sees_nothing(tab, received)
    for base, email, password in (
        (hosts.north, NILS, PASSWORD),
        (hosts.operators, world.acme.user.email, PHRASE),
    ):
        tab.base = base
        tab.log_in(email, password)
        sees_nothing(tab, received)
    # What was received is what was rendered; no key but hers opens it, and no file says who made it.
    rings = {email: enrolment.unlock(world.portal, users.find(world.portal, email), Secret(PASSWORD)) for email in ALL}
    for email in {*ALL} - {SUE}:
        with pytest.raises(Locked):
            files(world, received, of=SUE, ring=rings[email])
    theirs = files(world, received, of=SUE, ring=rings[SUE])
    (rendering,) = files(world, sent, of=NILS, ring=rings[NILS], columns=("rendering",)).values()
    for name, content in {**theirs, "rendering": rendering}.items():
        assert not vendor_words(content), name
    (tmp_path / "sent.tif").write_bytes(rendering)
    (tmp_path / "received.tif").write_bytes(theirs["tiff_id"])
    assert_same_below_the_header(tmp_path / "sent.tif", tmp_path / "received.tif")


@dataclass(frozen=True)
class Hosts:
    """The addresses of three organisations."""

    operators: str
    north: str
    south: str


def by_the_operator(world: World, tab: Tab) -> tuple[str, str]:
    """Adds a trunk, its route, and two tenants with an administrator and a number; the links that invite these two."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"operator": True})
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    trunk = {"host": "127.0.0.1", "port": "5080", "inbound_country": "DE", "source_networks": "127.0.0.1/32"}
    posted(tab, "/installation/trunks/new", name="west", **trunk)
    posted(tab, "/installation/routes", prefix="+4930555", trunk="west")
    links = []
    for slug, name, administrator, number in (
        ("nord", "Nordwind Reederei", NORA, NORTH),
        ("sued", "Südhafen GmbH", SUE, SOUTH),
    ):
        posted(tab, "/installation/tenants/new", slug=slug, name=name, country="DE", time_zone="Europe/Berlin")
        posted(tab, f"/installation/tenants/{slug}/people", email=administrator, role="administrator")
        links.append(asked(tab, "form[action$='/invitation']", "document.querySelector('input.shown').value"))
        posted(tab, "/installation/numbers/new", number=number, tenant=slug, mailbox=administrator)
    out(tab)
    return links[0], links[1]


def by_an_administrator(tab: Tab, link: str, brand: str, person: str) -> str:
    """Who was invited brands the organisation and adds somebody; the link that invites them."""
    enter(tab, link)
    posted(tab, "/organisation/brand", name=brand, colour="#7a1fa2", support=f"Ask {brand}")
    assert tab.see("document.querySelector('.bar .brand').textContent") == brand
    posted(tab, "/organisation/people/new", email=person, name=person.partition("@")[0])
    invited = asked(tab, "form[action$='/invitation']", "document.querySelector('.codes code').textContent")
    assert not vendor_words(tab.see("document.documentElement.outerHTML").encode())
    out(tab)
    return invited


def sends(world: World, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """A PDF, once its pages are looked at, over the trunk; the fax as its sender has it, and as its receiver does."""
    tab.go("/send")
    tab.choose("#file", demo.DOCUMENT)
    tab.click("[data-drop] .primary")
    tab.until("document.querySelector('[data-waiting]') !== null")
    tab.fill("#numbers", SOUTH)
    world.render_all()
    tab.until("document.images.length === 3 && document.images[0].naturalWidth === 1728")
    with faxplan_on_bench(world, monkeypatch, gateways=["carrier", "west"], own={"prefix": "+4930555"}) as switch:
        tab.click("[data-go]")
        tab.until("location.pathname.startsWith('/faxes/')")
        sent = int(tab.see("location.pathname").rpartition("/")[2])
        # The page says by itself how it goes, to the end.
        tab.until("document.querySelector('[data-words]')?.textContent.includes('All 3 pages arrived')")
        wait_for(lambda: came_in(world) is not None, "the fax to lie in its mailbox")
        assert not switch.complaints
    out(tab)
    received = came_in(world)
    assert received is not None
    return sent, received


def sees_nothing(tab: Tab, fax: int) -> None:
    """Who has logged in has no fax in the inbox, and nothing at another's address; and logs out."""
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    assert tab.see("document.querySelectorAll('tr .who a').length") == 0
    asked_for = {f"/faxes/{fax}": "GET", f"/faxes/{fax}/pdf": "GET", f"/faxes/{fax}/keys": "POST"}
    answers = tab.see(
        f"""Promise.all(Object.entries({json.dumps(asked_for)}).map(([path, method]) => fetch(path, {{
              method, headers: {{"X-CSRF-Token": document.querySelector("meta[name=csrf]").content}}
            }}).then(answer => answer.status)))"""
    )
    assert answers == [404] * 3
    out(tab)


def posted(tab: Tab, path: str, **values: str) -> None:
    """Fills in a page's form and sends it: the one with the first of these fields."""
    tab.go(path)
    for name, value in values.items():
        tab.fill(f"[name={name}]", value)
    asked(tab, f"form:has([name={next(iter(values))}])", "true")


def asked(tab: Tab, form: str, expression: str) -> str:
    """Sends a form; what the page that comes then says."""
    tab.see("window.sentFrom = true")
    tab.see(f"document.querySelector({form!r}).requestSubmit()")
    found: str = tab.until(f"window.sentFrom !== true && document.readyState === 'complete' && ({expression})")
    assert tab.see("document.querySelector('.wrong:not([hidden])')?.innerText") is None
    return found


def enter(tab: Tab, link: str) -> None:
    """By a link to a password of one's own, and into the inbox."""
    assert link.startswith(tab.base)
    welcomed(tab, link.removeprefix(tab.base), PASSWORD)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")


def came_in(world: World) -> int | None:
    """The one fax that somebody received."""
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("select max(id) from faxes where direction = 'inbound' and state = 'received'")
        row = cursor.fetchone()
    return row[0] if row else None


def files(world: World, fax_id: int, *, of: str, ring: Keyring, columns: Sequence[str] = RECEIVED) -> dict[str, bytes]:
    """What a user's fax consists of, opened by somebody's keys. Raises Locked."""
    tenant = users.find(world.portal, of).tenant_id
    found = {}
    with world.portal.tenant(tenant) as tx:
        row = tx.one(
            """select f.*, r.document_id as rendering
               from faxes f left join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
               where f.tenant_id = %s and f.id = %s""",
            (tenant, fax_id),
        )
        for name in columns:
            stored, key = documents.opened(tx, tenant, row[name], ring)
            with world.store.open(stored, key) as content:
                found[name] = content.read()
    return found
