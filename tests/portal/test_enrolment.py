"""By an invitation a user gets a key, which was made in their browser; and what they can open, others wait for."""

import threading
from contextlib import suppress
from typing import Any

import pytest

from faxplan import (
    enrolment,
    epochs,
    gains,
    invitations,
    keyring,
    mailboxes,
    membership,
    passphrases,
    proofs,
    user_keys,
    users,
    vault,
)
from faxplan.constraints import ConstraintViolated
from faxplan.db import Transaction
from faxplan.enrolment import Secret
from faxplan.epochs import Ahead, Begun
from faxplan.keyring import Keyring
from faxplan.sealed import SealBroken
from faxplan.users import User
from faxplan.wraps import PrivateKey, PublicKey, new_key_pair
from portal.app import Portal
from portal.pages import welcome
from tests.db.test_enrolment import colleague, group, leave, reads_all
from tests.portal.conftest import Visitor, visitor
from tests.retained import execute
from tests.world import PHRASE, World

OTHER = "seven quiet herons at dusk"


@pytest.fixture
def new(world: World) -> User:
    """A user of acme who has no key."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return users.create(tx, world.acme.tenant.id, email="new@acme.example", name="New")


def invite(world: World, user: User) -> str:
    with world.portal.tenant(user.tenant_id) as tx:
        return invitations.make(tx, user, actor="administrator:test")


def look(who: Visitor, token: str) -> Any:
    return sent(who, "/welcome/look", {"token": token})


def sent(who: Visitor, path: str, value: object) -> Any:
    return who.hand(path, value)


def made(said: Any, password: str = OTHER) -> tuple[dict[str, Any], PrivateKey, str]:
    """What a browser makes of what the server says, without the token; the key, and the recovery code."""
    enrolled, private, code = keyring.new_user_key(password)
    recovery, derived = enrolled.recovery, passphrases.derive(password, enrolled.password.salt)
    begun = []
    for each in said["epochs"]:
        readers = {reader["key"]: PublicKey(bytes.fromhex(reader["publicKey"])) for reader in each["readers"]}
        new, _ = keyring.new_epoch({**readers, 0: private.public})
        wraps = [{"key": key, "wrap": wrap.hex()} for key, wrap in new.wraps.items()]
        begun.append(
            {
                "mailbox": each["mailbox"],
                "number": each["number"],
                "publicKey": new.public.raw.hex(),
                "wraps": wraps,
            }
        )
    key = {
        "publicKey": private.public.raw.hex(),
        "password": {
            "salt": enrolled.password.salt.hex(),
            "cost": {"memory": 65536, "passes": 3, "lanes": 1},
            "auth": derived.auth.hex(),
            "locked": enrolled.password.locked.hex(),
        },
        "recovery": {"auth": passphrases.recovery_auth(code).hex(), "locked": recovery.locked.hex()},
    }
    return {"anew": said["hasKey"], "key": key, "epochs": begun}, private, code


def enrolled(portal: Portal, world: World, user: User) -> tuple[Visitor, PrivateKey]:
    """A user of acme, who has come by a link and is logged in."""
    who, token = visitor(portal, world.acme), invite(world, user)
    handed, private, _ = made(look(who, token).get_json())
    assert sent(who, "/welcome", {"token": token, **handed}).status_code == 200
    assert who.log_in(OTHER, user.email).status_code == 200
    return who, private


def acts(world: World, *actions: str) -> list[dict[str, Any]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows(
            "select actor, action, authenticated, address, details from audit where action = any(%s) order by sequence",
            (list(actions),),
        )


def test_who_is_invited_gets_a_key_and_their_mailbox_too(portal: Portal, world: World, new: User) -> None:
    who, token = visitor(portal, world.acme), invite(world, new)
    assert who.get("/welcome").status_code == 200
    said = look(who, token).get_json()
    assert (said["name"], said["email"], said["hasKey"]) == ("New", "new@acme.example", False)
    assert said["words"] == ["new@acme.example", "New", "Acme", "acme"]
    assert said["epochs"] == [{"mailbox": new.mailbox_id, "number": 1, "readers": []}]
    handed, private, code = made(said)
    answer = sent(who, "/welcome", {"token": token, **handed})
    assert (answer.status_code, answer.get_json()) == (200, {"email": new.email, "lockedOut": 0})
    # Nobody is logged in by it; the password does that.
    assert who.get("/inbox").status_code == 303
    assert who.log_in(OTHER, new.email).status_code == 200
    # What came of it, as the command line opens it: by the password and by the code.
    for secret in (Secret(OTHER), Secret(code, is_code=True)):
        assert enrolment.unlock(world.portal, new, secret).mailboxes == [new.mailbox_id]
    with world.portal.tenant(new.tenant_id) as tx:
        (key,) = user_keys.of_user(tx, new.tenant_id, new.id)
    assert key.public == private.public
    assert key.recovery.auth_hash == passphrases.stored(passphrases.recovery_auth(code))
    invited, made_key = acts(world, "user.invite", "key.enrol")
    assert (invited["actor"], invited["details"]) == ("administrator:test", {"email": new.email})
    assert (made_key["actor"], made_key["authenticated"]) == (f"user:{new.id}", welcome.INVITATION)
    assert made_key["address"] == "127.0.0.1"
    assert made_key["details"]["public_key"] == private.public.raw.hex()
    assert len(made_key["details"]["epochs_begun"]) == 1


@pytest.mark.parametrize("why", ["used", "too old", "replaced", "disabled", "another tenant's", "made up", "enrolled"])
def test_a_link_that_is_none_leads_nowhere(portal: Portal, world: World, new: User, why: str) -> None:
    who, token = visitor(portal, world.acme), invite(world, new)
    handed, _, _ = made(look(who, token).get_json())
    if why == "used":
        assert sent(who, "/welcome", {"token": token, **handed}).status_code == 200
    elif why == "too old":
        execute(world, "update invitations set expires_at = now() where tenant_id = %s", (new.tenant_id,))
    elif why == "replaced":
        assert look(who, invite(world, new)).status_code == 200
    elif why == "disabled":
        execute(world, "update users set enabled = false where tenant_id = %s", (new.tenant_id,))
    elif why == "another tenant's":
        who = visitor(portal, world.borea)
    elif why == "made up":
        token = "x" * len(token)
    else:
        enrolment.enrol(world.portal, new, OTHER)
    for path, value in (("/welcome/look", {"token": token}), ("/welcome", {"token": token, **handed})):
        answer = sent(who, path, value)
        assert (answer.status_code, answer.get_json()["error_id"]) == (400, "invitation-gone")
    with world.portal.tenant(new.tenant_id) as tx:
        assert len(user_keys.of_user(tx, new.tenant_id, new.id)) == (1 if why in ("used", "enrolled") else 0)


def test_the_token_is_kept_nowhere(world: World, new: User) -> None:
    token = invite(world, new)
    with world.portal.tenant(new.tenant_id) as tx:
        row = tx.one("select * from invitations")
        assert invitations.open_until(tx, new.tenant_id, new.id) == row["expires_at"]
        audited = tx.value("select string_agg(a::text, '') from audit a")
    assert token.encode() not in b"".join(bytes(each) for each in row.values() if isinstance(each, memoryview))
    assert token not in audited
    assert (row["expires_at"] - row["created_at"]).days == invitations.DAYS
    assert invitations.link("https://acme.fax.example", token) == f"https://acme.fax.example/welcome#{token}"


def test_of_a_mailbox_that_nobody_opens_the_key_begins_too(portal: Portal, world: World, new: User) -> None:
    """Not of one that another member opens: that one hands it on."""
    with world.admin.tenant(new.tenant_id) as tx:
        group = mailboxes.create_group(tx, new.tenant_id, "Group")
        membership.join(tx, new.tenant_id, group, new)
        membership.join(tx, new.tenant_id, world.acme.user.mailbox_id or 0, new)
    said = look(visitor(portal, world.acme), invite(world, new)).get_json()
    assert {each["mailbox"] for each in said["epochs"]} == {new.mailbox_id, group}


@pytest.mark.parametrize(
    "wrong", ["a mailbox less", "a reader less", "a stranger more", "a number ahead", "another's mailbox", "twice"]
)
def test_only_the_epochs_that_are_due_are_taken(portal: Portal, world: World, new: User, wrong: str) -> None:
    """To exactly their readers; and if not, nothing at all is: the link still works."""
    who, token = visitor(portal, world.acme), invite(world, new)
    handed, _, _ = made(look(who, token).get_json())
    (first,) = handed["epochs"]
    if wrong == "a mailbox less":
        handed["epochs"] = []
    elif wrong == "a reader less":
        first["wraps"] = []
    elif wrong == "a stranger more":
        first["wraps"].append({"key": 77, "wrap": "00" * 80})
    elif wrong == "a number ahead":
        first["number"] += 1
    elif wrong == "another's mailbox":
        first["mailbox"] = world.acme.user.mailbox_id
    else:
        handed["epochs"].append(first)
    answer = sent(who, "/welcome", {"token": token, **handed})
    assert (answer.status_code, answer.get_json()["error_id"]) == (503, "epoch-moved")
    with world.portal.tenant(new.tenant_id) as tx:
        assert not user_keys.of_user(tx, new.tenant_id, new.id)
        assert vault.key_of_mailbox(tx, new.tenant_id, new.mailbox_id or 0) is None
    assert look(who, token).status_code == 200


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("key", "publicKey"), "00" * 31),
        (("key", "publicKey"), "no hex"),
        (("key", "password", "salt"), "00" * 8),
        (("key", "password", "locked"), "00" * 59),
        (("key", "recovery", "auth"), ""),
        (("key", "password", "cost"), []),
        (("key",), None),
        (("epochs",), {}),
        (("anew",), "no"),
        (("token",), 7),
    ],
)
def test_what_no_script_of_ours_writes_is_refused(
    portal: Portal, world: World, new: User, place: tuple[str, ...], value: object
) -> None:
    who, token = visitor(portal, world.acme), invite(world, new)
    handed, _, _ = made(look(who, token).get_json())
    whole: dict[str, Any] = {"token": token, **handed}
    inner = whole
    for each in place[:-1]:
        inner = inner[each]
    inner[place[-1]] = value
    answer = sent(who, "/welcome", whole)
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "malformed")
    for none in ([], "x", 1):
        assert sent(who, "/welcome", none).status_code == 400


def test_a_password_that_costs_little_to_guess_is_refused(portal: Portal, world: World, new: User) -> None:
    who, token = visitor(portal, world.acme), invite(world, new)
    handed, _, _ = made(look(who, token).get_json())
    handed["key"]["password"]["cost"]["memory"] = 1024
    answer = sent(who, "/welcome", {"token": token, **handed})
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "constraint-violated")
    assert look(who, token).status_code == 200


def test_with_another_key_the_old_faxes_stay_locked_and_the_new_ones_do_not(
    portal: Portal, world: World, ann: Visitor
) -> None:
    user = world.acme.user
    who, token = visitor(portal, world.acme), invite(world, user)
    said = look(who, token).get_json()
    assert said["hasKey"] is True
    assert said["epochs"] == [{"mailbox": user.mailbox_id, "number": 2, "readers": []}]
    handed, private, _ = made(said)
    # Whoever did not see that there is a key, and what it means, gets none.
    answer = sent(who, "/welcome", {"token": token, **handed, "anew": False})
    assert answer.get_json()["error_id"] == "already-enrolled"
    assert sent(who, "/welcome", {"token": token, **handed}).get_json()["lockedOut"] == 1
    # The sessions before are over.
    assert ann.get("/inbox").status_code == 303
    with world.portal.tenant(user.tenant_id) as tx:
        found = vault.epochs_of_user(tx, user.tenant_id, user.id)
        current, before = user_keys.of_user(tx, user.tenant_id, user.id)
    ring = Keyring({current.id: private}, found)
    assert ring.key_of(user.mailbox_id or 0, 2) is not None
    assert ring.key_of(user.mailbox_id or 0, 1) is None
    # The key before opens nothing that comes.
    assert Keyring({before.id: world.keyrings[user.tenant_id]}, found).key_of(user.mailbox_id or 0, 2) is None
    # And the old password brings it back.
    back = enrolment.recover(world.portal, user, Secret(OTHER), Secret(PHRASE))
    assert back.key_of(user.mailbox_id or 0, 1) is not None


# ------------------------------------------------------------------------------------------------------- handing on


def wrapped(world: World, said: Any) -> dict[str, Any]:
    """What the browser of acme's user makes of what is due."""
    ring = world.ring(world.acme)
    found: dict[str, Any] = {"links": [], "grants": [], "proof": proven(world, said)}
    for each in said["links"]:
        found["links"].append({**each, "wrap": (ring.link(each["mailbox"], each["epoch"]) or b"").hex()})
    for each in said["grants"]:
        wrap = ring.wrapped(each["mailbox"], each["epoch"], PublicKey(bytes.fromhex(each["publicKey"])))
        assert wrap is not None
        found["grants"].append({**each, "wrap": wrap.hex()})
    return found


