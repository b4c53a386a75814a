"""Logging in by an organisation's own identity provider: who it says it is, and nobody else; it opens no fax."""

import hmac
import html
import json
import re
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.test import TestResponse

from faxplan import enrolment, login, passphrases, provider_metadata, tries, users
from faxplan.login import Whence
from faxplan.single_sign_on import Asked
from portal import cookies
from portal.app import Portal
from portal.routes import ROUTES
from tests.portal import totp
from tests.portal.conftest import Visitor, visitor
from tests.portal.identity_provider import IdentityProvider, a_key
from tests.portal.test_second_factor import auth_of, switched_on
from tests.retained import count, execute
from tests.world import PHRASE, World, ready_made

LATER = 3600


@pytest.fixture
def provider(world: World) -> Iterator[IdentityProvider]:
    """Of a network that the operator allows. It knows acme's user."""
    provider_metadata.forget()
    world.settings = replace(world.settings, web_private_networks="127.0.0.0/8")
    claims = {"sub": "42", "email": world.acme.user.email.upper(), "email_verified": True}
    with IdentityProvider(claims=claims) as provider:
        yield provider


@pytest.fixture
def boss(world: World, provider: IdentityProvider, portal: Portal, ann: Visitor) -> Visitor:
    """Ann, as an administrator, who has set it."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator"})
    assert put(ann, provider).status_code == 303
    return ann


def put(boss: Visitor, provider: IdentityProvider, **values: str) -> TestResponse:
    given = {"issuer": provider.issuer, "client_id": "faxes", "label": "Acme ID", **values}
    return boss.post("/organisation/sign-on", given)


@pytest.fixture
def guest(boss: Visitor, portal: Portal, world: World) -> Visitor:
    """Who has not logged in."""
    return visitor(portal, world.acme)


def gone(guest: Visitor, from_page: str = "/log-in/sign-on") -> str:
    """Where the browser is sent, by our page."""
    answer = guest.get(from_page, Sec_Fetch_Site="same-origin")
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def came_back(
    guest: Visitor, provider: IdentityProvider, *, from_page: str = "/log-in/sign-on", **more: str
) -> TestResponse:
    return back_from(guest, provider, gone(guest, from_page), **more)


def back_from(guest: Visitor, provider: IdentityProvider, there: str, **more: str) -> TestResponse:
    return guest.client.get(
        "/log-in/sign-on/back", query_string=provider.logged_in(there, **more), base_url=f"https://{guest.host}",
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
    )  # fmt: skip


def test_who_the_provider_says_it_is_has_a_session_and_locked_faxes(
    guest: Visitor, provider: IdentityProvider, world: World
) -> None:
    assert 'href="/log-in/sign-on">Log in with Acme ID' in guest.get("/log-in").text
    answer = came_back(guest, provider)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/unlock")
    page = guest.get("/unlock").text
    assert f"You are {world.acme.user.email}, we are told" in page
    assert "<nav" not in page
    assert guest.client.get_cookie(cookies.SIGN_ON, domain=guest.host) is None
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select max(authenticated) from sessions where authenticated <> 'password'") == "single-sign-on"
    opened(guest, world)
    # From then on the subject counts, whatever the address; and another subject with the address does not.
    provider.claims = {"sub": "42"}
    guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    assert came_back(guest, provider).status_code == 303
    provider.claims = {"sub": "43", "email": world.acme.user.email, "email_verified": True}
    refused = came_back(guest, provider)
    assert refused.status_code == 403
    assert "as somebody else before" in refused.text


@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        ("/faxes/7?list=%2Finbox", "/unlock?to=%2Ffaxes%2F7%3Flist%3D%252Finbox"),
        ("//evil.example/faxes/7", "/unlock"),
        ("/\\evil.example", "/unlock"),
        ("https://evil.example/", "/unlock"),
    ],
)
def test_it_leads_to_where_somebody_was_going(
    guest: Visitor, provider: IdentityProvider, world: World, wanted: str, leads: str
) -> None:
    """SECURITY: and to nobody else's page."""
    page = guest.get(f"/log-in?to={quote(wanted, safe='')}").text
    (by_provider,) = re.findall(r'href="(/log-in/sign-on[^"]*)"', page)
    for address in (html.unescape(by_provider), f"/log-in/sign-on?to={quote(wanted, safe='')}"):
        answer = came_back(guest, provider, from_page=address)
        assert (answer.status_code, answer.headers["Location"]) == (303, leads)
        guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    # Nor where the browser was given something else meanwhile.
    there = gone(guest)
    known = guest.client.get_cookie(cookies.SIGN_ON, domain=guest.host)
    assert known is not None
    written = known.decoded_value.partition("|")[0]
    guest.client.set_cookie(cookies.SIGN_ON, f"{written}|//evil.example/", domain=guest.host)
    assert back_from(guest, provider, there).headers["Location"] == "/unlock"


