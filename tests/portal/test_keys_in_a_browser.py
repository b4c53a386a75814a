"""The whole way in Chromium: a key is made by a link, opens what comes in, is locked anew, and handed on."""

import base64

import pytest

from faxplan import api_keys, brand_provisioning, enrolment, invitations, mail_access, membership, users
from faxplan.api_keys import Scope
from faxplan.enrolment import Secret
from faxplan.users import User
from faxplan.wraps import new_key_pair
from tests.browser.test_passkeys import plugged_in
from tests.portal import totp
from tests.portal.test_in_a_browser import Tab, tab
from tests.retained import count, execute, received
from tests.world import PHRASE, World, ready_made

__all__ = ["tab"]

# A browser that goes on drops what it was being sent, and only Python closes the file of that.
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]
OTHER = "seven quiet herons at dusk"


def colleague(world: World) -> User:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return users.create(tx, world.acme.tenant.id, email="new@acme.example", name="New")


def invited(world: World, user: User) -> str:
    with world.portal.tenant(user.tenant_id) as tx:
        token = invitations.make(tx, user, actor="administrator:test")
    return invitations.link("", token)


def welcomed(tab: Tab, path: str, password: str = OTHER) -> str:
    """By a link to a password; the recovery code."""
    tab.go_to(path)
    tab.until("!choose.hidden")
    tab.fill("#password", password)
    tab.click("#go")
    code: str = tab.until("!document.getElementById('code-step').hidden && code.textContent")
    tab.click("#kept")
    tab.click("#kept-go")
    return code


def opens(tab: Tab, fax: int) -> None:
    """The fax is seen, and not only its frame."""
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go(f"/faxes/{fax}")
    tab.until("document.images[0]?.naturalWidth === 1728")


def test_by_an_invitation_to_the_first_fax(world: World, tab: Tab) -> None:
    new = colleague(world)
    link = invited(world, new)
    tab.go_to(link)
    assert tab.until("!choose.hidden && hello.textContent") == "Welcome, New"
    assert tab.see("anew.hidden") is True
    # What is wrong with a password is said while it is written.
    for text, said in (("short", "at least 12"), ("new@acme.example", "guesses this one"), (OTHER, "This one will do")):
        tab.fill("#password", text)
        tab.until(f"document.querySelector('[data-judged]').textContent.includes('{said}')")
    tab.fill("#password", "password1234")
    tab.click("#go")
    assert "Many people" in tab.until("!wrong.hidden && wrong.textContent")
    tab.fill("#password", OTHER)
    tab.click("#go")
    code = tab.until("!document.getElementById('code-step').hidden && code.textContent")
    # Nobody goes on without having said that it is kept.
    tab.click("#kept-go")
    assert tab.see("document.getElementById('code-step').hidden") is False
    execute(world, "update dids set mailbox_id = %s where number = %s", (new.mailbox_id, world.acme.did))
    fax = received(world, world.acme, "one")
    tab.click("#kept")
    tab.click("#kept-go")
    opens(tab, fax)
    # In Python: it is the same key.
    for secret in (Secret(OTHER), Secret(code, is_code=True)):
        assert enrolment.unlock(world.portal, new, secret).mailboxes == [new.mailbox_id]
    # And the link is none any more. Who reloads the page with the code, say, has the password all the same.
    tab.go("/account")
    tab.go_to(link)
    assert "log in with it" in tab.until("!wrong.hidden && !used.hidden && wrong.textContent")
    tab.see("sessionStorage.clear()")
    tab.go("/account")
    tab.go_to(link)
    assert "does not work any more" in tab.until("!wrong.hidden && !used.hidden && wrong.textContent")


def test_with_another_key_the_page_says_first_what_stays_locked(world: World, tab: Tab) -> None:
    old = received(world, world.acme, "one")
    tab.go_to(invited(world, world.acme.user))
    tab.until("!choose.hidden")
    assert tab.see("anew.hidden") is False
    assert "stay locked" in tab.see("anew.textContent")
    welcomed(tab, invited(world, world.acme.user))
    fax = received(world, world.acme, "two")
    opens(tab, fax)
    tab.go(f"/faxes/{old}")
    tab.until("document.querySelector('[data-wrong]')?.hidden === false")


