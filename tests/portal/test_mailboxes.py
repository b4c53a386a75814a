"""The mailboxes of an organisation: who reads them, and whose browser makes the keys for that."""

import json
from typing import Any

import pytest

from faxplan import dids, enrolment, epochs, membership, proofs, provisioning, user_keys, users, vault
from faxplan.enrolment import Secret
from faxplan.epochs import Ahead
from faxplan.users import User
from faxplan.wraps import PublicKey
from tests.db.test_enrolment import OTHER, colleague, group, newest, reads_all
from tests.portal.conftest import Visitor
from tests.portal.test_in_a_browser import Tab, tab
from tests.portal.test_people import audited, boss
from tests.retained import execute, received
from tests.world import PHRASE, World

__all__ = ["boss", "tab"]


def address(mailbox: int, more: str = "") -> str:
    return f"/organisation/mailboxes/{mailbox}{more}"


def enrolled(world: World, name: str = "two") -> User:
    user = colleague(world, name)
    enrolment.enrol(world.portal, user, OTHER)
    return user


def readers(world: World, mailbox: int) -> list[str]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return (
            tx.rows(
                """select array_agg(u.email order by u.email) as them from mailbox_members m
               join users u on u.id = m.user_id where m.mailbox_id = %s""",
                (mailbox,),
            )[0]["them"]
            or []
        )


def to_make(boss: Visitor, mailbox: int, form: dict[str, object]) -> Any:
    return boss.post(address(mailbox, "/keys-to-make"), form, Accept="application/json").get_json()


def epoch_of(wanted: Any) -> dict[str, Any]:
    """What a browser makes, made here."""
    said = wanted["epoch"]
    keys = {each["key"]: PublicKey(bytes.fromhex(each["publicKey"])) for each in said["readers"]}
    new = epochs.make(Ahead(wanted["mailbox"], said["number"], keys)).new
    wraps = [{"key": key, "wrap": wrap.hex()} for key, wrap in new.wraps.items()]
    return {"number": said["number"], "publicKey": new.public.raw.hex(), "wraps": wraps}


def made(**of: Any) -> str:
    return json.dumps({"epoch": None, "grant": None, **of})


def with_faxes(world: World, boss_reads: bool = True) -> int:
    """A group's mailbox in which a fax lies."""
    reader = world.acme.user if boss_reads else enrolled(world, "reader")
    office = group(world, reader)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.change(tx, world.acme.tenant.id, world.acme.did, {"mailbox_id": office})
    received(world, world.acme, "one")
    return office


def test_a_group_gets_a_mailbox_and_readers(world: World, boss: Visitor) -> None:
    answer = boss.post("/organisation/mailboxes", {"name": "Claims"})
    assert answer.status_code == 303
    mailbox = int(answer.headers["Location"].partition("?")[0].rpartition("/")[2])
    assert "Nobody reads it yet." in boss.get(address(mailbox)).text
    # The first who can read it gives it its key, which is made in the browser.
    form: dict[str, object] = {"email": world.acme.user.email}
    assert boss.post(address(mailbox, "/members"), form).status_code == 400
    assert newest(world, mailbox) is None
    wanted = to_make(boss, mailbox, form)
    form |= {"made": made(epoch=epoch_of(wanted))}
    # And only where its maker has shown their own: one that opens nothing would lose what comes.
    answer = boss.post(address(mailbox, "/members"), form)
    assert (answer.status_code, "has not shown" in answer.text, newest(world, mailbox)) == (400, True, None)
    assert boss.post(address(mailbox, "/members"), {**form, "proof": proven(world, wanted)}).status_code == 303
    assert reads_all(world, world.ring(world.acme), mailbox) == [True]
    # Who has no key yet is let in without one.
    two = colleague(world)
    assert boss.post(address(mailbox, "/members"), {"email": two.email}).status_code == 303
    assert readers(world, mailbox) == [two.email, world.acme.user.email]
    page = boss.get("/organisation/mailboxes?q=cla").text
    assert "1 reader waits for it" in page
    (row, _) = audited(world, "mailbox.add-member")
    assert (row.actor, row.address) == (f"user:{world.acme.user.id}", "127.0.0.1")
    assert len(row.details["epochs_begun"]) == 1  # type: ignore[arg-type]


