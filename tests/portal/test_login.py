"""Logging in to the portal, and out; and who tries to."""

from pathlib import Path

import pytest
from werkzeug.test import Client

from faxplan import drafts, enrolment, login, passphrases, sessions, tries, users
from faxplan.enrolment import Secret
from faxplan.login import Whence
from faxplan.originals import HandedIn
from portal.app import Portal
from tests.portal.conftest import Visitor, visitor
from tests.retained import execute
from tests.world import PHRASE, World


def audited(world: World) -> list[tuple[str, str, str]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select actor, action, result from audit where action like 'session.%%' order by sequence")
    return [(row["actor"], row["action"], row["result"]) for row in rows]


def test_who_knows_the_password_is_in(portal: Portal, world: World) -> None:
    ann = visitor(portal, world.acme)
    said = ann.log_in().get_json()
    assert set(said) == {"user", "csrf", "secret", "key"}
    # What it opens: the user's own key, with what never left the client.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (row,) = tx.rows("select authenticated, address, token_hash, secret from sessions")
        lock = tx.one("select salt, auth_hash from key_locks where kind = 'password'")
    wrap = passphrases.derive(PHRASE, bytes(lock["salt"])).wrap
    public = bytes.fromhex(said["key"]["publicKey"])
    assert passphrases.unlock(bytes.fromhex(said["key"]["locked"]), wrap, public).public.raw == public
    assert bytes(row["secret"]).hex() == said["secret"]
    assert (row["authenticated"], row["address"]) == ("password", "127.0.0.1")
    assert ann.token is not None
    assert ann.token.encode() not in bytes(row["token_hash"])
    assert ann.get("/inbox").status_code == 200
    user = f"user:{world.acme.user.id}"
    assert audited(world) == [(user, "session.begin", "done")]


def test_the_cookie_is_of_this_host_alone_and_no_script_reads_it(portal: Portal, world: World) -> None:
    set_cookie = visitor(portal, world.acme).log_in().headers["Set-Cookie"]
    assert set_cookie.startswith("__Host-session=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in set_cookie
    assert "Domain" not in set_cookie


@pytest.mark.parametrize("who", ["unknown", "wrong password", "disabled", "not enrolled", "another tenant's"])
def test_who_is_not_let_in_learns_nothing(portal: Portal, world: World, who: str) -> None:
    ann = visitor(portal, world.acme)
    email, phrase = world.acme.user.email, PHRASE
    if who == "unknown":
        email = "nobody@acme.example"
    elif who == "wrong password":
        phrase = "something else entirely"
    elif who == "disabled":
        execute(world, "update users set enabled = false where tenant_id = %s", (world.acme.tenant.id,))
    elif who == "not enrolled":
        with world.admin.tenant(world.acme.tenant.id) as tx:
            email = users.create(tx, world.acme.tenant.id, email="new@acme.example", name="New").email
    else:
        email = world.borea.user.email
    answer = ann.log_in(phrase, email)
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "wrong-login")
    other = ann.log_in("no password of anybody", "someone@else.example")
    assert other.get_json()["detail"] == answer.get_json()["detail"]
    assert ann.token is None
    assert audited(world)[0][1:] == ("session.begin", "refused")


def test_the_salt_of_nobody_is_always_the_same_and_like_others(portal: Portal, world: World) -> None:
    def asked(visitor_: Visitor, email: str) -> dict[str, object]:
        found: dict[str, object] = visitor_.post(
            "/log-in/challenge", {"email": email}, Accept="application/json"
        ).get_json()
        return found

    ann, ben = visitor(portal, world.acme), visitor(portal, world.borea)
    first, again, other = asked(ann, "a@x.example"), asked(ann, "A@x.example"), asked(ann, "b@x.example")
    real = asked(ann, world.acme.user.email)
    assert first == again != other
    assert real["cost"] == first["cost"]
    assert len(str(real["salt"])) == len(str(first["salt"]))
    # Nor does it say that two tenants know nobody of that name.
    assert asked(ben, "a@x.example") != first


def test_who_tries_too_often_waits_and_nobody_else_does(portal: Portal, world: World) -> None:
    ann = visitor(portal, world.acme)
    form = {"email": world.acme.user.email, "auth": "00" * 32}
    for _ in range(tries.MOST_OF_ONE):
        assert ann.post("/log-in", form).status_code == 401
    answer = ann.post("/log-in", form, Accept="application/json")
    assert (answer.status_code, answer.get_json()["error_id"]) == (429, "too-many-tries")
    assert "Wait 15 minutes" in answer.get_json()["detail"]
    # The user is in, from elsewhere.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        lock = tx.one("select salt from key_locks where kind = 'password'")
    auth = passphrases.derive(PHRASE, bytes(lock["salt"])).auth
    there = Whence("203.0.113.9", "")
    assert login.log_in(world.portal, world.acme.tenant.id, world.acme.user.email, auth, there).token
    # From here they are once it is over.
    execute(world, "update login_tries set window_ends = now()")
    assert ann.log_in().status_code == 200


def test_one_address_tries_not_all_users(world: World) -> None:
    for number in range(tries.MOST_OF_ADDRESS):
        with pytest.raises(login.WrongLogin):
            login.log_in(world.portal, 1, f"user{number}@acme.example", bytes(32), Whence("203.0.113.9", ""))
    with pytest.raises(tries.TooManyTries):
        login.log_in(world.portal, 1, "another@acme.example", bytes(32), Whence("203.0.113.9", ""))


@pytest.mark.parametrize(
    "email", ["", " ", "a" * 300, "\x00", "a\x00@b", "\ud800@b.example", "<script>@x.example", "' or 1=1 --"]
)
def test_what_is_no_address_is_refused_in_words(portal: Portal, world: World, email: str) -> None:
    ann = visitor(portal, world.acme)
    data = {"email": email.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "auth": "no hex"}
    answer = ann.post("/log-in", data, Accept="application/json")
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "wrong-login")