def test_who_has_shown_nothing_does_not_keep_the_true_person_out(
    guest: Visitor, provider: IdentityProvider, world: World, portal: Portal
) -> None:
    provider.claims = {"sub": "somebody", "email": world.acme.user.email, "email_verified": True}
    assert came_back(guest, provider).status_code == 303
    true = visitor(portal, world.acme)
    provider.claims = {"sub": "42", "email": world.acme.user.email, "email_verified": True}
    assert came_back(true, provider).status_code == 303
    assert count(world, "identities") == 0
    opened(true, world)
    # Nor is it anybody else by what began before.
    opened(guest, world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert [each["subject"] for each in tx.rows("select subject from identities")] == ["42"]


def opened(guest: Visitor, world: World) -> None:
    with_csrf(guest)
    assert guest.hand("/account/key", {"auth": auth_of(world).hex()}).status_code == 200


# -------------------------------------------------------------------- shut until its user has given what opens the key


@pytest.fixture
def shut(boss: Visitor, guest: Visitor, provider: IdentityProvider, world: World) -> Visitor:
    """Who has come back from the provider: for all that the portal knows, whoever runs it. The user is an operator."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"operator": True})
    assert came_back(guest, provider).status_code == 303
    return with_csrf(guest)


def with_csrf(guest: Visitor) -> Visitor:
    guest.csrf = guest.get("/unlock").text.partition('name="csrf" content="')[2].partition('"')[0]
    assert guest.csrf
    return guest


OPENING = {"/unlock", "/log-out", "/account/key", "/account/recovery-key"}


def test_nothing_is_shown_or_done_before(shut: Visitor, world: World) -> None:
    """By the provider, which an administrator names, nobody is another user, nor an operator."""
    assert {each.path for each in ROUTES if each.logged_in and each.shut} == OPENING
    rows = count(world, "audit")
    asked = 0
    for route in ROUTES:
        if not route.logged_in or route.shut:
            continue
        asked += 1
        address = route.path.replace("<int:number>", "1").replace("<kind>", "pdf")
        if route.method == "GET":
            answer = shut.get(address)
            assert (answer.status_code, answer.text) == (303, ""), address
            assert answer.headers["Location"] == f"/unlock?to={quote(address, safe='')}"
            assert shut.get(address, Accept="application/json").status_code == 403, address
        else:
            assert shut.post(address).status_code == 403, address
            assert shut.hand(address, {}).status_code == 403, address
    assert asked > 150
    assert count(world, "audit") == rows


def test_to_a_shut_session_no_secret_is_given_without_the_password(shut: Visitor, world: World) -> None:
    for address in ("/account/key", "/account/recovery-key"):
        answer = shut.hand(address, {"auth": "00" * 32})
        assert answer.get_json()["error_id"] == "wrong-login"
        assert "secret" not in answer.get_json()
    assert shut.get("/inbox").status_code == 303
    # Nor is the browser one that is known, and whose tries of passwords are counted apart.
    assert shut.client.get_cookie(cookies.BROWSER, domain=shut.host) is None


@pytest.mark.parametrize("by", ["password", "recovery code"])
def test_what_opens_the_key_opens_the_session(shut: Visitor, world: World, portal: Portal, by: str) -> None:
    recovery = passphrases.recovery_auth(ready_made(world.acme.tenant.id)[2])
    address, auth = ("/account/key", auth_of(world)) if by == "password" else ("/account/recovery-key", recovery)
    taken = shut.token
    answer = shut.hand(address, {"auth": auth.hex()})
    assert set(answer.get_json()) >= {"locked", "secret", "user", "csrf"}
    # By another token: who had taken the one before has nothing by it.
    shut.csrf = answer.get_json()["csrf"]
    assert shut.token != taken
    thief = visitor(portal, world.acme)
    thief.client.set_cookie(cookies.NAME, taken or "", domain=thief.host, secure=True)
    assert thief.get("/unlock").headers["Location"] == "/log-in"
    assert shut.get("/inbox").status_code == 200
    assert "<nav" in shut.get("/unlock").text
    assert shut.client.get_cookie(cookies.BROWSER, domain=shut.host) is not None
    # Again, as by another tab, tells nothing new.
    assert shut.hand(address, {"auth": auth.hex()}).get_json()["csrf"] is None
    assert shut.get("/inbox").status_code == 200
    acts = [("session.begin", "single-sign-on"), ("session.open", "single-sign-on")]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select action, authenticated from audit where action like 'session%' order by sequence")
    assert [(each["action"], each["authenticated"]) for each in rows][-2:] == acts


def test_with_a_second_factor_its_code_opens_the_session(
    boss: Visitor, guest: Visitor, provider: IdentityProvider, world: World
) -> None:
    secret = switched_on(world, boss)
    assert came_back(guest, provider).status_code == 303
    with_csrf(guest)
    auth = auth_of(world).hex()
    wrong = "000000" if totp.code(secret) != "000000" else "111111"
    for given, error in (
        ({"auth": auth}, "code-needed"),
        ({"auth": auth, "code": wrong}, "wrong-code"),
        ({"auth": "00" * 32, "code": totp.code(secret)}, "wrong-login"),
    ):
        answer = guest.hand("/account/key", given)
        assert (answer.status_code, answer.get_json()["error_id"]) == (401, error)
        assert guest.get("/inbox").status_code == 303
    for _try in range(tries.MOST_CODES):
        answer = guest.hand("/account/key", {"auth": auth, "code": wrong})
    assert answer.get_json()["error_id"] == "too-many-tries"
    assert guest.hand("/account/key", {"auth": auth, "code": totp.code(secret)}).status_code == 429
    execute(world, "delete from login_tries")
    assert guest.hand("/account/key", {"auth": auth, "code": totp.code(secret)}).status_code == 200
    assert guest.get("/inbox").status_code == 200


def test_strangers_do_not_keep_it_shut_where_its_user_is_known(
    boss: Visitor, provider: IdentityProvider, world: World
) -> None:
    """docs/portal.md: nobody can lock another user out."""
    secret = switched_on(world, boss)
    assert boss.post("/log-out").status_code == 303
    assert came_back(boss, provider).status_code == 303
    with_csrf(boss)
    for number in range(tries.MOST_OF_ACCOUNT):
        whence = Whence(f"198.51.100.{number % 10 + 1}", "stranger")
        with suppress(login.WrongLogin):
            login.log_in(world.portal, world.acme.tenant.id, world.acme.user.email, bytes(32), whence)
    auth = auth_of(world).hex()
    assert boss.hand("/account/key", {"auth": auth}).get_json()["error_id"] == "code-needed"
    assert boss.hand("/account/key", {"auth": auth, "code": totp.code(secret)}).status_code == 200


def test_a_link_elsewhere_leads_nobody_with_an_open_session_to_the_provider(
    boss: Visitor, guest: Visitor, provider: IdentityProvider
) -> None:
    """Another organisation's host is elsewhere, too. And whoever has no session may come from anywhere."""
    for named in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {}):
        answer = boss.get("/log-in/sign-on", **named)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/log-in")
        assert boss.client.get_cookie(cookies.SIGN_ON, domain=boss.host) is None
    for who, site in ((boss, "same-origin"), (boss, "none"), (guest, "cross-site")):
        assert who.get("/log-in/sign-on", Sec_Fetch_Site=site).headers["Location"].startswith(provider.issuer)


