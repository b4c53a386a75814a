"""Passkeys at the portal: added, logged in with, removed; and what is not taken for one."""

from typing import Any

import pytest

from faxplan import enrolment, keyring, passkeys, passphrases, user_keys, webauthn
from portal.app import Portal
from tests.portal.authenticator import PRESENT, VERIFIED, Authenticator
from tests.portal.conftest import Visitor, visitor
from tests.portal.test_second_factor import auth_of, switched_on
from tests.portal.test_tries import storm
from tests.retained import execute
from tests.world import World

OUTPUT, SALT = bytes(range(32)), bytes(range(32, 64))


def authenticator(who: Visitor, **values: Any) -> Authenticator:
    return Authenticator(who.host, f"https://{who.host}", **values)


def add(world: World, who: Visitor, key: Authenticator, name: str = "Telephone", *, opens: bool = True) -> Any:
    """Of acme's user, who is logged in."""
    challenge = bytes.fromhex(who.hand("/account/passkeys/new", {}).get_json()["challenge"])
    lock = None
    if opens:
        made = keyring.passkey_lock(world.keyrings[world.acme.tenant.id], key.id, SALT, OUTPUT)
        lock = {"salt": SALT.hex(), "locked": made.locked.hex()}
    return who.hand(
        "/account/passkeys", {"auth": auth_of(world).hex(), "name": name, "lock": lock, **key.made(challenge)}
    )


def challenge_of(who: Visitor) -> bytes:
    return bytes.fromhex(who.post("/log-in/passkey/challenge", Accept="application/json").get_json()["challenge"])


def log_in(who: Visitor, key: Authenticator, challenge: bytes | None = None) -> Any:
    return who.hand("/log-in/passkey", key.used(challenge or challenge_of(who)))


@pytest.fixture
def key(world: World, ann: Visitor) -> Authenticator:
    """A passkey of acme's user."""
    made = authenticator(ann)
    assert add(world, ann, made).status_code == 200
    return made


def test_a_passkey_logs_in_and_opens_the_key(portal: Portal, world: World, ann: Visitor, key: Authenticator) -> None:
    asked = ann.hand("/account/passkeys/new", {}).get_json()
    assert asked["rp"] == {"id": "acme.fax.example", "name": "Acme"}
    # One authenticator has one of them for a user.
    assert asked["known"] == [key.id.hex()]
    other = visitor(portal, world.acme)
    said = log_in(other, key).get_json()
    lock = said["lock"]
    assert (lock["credentialId"], lock["salt"]) == (key.id.hex(), SALT.hex())
    public = bytes.fromhex(said["key"]["publicKey"])
    wrap = passphrases.passkey_wrap(OUTPUT)
    assert passphrases.unlock(bytes.fromhex(lock["locked"]), wrap, public) == world.keyrings[world.acme.tenant.id]
    assert other.get("/inbox").status_code == 200
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select authenticated from sessions order by id desc limit 1") == "passkey"
        rows = tx.rows("select action, authenticated, details from audit where action like 'key.passkey%%'")
    assert [(row["action"], row["authenticated"]) for row in rows] == [("key.passkey-add", "password")]
    assert rows[0]["details"]["credential"] == key.id.hex()


def test_the_second_factor_is_not_asked_for_with_it(
    portal: Portal, world: World, ann: Visitor, key: Authenticator
) -> None:
    switched_on(world, ann)
    assert log_in(visitor(portal, world.acme), key).status_code == 200


def test_one_that_opens_nothing_logs_in(portal: Portal, world: World, ann: Visitor) -> None:
    """Log-in is not unlock: what opens the key is handed out for the password, or the recovery code."""
    plain = authenticator(ann)
    assert add(world, ann, plain, opens=False).status_code == 200
    assert "Logs in only" in ann.get("/account/passkeys").text
    other = visitor(portal, world.acme)
    said = log_in(other, plain).get_json()
    assert said["lock"] is None
    assert set(said["key"]) == {"publicKey"}
    other.csrf = said["csrf"]
    assert "Open your faxes" in other.get("/unlock").text
    assert other.hand("/account/key", {"auth": "00" * 32}).get_json()["error_id"] == "wrong-login"
    given = other.hand("/account/key", {"auth": auth_of(world).hex()}).get_json()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        known = user_keys.of_user(tx, world.acme.tenant.id, world.acme.user.id)[0]
    assert given["locked"] == known.password.locked.hex()


