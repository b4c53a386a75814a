"""Every page of the portal, from its own table, as axe-core sees it in Chromium: light and wide, dark and narrow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faxplan import (
    api_keys,
    brand_provisioning,
    campaign_files,
    campaign_uploads,
    campaigns,
    contact_groups,
    contact_imports,
    contacts,
    cover_provisioning,
    did_provisioning,
    do_not_fax_provisioning,
    drafts,
    mail_in_provisioning,
    provisioning,
    users,
    webhook_events,
    webhooks,
)
from faxplan.api_keys import Scope
from faxplan.campaign_pace import Pace
from faxplan.contact_files import Reading
from faxplan.contacts import Entry
from faxplan.mail_in_provisioning import Wish
from faxplan.originals import HandedIn
from portal.routes import ROUTES
from tests.db.test_campaigns import campaigner
from tests.mailing import choose_mail
from tests.portal.test_in_a_browser import Tab, tab
from tests.retained import execute, received, sent
from tests.webhook_receiver import an_endpoint
from tests.world import PHRASE, World

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]
AXE = (Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = ((1440, "light"), (390, "dark"))
BETWEEN = 768
"""Where a table has least room beside the places."""
HEAVIEST = 150_000
"""Bytes of a page with all that it loads, but for documents."""
NO_PAGES = (
    "/organisation/reports/<name>",
    "/log-in/sign-on",
    "/static/",
    "/brand/",
    "/standing",
    ".css",
    "<kind>",
    "/suggest",
    ".csv",
    "/now",
    "/news",
    "/cover-text",
)
"""In addresses that are answered with something else than a page."""
NAMES = {"<slug>": "acme", "<name>": "carrier", "<e164>": "+493023125001", "<key>": "twilio"}
"""What is there, by what stands for it in an address."""
QUERIES = {
    "/forward": "?fax=1",
    "/move": "?fax=1",
    "/installation/trunk-setup/<key>/review": "?name=office&host=192.0.2.1&transport=udp&inbound_country=US"
    "&called_format=e164&calling_format=e164&caller_id_in=pai&t38_request=receiver&codec=any&register=on&username=u",
    "/installation/routes/one": "?prefix=%2B&trunk=carrier",
    "/installation/routes/explain": "?tenant=acme&number=%2B493023125099",
}


def addresses(ids: dict[str, list[int]]) -> Iterator[str]:
    """Of every page, with ids of what is there, by the word before the id."""
    for route in ROUTES:
        if route.method != "GET" or any(each in route.path for each in NO_PAGES):
            continue
        path = route.path + QUERIES.get(route.path, "")
        for placeholder, name in NAMES.items():
            path = path.replace(placeholder, name)
        if "<" not in path:
            yield path
            continue
        noun = path.partition("/<")[0].rpartition("/")[2]
        for number in ids.get(noun, []):
            yield path.replace("<int:number>", str(number)).replace("<did>", f"+{number}")
    for group in ("faxes", "campaigns", "installation"):
        yield f"/api/v1/?group={group}"


@pytest.fixture
def everything(world: World, letter: Path) -> dict[str, list[int]]:
    """What there is to be seen, of acme; its user may see all of it."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator", "operator": True})
    faxes = [received(world, world.acme, "one"), sent(world, world.acme)]
    execute(world, "update faxes set state = 'failed', explanation = 'Nobody answered.' where id = %s", (faxes[1],))
    brand_provisioning.change(world.admin, "x", "acme", {"legal": "Acme GmbH", "support": "x@y.z", "colour": "#ffcc00"})
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        contact = contacts.add(tx, world.acme.user, Entry("Ann", "Co", "030 23125009"), shared=True)
        group = contact_groups.add(tx, world.acme.user, "Customers", shared=True)
        table = b"Name,Fax\nAnn,030 23125008\nBob,112\n"
        brought = contact_imports.begin(tx, world.acme.user, "list.csv", table)
        boss = users.get(tx, world.acme.tenant.id, world.acme.user.id)
        api_keys.make(tx, boss, "The shop", tuple(Scope), None, actor="x")
    did_provisioning.add_caller(world.admin, "x", "acme", world.acme.did, "+44", "block")
    do_not_fax_provisioning.add(world.admin, "x", "acme", "+493023125077", "They asked for it")
    for email in (None, world.acme.user.email):
        provisioning.set_quota(world.admin, "x", "acme", period="day", pages=5, email=email)
    choose_mail(world, world.acme.user, mail=True)
    brand_provisioning.add_host(world.admin, "x", "acme", "fax.acme.example", "localhost")
    brand_provisioning.confirm_host(world.admin, "x", "acme", "fax.acme.example")
    provisioning.change_tenant(world.admin, "x", "acme", {"mail_pins": True})
    by_mail = Wish(add="ann@home.example", token=True, pin=True)
    mail_in_provisioning.change(world.admin, "x", "acme", world.acme.user.email, by_mail)
    assert world.acme.user.mailbox_id is not None
    _secret, webhook = an_endpoint(world, world.acme, "https://shop.example/faxes")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        webhooks.rotate(tx, world.acme.user, webhook.id, actor="test")
        webhook_events.test(tx, world.acme.user, webhook.id, actor="test")
    ids = _campaigns(world, letter)
    said = "tries = 1, status = 500, answer = 'No.', said = 'The endpoint answers with 500.'"
    execute(world, f"update webhook_deliveries set {said}")
    execute(world, "update webhook_endpoints set failures = 1, failing_since = now()")
    return {
        "webhooks": [webhook.id],
        "campaigns": ids,
        "faxes": faxes,
        "drafts": [draft.id],
        "people": [world.acme.user.id],
        "contacts": [contact.id],
        "groups": [group.id],
        "imports": [brought.id],
        "mailboxes": [world.acme.user.mailbox_id],
        "numbers": [int(world.acme.did)],
        "covers": [cover_provisioning.put(world.admin, "x", "acme", "Letter", "{{ message }}", "Acme").id],
    }