def test_a_link_elsewhere_ends_no_session(
    guest: Visitor, boss: Visitor, provider: IdentityProvider, world: World
) -> None:
    """The link was followed before whoever it is logged in, and the provider takes its time."""
    query = provider.logged_in(guest.get("/log-in/sign-on", Sec_Fetch_Site="cross-site").headers["Location"])
    assert guest.log_in().status_code == 200
    before, rows = guest.token, count(world, "sessions")
    answer = guest.client.get("/log-in/sign-on/back", query_string=query, base_url=f"https://{guest.host}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/inbox")
    assert guest.client.get_cookie(cookies.SIGN_ON, domain=guest.host) is None
    assert (guest.token, count(world, "sessions")) == (before, rows)
    assert guest.get("/inbox").status_code == 200


def test_an_open_session_goes_on_when_another_comes_back(
    boss: Visitor, provider: IdentityProvider, world: World
) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = users.create(tx, world.acme.tenant.id, email="other@acme.example", name="")
    enrolment.enrol(world.portal, other, PHRASE)
    provider.claims = {"sub": "7", "email": other.email, "email_verified": True}
    answer = came_back(boss, provider)
    assert answer.status_code == 403
    assert f"You are logged in here as {world.acme.user.email}. Log out" in answer.text
    assert boss.get("/inbox").status_code == 200
    assert boss.post("/log-out").status_code == 303
    assert came_back(boss, provider).headers["Location"] == "/unlock"


