"""The whole way in Chromium: log in, read what came in, look at a document as it will be faxed, send it, log out."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from faxplan import drafts, users
from faxplan.originals import HandedIn
from portal.app import Portal
from tests.browser.devtools import CommandFailed, DevTools
from tests.faxes import claim, queued
from tests.retained import execute, received
from tests.world import PHRASE, World

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]
PATIENCE = 60
NUMBER = "030 23125 009"


@dataclass
class Tab:
    """A page of the portal, as a browser has it."""

    tools: DevTools
    base: str
    context: str
    """Where its cookies and all that it keeps are, of DevTools.apart."""

    def go(self, path: str) -> None:
        self.tools.do("Page.navigate", url=self.base + path)
        self.until(f"location.pathname === {json.dumps(path)} && document.readyState === 'complete'")

    def go_to(self, link: str) -> None:
        """With a fragment, which makes no new page by itself."""
        self.go("/organisation")
        self.tools.do("Page.navigate", url=self.base + link)
        self.until(f"location.pathname === {json.dumps(link.partition('#')[0])} && document.readyState === 'complete'")

    def see(self, expression: str) -> Any:
        return self.tools.evaluate(expression)

    def until(self, expression: str) -> Any:
        """Waits for it to hold; from one page to the next there is none for a moment."""
        deadline = time.monotonic() + PATIENCE
        while True:
            failed: CommandFailed | None = None
            try:
                if found := self.see(expression):
                    return found
            except CommandFailed as error:
                failed = error
            if time.monotonic() > deadline:
                raise TimeoutError(f"never: {expression}\n{self.see('document.body.innerText')}") from failed
            time.sleep(0.05)

    def fill(self, selector: str, text: str) -> None:
        self.see(
            f"{{const field = document.querySelector({json.dumps(selector)}); field.value = {json.dumps(text)};"
            "field.dispatchEvent(new Event('input', {bubbles: true}))}"
        )

    def click(self, selector: str) -> None:
        self.until(f"document.querySelector({json.dumps(selector)}) !== null")
        self.see(f"document.querySelector({json.dumps(selector)}).click()")

    def choose(self, selector: str, file: Path) -> None:
        root = self.tools.do("DOM.getDocument")["root"]["nodeId"]
        node = self.tools.do("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.tools.do("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def log_in(self, email: str, phrase: str) -> None:
        self.go("/log-in")
        self.fill("#email", email)
        self.fill("#password", phrase)
        self.click("#go")


@pytest.fixture
def tab(world: World, chromium: DevTools) -> Iterator[Tab]:
    """At acme's."""
    server = make_server(
        "127.0.0.1",
        0,
        Portal(world.portal, world.store, "localhost", admin=world.admin, settings=world.settings),
        threaded=True,
    )
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        with chromium.apart() as context:
            # So wide that a draft's pages are in view beside its form.
            chromium.do("Emulation.setDeviceMetricsOverride", width=1440, height=900, deviceScaleFactor=1, mobile=False)
            yield Tab(chromium, f"http://acme.localhost:{server.port}", context)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


NOTIFIED = """
    globalThis.notified = [];
    globalThis.Notification = class extends EventTarget {
        static permission = "granted";
        static requestPermission = async () => "granted";
        constructor(title, { body, tag }) {
            super();
            notified.push([title, body, tag]);
        }
    };
    Document.prototype.hasFocus = () => false;
"""
"""A browser's own notifications, which one without a screen has none of."""


def test_a_fax_that_comes_in_is_told_of_where_the_page_is_open(world: World, tab: Tab) -> None:
    tab.tools.do("Page.addScriptToEvaluateOnNewDocument", source=NOTIFIED)
    received(world, world.acme, "one")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go("/account")
    tab.click("#notify")
    assert "On, as long as" in tab.until("document.getElementById('notify-said').textContent")
    tab.go("/inbox")
    asked = "Object.keys(localStorage).some((each) => each.startsWith('news of '))"
    tab.until(asked)
    assert tab.see("document.getElementById('news').hidden && notified.length === 0")
    new = received(world, world.acme, "two")
    # As when one comes back to the page.
    tab.see("document.dispatchEvent(new Event('visibilitychange'))")
    assert tab.until("!document.getElementById('news').hidden && news.textContent") == "1 new fax has come in"
    assert tab.see("document.title").startswith("(1) Inbox")
    assert tab.see("document.getElementById('news-count').textContent") == "1"
    assert tab.see("notified") == [["Inbox - Acme", "A fax from 030 99001234, 1 page", f"/faxes/{new}"]]
    tab.click("#news a")
    tab.until(f"document.readyState === 'complete' && document.querySelector('main a[href=\"/faxes/{new}\"]') !== null")
    tab.see("document.dispatchEvent(new Event('visibilitychange'))")
    assert tab.see("document.title") == "Inbox - Acme"


