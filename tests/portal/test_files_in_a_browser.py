"""Several files in Chromium: put in order, opened again on the draft's page, and others in their place."""

from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from faxplan import drafts
from tests.faxes import claim
from tests.portal.test_accessibility import AXE, found
from tests.portal.test_in_a_browser import NUMBER, Tab, tab
from tests.world import PHRASE, World

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]
LISTED = "[...document.querySelectorAll('[data-list] bdi')].map(each => each.textContent).join()"


def choose(tab: Tab, selector: str, *files: Path) -> None:
    root = tab.tools.do("DOM.getDocument")["root"]["nodeId"]
    node = tab.tools.do("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
    tab.tools.do("DOM.setFileInputFiles", nodeId=node, files=[str(each) for each in files])


def test_files_are_put_in_order_and_others_stand_in_their_place(world: World, tab: Tab, tmp_path: Path) -> None:
    text, other, picture = (tmp_path / name for name in ("one.txt", "two.txt", "<b>three.png"))
    text.write_text("One.\n\fIts second page.\n")
    other.write_text("Two.\n")
    Image.new("L", (800, 600), 90).save(picture)
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go("/send")
    # One after the other, and the last one first.
    choose(tab, "#file", text)
    tab.until(f"{LISTED} === 'one.txt'")
    choose(tab, "#file", picture, other)
    tab.until(f"{LISTED} === 'one.txt,<b>three.png,two.txt'")
    for place in (2, 1):
        tab.see(f"document.querySelectorAll('[data-up]')[{place}].click()")
    assert tab.see(LISTED) == "two.txt,one.txt,<b>three.png"
    assert tab.see("document.activeElement.ariaLabel") == "Move two.txt down"
    tab.click("[data-drop] .primary")
    # Their names are opened here, before their pages are made.
    tab.until(f"document.querySelector('[data-waiting]') !== null && {LISTED} === 'two.txt,one.txt,<b>three.png'")
    tab.fill("#numbers", NUMBER)
    world.render_all()
    tab.until("document.images.length === 4 && document.images[0].naturalWidth === 1728")
    tab.until("document.querySelector('[data-go]').textContent === 'Send 4 pages to 1 number'")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (first,) = drafts.of_user(tx, world.acme.user)
        # What two scripts of a page open is opened once.
        opened = tx.rows("select 1 from audit where action = 'draft.open' and object = %s", (f"draft:{first.id}",))
    assert len(opened) == 2
    # Without one, and with another: what is not shown is not sent meanwhile.
    tab.until(f"{LISTED} !== ''")
    tab.see("document.querySelectorAll('[data-away]')[1].click()")
    choose(tab, "[data-more] input", other)
    tab.until(f"{LISTED} === 'two.txt,<b>three.png,two.txt'")
    assert tab.see("document.querySelector('[data-go]').disabled")
    tab.see(AXE)
    assert found(tab) == []
    tab.click("[data-anew]")
    tab.until(f"location.pathname !== '/drafts/{first.id}' && document.querySelector('[data-waiting]') !== null")
    world.render_all()
    tab.until("document.images.length === 3 && document.images[0].naturalWidth === 1728")
    tab.until(f"{LISTED} === 'two.txt,<b>three.png,two.txt'")
    # What was written is still there.
    tab.until("document.querySelector('[data-go]').textContent === 'Send 3 pages to 1 number'")
    tab.click("[data-go]")
    tab.until("location.pathname.startsWith('/faxes/')")
    (fax,) = claim(world)
    assert fax.pages == 3


def test_what_is_refused_stays_in_the_form_with_the_other_files(world: World, tab: Tab, tmp_path: Path) -> None:
    good, empty = tmp_path / "good.txt", tmp_path / "zero.pdf"
    good.write_text("Good.\n")
    empty.write_bytes(b"")
    locked = tmp_path / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(595, 842))
        pdf.save(locked, encryption=pikepdf.Encryption(owner="open it", user="open it"))
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go("/send")
    choose(tab, "#file", good, empty, locked)
    tab.until(f"{LISTED} === 'good.txt,zero.pdf,locked.pdf'")
    assert "0 kB" in tab.see("document.querySelector('[data-list]').innerText")
    go = "[data-drop] .primary"
    said = f"!wrong.hidden && !document.querySelector('{go}').disabled && wrong.textContent"
    tab.click(go)
    assert "zero.pdf" in tab.until(said)
    tab.see("document.querySelectorAll('[data-away]')[1].click()")
    tab.click(go)
    tab.until(f"({said}).includes('locked.pdf') && document.querySelector('[data-locked]').open")
    tab.fill("#password", "not it")
    tab.click(go)
    tab.until("document.querySelector('[data-go]').disabled || !wrong.hidden")
    tab.until(f"({said}).includes('locked.pdf') && document.querySelector('[data-locked]').open")
    assert tab.see(LISTED) == "good.txt,locked.pdf"
    tab.fill("#password", "open it")
    tab.click(go)
    tab.until("location.pathname.startsWith('/drafts/')")