def proven(world: World, said: Any) -> str:
    """What that browser opens of what was asked."""
    return world.keyrings[world.acme.tenant.id].unwrap(bytes.fromhex(said["ask"]), proofs.DIGEST).hex()


def due_of(who: Visitor) -> dict[str, Any]:
    found: dict[str, Any] = sent(who, "/keys/due", {}).get_json()
    return {name: each for name, each in found.items() if each and name != "ask"}


def renewed(world: World, ann: Visitor) -> Any:
    """The browser of acme's user makes what no reader has made anew; what it is told then."""
    said = sent(ann, "/keys/due", {}).get_json()
    made = [epoch_of(each) for each in said["renewals"]]
    return sent(ann, "/keys/renew", {"epochs": made, "proof": proven(world, said)}).get_json()


def epoch_of(said: Any) -> dict[str, Any]:
    keys = {each["key"]: PublicKey(bytes.fromhex(each["publicKey"])) for each in said["readers"]}
    new = epochs.make(Ahead(said["mailbox"], said["number"], keys)).new
    wraps = [{"key": key, "wrap": wrap.hex()} for key, wrap in new.wraps.items()]
    return {
        "mailbox": said["mailbox"], "number": said["number"], "publicKey": new.public.raw.hex(), "wraps": wraps,
    }  # fmt: skip


