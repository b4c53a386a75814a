"""By an invitation a user gets a key, which was made in their browser; and what they can open, others wait for."""

from typing import Any

import pytest

from faxplan import (
    enrolment,
    epochs,
    invitations,
    keyring,
    mailboxes,
    membership,
    passphrases,
    user_keys,
    users,
    vault,
)
from faxplan.db import Transaction
from faxplan.enrolment import Secret
from faxplan.keyring import Keyring
from faxplan.users import User
from faxplan.wraps import PrivateKey, PublicKey
from portal.app import Portal
from portal.pages import welcome
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
    found: dict[str, Any] = {"links": [], "grants": []}
    for each in said["links"]:
        found["links"].append({**each, "wrap": (ring.link(each["mailbox"], each["epoch"]) or b"").hex()})
    for each in said["grants"]:
        wrap = ring.wrapped(each["mailbox"], each["epoch"], PublicKey(bytes.fromhex(each["publicKey"])))
        assert wrap is not None
        found["grants"].append({**each, "wrap": wrap.hex()})
    return found


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
    assert sent(ann, "/keys/due", {}).get_json() == {"links": [], "grants": []}
    assert sent(ann, "/keys/hand-on", wrapped(world, due)).get_json() == {"gained": []}
    assert len(acts(world, "key.grant")) == 1


def test_epochs_are_tied_together(world: World, ann: Visitor) -> None:
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        ahead = epochs.ahead(tx, user.tenant_id, user.mailbox_id or 0)
        assert ahead is not None
        epochs.begin(tx, user.tenant_id, epochs.make(ahead))
    due = sent(ann, "/keys/due", {}).get_json()
    assert due["links"] == [{"mailbox": user.mailbox_id, "epoch": 2}]
    sent(ann, "/keys/hand-on", wrapped(world, due))
    assert sent(ann, "/keys/due", {}).get_json() == {"links": [], "grants": []}
    with world.portal.tenant(user.tenant_id) as tx:
        assert tx.value("select earlier_key is not null from mailbox_epochs where epoch = 2")


def test_nothing_is_taken_but_what_is_due(portal: Portal, world: World, new: User, ann: Visitor) -> None:
    """Neither for who is no reader, nor from who is none, nor where the newest key is not at hand."""
    who, _ = enrolled(portal, world, new)
    mailbox = world.acme.user.mailbox_id

    def kept() -> int:
        with world.portal.tenant(new.tenant_id) as tx:
            return int(tx.value("select count(*) from mailbox_keys"))

    def key_of(tx: Transaction) -> int:
        return user_keys.of_user(tx, new.tenant_id, new.id)[0].id

    with world.portal.tenant(new.tenant_id) as tx:
        key = key_of(tx)
    before = kept()
    garbage = {"mailbox": mailbox, "epoch": 1, "key": key, "wrap": "00" * 80}
    for each in (ann, who):
        assert sent(each, "/keys/hand-on", {"links": [], "grants": [garbage]}).get_json() == {"gained": []}
    let_in(world, new)
    # A member now, who lacks the key: they cannot give it to themselves, nor keep others from it by nonsense.
    assert sent(who, "/keys/due", {}).get_json() == {"links": [], "grants": []}
    assert sent(who, "/keys/hand-on", {"links": [], "grants": [garbage]}).get_json() == {"gained": []}
    assert kept() == before
    assert [each["key"] for each in sent(ann, "/keys/due", {}).get_json()["grants"]] == [key]