def test_a_shut_session_ends_by_its_user(shut: Visitor) -> None:
    assert shut.post("/log-out").status_code == 303
    assert shut.get("/unlock").headers["Location"] == "/log-in"


# ------------------------------------------------------------------------------------------- strangers who bring codes


def brought(portal: Portal, world: World, address: str) -> int:
    """What somebody is answered who makes up the cookie and the code."""
    stranger, asked = visitor(portal, world.acme), Asked.new()
    stranger.client.set_cookie(cookies.SIGN_ON, asked.written, domain=stranger.host, secure=True)
    given = {"state": asked.state, "code": "x"}
    return stranger.client.get(
        "/log-in/sign-on/back", query_string=given, base_url=f"https://{stranger.host}",
        environ_base={"REMOTE_ADDR": address},
    ).status_code  # fmt: skip


def test_a_stranger_does_not_exchange_codes_without_end(
    guest: Visitor, provider: IdentityProvider, world: World, portal: Portal
) -> None:
    """Each is a request to the provider, by the portal, in the portal's name."""
    statuses = [brought(portal, world, f"2001:db8::{each + 1:x}") for each in range(tries.MOST_OF_ADDRESS + 2)]
    assert statuses == [403] * tries.MOST_OF_ADDRESS + [429] * 2
    assert len(provider.given) == tries.MOST_OF_ADDRESS
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select details from audit where action = 'session.begin' and result = 'refused'")
    assert {each["details"]["what"] for each in rows} == {"single sign-on"}
    assert len(rows) == tries.MOST_OF_ADDRESS
    # Others log in, and whoever is there does by the password.
    assert came_back(guest, provider).status_code == 303
    there = Whence("2001:db8::1", "")
    login.log_in(world.portal, world.acme.tenant.id, world.acme.user.email, auth_of(world), there)