def let_in(world: World, new: User) -> None:
    """The new user reads the mailbox of acme's user, too."""
    with world.admin.tenant(new.tenant_id) as tx:
        membership.join(tx, new.tenant_id, world.acme.user.mailbox_id or 0, new)


def test_a_browser_hands_on_what_others_wait_for(portal: Portal, world: World, new: User, ann: Visitor) -> None:
    _, theirs = enrolled(portal, world, new)
    let_in(world, new)
    mailbox = world.acme.user.mailbox_id
    due = sent(ann, "/keys/due", {}).get_json()
    assert [(each["mailbox"], each["epoch"]) for each in due["grants"]] == [(mailbox, 1)]
    assert due["grants"][0]["publicKey"] == theirs.public.raw.hex()
    told = sent(ann, "/keys/hand-on", wrapped(world, due)).get_json()["gained"]
    assert [each["mailboxes"] for each in told] == [[world.acme.user.email]]
    assert told[0]["to"].startswith("New (new@acme.example)")
    # Now it opens there.
    assert enrolment.unlock(world.portal, new, Secret(OTHER)).mailboxes == sorted([new.mailbox_id or 0, mailbox or 0])
    (row,) = acts(world, "key.grant")
    assert (row["actor"], row["authenticated"], row["address"]) == (
        f"user:{world.acme.user.id}",
        "password",
        "127.0.0.1",
    )
    assert row["details"]["granted"] == [[mailbox, 1, due["grants"][0]["key"]]]
    # Once: what is done is not due, and done again it is nothing.
    assert due_of(ann) == {}
    assert sent(ann, "/keys/hand-on", wrapped(world, due)).get_json() == {"gained": []}
    assert len(acts(world, "key.grant")) == 1


