"""The second factor, the recovery code and another password: what is asked for before the key is handed out."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from faxplan import enrolment, keyring, login, passphrases, second_factor, tries, user_keys
from faxplan.enrolment import Secret
from portal.app import Portal
from tests.portal import totp
from tests.portal.conftest import Visitor, visitor
from tests.retained import execute
from tests.world import PHRASE, World, ready_made

OTHER = "seven quiet herons at dusk"


def auth_of(world: World, phrase: str = PHRASE) -> bytes:
    """What a browser makes of a password of acme's user."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        lock = user_keys.of_user(tx, world.acme.tenant.id, world.acme.user.id)[0].password
    return passphrases.derive(phrase, lock.salt, lock.cost).auth


def switched_on(world: World, who: Visitor) -> bytes:
    """The second factor; its secret."""
    auth = auth_of(world).hex()
    said = who.hand("/account/second-factor/new", {"auth": auth}).get_json()
    secret = bytes.fromhex(said["secret"])
    code = totp.code(secret, steps=-1)
    assert who.hand("/account/second-factor", {"auth": auth, "secret": secret.hex(), "code": code}).status_code == 200
    return secret


def log_in(who: Visitor, world: World, phrase: str = PHRASE, **more: str) -> Any:
    form = {"email": world.acme.user.email, "auth": auth_of(world, phrase).hex(), **more}
    return who.post("/log-in", form, Accept="application/json")