def test_what_says_nothing_of_who_comes_is_not_counted(
    guest: Visitor, provider: IdentityProvider, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page elsewhere could send an office's browsers here without a code, or with none of ours."""
    monkeypatch.setattr(tries, "MOST_OF_ADDRESS", 1)
    for _each in range(2):
        assert guest.get("/log-in/sign-on/back?state=x&code=x").status_code == 403
        state = gone(guest).partition("state=")[2].partition("&")[0]
        assert guest.get(f"/log-in/sign-on/back?state={state}&error=x").status_code == 403
    assert count(world, "login_tries") == 0
    assert came_back(guest, provider).status_code == 303


def test_while_a_stranger_exchanges_others_log_in(
    guest: Visitor, provider: IdentityProvider, world: World, portal: Portal
) -> None:
    gone(guest)  # what the provider says of itself is known
    provider.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(brought, portal, world, "2001:db8::1")
            wait_for(lambda: len(provider.given) == 1)
            assert [brought(portal, world, f"2001:db8::{each}") for each in (1, 2)] == [503] * 2
            other = pool.submit(came_back, guest, provider)
            wait_for(lambda: len(provider.given) == 2 or other.done())
        finally:
            provider.gate.set()
        assert first.result() == 403
        assert other.result().status_code == 303
    # Who was told to wait a moment has failed at nothing.
    assert count(world, "login_tries") == 1


def wait_for(is_so: Callable[[], bool]) -> None:
    while not is_so():
        threading.Event().wait(0.01)


# ---------------------------------------------------------------------------------------- what the provider has to say


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "http://evil.example"}, "cannot be believed"),
        ({"aud": "others"}, "cannot be believed"),
        ({"aud": ["faxes", "others"]}, "for somebody else"),
        ({"aud": ["faxes", "others"], "azp": "others"}, "for somebody else"),
        ({"azp": "others"}, "for somebody else"),
        ({"exp": 1}, "cannot be believed"),
        ({"exp": None}, "cannot be believed"),
        ({"iat": int(time.time()) + LATER}, "cannot be believed"),
        ({"nonce": "another"}, "begun in another browser"),
        ({"nonce": None}, "cannot be believed"),
        ({"nonce": 7}, "begun in another browser"),
        ({"nonce": "\ud800"}, "begun in another browser"),
        ({"sub": None}, "cannot be believed"),
        ({"sub": ""}, "does not say who you are"),
        ({"sub": "x" * 256}, "does not say who you are"),
        ({"sub": "ä\n"}, "does not say who you are"),
        ({"email": None}, "which e-mail address"),
        ({"email_verified": None}, "which e-mail address"),
        ({"email_verified": False}, "which e-mail address"),
        ({"email": "stranger@acme.example"}, "Nobody here has the address"),
        ({"email": "user@borea.example"}, "Nobody here has the address"),
        ({"email": ["user@acme.example"]}, "which e-mail address"),
    ],
)
def test_what_does_not_count_logs_nobody_in(
    guest: Visitor, provider: IdentityProvider, change: dict[str, Any], why: str, world: World
) -> None:
    provider.change = change
    answer = came_back(guest, provider)
    assert (answer.status_code, guest.token) == (403, None)
    assert why in answer.text
    assert count(world, "identities") == 0


def test_a_letter_that_only_looks_like_one_of_the_address_is_another(
    guest: Visitor, provider: IdentityProvider, world: World
) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.create(tx, world.acme.tenant.id, email="kim@acme.example", name="")
    for email, why in (
        ("\N{KELVIN SIGN}im@acme.example", "which e-mail address"),
        ("KIM@acme.example", "no key here yet"),
    ):
        provider.claims = {"sub": "kim", "email": email, "email_verified": True}
        assert why in came_back(guest, provider).text


def by_hand(claims: dict[str, Any], algorithm: str, name: str, sign: Callable[[bytes], bytes]) -> str:
    """What the library would not sign."""
    parts = [json.dumps(each).encode() for each in ({"alg": algorithm, "kid": name}, claims)]
    text = b".".join(urlsafe_b64encode(each).rstrip(b"=") for each in parts)
    return (text + b"." + urlsafe_b64encode(sign(text)).rstrip(b"=")).decode()


