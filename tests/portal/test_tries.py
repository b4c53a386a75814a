"""Who fails too often waits, also over many addresses; and nobody is shut out by what others do."""

import pytest

from faxplan import browsers, login, passphrases, tries
from faxplan.login import Whence
from portal import cookies
from portal.app import Portal
from tests.portal.conftest import Visitor, visitor
from tests.portal.test_second_factor import auth_of
from tests.retained import execute
from tests.world import PHRASE, World, ready_made


def storm(world: World, count: int = tries.MOST_OF_ACCOUNT, email: str | None = None) -> None:
    """One user's password is tried, each time from another network."""
    for number in range(count):
        whence = Whence(f"198.51.{number // 250}.{number % 250}", "")
        with pytest.raises(login.WrongLogin):
            login.log_in(world.portal, world.acme.tenant.id, email or world.acme.user.email, bytes(32), whence)


@pytest.mark.parametrize("email", ["user@acme.example", "nobody@acme.example"])
def test_over_many_addresses_a_password_is_tried_so_often(world: World, email: str) -> None:
    """Also of nobody: else it would tell who is a user."""
    storm(world, email=email)
    with pytest.raises(tries.TooManyTries, match="passkey"):
        login.log_in(world.portal, world.acme.tenant.id, email.upper(), bytes(32), Whence("203.0.113.1", ""))


def test_who_has_logged_in_before_is_in_all_the_same(portal: Portal, world: World, ann: Visitor) -> None:
    storm(world)
    stranger = visitor(portal, world.acme)
    assert stranger.log_in().get_json()["error_id"] == "too-many-tries"
    assert ann.post("/log-out").status_code == 303
    # The session is gone, and the browser is known.
    assert ann.token is None
    assert ann.log_in().status_code == 200


def test_a_colleague_at_the_same_address_shuts_nobody_out(portal: Portal, world: World, ann: Visitor) -> None:
    colleague = visitor(portal, world.acme)
    form = {"email": world.acme.user.email, "auth": "00" * 32}
    for _each in range(tries.MOST_OF_ONE):
        assert colleague.post("/log-in", form).status_code == 401
    assert colleague.post("/log-in", form).status_code == 429
    assert ann.log_in().status_code == 200


def test_a_browser_that_is_known_guesses_no_more_than_others(ann: Visitor, world: World) -> None:
    form = {"email": world.acme.user.email, "auth": "00" * 32}
    for _each in range(tries.MOST_OF_ONE):
        assert ann.post("/log-in", form).status_code == 401
    assert ann.post("/log-in", form).status_code == 429
    # Nor are strangers shut out by it.
    auth = auth_of(world)
    assert login.log_in(
        world.portal, world.acme.tenant.id, world.acme.user.email, auth, Whence("203.0.113.1", "")
    ).token


def test_a_browser_is_known_for_who_has_logged_in_there(portal: Portal, world: World, ann: Visitor) -> None:
    """And not for another user, at another tenant, or by a token that it made up."""
    token = cookie(ann)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert browsers.is_known(tx, world.acme.user, token)
        assert not browsers.is_known(tx, world.acme.user, "x" * 43)
        assert not browsers.is_known(tx, world.acme.user, None)
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert not browsers.is_known(tx, world.borea.user, token)
    storm(world)
    thief = visitor(portal, world.acme)
    thief.client.set_cookie(cookies.BROWSER, "x" * 43, domain=thief.host)
    assert thief.log_in().get_json()["error_id"] == "too-many-tries"


def cookie(who: Visitor) -> str:
    found = who.client.get_cookie(cookies.BROWSER, domain=who.host)
    assert found is not None
    return found.value


def test_its_cookie_stays_is_of_this_host_and_logs_nobody_in(portal: Portal, world: World, ann: Visitor) -> None:
    other = visitor(portal, world.acme)
    headers = other.log_in().headers.getlist("Set-Cookie")
    (given,) = [each for each in headers if each.startswith(cookies.BROWSER)]
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={browsers.DAYS * 86400}"):
        assert part in given
    before = cookie(other)
    assert other.log_in().status_code == 200
    assert cookie(other) == before != cookie(ann)
    third = visitor(portal, world.acme)
    third.client.set_cookie(cookies.BROWSER, before, domain=third.host)
    assert third.get("/inbox").status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        kept = [bytes(row["token_hash"]) for row in tx.rows("select token_hash from known_browsers")]
    assert len(kept) == 2
    assert before.encode() not in b"".join(kept)


@pytest.mark.parametrize("how", ["another password", "half a year"])
def test_it_is_a_strangers_again(portal: Portal, world: World, ann: Visitor, how: str) -> None:
    if how == "half a year":
        execute(world, "update known_browsers set seen_at = now() - interval '181 days'")
    else:
        execute(world, "delete from known_browsers")
    storm(world)
    assert ann.log_in().get_json()["error_id"] == "too-many-tries"


def test_the_recovery_code_lets_in_who_is_shut_out_by_strangers(portal: Portal, world: World) -> None:
    storm(world)
    code = ready_made(world.acme.tenant.id)[2]
    known = {"email": world.acme.user.email, "auth": passphrases.recovery_auth(code).hex()}
    other = visitor(portal, world.acme)
    assert other.log_in(PHRASE).get_json()["error_id"] == "too-many-tries"
    assert other.hand("/recover/key", known).status_code == 200