def acts(world: World) -> list[tuple[str, str, str]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select action, result, authenticated from audit where action <> 'tenant.add' order by sequence")
    return [(row["action"], row["result"], row["authenticated"]) for row in rows]


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, of which these are the last six digits."""
    secret = b"12345678901234567890"
    for at, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert second_factor.code_at(secret, at // 30) == code


def test_after_the_password_a_code_is_asked_for_and_nothing_is_handed_out_before(
    portal: Portal, world: World, ann: Visitor
) -> None:
    secret = switched_on(world, ann)
    other = visitor(portal, world.acme)
    asked = log_in(other, world)
    assert (asked.status_code, asked.get_json()["error_id"]) == (401, "code-needed")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        locked = user_keys.of_user(tx, world.acme.tenant.id, world.acme.user.id)[0].password.locked
    assert locked.hex() not in asked.text
    assert other.token is None
    # A wrong password tells nothing of it.
    assert log_in(other, world, "another phrase", code="123456").get_json()["error_id"] == "wrong-login"
    wrong = log_in(other, world, code="000000" if totp.code(secret) != "000000" else "111111")
    assert (wrong.status_code, wrong.get_json()["error_id"]) == (401, "wrong-code")
    assert other.token is None
    right = log_in(other, world, code=totp.code(secret))
    assert right.get_json()["key"]["locked"] == locked.hex()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select authenticated from sessions order by id desc limit 1") == "password+totp"
    assert acts(world)[-1] == ("session.begin", "done", "password+totp")


def test_a_code_is_good_once(portal: Portal, world: World, ann: Visitor) -> None:
    """Nor is one before it, which was not used."""
    secret = switched_on(world, ann)
    other = visitor(portal, world.acme)
    now, before = totp.code(secret), totp.code(secret, steps=-1)
    assert log_in(other, world, code=now).status_code == 200
    for code in (now, before):
        assert log_in(other, world, code=code).get_json()["error_id"] == "wrong-code"


def test_of_those_who_come_with_one_code_at_once_one_is_let_in(world: World, ann: Visitor) -> None:
    secret = switched_on(world, ann)
    user, auth, code = world.acme.user, auth_of(world), totp.code(secret)

    def used(_number: int) -> bool:
        with world.portal.tenant(user.tenant_id) as tx:
            return second_factor.use(tx, user, auth, code)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(used, range(8))) == 1


@pytest.mark.parametrize(("steps", "is_good"), [(-3, False), (0, True), (1, True), (3, False)])
def test_a_clock_may_be_half_a_minute_off(
    portal: Portal, world: World, ann: Visitor, steps: int, *, is_good: bool
) -> None:
    secret = switched_on(world, ann)
    answer = log_in(visitor(portal, world.acme), world, code=f" {totp.code(secret, steps=steps)} ")
    assert (answer.status_code == 200) is is_good


def test_it_is_switched_on_by_a_right_code_and_with_the_password_alone(world: World, ann: Visitor) -> None:
    auth = auth_of(world).hex()
    secret = second_factor.new_secret()
    for given, error in (
        ({"auth": auth, "secret": secret.hex(), "code": "12345"}, "wrong-code"),
        ({"auth": "00" * 32, "secret": secret.hex(), "code": totp.code(secret)}, "wrong-login"),
        ({"auth": auth, "secret": "00", "code": totp.code(secret)}, "malformed"),
    ):
        assert ann.hand("/account/second-factor", given).get_json()["error_id"] == error
    assert ann.hand("/account/second-factor/new", {"auth": "00" * 32}).get_json()["error_id"] == "wrong-login"
    switched_on(world, ann)
    assert "Switch it off" in ann.get("/account/second-factor").text
    assert ann.hand("/account/second-factor/off", {"auth": "00" * 32}).get_json()["error_id"] == "wrong-login"
    assert ann.hand("/account/second-factor/off", {"auth": auth}).status_code == 200
    assert "Set it up" in ann.get("/account/second-factor").text
    done = [act for act in acts(world) if act[0].startswith("second-factor")]
    assert done == [("second-factor.on", "done", "password"), ("second-factor.off", "done", "password")]


def test_the_database_has_no_secret_of_it(world: World, ann: Visitor) -> None:
    """Neither plain, nor opened by what else lies there: the hash of `auth`, and the installation's own secret."""
    secret = switched_on(world, ann)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        sealed = bytes(tx.value("select sealed from second_factors"))
        kept = tx.one("select auth_hash from key_locks where kind = 'password'")
        installations = bytes(tx.value("select secret from login_secret"))
    assert secret not in sealed
    user = world.acme.user
    for key in (bytes(kept["auth_hash"]), installations, bytes(32)):
        assert second_factor._opened(user, key, sealed) is None
    assert second_factor._opened(user, auth_of(world), sealed) == secret


def test_codes_are_not_guessed_for_as_long_as_one_likes(portal: Portal, world: World, ann: Visitor) -> None:
    """Who knows the password has few tries, from however many addresses."""
    switched_on(world, ann)
    auth = auth_of(world)
    for number in range(tries.MOST_CODES):
        with pytest.raises(second_factor.WrongCode):
            login.log_in(
                world.portal, world.acme.tenant.id, world.acme.user.email, auth,
                login.Whence(f"203.0.113.{number}", ""), code="1",
            )  # fmt: skip
    with pytest.raises(tries.TooManyTries):
        login.log_in(
            world.portal, world.acme.tenant.id, world.acme.user.email, auth,
            login.Whence("203.0.113.99", ""), code="1",
        )  # fmt: skip


# -------------------------------------------------------------------------------------------------- another password


def changed(world: World, password: str = OTHER, code: str | None = None) -> dict[str, Any]:
    """What a browser hands over for another password, or another recovery code."""
    private = world.keyrings[world.acme.tenant.id]
    if code is not None:
        lock = keyring.recovery_lock(private, code)
        return {"auth": passphrases.recovery_auth(code).hex(), "locked": lock.locked.hex()}
    made = keyring.password_lock(private, password)
    auth = passphrases.derive(password, made.salt, made.cost).auth
    cost = {"memory": made.cost.memory, "passes": made.cost.passes, "lanes": made.cost.lanes}
    return {"salt": made.salt.hex(), "cost": cost, "auth": auth.hex(), "locked": made.locked.hex()}


def test_another_password_logs_out_everywhere_else(portal: Portal, world: World, ann: Visitor) -> None:
    other = visitor(portal, world.acme)
    other.log_in()
    refused = ann.hand("/account/password", {"auth": "00" * 32, "password": changed(world)})
    assert refused.get_json()["error_id"] == "wrong-login"
    answer = ann.hand("/account/password", {"auth": auth_of(world).hex(), "password": changed(world)})
    assert answer.status_code == 200
    assert [each.get("/inbox").status_code for each in (ann, other)] == [200, 303]
    assert log_in(other, world).get_json()["error_id"] == "wrong-login"
    assert other.log_in(OTHER).status_code == 200
    assert enrolment.unlock(world.portal, world.acme.user, Secret(OTHER)).mailboxes
    assert ("key.password", "done", "password") in acts(world)


def test_the_second_factor_goes_along_with_another_password(portal: Portal, world: World, ann: Visitor) -> None:
    secret = switched_on(world, ann)
    ann.hand("/account/password", {"auth": auth_of(world).hex(), "password": changed(world)})
    other = visitor(portal, world.acme)
    assert log_in(other, world, OTHER).get_json()["error_id"] == "code-needed"
    assert log_in(other, world, OTHER, code=totp.code(secret)).status_code == 200
    # From the command line, too.
    enrolment.change_password(world.portal, world.acme.user, Secret(OTHER), PHRASE)
    assert log_in(other, world, code=totp.code(secret, steps=1)).status_code == 200


def test_another_recovery_code_ends_the_one_before(world: World, ann: Visitor) -> None:
    code, before = passphrases.new_recovery_code(), ready_made(world.acme.tenant.id)[2]
    handed = {"recovery": changed(world, code=code)}
    assert ann.hand("/account/recovery-code", {"auth": "00" * 32, **handed}).get_json()["error_id"] == "wrong-login"
    assert ann.hand("/account/recovery-code", {"auth": auth_of(world).hex(), **handed}).status_code == 200
    assert enrolment.unlock(world.portal, world.acme.user, Secret(code, is_code=True)).mailboxes
    with pytest.raises(passphrases.WrongSecret):
        enrolment.unlock(world.portal, world.acme.user, Secret(before, is_code=True))
    assert ("key.recovery-code", "done", "password") in acts(world)


# -------------------------------------------------------------------------------------------------- the recovery code


def recovery(world: World) -> tuple[str, dict[str, Any]]:
    """The code of acme's user, and what a browser hands over with it."""
    code = ready_made(world.acme.tenant.id)[2]
    known = {"email": world.acme.user.email, "auth": passphrases.recovery_auth(code).hex()}
    return code, known


def test_who_has_the_recovery_code_chooses_another_password(portal: Portal, world: World, ann: Visitor) -> None:
    switched_on(world, ann)
    who = visitor(portal, world.acme)
    code, known = recovery(world)
    said = who.hand("/recover/key", known).get_json()
    public = bytes.fromhex(said["publicKey"])
    private = passphrases.unlock(bytes.fromhex(said["locked"]), passphrases.recovery_wrap(code), public)
    assert private == world.keyrings[world.acme.tenant.id]
    new = passphrases.new_recovery_code()
    handed = {"password": changed(world), "recovery": changed(world, code=new)}
    begun = who.hand("/recover", {**known, **handed})
    assert begun.status_code == 200
    assert who.get("/inbox").status_code == 200
    # Everybody else is out, and the second factor is off, as the page says.
    assert ann.get("/inbox").status_code == 303
    assert visitor(portal, world.acme).log_in(OTHER).status_code == 200
    assert visitor(portal, world.acme).log_in(PHRASE).status_code == 401
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select authenticated from sessions order by id limit 1") == "recovery-code"
    assert ("second-factor.off", "done", "recovery-code") in acts(world)
    # The code is good once.
    assert who.hand("/recover/key", known).get_json()["error_id"] == "wrong-login"
    assert who.hand("/recover", {**known, **handed}).get_json()["error_id"] == "wrong-login"
    assert enrolment.unlock(world.portal, world.acme.user, Secret(new, is_code=True)).mailboxes


@pytest.mark.parametrize("why", ["unknown", "wrong", "disabled", "of before", "another tenant's"])
def test_what_is_no_recovery_code_opens_nothing(portal: Portal, world: World, why: str) -> None:
    who = visitor(portal, world.borea if why == "another tenant's" else world.acme)
    _, known = recovery(world)
    if why == "unknown":
        known["email"] = "nobody@acme.example"
    elif why == "wrong":
        known["auth"] = "00" * 32
    elif why == "disabled":
        execute(world, "update users set enabled = false where tenant_id = %s", (world.acme.tenant.id,))
    elif why == "of before":
        # Before there was a proof of it. It opens the key at the command line.
        execute(world, "update key_locks set auth_hash = null where kind = 'recovery'")
        known["auth"] = "00" * 32
    handed = {"password": changed(world), "recovery": changed(world, code=passphrases.new_recovery_code())}
    for path in ("/recover/key", "/recover"):
        answer = who.hand(path, {**known, **handed})
        assert (answer.status_code, answer.get_json()["error_id"]) == (401, "wrong-login")
        assert "locked" not in answer.text
    assert who.token is None


def test_recovery_codes_are_tried_as_seldom_as_passwords(portal: Portal, world: World) -> None:
    who = visitor(portal, world.acme)
    _, known = recovery(world)
    for _each in range(tries.MOST_OF_ONE):
        assert who.hand("/recover/key", {**known, "auth": "00" * 32}).status_code == 401
    assert who.hand("/recover/key", known).get_json()["error_id"] == "too-many-tries"


def test_of_older_keys_those_are_handed_out_that_the_secret_opens(portal: Portal, world: World) -> None:
    old = auth_of(world)
    code = passphrases.recovery_auth(ready_made(world.acme.tenant.id)[2])
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (key,) = user_keys.of_user(tx, world.acme.tenant.id, world.acme.user.id)
    enrolment.enrol(world.portal, world.acme.user, OTHER, anew=True)
    who = visitor(portal, world.acme)
    who.log_in(OTHER)
    said = who.hand("/account/older-keys", {}).get_json()["keys"]
    assert [(each["key"], each["salt"]) for each in said] == [(key.id, key.password.salt.hex())]
    current = auth_of(world, OTHER)
    for wrong in ([], [(key.id, bytes(32))], [(key.id + 999, old)], [(key.id + 1, current), (key.id, current)]):
        auths = [{"key": each, "auth": auth.hex()} for each, auth in wrong]
        answer = who.hand("/account/older-keys/open", {"auths": auths})
        assert (answer.status_code, answer.get_json()["error_id"]) == (401, "wrong-login")
    for auth, locked in ((old, key.password.locked), (code, key.recovery.locked)):
        given = who.hand("/account/older-keys/open", {"auths": [{"key": key.id, "auth": auth.hex()}]}).get_json()
        assert [each["locked"] for each in given["keys"]] == [locked.hex()]
    assert acts(world).count(("key.unlock", "refused", "password")) == 4