def test_who_logs_in_hands_on_what_another_waits_for(world: World, tab: Tab) -> None:
    new = colleague(world)
    fax = received(world, world.acme, "one")
    welcomed(tab, invited(world, new))
    with world.admin.tenant(new.tenant_id) as tx:
        membership.join(tx, new.tenant_id, world.acme.user.mailbox_id or 0, new)
    opens_not(tab, fax)
    tab.log_in(world.acme.user.email, PHRASE)
    said = tab.until("document.querySelector('#handed-on:not([hidden]) li')?.textContent")
    assert said.startswith("New (new@acme.example)")
    assert world.acme.user.email in said
    tab.click("#handed-on a")
    tab.until("location.pathname === '/inbox'")
    tab.go("/account")
    tab.click("[data-log-out] button")
    tab.until("location.pathname === '/log-in'")
    tab.log_in(new.email, OTHER)
    opens(tab, fax)


def test_an_open_page_hands_on_what_another_waits_for_and_says_so(world: World, tab: Tab) -> None:
    new = colleague(world)
    fax = received(world, world.acme, "one")
    welcomed(tab, invited(world, new))
    with world.admin.tenant(new.tenant_id) as tx:
        membership.join(tx, new.tenant_id, world.acme.user.mailbox_id or 0, new)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go(f"/faxes/{fax}")
    said = tab.until("document.querySelector('[data-wrong]:not([hidden])')?.textContent")
    assert "its key has not reached you yet" in said
    # Who saw nothing has not read it for the others either, nor by its keys alone.
    assert count(world, "mailbox_entries", f"fax_id = {fax} and read_at is null") == 1
    out(tab)
    execute(world, "delete from mailbox_members where user_id = %s", (new.id,))
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    assert tab.see("document.querySelector('[data-told-of-keys]')") is None
    with world.admin.tenant(new.tenant_id) as tx:
        membership.join(tx, new.tenant_id, world.acme.user.mailbox_id or 0, new)
    # As when one comes back to the page.
    tab.see("document.dispatchEvent(new Event('visibilitychange'))")
    assert "New (new@acme.example)" in tab.until("document.querySelector('[data-told-of-keys] li')?.textContent")
    # Until it has been read it stands on the pages after this one.
    tab.go("/sent")
    tab.click("[data-told-of-keys] button")
    tab.go("/account")
    assert tab.see("document.querySelector('[data-told-of-keys]')") is None
    out(tab)
    tab.log_in(new.email, OTHER)
    opens(tab, fax)
    tab.until("fetch('/inbox').then((each) => each.text()).then((text) => !text.includes('class=\"unread\"'))")
    assert count(world, "mailbox_entries", f"fax_id = {fax} and read_at is null") == 0


def test_a_page_that_hands_keys_on_says_to_whom(world: World, tab: Tab) -> None:
    """Also where a link of somebody else's led to it: at the next log-in nothing is due any more."""
    received(world, world.acme, "one")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    # That page has asked, and does not again for a while.
    tab.until("Object.keys(localStorage).some((each) => each.startsWith('news of '))")
    execute(
        world,
        "insert into user_keys (tenant_id, kind, public_key) values (%s, 'recovery', %s)",
        (world.acme.tenant.id, new_key_pair().public.raw),
    )
    tab.tools.do("Page.navigate", url=f"{tab.base}/mailboxes/{world.acme.user.mailbox_id}?note=saved")
    said = tab.until("document.querySelector('#told-of-keys:not([hidden]) li')?.textContent")
    assert "recovery key" in said
    handed = "user_key_id in (select id from user_keys where kind = 'recovery')"
    assert count(world, "mailbox_keys", handed) == 1


def opens_not(tab: Tab, fax: int) -> None:
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go(f"/faxes/{fax}")
    tab.until("document.querySelector('[data-wrong]')?.hidden === false")
    tab.go("/account")
    tab.click("[data-log-out] button")
    tab.until("location.pathname === '/log-in'")


def out(tab: Tab) -> None:
    tab.go("/account")
    tab.click("[data-log-out] button")
    tab.until("location.pathname === '/log-in' && document.readyState === 'complete'")