def test_a_member_lets_somebody_in_to_what_lies_there(world: World, boss: Visitor) -> None:
    office, two = with_faxes(world), enrolled(world)
    form: dict[str, object] = {"email": two.email}
    asked = to_make(boss, office, form)
    wanted, proof = asked["grant"], proven(world, asked)
    wrap = world.ring(world.acme).wrapped(office, wanted["epoch"], PublicKey(bytes.fromhex(wanted["publicKey"])))
    assert wrap is not None
    said = {"epoch": wanted["epoch"], "key": wanted["key"], "wrap": wrap.hex()}
    # Nothing goes without.
    for grant in (None, {**said, "key": wanted["key"] + 1}, {**said, "epoch": wanted["epoch"] + 1}):
        answer = boss.post(address(office, "/members"), {**form, "proof": proof, "made": made(grant=grant)})
        assert answer.status_code in (400, 503)
        assert readers(world, office) == [world.acme.user.email]
    # Nor by a session that has not shown that their key is there.
    for wrong in ("", "00" * 32):
        answer = boss.post(address(office, "/members"), {**form, "proof": wrong, "made": made(grant=said)})
        assert (answer.status_code, "has not shown" in answer.text) == (400, True)
    assert readers(world, office) == [world.acme.user.email]
    assert boss.post(address(office, "/members"), {**form, "proof": proof, "made": made(grant=said)}).status_code == 303
    assert reads_all(world, enrolment.unlock(world.portal, two, Secret(OTHER)), office) == [True]
    (row,) = audited(world, "mailbox.add-member")
    assert (row.details["by"], row.details["granted"]) == (
        f"user:{world.acme.user.id}",
        [[wanted["epoch"], wanted["key"]]],
    )


def proven(world: World, said: Any) -> str:
    """What acme's user's browser opens of what was asked."""
    return world.keyrings[world.acme.tenant.id].unwrap(bytes.fromhex(said["ask"]), proofs.DIGEST).hex()


def test_who_may_not_receive_lets_nobody_in_and_is_not_let_in(world: World, boss: Visitor) -> None:
    """SECURITY: also who is an administrator, and has the mailbox's key."""
    office, two = with_faxes(world), enrolled(world)
    form: dict[str, object] = {"email": two.email}
    wanted = to_make(boss, office, form)
    grant = wanted["grant"]
    wrap = world.ring(world.acme).wrapped(office, grant["epoch"], PublicKey(bytes.fromhex(grant["publicKey"])))
    assert wrap is not None
    said = made(grant={"epoch": grant["epoch"], "key": grant["key"], "wrap": wrap.hex()})
    for who, words in ((two, "may read no faxes that come in"), (world.acme.user, "only who can open it")):
        with world.admin.tenant(who.tenant_id) as tx:
            users.change(tx, who.tenant_id, who.id, {"permissions": ["send"]})
        answer = boss.post(address(office, "/members"), {**form, "made": said, "proof": proven(world, wanted)})
        assert (answer.status_code, words in answer.text) == (400, True)
        assert readers(world, office) == [world.acme.user.email]
        with world.admin.tenant(who.tenant_id) as tx:
            users.change(tx, who.tenant_id, two.id, {"permissions": ["send", "receive"]})
    assert "only who can open it lets somebody in, and you cannot" in boss.get(address(office)).text