WRONG = {
    "not verified": {"flags": PRESENT},
    "nobody there": {"flags": VERIFIED},
    "another site": {"host": "borea.fax.example"},
    "another origin": {"origin": "https://evil.example"},
    "another tenant's origin": {"origin": "https://borea.fax.example"},
    "an open connection": {"origin": "http://acme.fax.example"},
    "in a frame of another site": {"more": {"crossOrigin": True}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_was_signed_for_something_else_is_refused(
    portal: Portal, world: World, ann: Visitor, key: Authenticator, wrong: str
) -> None:
    for name, value in WRONG[wrong].items():
        setattr(key, name, value)
    other = visitor(portal, world.acme)
    answer = log_in(other, key)
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "passkey-refused")
    assert other.token is None
    # Nor is it entered.
    key.id = b"another"
    assert add(world, ann, key, "Another").get_json()["error_id"] == "passkey-refused"


@pytest.mark.parametrize("wrong", ["signature", "another key", "unknown", "kind", "nonsense", "endless"])
def test_what_the_passkey_did_not_sign_is_refused(
    portal: Portal, world: World, ann: Visitor, key: Authenticator, wrong: str
) -> None:
    other = visitor(portal, world.acme)
    given = key.used(challenge_of(other), "webauthn.create" if wrong == "kind" else "webauthn.get")
    if wrong == "signature":
        given["authenticatorData"] = given["authenticatorData"][:-2] + "01"
    elif wrong == "another key":
        given = {**authenticator(ann).used(challenge_of(other)), "credentialId": key.id.hex()}
    elif wrong == "unknown":
        given = authenticator(ann).used(challenge_of(other))
    elif wrong == "nonsense":
        given = dict.fromkeys(given, "00ff")
    elif wrong == "endless":
        given["clientData"] = (b"[" * 20_000).hex()
    answer = other.hand("/log-in/passkey", given)
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "passkey-refused")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert (
            tx.value("select result from audit where action = 'session.begin' order by sequence desc limit 1")
            == "refused"
        )


@pytest.mark.parametrize("wrong", ["made up", "another tenant's", "for adding", "too old", "used"])
def test_a_challenge_is_for_one_thing_and_once(
    portal: Portal, world: World, ann: Visitor, ben: Visitor, key: Authenticator, wrong: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other = visitor(portal, world.acme)
    challenge = challenge_of(other)
    if wrong == "made up":
        challenge = bytes(len(challenge))
    elif wrong == "another tenant's":
        challenge = challenge_of(ben)
    elif wrong == "for adding":
        challenge = bytes.fromhex(ann.hand("/account/passkeys/new", {}).get_json()["challenge"])
    elif wrong == "too old":
        now = webauthn.time.time()
        monkeypatch.setattr(webauthn.time, "time", lambda: now + webauthn.CHALLENGE_SECONDS + 1)
    else:
        assert log_in(other, key, challenge).status_code == 200
    answer = log_in(visitor(portal, world.acme), key, challenge)
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "passkey-refused")


def test_a_copy_of_one_that_counts_is_refused(portal: Portal, world: World, ann: Visitor) -> None:
    counting = authenticator(ann, count=1)
    add(world, ann, counting)
    other = visitor(portal, world.acme)
    for count, status in ((5, 200), (5, 401), (4, 401), (0, 401), (6, 200)):
        counting.count = count
        assert log_in(other, counting).status_code == status, count


def test_who_may_not_act_any_more_is_not_let_in(portal: Portal, world: World, key: Authenticator) -> None:
    execute(world, "update users set enabled = false where tenant_id = %s", (world.acme.tenant.id,))
    assert log_in(visitor(portal, world.acme), key).status_code == 401


def test_it_is_added_with_the_password_alone_and_once(world: World, ann: Visitor, key: Authenticator) -> None:
    challenge = bytes.fromhex(ann.hand("/account/passkeys/new", {}).get_json()["challenge"])
    given = {"name": "x", "lock": None, **authenticator(ann).made(challenge)}
    assert ann.hand("/account/passkeys", {"auth": "00" * 32, **given}).get_json()["error_id"] == "wrong-login"
    assert add(world, ann, key, "Once more").get_json()["error_id"] == "constraint-violated"
    assert add(world, ann, authenticator(ann)).get_json()["error_id"] == "constraint-violated"
    # Not in another session, for which its challenge was not.
    assert add(world, ann, authenticator(ann), "Another").status_code == 200


def test_removed_it_neither_logs_in_nor_opens(portal: Portal, world: World, ann: Visitor, key: Authenticator) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (row,) = passkeys.everyone(tx, world.acme.user)
    assert (row["opens"], row["logs_in"]) == (True, True)
    assert ann.post(f"/account/passkeys/{row['id']}/remove").status_code == 303
    assert log_in(visitor(portal, world.acme), key).status_code == 401
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert passkeys.everyone(tx, world.acme.user) == []
        assert tx.value("select count(*) from key_locks where kind = 'passkey'") == 0


def test_another_key_ends_it(portal: Portal, world: World, key: Authenticator) -> None:
    enrolment.enrol(world.portal, world.acme.user, "seven quiet herons at dusk", anew=True)
    assert log_in(visitor(portal, world.acme), key).status_code == 401


def test_who_is_shut_out_by_strangers_is_in_by_it(portal: Portal, world: World, key: Authenticator) -> None:
    storm(world)
    other = visitor(portal, world.acme)
    assert other.log_in().get_json()["error_id"] == "too-many-tries"
    assert log_in(other, key).status_code == 200