def from_outside(world: World, mailbox_id: int, *, without: int | None = None) -> PrivateKey:
    """A mailbox's next key, made by an administrator, who keeps it."""
    tenant_id = world.acme.tenant.id
    with world.portal.tenant(tenant_id) as tx:
        ahead = epochs.ahead(tx, tenant_id, mailbox_id, without=[] if without is None else [without])
        assert ahead is not None
        new, kept = keyring.new_epoch(ahead.readers)
        epochs.begin(tx, tenant_id, Begun(mailbox_id, ahead.number, new))
    return kept


def opened_by(world: World, kept: PrivateKey, mailbox_id: int, number: int) -> set[int]:
    """The epochs that the private key of this one opens, with all that is in the database."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows(
            "select epoch, public_key, earlier_key from mailbox_epochs where mailbox_id = %s order by epoch",
            (mailbox_id,),
        )
        wraps = tx.rows("select epoch, wrap from mailbox_keys where mailbox_id = %s", (mailbox_id,))
    by_number = {row["epoch"]: row for row in rows}
    found, keys = {number}, [kept]
    while keys:
        key = keys.pop()
        tried = [(row["epoch"] - 1, row["earlier_key"]) for row in rows if row["earlier_key"] is not None]
        tried += [(row["epoch"], row["wrap"]) for row in wraps]
        for epoch, wrap in tried:
            if epoch not in found:
                with suppress(SealBroken):
                    keys.append(key.unwrap_private(bytes(wrap), PublicKey(bytes(by_number[epoch]["public_key"]))))
                    found.add(epoch)
    return found


def test_what_came_before_is_tied_to_no_key_that_no_reader_made(world: World, ann: Visitor) -> None:
    """SECURITY: whoever made it may have kept it. The next reader makes another one, which opens it, and what comes
    after whoever made it does not open."""
    user, mailbox = world.acme.user, world.acme.user.mailbox_id or 0
    kept = from_outside(world, mailbox)
    again = from_outside(world, mailbox)
    due = sent(ann, "/keys/due", {}).get_json()
    assert (due["links"], due["grants"]) == ([], [])
    assert [(each["mailbox"], each["number"]) for each in due["renewals"]] == [(mailbox, 4)]
    # Nor is it taken from a browser that makes it all the same; and the database itself refuses it.
    said = {"links": [{"mailbox": mailbox, "epoch": 3, "wrap": "11" * 80}], "grants": [], "proof": proven(world, due)}
    assert sent(ann, "/keys/hand-on", said).get_json() == {"gained": []}
    with pytest.raises(ConstraintViolated, match="mailbox_epochs_outside"), world.portal.tenant(user.tenant_id) as tx:
        tx.execute("update mailbox_epochs set earlier_key = %s where epoch = 3", (bytes(80),))
    assert renewed(world, ann) == {"gained": []}
    assert sent(ann, "/keys/due", {}).get_json()["links"] == [{"mailbox": mailbox, "epoch": 4}]
    sent(ann, "/keys/hand-on", wrapped(world, sent(ann, "/keys/due", {}).get_json()))
    assert due_of(ann) == {}
    assert opened_by(world, kept, mailbox, 2) == {2}
    assert opened_by(world, again, mailbox, 3) == {3}
    assert reads_all(world, world.ring(world.acme), mailbox) == [True, True, True, True]
    (row,) = acts(world, "key.renew")
    assert [each[:2] for each in row["details"]["epochs_begun"]] == [[mailbox, 4]]


def test_history_is_not_tied_to_a_key_of_who_was_made_anew_and_removed(world: World) -> None:
    """SECURITY: an administrator opens an invitation in the name of a member, keeps the key of the epoch that begins by
    it, and removes that member at once: nobody would be told of somebody who is no reader any more."""
    tenant_id, reader = world.acme.tenant.id, world.acme.user
    member = colleague(world, "w")
    enrolment.enrol(world.portal, member, OTHER)
    office = group(world, reader, member)
    kept: dict[int, PrivateKey] = {}
    enrolled, _private, _code = keyring.new_user_key("another passphrase of theirs")

    def begin(due: list[Ahead]) -> list[Begun]:
        made = []
        for each in due:
            new, kept[each.mailbox_id] = keyring.new_epoch({**each.readers, enrolment.NEW_KEY: enrolled.public})
            made.append(Begun(each.mailbox_id, each.number, new))
        return made

    with world.portal.tenant(tenant_id) as tx:
        enrolment.accept(tx, member, enrolled, begin, anew=True)
    with world.portal.tenant(tenant_id) as tx:
        # Also where they make the next one at once, as the member whom they are for the server.
        own = user_keys.current(tx, tenant_id, member.id)
        assert own is not None
        ahead = next(each for each in epochs.to_renew(tx, member) if each.mailbox_id == office)
        new, again = keyring.new_epoch(ahead.readers)
        assert epochs.renew(tx, member, own.id, [Begun(office, ahead.number, new)])
    with world.admin.tenant(tenant_id) as tx:
        assert leave(tx, office, member)
    assert reads_all(world, enrolment.unlock(world.portal, reader, Secret(PHRASE)), office) == [True] * 5
    assert 1 not in opened_by(world, kept[office], office, 2) | opened_by(world, again, office, 3)


def test_the_same_by_a_waiting_member_who_makes_the_next_key(world: World) -> None:
    """SECURITY: a member who never had the mailbox's key makes its next one, and goes, before a reader comes or after
    another one was made."""
    tenant_id, reader, waits = world.acme.tenant.id, world.acme.user, colleague(world, "w")
    with world.admin.tenant(tenant_id) as tx:
        office = mailboxes.create_group(tx, tenant_id, "office")
        membership.join(tx, tenant_id, office, reader)
    enrolment.enrol(world.portal, waits, OTHER)
    with world.admin.tenant(tenant_id) as tx:
        # Nothing was laid there yet: the administrator says so.
        membership.join(tx, tenant_id, office, waits)
    kept = []
    for _ in range(2):
        with world.portal.tenant(tenant_id) as tx:
            own = user_keys.current(tx, tenant_id, waits.id)
            assert own is not None
            (ahead,) = [each for each in epochs.to_renew(tx, waits) if each.mailbox_id == office]
            new, private = keyring.new_epoch(ahead.readers)
            assert epochs.renew(tx, waits, own.id, [Begun(office, ahead.number, new)])
            kept.append((private, ahead.number))
    # The first of them began without the one before: it is from outside. The second one did not.
    with world.portal.tenant(tenant_id) as tx:
        assert epochs.to_renew(tx, waits) == []
    with world.admin.tenant(tenant_id) as tx:
        assert leave(tx, office, waits)
    told: list[gains.Gain] = []
    ring = enrolment.unlock(world.portal, reader, Secret(PHRASE), told=told.extend)
    assert (reads_all(world, ring, office), told) == ([True] * 5, [])
    for private, number in kept:
        assert 1 not in opened_by(world, private, office, number)


def test_into_a_key_of_before_nothing_is_tied_and_readers_are_handed_it(world: World) -> None:
    """SECURITY: whoever had that one may have gone."""
    reader, two = world.acme.user, colleague(world, "w")
    enrolment.enrol(world.portal, two, OTHER)
    office = group(world, reader)
    for _ in range(2):
        from_outside(world, office)
    execute(world, "update mailbox_epochs set from_outside = false where mailbox_id = %s", (office,))
    with world.portal.tenant(reader.tenant_id) as tx:
        assert not vault.link(tx, reader.tenant_id, office, 2, bytes(80))
    with world.admin.tenant(reader.tenant_id) as tx:
        membership.join(tx, reader.tenant_id, office, two)
    enrolment.unlock(world.portal, reader, Secret(PHRASE))
    assert reads_all(world, enrolment.unlock(world.portal, two, Secret(OTHER)), office) == [True, True, True]
    with world.portal.tenant(reader.tenant_id) as tx:
        rows = tx.rows("select epoch from mailbox_epochs where mailbox_id = %s and earlier_key is not null", (office,))
    assert [each["epoch"] for each in rows] == [3]


def test_who_reads_it_later_is_handed_what_came_before_such_a_key(
    portal: Portal, world: World, new: User, ann: Visitor
) -> None:
    mailbox = world.acme.user.mailbox_id or 0
    from_outside(world, mailbox)
    renewed(world, ann)
    enrolled(portal, world, new)
    let_in(world, new)
    due = sent(ann, "/keys/due", {}).get_json()
    assert [(each["epoch"]) for each in due["grants"]] == [3, 1]
    told = sent(ann, "/keys/hand-on", wrapped(world, due)).get_json()["gained"]
    assert [each["mailboxes"] for each in told] == [[world.acme.user.email]]
    ring = enrolment.unlock(world.portal, new, Secret(OTHER))
    assert reads_all(world, ring, mailbox) == [True, True, True]


def test_only_a_reader_who_has_shown_their_key_makes_the_next_one(
    portal: Portal, world: World, new: User, ann: Visitor
) -> None:
    """SECURITY: a session would keep it as well, and what came before is tied to this one."""
    mailbox = world.acme.user.mailbox_id or 0
    from_outside(world, mailbox)
    who, theirs = enrolled(portal, world, new)
    said = sent(ann, "/keys/due", {}).get_json()
    made = epoch_of(said["renewals"][0])
    for proof in ("00" * 32, "11" * 32):
        answer = sent(ann, "/keys/renew", {"epochs": [made], "proof": proof})
        assert (answer.status_code, answer.get_json()["error_id"]) == (400, "no-proof")
        answer = sent(ann, "/keys/hand-on", {"links": [], "grants": [], "proof": proof})
        assert (answer.status_code, answer.get_json()["error_id"]) == (400, "no-proof")
    # Nor somebody else, who has shown theirs; nor for others than who reads it, nor another one, nor what is not due.
    asked = sent(who, "/keys/due", {}).get_json()
    own = theirs.unwrap(bytes.fromhex(asked["ask"]), proofs.DIGEST).hex()
    assert sent(who, "/keys/renew", {"epochs": [made], "proof": own}).get_json() == {"gained": []}
    more = {**made, "wraps": [*made["wraps"], {"key": key_of(world, new), "wrap": "11" * 80}]}
    for wrong in ({**made, "wraps": []}, more, {**made, "number": 4}, {**made, "mailbox": new.mailbox_id}):
        assert sent(ann, "/keys/renew", {"epochs": [wrong], "proof": proven(world, said)}).get_json() == {"gained": []}
    assert newest_of(world, mailbox) == 2
    # Nor what a page of before the update hands over.
    assert sent(ann, "/keys/hand-on", {"links": [], "grants": []}).get_json()["error_id"] == "malformed"
    # Nor with a key that is theirs no more.
    other = key_of(world, new)
    with world.portal.tenant(new.tenant_id) as tx:
        wanted = [epochs.make(each) for each in epochs.to_renew(tx, world.acme.user)]
        assert epochs.renew(tx, world.acme.user, other, wanted) == []
    # Twice, or by two at once, it begins once.
    for _ in range(2):
        sent(ann, "/keys/renew", {"epochs": [made, made], "proof": proven(world, said)})
        assert newest_of(world, mailbox) == 3


def test_two_readers_who_come_at_once_make_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And who unlocks at a shell does the same."""
    mailbox = world.acme.user.mailbox_id or 0
    from_outside(world, mailbox)
    real, found = epochs.to_renew, []

    def unlock() -> None:
        found.append(reads_all(world, enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE)), mailbox))

    beside, ours = threading.Thread(target=unlock), []

    def meanwhile(tx: Transaction, user: User) -> list[Ahead]:
        wanted = real(tx, user)
        if threading.current_thread() is not beside:
            ours.append(wanted)
            if len(ours) == 2:
                beside.start()
                # It waits for us, or has long made the same.
                beside.join(2)
        return wanted

    monkeypatch.setattr(epochs, "to_renew", meanwhile)
    unlock()
    beside.join(60)
    assert found == [[True, True, True]] * 2
    assert newest_of(world, mailbox) == 3