def test_another_password_opens_what_the_old_one_did(world: World, tab: Tab) -> None:
    user = world.acme.user
    fax = received(world, world.acme, "one")
    tab.log_in(user.email, PHRASE)
    opens(tab, fax)
    tab.go("/account/password")
    tab.fill("#old", "not the password")
    tab.fill("#password", OTHER)
    tab.click("#go")
    assert "not your password" in tab.until("!wrong.hidden && wrong.textContent")
    tab.fill("#old", PHRASE)
    tab.fill("#password", "password1234")
    tab.click("#go")
    assert "Many people" in tab.until("!wrong.hidden && wrong.textContent.includes('Many') && wrong.textContent")
    tab.fill("#password", OTHER)
    tab.click("#go")
    tab.until("location.pathname === '/account'")
    # This browser goes on; elsewhere the old one is none.
    tab.go("/inbox")
    opens(tab, fax)
    out(tab)
    tab.log_in(user.email, PHRASE)
    assert "do not belong together" in tab.until("!wrong.hidden && wrong.textContent")
    tab.log_in(user.email, OTHER)
    opens(tab, fax)


def test_a_code_is_asked_for_once_it_is_set_up(world: World, tab: Tab) -> None:
    fax = received(world, world.acme, "one")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go("/account/second-factor")
    tab.fill("#old", PHRASE)
    tab.click("#go")
    letters = tab.until("!document.getElementById('confirm').hidden && picture.naturalWidth > 0 && written.textContent")
    secret = base64.b32decode(letters.replace(" ", ""))
    tab.fill("#totp", totp.code(secret, steps=-1))
    tab.click("#confirm [data-go]")
    tab.until("location.search === '?note=saved' && document.getElementById('end') !== null")
    out(tab)
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("!document.getElementById('code-form').hidden")
    tab.fill("#totp", "1")
    tab.click("#code-form button")
    assert "not the code" in tab.until("document.querySelector('#wrong-code:not([hidden])')?.textContent")
    tab.fill("#totp", totp.code(secret))
    tab.click("#code-form button")
    opens(tab, fax)
    # And in a session that a provider began, which is shut.
    execute(world, "update sessions set is_shut = true")
    tab.tools.do("Page.navigate", url=f"{tab.base}/inbox")
    tab.until("location.pathname === '/unlock' && document.readyState === 'complete'")
    tab.fill("#password", PHRASE)
    tab.click("#go")
    tab.until("!document.getElementById('code-field').hidden && document.activeElement.id === 'totp'")
    tab.fill("#totp", totp.code(secret, steps=1))
    tab.click("#go")
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    opens(tab, fax)


def plug_in(tab: Tab, *, prf: bool) -> None:
    tab.tools.do("WebAuthn.enable")
    plugged_in(tab.tools, prf=prf)


def with_passkey(tab: Tab) -> None:
    tab.go("/account/passkeys")
    tab.fill("#name", "Telephone")
    tab.fill("#old", PHRASE)
    tab.click("#go")
    tab.until("document.querySelector('tbody th')?.textContent === 'Telephone'")


def test_a_passkey_logs_in_and_opens_a_fax(world: World, tab: Tab) -> None:
    plug_in(tab, prf=True)
    fax = received(world, world.acme, "one")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    with_passkey(tab)
    assert "opens your faxes" in tab.see("document.querySelector('tbody').textContent")
    out(tab)
    tab.click("#by-passkey")
    opens(tab, fax)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select authenticated from sessions") == "passkey"


def test_after_a_passkey_that_opens_nothing_the_password_or_the_code_does(world: World, tab: Tab) -> None:
    plug_in(tab, prf=False)
    fax = received(world, world.acme, "one")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    with_passkey(tab)
    for field, secret, go in (
        ("#password", PHRASE, "#go"),
        ("#recovery", ready_made(world.acme.tenant.id)[2], "#by-code [data-go]"),
    ):
        out(tab)
        tab.click("#by-passkey")
        tab.until("location.pathname === '/unlock' && document.readyState === 'complete'")
        tab.fill(field, secret)
        tab.click(go)
        opens(tab, fax)