def _campaigns(world: World, letter: Path) -> list[int]:
    """One that waits for its start, with a file that is looked at, and one that runs."""
    user, ids = world.acme.user, []
    for _each in range(2):
        draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
        with world.portal.tenant(user.tenant_id) as tx:
            ids.append(campaigns.make(tx, user, "Spring", draft.id, Pace(), actor="test").id)
            lines = b"030 23110001\n030 23110002\n12\n030 23110001\n"
            campaign_files.bring(tx, user, ids[-1], lines, Reading())
    campaigner(world).work()
    with world.portal.tenant(user.tenant_id) as tx:
        campaign_uploads.begin(tx, user, ids[0], "more.csv", b"Name,Fax\nAnn,030 23110003\nBob,12\n")
        campaigns.start(tx, user, ids[1], actor="test")
    world.render_all()
    campaigner(world).work()
    return ids


def found(tab: Tab) -> list[str]:
    """What axe has to say that is serious, and of what."""
    result: list[dict[str, Any]] = tab.see(
        f"axe.run(document, {{runOnly: {json.dumps(TAGS)}, resultTypes: ['violations']}}).then(each => each.violations)"
    )
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:160]}"
        for each in result
        if each["impact"] in ("serious", "critical", "moderate")
        for node in each["nodes"]
    ]


def weight(tab: Tab) -> int:
    """Bytes of the page, and of what it loads that is no sealed document, as they are sent."""
    bytes_of: int = tab.see(
        """performance.getEntriesByType('navigation')[0].encodedBodySize
           + performance.getEntriesByType('resource')
               .filter(each => !/\\/(faxes|drafts)\\//.test(each.name))
               .reduce((sum, each) => sum + each.encodedBodySize, 0)"""
    )
    return bytes_of


def look(tab: Tab, wide: int, scheme: str) -> None:
    """Through such a window."""
    tab.tools.do("Emulation.setDeviceMetricsOverride", width=wide, height=900, deviceScaleFactor=1, mobile=wide < 600)
    tab.tools.do(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                {"name": "prefers-reduced-motion", "value": "reduce"}]
    )  # fmt: skip
    tab.until(f"matchMedia('(width: {wide}px) and (prefers-color-scheme: {scheme})').matches")


def test_no_page_shuts_anybody_out_and_none_is_heavy(world: World, tab: Tab, everything: dict[str, list[int]]) -> None:
    pages = sorted(set(addresses(everything)) - {"/", "/log-in", "/which"})
    assert len(pages) > 12
    wrong: dict[str, list[str]] = {}
    for path in ("/log-in", "/nothing-here"):
        tab.tools.do("Page.navigate", url=tab.base + path)
        tab.until("document.readyState === 'complete'")
        tab.see(AXE)
        if said := found(tab):
            wrong[path] = said
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.tools.watch()
    for path in pages:
        # Loaded once and seen twice: what is wide or dark is up to the stylesheet, which no script has a part in.
        look(tab, *VIEWS[0])
        tab.tools.do("Page.navigate", url=tab.base + path)
        tab.until("document.readyState === 'complete' && document.querySelector('main') !== null")
        tab.see(AXE)
        about_it = []
        if tab.see("performance.getEntriesByType('navigation')[0].responseStatus") != 200:
            about_it.append("it is not there")
        if (heavy := weight(tab)) > HEAVIEST:
            about_it.append(f"it has {heavy} bytes")
        about_it += tab.tools.thrown
        tab.tools.thrown.clear()
        if about_it:
            wrong[path] = about_it
        for wide, scheme in VIEWS:
            look(tab, wide, scheme)
            said = found(tab)
            if tab.see(f"document.documentElement.scrollWidth > {wide}"):
                said.append("it is to be scrolled sideways")
            if said:
                wrong[f"{path} ({scheme}, {wide})"] = said
    assert not wrong, json.dumps(wrong, indent=1)


def test_lists_of_faxes_have_room_beside_the_places(world: World, tab: Tab) -> None:
    received(world, world.acme, "one")
    sent(world, world.acme)
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    for path in ("/inbox", "/sent"):
        tab.go(path)
        look(tab, BETWEEN, "light")
        assert tab.see(f"document.documentElement.scrollWidth <= {BETWEEN}")
        # A number on one line, which is 24 pixels high.
        assert tab.see("document.querySelector('.faxes .who a').getBoundingClientRect().height < 36")


def test_what_a_script_throws_is_found(tab: Tab) -> None:
    """Else the test above could not fail by it."""
    tab.tools.watch()
    thrown = "addEventListener('load', () => { Promise.reject(new Error('one')); throw new TypeError('two'); })"
    tab.tools.do("Page.addScriptToEvaluateOnNewDocument", source=thrown)
    tab.go("/log-in")
    for said in ("Error: one", "TypeError: two"):
        assert any(said in each for each in tab.tools.thrown)


def test_what_shuts_somebody_out_is_found(world: World, tab: Tab) -> None:
    """Else the test above could not fail."""
    tab.go("/log-in")
    tab.see("document.querySelector('label').remove(); document.body.style.color = '#eee'")
    tab.see(AXE)
    assert {each.split()[0] for each in found(tab)} >= {"label", "color-contrast"}
