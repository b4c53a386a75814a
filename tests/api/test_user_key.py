"""A user's key is handed to who knows the password, or the recovery code, and has an API key that may open faxes."""

from base64 import b64encode, urlsafe_b64decode

from faxplan import passphrases
from faxplan.tries import MOST_OF_ONE
from faxplan.wraps import PublicKey
from tests.api.conftest import Program
from tests.api.test_faxes import problem
from tests.passwords import derived_once
from tests.retained import execute
from tests.world import PHRASE, World, ready_made

__all__ = ["derived_once"]


def auth_of(program: Program, password: str) -> passphrases.Derived:
    said = program.get("/user-key").get_json()
    cost = passphrases.Cost(said["memory_kib"], said["passes"], said["lanes"])
    return passphrases.derive(password, urlsafe_b64decode(said["salt"]), cost)


def test_who_knows_the_password_is_given_the_key_locked(world: World, acme: Program) -> None:
    derived = auth_of(acme, PHRASE)
    said = acme.hand("/user-key/unlock", {"auth": b64encode(derived.auth).decode()})
    assert said.status_code == 200, said.text
    given = said.get_json()
    locked, public = urlsafe_b64decode(given["locked"]), urlsafe_b64decode(given["public_key"])
    private = world.keyrings[world.acme.tenant.id]
    assert passphrases.unlock(locked, derived.wrap, public) == private
    # It opens the user's mailbox, and nothing that was answered does without the password.
    (epoch,) = given["epochs"]
    assert (
        private.unwrap_private(urlsafe_b64decode(epoch["wrap"]), PublicKey(urlsafe_b64decode(epoch["public_key"])))
        is not None
    )
    assert epoch["mailbox"] == world.acme.user.mailbox_id
    assert private.raw not in said.data
    # As who logs in is: it opens all that its user reads, from then on.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (row,) = tx.rows("select actor, authenticated, result from audit where action = 'key.unlock'")
    assert row == {"actor": f"user:{world.acme.user.id}", "authenticated": f"api-key:{acme.key_id}", "result": "done"}


def test_the_recovery_code_does_as_well(world: World, acme: Program) -> None:
    code = ready_made(world.acme.tenant.id)[2]
    given = acme.hand(
        "/user-key/unlock", {"auth": b64encode(passphrases.recovery_auth(code)).decode(), "by": "recovery-code"}
    ).get_json()
    locked, public = urlsafe_b64decode(given["locked"]), urlsafe_b64decode(given["public_key"])
    assert passphrases.unlock(locked, passphrases.recovery_wrap(code), public) == world.keyrings[world.acme.tenant.id]


def test_guesses_are_counted_and_audited(world: World, acme: Program, borea: Program) -> None:
    wrong = {"auth": b64encode(bytes(32)).decode()}
    for _try in range(MOST_OF_ONE):
        assert problem(acme.hand("/user-key/unlock", wrong)) == (403, "wrong-login")
    right = {"auth": b64encode(auth_of(acme, PHRASE).auth).decode()}
    assert problem(acme.hand("/user-key/unlock", right)) == (429, "too-many-tries")
    # Nobody else is shut out by that, and nobody's password opens another's key.
    assert problem(borea.hand("/user-key/unlock", right)) == (403, "wrong-login")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select actor, authenticated, result, details from audit where action = 'key.unlock'")
    assert {(row["actor"], row["result"]) for row in rows} == {(f"user:{world.acme.user.id}", "refused")}
    assert ({row["authenticated"] for row in rows}, len(rows)) == ({f"api-key:{acme.key_id}"}, MOST_OF_ONE)
    execute(world, "update login_tries set window_ends = now()")
    assert acme.hand("/user-key/unlock", right).status_code == 200


def test_who_has_no_key_is_told_so(world: World, acme: Program) -> None:
    execute(world, "truncate key_locks, user_keys cascade")
    assert problem(acme.get("/user-key")) == (422, "not-enrolled")