def test_who_has_forgotten_the_password_opens_all_by_the_recovery_code(world: World, tab: Tab) -> None:
    fax = received(world, world.acme, "one")
    tab.go("/recover")
    tab.fill("#email", world.acme.user.email)
    tab.fill("#recovery", ready_made(world.acme.tenant.id)[2].lower())
    tab.fill("#password", OTHER)
    tab.click("#go")
    code = tab.until("!document.getElementById('code-step').hidden && code.textContent")
    tab.click("#kept")
    tab.click("#kept-go")
    opens(tab, fax)
    for secret in (Secret(OTHER), Secret(code, is_code=True)):
        assert enrolment.unlock(world.portal, world.acme.user, secret).mailboxes


def test_another_recovery_code_is_shown(world: World, tab: Tab) -> None:
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go("/account/recovery-code")
    tab.fill("#old", PHRASE)
    tab.click("#go")
    code = tab.until("!document.getElementById('code-step').hidden && code.textContent")
    tab.click("#kept")
    tab.click("#kept-go")
    tab.until("location.pathname === '/account'")
    assert enrolment.unlock(world.portal, world.acme.user, Secret(code, is_code=True)).mailboxes


def test_a_secret_address_for_mails_is_shown_once(world: World, tab: Tab) -> None:
    brand_provisioning.add_host(world.admin, "x", "acme", "fax.acme.example", "localhost")
    brand_provisioning.confirm_host(world.admin, "x", "acme", "fax.acme.example")
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go("/account/fax-by-mail/token")
    tab.fill("#old", "not the password")
    tab.click("#go")
    assert "not your password" in tab.until("!wrong.hidden && wrong.textContent")
    tab.fill("#old", PHRASE)
    tab.click("#go")
    address = tab.until("!document.getElementById('code-step').hidden && code.textContent")
    token = address.removeprefix("NUMBER+").removesuffix("@fax.acme.example")
    tab.click("#kept")
    tab.click("#kept-go")
    tab.until("location.pathname === '/account/fax-by-mail' && document.readyState === 'complete'")
    assert tab.see("document.body.textContent.includes('There is one, made')")
    assert not tab.see(f"document.documentElement.innerHTML.includes('{token}')")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert mail_access.user_of_token(tx, world.acme.tenant.id, token) == world.acme.user


def test_an_api_key_is_made_as_ticked_and_shown_once(world: World, tab: Tab) -> None:
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go("/account/api-keys/new")
    tab.fill("#name", "The shop")
    tab.fill("#old", PHRASE)
    tab.click("#go")
    assert "Choose what" in tab.until("!wrong.hidden && wrong.textContent")
    tab.click("[value='faxes:send']")
    tab.click("[value='keys']")
    tab.click("#go")
    secret = tab.until("!document.getElementById('code-step').hidden && code.textContent")
    tab.click("#kept")
    tab.click("#kept-go")
    tab.until("location.pathname === '/account/api-keys' && document.readyState === 'complete'")
    assert not tab.see(f"document.documentElement.innerHTML.includes('{secret}')")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        key = api_keys.find(tx, world.acme.tenant.id, secret)
    assert key is not None
    assert (key.name, key.scopes) == ("The shop", {Scope.FAXES_SEND, Scope.KEYS})
    assert key.expires_at is not None


@pytest.mark.parametrize("by", ["password", "code"])
def test_what_an_older_key_opened_is_brought_back(world: World, tab: Tab, by: str) -> None:
    fax = received(world, world.acme, "one")
    welcomed(tab, invited(world, world.acme.user))
    tab.until("location.pathname === '/inbox' && document.readyState === 'complete'")
    tab.go("/account/older-keys")
    tab.fill("#old", "not the password")
    tab.click("#by-password [data-go]")
    assert "none of the keys" in tab.until("document.querySelector('#by-password .wrong:not([hidden])')?.textContent")
    if by == "password":
        tab.fill("#old", PHRASE)
        tab.click("#by-password [data-go]")
    else:
        tab.fill("#recovery", ready_made(world.acme.tenant.id)[2])
        tab.click("#by-code [data-go]")
    opens(tab, fax)
    # By the current key, from now on: also in another browser.
    ring = enrolment.unlock(world.portal, world.acme.user, Secret(OTHER))
    assert ring.key_of(world.acme.user.mailbox_id or 0, 1) is not None