def test_log_out_ends_it_everywhere(ann: Visitor, world: World) -> None:
    token = ann.token
    answer = ann.post("/log-out")
    assert answer.headers["Location"] == "/log-in"
    assert ann.token is None
    ann.client.set_cookie("__Host-session", token or "", domain=ann.host)
    assert ann.get("/inbox").status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from sessions") == 0
    assert audited(world)[-1][1:] == ("session.end", "done")


@pytest.mark.parametrize(
    ("column", "seconds"), [("seen_at", sessions.IDLE_SECONDS), ("created_at", sessions.LONGEST_SECONDS)]
)
def test_a_session_is_over_by_itself(ann: Visitor, world: World, column: str, seconds: int) -> None:
    execute(world, f"update sessions set {column} = now() - interval '{seconds - 60} seconds'")
    assert ann.get("/inbox").status_code == 200
    execute(world, f"update sessions set {column} = now() - interval '{seconds + 60} seconds'")
    assert ann.get("/inbox").status_code == 303


def test_who_may_not_act_any_more_is_out(ann: Visitor, world: World) -> None:
    execute(world, "update users set enabled = false where tenant_id = %s", (world.acme.tenant.id,))
    assert ann.get("/inbox").status_code == 303


def test_each_browser_is_listed_and_can_be_logged_out(portal: Portal, world: World, ann: Visitor) -> None:
    other = visitor(portal, world.acme)
    other.log_in()
    third = visitor(portal, world.acme)
    third.log_in()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        ids = [row["id"] for row in tx.rows("select id from sessions order by id")]
    ann.post(f"/account/sessions/{ids[1]}/end")
    assert [each.get("/inbox").status_code for each in (ann, other, third)] == [200, 303, 200]
    ann.post("/account/sessions/end-others")
    assert [each.get("/inbox").status_code for each in (ann, third)] == [200, 303]


def test_who_logs_in_again_leaves_no_session_behind(ann: Visitor, world: World) -> None:
    ann.log_in()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from sessions") == 1
    assert ann.get("/inbox").status_code == 200


@pytest.mark.parametrize(("written", "kept"), [("x@y.example", "x@y.example"), ("correct horse battery", "no address")])
def test_a_password_in_the_wrong_field_is_not_kept(portal: Portal, world: World, written: str, kept: str) -> None:
    visitor(portal, world.acme).post("/log-in", {"email": written, "auth": "00" * 32})
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select details ->> 'email' from audit where action = 'session.begin'") == kept


def test_another_password_logs_out_whoever_had_the_old_one(ann: Visitor, world: World) -> None:
    enrolment.change_password(world.portal, world.acme.user, Secret(PHRASE), "four words that do not belong together")
    assert ann.get("/inbox").status_code == 303


def test_so_does_another_key(ann: Visitor, world: World) -> None:
    enrolment.enrol(world.portal, world.acme.user, "four words that do not belong together", anew=True)
    assert ann.get("/inbox").status_code == 303


def test_who_has_lost_the_key_in_the_browser_may_log_in_again(ann: Visitor) -> None:
    assert ann.get("/log-in").status_code == 303
    assert 'id="log-in"' in ann.get("/log-in?again").text


def test_a_page_that_asks_by_itself_keeps_no_session_alive(ann: Visitor, world: World, letter: Path) -> None:
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    execute(world, "update sessions set seen_at = now() - interval '1 hour'")
    for path, used in ((f"/drafts/{draft.id}/standing", False), (f"/drafts/{draft.id}", True)):
        assert ann.get(path).status_code == 200
        with world.portal.tenant(world.acme.tenant.id) as tx:
            assert tx.value("select seen_at > now() - interval '1 minute' from sessions") is used


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        ("no address", "no address", True),
    ],
)
def test_whose_tries_are_counted_together(one: str, other: str, *, together: bool) -> None:
    assert (tries.network(one) == tries.network(other)) is together


@pytest.mark.parametrize("path", ["/recover/key", "/log-in/passkey", "/welcome/look"])
def test_what_nests_without_end_is_said_to_fit_nothing(portal: Portal, world: World, path: str) -> None:
    """JSON, by who has not logged in."""
    somebody = visitor(portal, world.acme)
    answer = somebody.client.post(
        path, base_url=f"https://{somebody.host}", data=b"[" * 60_000, content_type="application/json",
        headers={"Sec-Fetch-Site": "same-origin", "Accept": "application/json"},
    )  # fmt: skip
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "malformed")


def test_the_link_of_a_mail_leads_to_its_fax_once_somebody_has_logged_in(portal: Portal, ann: Visitor) -> None:
    stranger = Client(portal)
    there = f"https://{ann.host}"
    asked = stranger.get("/faxes/12", base_url=there).headers["Location"]
    assert 'data-to="/faxes/12"' in stranger.get(asked, base_url=there).text
    assert ann.get("/log-in?to=/faxes/12").headers["Location"] == "/faxes/12"
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert 'data-to="/inbox"' in stranger.get("/log-in", base_url=there, query_string={"to": elsewhere}).text
