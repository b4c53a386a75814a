"""The recovery key in a browser: who makes it, what proof it takes to use it, and what it opens for whom."""

from typing import Any

import pytest

from faxplan import enrolment, passphrases, printed_keys, proofs, recovery_key, user_keys, users
from faxplan.enrolment import Secret
from faxplan.users import User
from faxplan.wraps import PrivateKey
from portal.app import Portal
from portal.pages import keys
from tests.db.test_enrolment import OTHER, colleague, group, reads_all
from tests.portal.conftest import Visitor, visitor
from tests.portal.test_in_a_browser import Tab, tab
from tests.portal.test_keys_in_a_browser import opens, out
from tests.portal.test_mailboxes import readers, with_faxes
from tests.portal.test_people import boss
from tests.retained import received
from tests.world import PHRASE, World

__all__ = ["boss", "tab"]

WHY = "The clinic's only reader is ill."


def auth(world: World, phrase: str = PHRASE) -> str:
    """What acme's user's browser makes of the password."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        lock = user_keys.of_user(tx, world.acme.tenant.id, world.acme.user.id)[0].password
    return passphrases.derive(phrase, lock.salt, lock.cost).auth.hex()


def made(world: World, boss: Visitor) -> PrivateKey:
    """One that a browser has made, whose own mailbox it opens."""
    _code, private = printed_keys.new_recovery_key()
    given = {"auth": auth(world), "publicKey": private.public.raw.hex()}
    assert boss.hand("/organisation/recovery/make", given).status_code == 200
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    return private


def proof_of(world: World, boss: Visitor, private: PrivateKey) -> dict[str, Any]:
    """What its browser shows from then on."""
    known = {"publicKey": private.public.raw.hex(), "why": WHY}
    said = boss.hand("/organisation/recovery/ask", {**known, "auth": auth(world)}).get_json()
    return {**known, "proof": private.unwrap(bytes.fromhex(said["wrap"]), proofs.DIGEST).hex()}


def acts(world: World) -> list[tuple[Any, ...]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows(
            """select action, result, address from audit
               where action like 'key.recovery%%' or action = 'key.emergency' order by sequence"""
        )
    return [tuple(row.values()) for row in rows]


def status(world: World) -> recovery_key.Status | None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return recovery_key.status(tx, world.acme.tenant.id)


def test_it_is_made_by_who_knows_the_password_and_there_is_one(world: World, boss: Visitor) -> None:
    assert "no recovery key" in boss.get("/organisation/recovery").text
    _code, private = printed_keys.new_recovery_key()
    given = {"auth": "00" * 32, "publicKey": private.public.raw.hex()}
    assert boss.hand("/organisation/recovery/make", given).status_code == 401
    assert status(world) is None
    made(world, boss)
    assert "It opens 1 of 1 mailboxes." in boss.get("/organisation/recovery").text
    again = boss.hand("/organisation/recovery/make", {**given, "auth": auth(world)})
    assert again.get_json()["error_id"] == "there-is-one"
    assert acts(world) == [("key.recovery-make", "done", "127.0.0.1")]


@pytest.mark.parametrize("path", ["make", "ask", "look", "hand-on", "to-turn-off", "turn-off"])
def test_who_is_no_administrator_has_nothing_to_do_with_it(world: World, ann: Visitor, path: str) -> None:
    """SECURITY."""
    assert ann.hand(f"/organisation/recovery/{path}", {}).status_code == 403


@pytest.mark.parametrize("path", ["make", "ask", "to-turn-off", "turn-off"])
def test_each_is_after_the_password(world: World, boss: Visitor, path: str) -> None:
    """SECURITY: a session alone does none of it."""
    private = made(world, boss)
    given = {"auth": auth(world, "not the password"), "publicKey": private.public.raw.hex(), "why": WHY}
    before = status(world)
    answer = boss.hand(f"/organisation/recovery/{path}", {**given, "key": 1, "epochs": []})
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "wrong-login")
    assert status(world) == before


def test_without_the_paper_nothing_is_handed_out(world: World, boss: Visitor, portal: Portal) -> None:
    """SECURITY: an administrator who has the database's public key, and not the private one."""
    private = made(world, boss)
    proof = proof_of(world, boss, private)
    look = "/organisation/recovery/look"
    of = world.acme.user.email
    assert boss.hand(look, {**proof, "of": of}).status_code == 200
    for wrong in ({"proof": "00" * 32}, {"publicKey": "22" * 32}, {"why": ""}):
        for path in (look, "/organisation/recovery/hand-on"):
            answer = boss.hand(path, {**proof, **wrong, "of": of, "links": [], "grants": []})
            assert answer.status_code == 400
            assert "mailboxes" not in answer.get_json()
    # Nor with a proof of another session.
    other = visitor(portal, world.acme)
    assert other.log_in().status_code == 200
    answer = other.hand(look, {**proof, "of": of})
    assert answer.get_json()["error_id"] == "no-proof"
    # Each use, and each wrong one, is in the audit.
    assert [each[1] for each in acts(world) if each[0] == "key.emergency"] == ["done", "refused", "refused"]