@pytest.mark.parametrize("which", ["none", "by the secret", "by the public key", "stranger", "short", "named wrongly"])
def test_a_token_that_the_provider_has_not_signed_is_none(
    guest: Visitor, provider: IdentityProvider, which: str, boss: Visitor
) -> None:
    provider.client_secret = "the client's secret, which is as long as it takes"  # noqa: S105
    assert put(boss, provider, client_secret=provider.client_secret).status_code == 303
    public = a_key("one").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    makes = {
        "none": lambda claims: jwt.encode(claims, None, "none"),
        "by the secret": lambda claims: jwt.encode(claims, provider.client_secret, "HS256", headers={"kid": "one"}),
        "by the public key": lambda claims: by_hand(
            claims, "HS256", "one", lambda text: hmac.digest(public, text, "sha256")
        ),
        "stranger": lambda claims: jwt.encode(claims, a_key("two"), "RS256", headers={"kid": "one"}),
        "short": lambda claims: by_hand(
            claims, "RS256", "short", lambda text: bytes(a_key("short").sign(text, padding.PKCS1v15(), SHA256()))
        ),
        "named wrongly": lambda claims: jwt.encode(claims, a_key("one"), "RS256", headers={"kid": "seven"}),
    }
    provider.token = makes[which]
    if which == "short":
        provider.shows = ("short",)
        provider_metadata.forget()
    answer = came_back(guest, provider)
    assert (answer.status_code, guest.token) == (403, None)
    assert "cannot be believed" in answer.text


def test_keys_that_have_changed_are_asked_for_once_a_minute_at_most(
    guest: Visitor, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert came_back(guest, provider).status_code == 303
    guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    provider.signs, provider.shows = ("ec", "ES256"), ("ec",)
    assert came_back(guest, provider).status_code == 403
    before = len(provider.asked)
    assert came_back(guest, provider).status_code == 403
    assert len(provider.asked) == before
    monkeypatch.setattr(provider_metadata, "_ASKED_ANEW_SECONDS", 0.0)
    assert came_back(guest, provider).status_code == 303


def test_a_log_in_is_of_the_browser_in_which_it_was_begun(
    guest: Visitor, provider: IdentityProvider, portal: Portal, world: World
) -> None:
    query = provider.logged_in(gone(guest))
    other = visitor(portal, world.acme)
    for who, given in ((other, query), (guest, {**query, "state": "x"}), (guest, {"code": query["code"]})):
        answer = who.client.get("/log-in/sign-on/back", query_string=given, base_url=f"https://{who.host}")
        assert (answer.status_code, who.token) == (403, None)
        assert "begun in another browser" in answer.text
    # And a code is used once.
    for status in (303, 403):
        guest.client.delete_cookie(cookies.NAME, domain=guest.host)
        asked = gone(guest) if status == 403 else ""
        given = {**query, "state": asked.partition("state=")[2].partition("&")[0]} if asked else query
        answer = guest.client.get("/log-in/sign-on/back", query_string=given, base_url=f"https://{guest.host}")
        assert answer.status_code == status


@pytest.mark.parametrize("says", [False, True])
def test_another_provider_that_answers_is_noticed(guest: Visitor, provider: IdentityProvider, says: bool) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": says}
    provider_metadata.forget()
    assert came_back(guest, provider, iss="http://evil.example").status_code == 403
    assert came_back(guest, provider).status_code == (403 if says else 303)
    guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    assert came_back(guest, provider, iss=provider.issuer).status_code == 303


def test_what_the_provider_refuses_is_told(guest: Visitor, provider: IdentityProvider) -> None:
    state = gone(guest).partition("state=")[2].partition("&")[0]
    answer = guest.get(f"/log-in/sign-on/back?state={state}&error=access_denied%3Cscript%3E")
    assert answer.status_code == 403
    assert "Acme ID did not log you in (access_denied&lt;script&gt;)" in answer.text
    answer = guest.get(f"/log-in/sign-on/back?state={state}&error={'%C3%A4' * 30}{'b' * 400}")
    assert answer.text.count("\\xe4") == 20
    assert "bbb" not in answer.text


def test_who_may_not_act_or_has_no_key_is_not_logged_in(
    guest: Visitor, provider: IdentityProvider, world: World
) -> None:
    assert came_back(guest, provider).status_code == 303
    opened(guest, world)
    guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    execute(world, "update users set enabled = false where id = %s", (world.acme.user.id,))
    assert came_back(guest, provider).status_code == 403
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.create(tx, world.acme.tenant.id, email="new@acme.example", name="")
    provider.claims = {"sub": "new", "email": "new@acme.example", "email_verified": "true"}
    answer = came_back(guest, provider)
    assert answer.status_code == 403
    assert "no key here yet" in answer.text
    # Of one who was not let in nothing is kept.
    assert count(world, "identities") == 1


@pytest.mark.parametrize("by_post", [False, True])
def test_the_clients_secret_goes_as_the_provider_takes_it_and_is_shown_to_nobody(
    boss: Visitor, guest: Visitor, provider: IdentityProvider, by_post: bool
) -> None:
    provider.client_secret = "s3cret & more"  # noqa: S105
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]} if by_post else {}
    refused = came_back(guest, provider)
    assert "look at the client&#39;s secret" in refused.text
    assert put(boss, provider, client_secret=provider.client_secret).status_code == 303
    provider_metadata.forget()
    page = boss.get("/organisation/sign-on").text
    assert "A secret is set." in page
    assert "s3cret" not in page
    # It stays where the form comes without one, and goes where another issuer comes.
    assert put(boss, provider, label="").status_code == 303
    assert came_back(guest, provider).status_code == 303
    assert put(boss, provider, no_secret="on").status_code == 303
    assert "No secret is set." in boss.get("/organisation/sign-on").text