def test_the_page_that_is_looked_at_has_news_though_an_older_one_is_hidden(world: World, tab: Tab) -> None:
    """Of a browser's pages one asks: not one that nobody sees."""
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.until("Object.keys(localStorage).some((each) => each.startsWith('news of '))")
    tab.see(
        "Object.defineProperty(document, 'hidden', { get: () => true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    tab.tools.new_page(tab.context)
    tab.go("/account")
    before = tab.see("localStorage.getItem('news of 1')")
    tab.until(f"localStorage.getItem('news of 1') !== {json.dumps(before)}")
    received(world, world.acme, "two")
    tab.see("document.dispatchEvent(new Event('visibilitychange'))")
    assert tab.until("!document.getElementById('news').hidden && news.textContent") == "1 new fax has come in"


def test_a_fax_is_read_and_one_is_sent(world: World, tab: Tab, letter: Path) -> None:
    email = world.acme.user.email
    came_in = received(world, world.acme, "one")
    tab.log_in(email, "not the password")
    assert "do not belong together" in tab.until("!wrong.hidden && wrong.textContent")
    tab.fill("#password", PHRASE)
    tab.click("#go")
    # The list: who, and the first page, opened here.
    tab.until("location.pathname === '/inbox' && document.images[0]?.naturalWidth > 0")
    assert tab.see("document.querySelector('tr.unread .who a').textContent") == "030 99001234"
    tab.click("tr.unread .who a")
    # The fax: its page, its files, what happened.
    tab.until(f"location.pathname === '/faxes/{came_in}' && document.images[0]?.naturalWidth === 1728")
    assert tab.see("[...document.querySelectorAll('[data-downloads] button')].map(each => each.textContent)") == [
        "PDF",
        "TIFF",
    ]
    assert "1 page received." in tab.see("document.querySelector('.events').textContent")
    # That it was seen is told once the page is drawn.
    tab.until("fetch('/inbox').then((each) => each.text()).then((text) => !text.includes('class=\"unread\"'))")
    tab.go("/inbox")
    assert tab.see("document.querySelector('tr.unread')") is None
    # A document is looked at, and sent.
    tab.go("/send")
    tab.choose("#file", letter)
    tab.click("[data-drop] .primary")
    tab.until("document.querySelector('[data-waiting]') !== null")
    tab.fill("#numbers", NUMBER)
    world.render_all()
    tab.until("document.images.length === 2 && document.images[0].naturalWidth === 1728")
    # What was written meanwhile is still there.
    assert tab.see("numbers.value") == NUMBER
    assert tab.see("document.querySelector('[data-go]').textContent") == "Send 2 pages to 1 number"
    tab.click("[data-go]")
    tab.until("location.pathname.startsWith('/faxes/') && document.querySelector('[data-words]') !== null")
    (fax,) = claim(world)
    assert world.fax(world.acme, fax.fax_id)["called_number"] == "+493023125009"
    assert tab.see("location.pathname") == f"/faxes/{fax.fax_id}"
    # Log out: nothing is left of the key.
    tab.go("/account")
    tab.click("[data-log-out] button")
    tab.until("location.pathname === '/log-in'")
    assert kept(tab) == []


def kept(tab: Tab) -> list[Any]:
    """What the browser keeps of users' keys."""
    found: list[Any] = tab.see(
        """new Promise((resolve, reject) => {
             const opening = indexedDB.open("faxplan-vault", 1);
             opening.onupgradeneeded = () => opening.result.createObjectStore("user-keys", {keyPath: "user"});
             opening.onsuccess = () => {
               const all = opening.result.transaction("user-keys").objectStore("user-keys").getAll();
               all.onsuccess = () => resolve(all.result.map(each => each.user));
             };
             opening.onerror = () => reject(opening.error);
           })"""
    )
    return found


def test_the_portals_own_host_leads_to_the_organisations(world: World, tab: Tab) -> None:
    base, tab.base = tab.base, tab.base.replace("acme.", "")
    tab.go("/")
    tab.fill("#name", "acme")
    tab.click("form .primary")
    tab.until("location.pathname === '/log-in'")
    assert tab.see("location.origin") == base


def test_a_page_is_turned_and_printed_whole(world: World, tab: Tab) -> None:
    fax = received(world, world.acme, "one")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go(f"/faxes/{fax}")
    tab.until("document.images[0]?.naturalWidth === 1728")
    for turned in (90, 180, 270, 0):
        tab.click("[data-turn]")
        assert tab.see("Number(document.querySelector('[data-pages]').dataset.turn)") == turned
        # Laid out anew, which may take a moment.
        tab.until(
            """(() => {
                 const [image, sheet] = ["img", ".sheet"].map(
                     (each) => document.querySelector(`ol.pages ${each}`).getBoundingClientRect());
                 return ["left", "top", "right", "bottom"].every((each) => Math.abs(image[each] - sheet[each]) <= 3);
               })()"""
        )
    tab.see("window.print = () => { window.printed = true; }")
    tab.click("[data-print]")
    tab.until("window.printed")


def test_what_the_browser_keeps_opens_nothing_without_the_session(world: World, tab: Tab) -> None:
    received(world, world.acme, "one")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.images[0]?.naturalWidth > 0")
    assert kept(tab) == [world.acme.user.id]
    # As if another session had taken its place: what is locked is not this one's.
    execute(world, "update sessions set secret = sha256('another')")
    tab.go("/inbox")
    tab.until("!document.getElementById('locked').hidden")
    assert tab.see("document.images[0].naturalWidth") == 0
    # And back.
    tab.click("#locked a")
    tab.until("location.pathname === '/unlock' && document.readyState === 'complete'")
    tab.fill("#password", PHRASE)
    tab.click("#go")
    tab.until("location.pathname === '/inbox' && document.images[0]?.naturalWidth > 0")


def test_no_script_but_ours_runs_and_nothing_is_asked_elsewhere(world: World, tab: Tab) -> None:
    """Whatever a stranger calls themselves."""
    execute(world, "update users set name = '<img src=x onerror=alert(1)><script>window.ran = 1</script>'")
    fax = received(world, world.acme, "one")
    execute(world, "update faxes set explanation = '<script>window.ran = 1</script>'")
    execute(world, "update attempts set remote_station_id = '<script>window.ran = 1</script>'")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.images[0]?.naturalWidth > 0")
    for path in ("/inbox", f"/faxes/{fax}", "/account"):
        tab.go(path)
        assert tab.see("window.ran") is None
        assert "<script>" in tab.see("document.body.textContent") or path == "/account"
        hosts = tab.see("performance.getEntriesByType('resource').map(each => new URL(each.name).host)")
        assert set(hosts) <= {tab.base.removeprefix("http://"), ""}


def test_the_overview_brings_itself_up_to_date(world: World, tab: Tab) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"operator": True})
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go("/installation")
    tab.see("window.sameDocument = true")
    assert tab.see("document.querySelector('.figures').innerText.includes('0\\nfaxes wait')")
    queued(world, world.borea, pages=1)
    tab.until("document.querySelector('.figures').innerText.includes('1\\nfax waits')")
    assert tab.see("window.sameDocument")