def test_of_a_reader_that_only_an_administrator_made_whoever_makes_the_next_key_is_told(
    world: World, ann: Visitor
) -> None:
    """SECURITY: such as a recovery key, of a mailbox that has never had another key."""
    mailbox = group(world, world.acme.user)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("insert into user_keys (tenant_id, kind, public_key) values (%s, 'recovery', %s)",
                   (world.acme.tenant.id, new_key_pair().public.raw))  # fmt: skip
    from_outside(world, mailbox)
    (told,) = renewed(world, ann)["gained"]
    assert told["mailboxes"] == ["office"]
    assert "recovery key" in told["to"]


def newest_of(world: World, mailbox_id: int) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(tx.value("select max(epoch) from mailbox_epochs where mailbox_id = %s", (mailbox_id,)))


def key_of(world: World, user: User) -> int:
    with world.portal.tenant(user.tenant_id) as tx:
        return user_keys.of_user(tx, user.tenant_id, user.id)[0].id


def test_nothing_is_taken_but_what_is_due(portal: Portal, world: World, new: User, ann: Visitor) -> None:
    """Neither for who is no reader, nor from who is none, nor where the newest key is not at hand."""
    who, theirs = enrolled(portal, world, new)
    mailbox = world.acme.user.mailbox_id

    def given() -> list[tuple[Visitor, str]]:
        """Each with the proof of their own."""
        asked = sent(who, "/keys/due", {}).get_json()["ask"]
        own = theirs.unwrap(bytes.fromhex(asked), proofs.DIGEST).hex()
        return [(ann, proven(world, sent(ann, "/keys/due", {}).get_json())), (who, own)]

    def kept() -> int:
        with world.portal.tenant(new.tenant_id) as tx:
            return int(tx.value("select count(*) from mailbox_keys"))

    key = key_of(world, new)
    before = kept()
    garbage = {"mailbox": mailbox, "epoch": 1, "key": key, "wrap": "00" * 80}
    for each, proof in given():
        said = {"links": [], "grants": [garbage], "proof": proof}
        assert sent(each, "/keys/hand-on", said).get_json() == {"gained": []}
    let_in(world, new)
    # A member now, who lacks the key: they cannot give it to themselves, nor keep others from it by nonsense.
    assert due_of(who) == {}
    said = {"links": [], "grants": [garbage], "proof": given()[1][1]}
    assert sent(who, "/keys/hand-on", said).get_json() == {"gained": []}
    assert kept() == before
    assert [each["key"] for each in sent(ann, "/keys/due", {}).get_json()["grants"]] == [key]