def test_an_administrator_who_waits_for_the_key_lets_nobody_in(world: World, boss: Visitor) -> None:
    """SECURITY: a member by name, whose browser can have wrapped nothing."""
    office, two = with_faxes(world, boss_reads=False), enrolled(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("insert into mailbox_members values (%s, %s, %s)", (two.tenant_id, office, world.acme.user.id))
    assert to_make(boss, office, {"email": two.email})["error_id"] == "needs-member"


def test_an_administrator_lets_nobody_into_what_they_do_not_read(world: World, boss: Visitor) -> None:
    """SECURITY: nor themselves."""
    office = with_faxes(world, boss_reads=False)
    assert "only who can open it lets somebody in, and you cannot" in boss.get(address(office)).text
    for email in (world.acme.user.email, enrolled(world).email):
        answer = boss.post(address(office, "/members"), {"email": email})
        assert answer.status_code == 400
        assert "reader@acme.example" in answer.text
        assert "--by" not in answer.text
        asked = boss.post(address(office, "/keys-to-make"), {"email": email}, Accept="application/json")
        assert asked.get_json()["error_id"] == "needs-member"
    assert readers(world, office) == ["reader@acme.example"]


def test_who_has_no_key_is_not_let_in_to_what_lies_there(world: World, boss: Visitor) -> None:
    """SECURITY: the session alone puts nobody there to whom others hand keys."""
    office, two = with_faxes(world), colleague(world)
    answer = boss.post(address(office, "/members"), {"email": two.email})
    assert (answer.status_code, "has no key yet" in answer.text) == (400, True)
    assert readers(world, office) == [world.acme.user.email]


def test_who_is_removed_opens_nothing_that_comes(world: World, boss: Visitor) -> None:
    two = enrolled(world)
    office = group(world, world.acme.user, two)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    form: dict[str, object] = {"remove": two.id}
    wanted = to_make(boss, office, form)
    assert [each["publicKey"] for each in wanted["epoch"]["readers"]] == [own(world, world.acme.user)]
    # Not without a key, nor by a session that has not shown its user's; nor with one that would be others' as well.
    said = {**form, "made": made(epoch=epoch_of(wanted))}
    for wrong in ("", "00" * 32):
        answer = boss.post(address(office, "/members"), {**said, "proof": wrong})
        assert (answer.status_code, "has not shown" in answer.text) == (400, True)
    answer = boss.post(address(office, "/members"), form)
    assert (answer.status_code, "made in your browser" in answer.text) == (400, True)
    too_many = epoch_of(wanted)
    too_many["wraps"].append({"key": key_id(world, two), "wrap": "00" * 80})
    form |= {"proof": proven(world, wanted)}
    assert boss.post(address(office, "/members"), {**form, "made": made(epoch=too_many)}).status_code != 303
    assert len(readers(world, office)) == 2
    assert boss.post(address(office, "/members"), {**form, "made": made(epoch=epoch_of(wanted))}).status_code == 303
    assert readers(world, office) == [world.acme.user.email]
    key = newest(world, office)
    assert key is not None
    assert key.epoch == 2
    assert world.ring(world.acme).key_of(office, 2) is not None
    (row,) = audited(world, "mailbox.remove-member")
    assert row.details["user"] == f"user:{two.id}"


def test_the_last_who_can_open_it_stays(world: World, boss: Visitor) -> None:
    office = with_faxes(world)
    form: dict[str, object] = {"remove": world.acme.user.id}
    wanted = to_make(boss, office, form)
    form |= {"made": made(epoch=epoch_of(wanted)), "proof": proven(world, wanted)}
    answer = boss.post(address(office, "/members"), form)
    assert answer.status_code == 400
    assert "let somebody else" in answer.text.lower()
    assert "faxplan" not in answer.text.lower()
    assert readers(world, office) == [world.acme.user.email]


@pytest.mark.parametrize(
    "text",
    [
        "x", "[]", "{}", "null", '{"epoch": 1, "grant": 1}',
        '{"epoch": null, "grant": {"epoch": 1, "key": 1, "wrap": ""}}',
        '{"epoch": {"number": 1, "publicKey": "00", "wraps": []}, "grant": null}', "[" * 20000,
        '{"epoch": {"number": 1e400, "publicKey": "", "wraps": []}, "grant": null}',
    ],
)  # fmt: skip
def test_what_is_no_key_is_none(world: World, boss: Visitor, text: str) -> None:
    office, two = group(world, world.acme.user), enrolled(world)
    answer = boss.post(address(office, "/members"), {"email": two.email, "made": text})
    assert (answer.status_code, "made no key that fits" in answer.text) == (400, True)
    assert readers(world, office) == [world.acme.user.email]


def test_of_another_tenant_nobody_is_let_in_or_removed(world: World, boss: Visitor) -> None:
    office = group(world, world.acme.user)
    answer = boss.post(address(office, "/members"), {"email": world.borea.user.email})
    assert (answer.status_code, "has no user" in answer.text) == (400, True)
    assert boss.post(address(office, "/members"), {"remove": world.borea.user.id}).status_code == 400
    assert readers(world, office) == [world.acme.user.email]


def test_the_list_is_searched_and_goes_on(world: World, boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.mailboxes.AT_ONCE", 2)
    for name in ("beta", "alpha", "gamma", "delta"):
        provisioning.add_mailbox(world.admin, "test", "acme", f"{name} Room")
    seen: list[str] = []
    path = "/organisation/mailboxes?q=ROOM"
    while path:
        page = boss.get(path).text
        seen += [part.partition("<")[0].partition(">")[2] for part in page.split('href="/organisation/mailboxes/')[2:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == ["alpha Room", "beta Room", "delta Room", "gamma Room"]
    assert "No mailbox is found" in boss.get("/organisation/mailboxes?q=%25").text
    assert world.acme.user.email in boss.get(f"/organisation/mailboxes?q={world.acme.user.email}").text


def test_a_mailbox_has_a_name_of_its_own(boss: Visitor) -> None:
    for name, said in (("", "Fill this in."), ("user@acme.example", "mailbox")):
        answer = boss.post("/organisation/mailboxes", {"name": name})
        assert answer.status_code == 400
        assert said in answer.text


DONE = "document.querySelector('[data-just-changed]')?.dataset.justChanged === 'done'"
"""What a reader's browser does for others once a change is made is done."""


@pytest.mark.xdist_group("chromium")
def test_keys_are_made_in_the_browser(world: World, tab: Tab) -> None:
    office, two = with_faxes(world), enrolled(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator"})
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go(address(office))
    tab.fill("#email", two.email)
    tab.click("form.narrow .primary")
    tab.until("document.querySelector('.note') !== null")
    # What is handed on after it is so as soon as the page is there.
    tab.until(DONE)
    assert reads_all(world, enrolment.unlock(world.portal, two, Secret(OTHER)), office) == [True]
    # What was handed to somebody and opens nothing they are told of.
    execute(world, "update mailbox_keys set wrap = decode(repeat('11', 80), 'hex') where mailbox_id = %s", (office,))
    execute(world, "update mailbox_epochs set earlier_key = null where mailbox_id = %s", (office,))
    tab.go(f"/mailboxes/{office}")
    said = tab.until("!document.querySelector('[data-not-whole]').hidden && document.body.innerText")
    assert "opens nothing. Ask an administrator to remove you" in said
    tab.go(address(office))
    tab.click(f"form:has([name=remove][value='{two.id}']) button")
    tab.until("document.querySelectorAll('[name=remove]').length === 1")
    # The key that an administrator's browser made stays for as long as it takes a reader's to make another one.
    tab.until(DONE)
    key = newest(world, office)
    assert key is not None
    assert key.epoch == 3
    assert reads_all(world, world.ring(world.acme), office) == [False, True, True]
    # A new one, which nobody has read.
    tab.go("/organisation/mailboxes/new")
    tab.fill("#name", "Claims")
    tab.click("form.narrow .primary")
    tab.until("document.querySelector('h1').textContent === 'Claims' && document.readyState === 'complete'")
    tab.fill("#email", world.acme.user.email)
    tab.click("form.narrow .primary")
    tab.until("document.querySelectorAll('[name=remove]').length === 1")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        standing = {row["name"]: row for row in vault.standing(tx, world.acme.tenant.id)}
    assert standing["Claims"]["readers"] == 1


def key_id(world: World, user: User) -> int:
    with world.portal.tenant(user.tenant_id) as tx:
        key = user_keys.current(tx, user.tenant_id, user.id)
    assert key is not None
    return key.id


def own(world: World, user: User) -> str:
    with world.portal.tenant(user.tenant_id) as tx:
        key = user_keys.current(tx, user.tenant_id, user.id)
    assert key is not None
    return key.public.raw.hex()


def test_two_who_change_it_at_once_are_told(world: World, boss: Visitor) -> None:
    office, two = group(world), enrolled(world)
    form: dict[str, object] = {"email": world.acme.user.email}
    wanted = to_make(boss, office, form)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        membership.join(tx, world.acme.tenant.id, office, two)
    form |= {"made": made(epoch=epoch_of(wanted)), "proof": proven(world, wanted)}
    answer = boss.post(address(office, "/members"), form)
    assert answer.status_code != 303
    assert readers(world, office) == [two.email]