def test_a_proof_is_none_after_a_while(world: World, boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = proof_of(world, boss, made(world, boss))
    later = proofs._now() + 2
    monkeypatch.setattr(proofs, "_now", lambda: later)
    answer = boss.hand("/organisation/recovery/look", {**proof, "of": world.acme.user.email})
    assert answer.get_json()["error_id"] == "no-proof"


def administrator(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator"})


def lost(world: World) -> User:
    """Somebody whose key is lost, and who has another one since."""
    user = colleague(world, "lost")
    enrolment.enrol(world.portal, user, OTHER)
    return user


@pytest.mark.xdist_group("chromium")
def test_in_a_browser_it_is_made_and_used_and_turned_off(
    world: World, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is more to hand on than goes at once.
    monkeypatch.setattr(keys, "_AT_ONCE", 1)
    administrator(world)
    user = lost(world)
    office = group(world, user)
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go("/organisation/recovery")
    tab.fill("#make-password", "not the password")
    tab.click("#make [data-go]")
    assert "not your password" in tab.until("!document.querySelector('#make .wrong').hidden && document.body.innerText")
    tab.fill("#make-password", PHRASE)
    tab.click("#make [data-go]")
    code = tab.until("!document.getElementById('code-step').hidden && code.textContent")
    tab.click("#kept")
    tab.click("#kept-go")
    # Whoever opens more by one's key is named, also oneself.
    assert "recovery key" in tab.until("document.querySelector('#handed-on:not([hidden]) li')?.textContent")
    tab.click("#handed-on a")
    tab.until("document.body.innerText.includes('It opens 1 of 3 mailboxes.')")
    # Once its readers have unlocked, it opens theirs; then one loses the key.
    enrolment.unlock(world.portal, user, Secret(OTHER))
    enrolment.enrol(world.portal, user, OTHER, anew=True)
    assert reads_all(world, enrolment.unlock(world.portal, user, Secret(OTHER)), office) == [False, True, True]
    tab.go("/organisation/recovery")
    for name, text in (("code", code.lower()), ("of", user.email), ("why", WHY), ("use-password", PHRASE)):
        tab.fill(f"#{name}", text)
    tab.click("#use [data-go]")
    said = tab.until("!document.getElementById('used').hidden && document.getElementById('used').innerText")
    assert user.email in said
    assert "office" in said
    assert tab.see("document.getElementById('code').value") == ""
    assert reads_all(world, enrolment.unlock(world.portal, user, Secret(OTHER)), office) == [True, True, True]
    # Off: what comes it does not open.
    tab.fill("#off-password", PHRASE)
    tab.click("#off [data-go]")
    assert "It is off. Destroy the paper." in tab.until(
        "!document.getElementById('is-off').hidden && document.body.innerText"
    )
    assert status(world) is None
    assert [each[0] for each in acts(world)] == ["key.recovery-make", *["key.emergency"] * 2, "key.recovery-off"]


@pytest.mark.xdist_group("chromium")
def test_in_a_browser_somebody_is_let_in_by_the_paper(world: World, tab: Tab) -> None:
    administrator(world)
    office = with_faxes(world, boss_reads=False)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        me, reader = (
            users.by_email(tx, world.acme.tenant.id, each) for each in (world.acme.user.email, "reader@acme.example")
        )
    code = recovery_key.make(world.portal, me, Secret(PHRASE))
    enrolment.unlock(world.portal, reader, Secret(OTHER))
    two = colleague(world, "two")
    enrolment.enrol(world.portal, two, OTHER)
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    for key, said in (
        (passphrases.new_recovery_code(), "not your organisation's recovery key"),
        (code, "Saved."),
    ):
        tab.go(f"/organisation/mailboxes/{office}")
        for name, text in (("code", key), ("why", WHY), ("password", PHRASE)):
            tab.fill(f"[data-paper] #{name}", text)
        tab.fill("[data-paper] [name=email]", two.email)
        tab.click("[data-paper] .primary")
        tab.until(f"document.body.innerText.includes({said!r})")
    assert readers(world, office) == ["reader@acme.example", two.email]
    out(tab)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        fax = tx.value("select id from faxes")
    tab.log_in(two.email, OTHER)
    opens(tab, fax)


def test_a_form_says_nothing_of_paper_that_is_none(world: World, boss: Visitor) -> None:
    """SECURITY: an administrator lets nobody in by words."""
    office = with_faxes(world, boss_reads=False)
    private = made(world, boss)
    for paper in ("{}", "x", f'{{"publicKey": "{private.public.raw.hex()}", "proof": "{"00" * 32}", "why": "x"}}'):
        answer = boss.post(
            f"/organisation/mailboxes/{office}/members", {"email": world.acme.user.email, "paper": paper}
        )
        assert answer.status_code == 400
    assert readers(world, office) == ["reader@acme.example"]
    assert received(world, world.acme, "three")
