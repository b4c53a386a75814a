"""A campaign in Chromium, the whole way: document, table, what its columns mean, review, start; and it is followed."""

from pathlib import Path

import pytest

from faxplan.call_result import CallResult
from tests.db.test_campaigns import campaigner
from tests.db.test_failing_over import settle
from tests.faxes import claim
from tests.portal.test_accessibility import AXE, found
from tests.portal.test_in_a_browser import Tab, tab
from tests.retained import count, execute
from tests.world import PHRASE, World

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]


def loaded(tab: Tab, end: str) -> None:
    tab.until(f"location.pathname.endsWith({end!r}) && document.readyState === 'complete'")


def test_a_table_is_faxed_to(world: World, tab: Tab, letter: Path, tmp_path: Path) -> None:
    make(world, tab, letter)
    bring(world, tab, tmp_path / "customers.csv")
    cover(tab)
    start(world, tab)
    follow(world, tab)


def make(world: World, tab: Tab, letter: Path) -> None:
    tab.log_in(world.acme.user.email, PHRASE)
    loaded(tab, "/inbox")
    tab.click('.places [href="/campaigns"]')
    loaded(tab, "/campaigns")
    tab.click(".empty .primary")
    loaded(tab, "/new")
    tab.fill("#name", "Spring")
    tab.choose("#file", letter)
    tab.click("[data-drop] .primary")
    loaded(tab, "/document")
    tab.until("document.querySelector('[data-waiting]') !== null")
    world.render_all()
    # Its pages are opened here, when they are made.
    tab.until("document.images.length === 2 && document.images[0].naturalWidth === 1728")
    tab.click("[data-go]")
    loaded(tab, "/recipients")


def bring(world: World, tab: Tab, table: Path) -> None:
    table.write_text("Kunde;Rufnummer;Büro\nMüller;030 23110001;030 23110009\nWeiß;030 23110002;\nAlt;12;\n", "cp850")
    tab.choose("#file", table)
    tab.click(".grouped .primary")
    loaded(tab, "/file")
    assert tab.see("document.querySelector('tbody').innerText").count("030 23110001") == 2
    tab.see("document.getElementById('encoding').value = 'ibm850';document.getElementById('column-name').value = '0'")
    tab.click(".mapping .button")
    tab.until("document.querySelector('tbody')?.innerText.includes('Müller')")
    tab.click(".go .primary")
    tab.until("document.querySelector('[data-refresh] progress') !== null")
    tab.see("window.sameDocument = true")
    campaigner(world).work()
    # It is loaded anew by itself when all is read.
    tab.until("document.querySelector('.outcome')?.innerText.startsWith('2 get it') && !window.sameDocument")
    assert "Müller" in tab.see("document.querySelector('main').innerText")


def cover(tab: Tab) -> None:
    tab.click('main [href$="/cover"]')
    loaded(tab, "/cover")
    tab.fill("#message", "Dear {{ name }},")
    tab.until("document.querySelector('[data-sheet] img')?.naturalWidth > 0")
    tab.click("[data-go]")
    # What it says is sealed, and opened here.
    tab.until("document.querySelector('[data-said]')?.hidden")
    assert tab.see("document.getElementById('message').value") == "Dear {{ name }},"


def start(world: World, tab: Tab) -> None:
    tab.click('main [href$="/pace"]')
    loaded(tab, "/pace")
    tab.fill("#per_minute", "6000")
    tab.click(".grouped .primary")
    loaded(tab, "/review")
    said = tab.see("document.querySelector('main').innerText")
    assert "2 get it" in said
    assert "6 pages in all" in said
    assert count(world, "faxes") == 0
    tab.click(".go .primary")
    tab.until("/^\\/campaigns\\/[0-9]+$/.test(location.pathname) && document.readyState === 'complete'")


def follow(world: World, tab: Tab) -> None:
    tab.see("window.sameDocument = true")
    assert "0 of 2 are done" in tab.see("document.querySelector('svg.bars').getAttribute('aria-label')")
    for _turn in range(2):
        campaigner(world).work()
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
    assert count(world, "faxes") == 2
    world.render_all()
    for fax in claim(world, most=5):
        settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, pages=3))
    campaigner(world).work()
    # Nothing was loaded anew but what stands in it; when it has ended, all is.
    tab.until("document.querySelector('.standing').innerText.startsWith('Finished') && !window.sameDocument")
    assert tab.see("document.querySelectorAll('polygon.well').length") == 1
    tab.see(AXE)
    assert found(tab) == []
