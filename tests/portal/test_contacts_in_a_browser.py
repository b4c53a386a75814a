"""Contacts in Chromium: whom a fax goes to is found as one types, with the keyboard alone."""

from pathlib import Path

import pytest

from faxplan import contact_groups, contacts, drafts
from faxplan.contacts import Entry
from faxplan.originals import HandedIn
from tests.faxes import claim
from tests.portal.test_accessibility import AXE, found
from tests.portal.test_in_a_browser import Tab, tab
from tests.world import PHRASE, World

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]
CODES = {"ArrowDown": 40, "ArrowUp": 38, "Enter": 13, "Escape": 27, "Tab": 9}


def press(tab: Tab, key: str, times: int = 1) -> None:
    for _ in range(times):
        for kind in ("rawKeyDown", "keyUp"):
            tab.tools.do("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=CODES[key])


def write(tab: Tab, text: str) -> None:
    tab.tools.do("Input.insertText", text=text)


def button(tab: Tab, label: str) -> None:
    tab.until(f"document.querySelector('[data-go]')?.textContent === {label!r}")


@pytest.fixture
def draft(world: World, tab: Tab, letter: Path) -> int:
    """Of acme's user, who is logged in and looks at it; there are contacts, and two of them in a group."""
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        one = contacts.add(tx, user, Entry("Ann <b>Müller</b>", "Co", "030 23125008"), shared=True)
        two = contacts.add(tx, user, Entry("Anton", "", "030 23125009"), shared=False)
        group = contact_groups.add(tx, user, "Annual report", shared=False)
        contact_groups.put(tx, user, group.id, [one.id, two.id])
    made = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt")).id
    world.render_all()
    tab.log_in(user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go(f"/drafts/{made}")
    tab.until("document.querySelector('[data-chooser]')?.hidden === false")
    return made


def test_whom_a_fax_goes_to_is_found_with_the_keyboard(world: World, tab: Tab, draft: int) -> None:
    assert tab.see("document.querySelector('[data-choose]').hidden")
    button(tab, "Send 2 pages")
    tab.see("who.focus()")
    write(tab, "an")
    tab.until("found.children.length === 3 && !found.hidden")
    assert tab.see("who.getAttribute('aria-expanded')") == "true"
    assert tab.see("[...found.children].map(each => each.firstChild.textContent)") == [
        "Annual report",
        "Ann <b>Müller</b>",
        "Anton",
    ]
    # Nothing is taken that nobody has chosen, and Enter sends nothing.
    assert tab.see("who.hasAttribute('aria-activedescendant')") is False
    press(tab, "Enter")
    assert tab.see("document.querySelector('[data-chips]').children.length") == 0
    press(tab, "ArrowUp")
    assert tab.see("document.getElementById(who.getAttribute('aria-activedescendant')).ariaSelected") == "true"
    assert tab.see("who.getAttribute('aria-activedescendant')") == "found-2"
    press(tab, "ArrowDown")
    assert tab.see("who.getAttribute('aria-activedescendant')") == "found-0"
    press(tab, "Escape")
    assert tab.see("[found.hidden, who.value, who.ariaExpanded, document.activeElement === who]") == [
        True, "an", "false", True,
    ]  # fmt: skip
    press(tab, "Escape")
    assert tab.see("who.value") == ""
    write(tab, "mull")
    tab.until("found.children.length === 1 && !found.hidden")
    press(tab, "ArrowDown")
    press(tab, "Enter")
    assert tab.see("document.querySelector('[data-told]').textContent") == "Ann <b>Müller</b> is chosen."
    assert tab.see("[who.value, document.activeElement === who]") == ["", True]
    button(tab, "Send 2 pages to 1 number")
    # A group has its members, and each number counts once.
    write(tab, "annual")
    tab.until("found.children.length === 1 && !found.hidden")
    press(tab, "ArrowDown")
    press(tab, "Enter")
    button(tab, "Send 2 pages to 2 numbers")
    tab.fill("#numbers", "+49 30 23125009, 030 23125007")
    button(tab, "Send 2 pages to 3 numbers")
    # What was chosen is still there when the page is loaded anew.
    tab.go(f"/drafts/{draft}")
    button(tab, "Send 2 pages to 3 numbers")
    tab.see("document.querySelector('.away').focus()")
    press(tab, "Tab")
    tab.click(".away")
    tab.until("document.querySelector('[data-chips]').children.length === 1")
    assert tab.see("document.activeElement === who")
    button(tab, "Send 2 pages to 3 numbers")
    tab.click("[data-go]")
    tab.until("location.pathname === '/sent'")
    called = sorted(str(world.fax(world.acme, each.fax_id)["called_number"]) for each in claim(world))
    assert called == [f"+49302312500{each}" for each in (7, 8, 9)]


def test_without_scripts_the_same_form_sends(world: World, tab: Tab, draft: int) -> None:
    tab.tools.do("Emulation.setScriptExecutionDisabled", value=True)
    tab.tools.do("Page.reload")
    tab.until("document.readyState === 'complete' && document.querySelector('[data-chooser]').hidden")
    tab.click("[data-choose]")
    tab.until("location.pathname.endsWith('/choose') && document.readyState === 'complete'")
    tab.click("[name=group]")
    tab.click(".choosing > .primary")
    tab.until("location.pathname.endsWith('/fill') && document.readyState === 'complete'")
    assert tab.see("document.querySelector('[data-chips]').innerText.trim()").startswith("Annual report")
    tab.click("[data-go]")
    tab.until("location.pathname === '/sent'")
    assert len(claim(world)) == 2


def test_neither_way_shuts_anybody_out(tab: Tab, draft: int) -> None:
    tab.see("who.focus()")
    write(tab, "an")
    tab.until("found.children.length === 3 && !found.hidden")
    press(tab, "ArrowDown")
    press(tab, "Enter")
    write(tab, "ann")
    tab.until("found.children.length > 1 && !found.hidden")
    press(tab, "ArrowDown")
    tab.see(AXE)
    assert found(tab) == []
    tab.see("{const choose = document.querySelector('[data-choose]'); choose.hidden = false; choose.click()}")
    tab.until("location.pathname.endsWith('/choose') && document.readyState === 'complete'")
    tab.see(AXE)
    assert found(tab) == []