@pytest.mark.parametrize(
    ("metadata", "issuer", "why"),
    [
        ({}, "https://10.0.0.7/realm", "private network"),
        ({}, "http://169.254.169.254", "https"),
        ({}, "id.example.com", "no address of a web server"),
        ({}, "{issuer}/", "calls itself otherwise"),
        ({"issuer": "http://evil.example"}, "{issuer}", "calls itself otherwise"),
        ({"issuer": json.loads("[" * 500 + "]" * 500)}, "{issuer}", "calls itself otherwise"),
        ({"token_endpoint": None}, "{issuer}", "does not say where"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "{issuer}", "no address of a web server"),
        ({"jwks_uri": "http://169.254.169.254/"}, "{issuer}", "https"),
        ({"jwks_uri": "{issuer}/.well-known/openid-configuration"}, "{issuer}", "keys of"),
    ],
)
def test_what_is_no_provider_is_not_taken(
    boss: Visitor, provider: IdentityProvider, metadata: dict[str, Any], issuer: str, why: str
) -> None:
    provider_metadata.forget()
    provider.metadata = {
        name: value.format(issuer=provider.issuer) if isinstance(value, str) else value
        for name, value in metadata.items()
    }
    answer = put(boss, provider, issuer=issuer.format(issuer=provider.issuer), client_id="another")
    assert answer.status_code == 400
    assert why in answer.text
    assert 'value="another"' in answer.text
    page = boss.get("/organisation/sign-on").text
    assert 'value="faxes"' in page


def test_it_is_undone_and_taken_away(boss: Visitor, guest: Visitor, provider: IdentityProvider, world: World) -> None:
    assert came_back(guest, provider).status_code == 303
    opened(guest, world)
    assert "<bdi>42</bdi>" in boss.get("/organisation/sign-on").text
    assert boss.post(f"/organisation/people/{world.acme.user.id}/unlink").status_code == 303
    assert boss.post(f"/organisation/people/{world.acme.user.id}/unlink").status_code == 404
    provider.claims["sub"] = "another"
    guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    assert came_back(guest, provider).status_code == 303
    assert boss.post("/organisation/sign-on/remove").status_code == 303
    assert guest.get("/log-in/sign-on").status_code == 404
    assert "sign-on" not in visitor_page(guest)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        actions = [
            row["action"] for row in tx.rows("select action from audit where action like 'sign-on%' order by sequence")
        ]
    assert actions == ["sign-on.set", "sign-on.unlink", "sign-on.remove"]


def visitor_page(guest: Visitor) -> str:
    guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    return guest.get("/log-in").text


def test_of_an_addresss_own_accord_only_where_the_administrator_says_so(
    boss: Visitor, guest: Visitor, provider: IdentityProvider
) -> None:
    provider.change = {"email_verified": None}
    assert put(boss, provider, trusts_email="on").status_code == 303
    assert came_back(guest, provider).status_code == 303
    provider.change = {"email_verified": False, "sub": "7"}
    guest.client.delete_cookie(cookies.NAME, domain=guest.host)
    assert came_back(guest, provider).status_code == 403
