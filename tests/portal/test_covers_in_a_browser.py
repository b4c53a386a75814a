"""Cover pages in Chromium: drawn as one writes them, and first among the pages of a fax that was sent."""

import base64
from pathlib import Path

import pytest

from faxplan import drafts
from faxplan.originals import HandedIn
from tests.portal.test_accessibility import AXE, found
from tests.portal.test_in_a_browser import Tab, tab
from tests.received_pages import pages_of, rendered
from tests.world import PHRASE, World

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]
SHEET = "document.querySelector('[data-sheet]')"


def test_a_cover_is_seen_as_one_writes_and_sent(world: World, tab: Tab, letter: Path, tmp_path: Path) -> None:
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt")).id
    world.render_all()
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go(f"/drafts/{draft}")
    tab.fill("#numbers", "030 23125009")
    tab.until("document.querySelector('[data-go]').textContent === 'Send 2 pages to 1 number'")
    tab.click("[data-cover] summary")
    assert tab.see(f"{SHEET}.hidden && document.querySelector('[data-cover-fields]').hidden")
    tab.fill("#cover", "0")
    tab.until(f"!{SHEET}.hidden && {SHEET}.querySelector('img').naturalWidth === 1728")
    before = tab.see(f"{SHEET}.querySelector('img').src")
    tab.fill("#cover_message", "Look at page two.")
    tab.until(f"{SHEET}.querySelector('img').src !== {before!r}")
    tab.until("document.querySelector('[data-go]').textContent === 'Send 3 pages to 1 number'")
    tab.see(AXE)
    assert found(tab) == []
    # What does not fit is said, and the picture is the last that did.
    tab.fill("#cover_message", "line\n" * 110)
    said = tab.until("document.querySelector('[data-cover-wrong]').textContent")
    assert "more than 2 cover pages" in said
    tab.fill("#cover_message", "Look at page two.")
    tab.until("document.querySelector('[data-cover-wrong]').hidden")
    tab.click("[data-go]")
    tab.until("location.pathname === '/faxes/1'")
    world.render_all()
    tab.go("/faxes/1")
    tab.until("document.querySelectorAll('ol.pages img').length === 3")
    tab.until("document.images[0].naturalWidth === 1728 && document.images[0].naturalHeight === 2386")
    tab.see(
        """HTMLAnchorElement.prototype.click = () => {};
           URL.createObjectURL = (blob) => {
             blob.arrayBuffer().then(each => {
               window.saved = btoa(Array.from(new Uint8Array(each), one => String.fromCharCode(one)).join(""));
             });
             return "";
           }"""
    )
    tab.click("[data-downloads] button:last-child")
    (tmp_path / "saved.tif").write_bytes(base64.b64decode(tab.until("window.saved")))
    assert pages_of(tmp_path / "saved.tif") == pages_of(rendered(world, world.acme, 1, tmp_path / "ours.tif"))