def test_a_page_whose_session_is_over_says_so_keeps_what_is_written_and_goes_on(
    world: World, tab: Tab, letter: Path
) -> None:
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    world.render_all()
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go(f"/drafts/{draft.id}")
    tab.fill("#numbers", NUMBER)
    execute(world, "delete from sessions")
    tab.see("document.dispatchEvent(new Event('visibilitychange'))")
    assert "You are logged out" in tab.until("document.querySelector('[data-session-over]')?.innerText")
    tab.click("[data-go]")
    assert tab.see("numbers.value") == NUMBER
    # Where the page has not heard of it yet, the log-in says that nothing was sent.
    tab.see("document.querySelector('form[data-send]').submit()")
    tab.until("location.pathname === '/log-in' && document.readyState === 'complete'")
    assert "nothing of it was sent or saved" in tab.see("document.querySelector('[role=alert]').textContent")
    tab.fill("#email", world.acme.user.email)
    tab.fill("#password", PHRASE)
    tab.click("#go")
    tab.until(f"location.pathname === '/drafts/{draft.id}' && document.readyState === 'complete'")
    tab.until(f"numbers.value === {json.dumps(NUMBER)}")
    # A page from before another log-in sends as its user.
    execute(world, "delete from sessions")
    tab.see("document.dispatchEvent(new Event('visibilitychange'))")
    tab.until("document.querySelector('[data-session-over]') !== null")
    with tab.tools.beside(tab.context):
        tab.log_in(world.acme.user.email, PHRASE)
        tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.see("document.dispatchEvent(new Event('visibilitychange'))")
    tab.until("!document.querySelector('[data-session-over]')")
    tab.click("[data-go]")
    tab.until("location.pathname.startsWith('/faxes/') && document.readyState === 'complete'")
