"""In Chromium: a fax is forwarded to somebody who reads it then, and sent on; who was not meant opens nothing."""

import pytest

from faxplan import enrolment
from tests.db.test_enrolment import OTHER, colleague, group
from tests.faxes import claim
from tests.portal.test_in_a_browser import Tab, tab
from tests.portal.test_keys_in_a_browser import out
from tests.retained import execute, received
from tests.world import PHRASE, World

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]


def test_a_fax_is_forwarded_and_read_by_whom_it_was_meant_for(world: World, tab: Tab) -> None:
    bea, eve = colleague(world, "bea"), colleague(world, "eve")
    for each in (bea, eve):
        enrolment.enrol(world.portal, each, OTHER)
    faxes = [received(world, world.acme, each) for each in ("one", "two")]
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.images[0]?.naturalWidth > 0")
    # Locked meanwhile, as in another browser: first it is opened, and then it goes on here.
    execute(world, "update sessions set secret = sha256('another')")
    tab.see("document.querySelectorAll('[name=fax]').forEach(each => each.click())")
    tab.click("button[value=forward]")
    tab.until("location.pathname === '/unlock' && document.readyState === 'complete'")
    tab.fill("#password", PHRASE)
    tab.click("#go")
    tab.until("location.pathname === '/forward' && document.readyState === 'complete'")
    # One of them is gone, when it comes to it: the other goes, and that one may be tried again.
    execute(world, "update faxes set deleted_at = now() where id = %s", (faxes[0],))
    tab.click(f"input[name=mailbox][value='{bea.mailbox_id}']")
    tab.click("[data-go]")
    said = tab.until("!document.querySelector('[data-hand-on] > [data-wrong]').hidden && document.body.innerText")
    assert "1 fax stayed where it is" in said
    assert f"You have no fax {faxes[0]}." in said
    execute(world, "update faxes set deleted_at = null where id = %s", (faxes[0],))
    # Whoever reads it has changed meanwhile: it is wrapped anew, and nobody is asked.
    enrolment.enrol(world.portal, bea, OTHER, anew=True)
    tab.click("[data-go]")
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    assert "Forwarded." in tab.see("document.querySelector('.note:not([hidden])').textContent")
    move_and_bring_back(world, tab, faxes[1], group(world, bea))
    out(tab)
    tab.log_in(eve.email, OTHER)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    assert tab.see("document.querySelector('tbody')") is None
    tab.tools.do("Page.navigate", url=f"{tab.base}/faxes/{forwarded(world)[0]}")
    tab.until("document.body.innerText.includes('You have no fax')")
    out(tab)
    tab.log_in(bea.email, OTHER)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go(f"/faxes/{forwarded(world)[1]}")
    tab.until("document.images[0]?.naturalWidth === 1728")
    # She sends it on by fax: as a draft of the same pages.
    tab.click("[data-onward] button")
    tab.until("location.pathname.startsWith('/drafts/') && document.querySelector('[data-waiting]') !== null")
    world.render_all()
    tab.until("document.images.length === 1 && document.images[0].naturalWidth === 1728")
    tab.fill("#numbers", "030 23125009")
    tab.click("[data-go]")
    tab.until("document.querySelector('[data-words]') !== null")
    (fax,) = claim(world)
    execute(world, "update faxes set state = 'failed', finished_at = now(), explanation = 'Busy.' where id = %s",
            (fax.fax_id,))  # fmt: skip
    # And again, where it failed.
    execute(world, "delete from calls")
    tab.go(f"/faxes/{fax.fax_id}")
    tab.click("[data-resend] .primary")
    tab.until(f"location.pathname.startsWith('/faxes/') && location.pathname !== '/faxes/{fax.fax_id}'")
    (again,) = claim(world)
    assert world.store.read_to_send(again.rendering)[:2] in (b"II", b"MM")


def move_and_bring_back(world: World, tab: Tab, fax: int, office: int) -> None:
    """A copy of it, to where it lay."""
    tab.tools.do("Page.navigate", url=f"{tab.base}/move?fax={fax}")
    tab.until("location.pathname === '/move' && document.readyState === 'complete'")
    tab.click(f"input[name=mailbox][value='{office}']")
    tab.click("[data-go]")
    tab.until("location.pathname === '/moved' && document.readyState === 'complete'")
    assert "1 fax is moved" in tab.see("document.querySelector('h1').textContent")
    tab.click("button[value=restore]")
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    assert str(forwarded(world)[2]) in tab.see("[...document.querySelectorAll('[name=fax]')].map(each => each.value)")


def forwarded(world: World) -> list[int]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return [row["id"] for row in tx.rows("select id from faxes where forwarded_by is not null order by id")]
