"""What the portal fetches of a tenant's identity provider: where it may lead, and how often strangers make it ask."""

import contextlib
import ipaddress
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import jwt
import pytest

from faxplan import language, provider_metadata, single_sign_on, web_client
from faxplan.identity_providers import Provider
from faxplan.retelling import retold
from faxplan.single_sign_on import Asked, SignOnRefused
from faxplan.web_client import AddressRefused, Busy, FetchFailed, WebClient
from tests.portal.identity_provider import IdentityProvider
from tests.unit.test_web_client import HERE, served_by

BACK = "https://acme.fax.example/log-in/sign-on/back"
CLIENT = WebClient(HERE)
NETWORKS = (f"192.0.2.{number % 250}" for number in itertools.count())
"""Each comes from another one."""


@pytest.fixture(autouse=True)
def nothing_is_kept() -> None:
    provider_metadata.forget()


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider(claims={"sub": "42"}) as provider:
        yield provider


def of(provider: IdentityProvider, tenant_id: int = 1) -> Provider:
    return Provider(provider.issuer, provider.client_id, tenant_id=tenant_id)


def logged_in(provider: IdentityProvider, client: WebClient = CLIENT, *, tenant_id: int = 1) -> str:
    """Whole, as a browser does it; the subject."""
    asked = Asked.new()
    there = single_sign_on.address(client, of(provider, tenant_id), BACK, asked)
    code = single_sign_on.code(client, of(provider, tenant_id), asked, provider.logged_in(there))
    return single_sign_on.identity(client, of(provider, tenant_id), BACK, asked, code, network=next(NETWORKS)).subject


def test_a_provider_in_an_operators_network_leads_to_no_other_host_of_it(provider: IdentityProvider) -> None:
    with IdentityProvider(host="127.0.0.2") as other:
        for name, place in (("jwks_uri", "keys"), ("token_endpoint", "token")):
            provider.metadata = {name: f"{other.issuer}/{place}"}
            provider_metadata.forget()
            with pytest.raises(AddressRefused, match="https"):
                logged_in(provider)
            provider.metadata = {name: f"https://127.0.0.2/{place}"}
            provider_metadata.forget()
            with pytest.raises(AddressRefused, match="all that it names on its own host"):
                logged_in(provider)
        assert other.asked + other.given == []
    provider.metadata = {}
    provider_metadata.forget()
    assert logged_in(provider) == "42"


def test_a_provider_makes_nobody_look_for_the_primes_of_a_key(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_for(*_numbers: int) -> tuple[int, int]:
        raise AssertionError

    monkeypatch.setattr(jwt.algorithms, "rsa_recover_prime_factors", looked_for)
    public = provider.public("one")
    # One that has shown its private exponent too, is taken as the public key that it is.
    monkeypatch.setattr(provider, "public", lambda _name: {**public, "d": public["n"]})
    assert logged_in(provider) == "42"
    for shown in ({**public, "n": "x" * 2801}, [public], {**public, "e": ["x" * 3000]}):
        monkeypatch.setattr(provider, "public", lambda _name, shown=shown: shown)
        provider_metadata.forget()
        with pytest.raises(FetchFailed, match="keys of"):
            logged_in(provider)
    monkeypatch.setattr(provider, "public", lambda _name: public)
    for many, is_taken in ((100, True), (101, False)):
        provider.shows = ("one",) * many
        provider_metadata.forget()
        with contextlib.nullcontext() if is_taken else pytest.raises(FetchFailed, match="keys of"):
            logged_in(provider)


@pytest.mark.parametrize("turned", [1, 2])
def test_a_public_provider_leads_to_no_address_in_an_operators_network_whatever_its_name_stands_for_later(
    turned: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own host neither. 127.0.0.3 is the public one here."""
    public = ipaddress.ip_address("127.0.0.3")
    monkeypatch.setattr(web_client, "is_public", lambda address: address == public)
    tls = served_by("id.example", tmp_path)
    answers: list[str] = []
    client = WebClient(
        (ipaddress.ip_network("127.0.0.1/32"),), tmp_path / "cafile.pem", lambda _host, _port: [answers.pop(0)]
    )
    with IdentityProvider(claims={"sub": "42"}, host="id.example", tls=tls) as provider:
        answers += ["127.0.0.3"] * 3
        assert logged_in(provider, client) == "42"
        provider_metadata.forget()
        answers += [*["127.0.0.3"] * turned, "127.0.0.1"]
        asked = len(provider.asked)
        with pytest.raises(AddressRefused, match="private network"):
            logged_in(provider, client)
        assert len(provider.asked) == asked + turned


@contextlib.contextmanager
def hanging(provider: IdentityProvider, how_many: int, asked: list[str], act: Callable[[], object]) -> Iterator[None]:
    """So many do that while the provider answers nobody; once in here it has been asked by all of them."""
    provider.gate.clear()
    before = len(asked)
    with ThreadPoolExecutor(how_many) as pool:
        try:
            done = [pool.submit(act) for _each in range(how_many)]
            while len(asked) < before + how_many and not all(each.done() for each in done):
                threading.Event().wait(0.01)
            yield
        finally:
            provider.gate.set()


def test_a_provider_is_asked_about_itself_by_one_at_a_time(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(provider_metadata, "monotonic", lambda: now[0])

    def begin() -> str:
        return single_sign_on.address(CLIENT, of(provider), BACK, Asked.new())

    with hanging(provider, 1, provider.asked, begin):
        for _each in range(3):
            with pytest.raises(Busy, match="by others"):
                begin()
        assert len(provider.asked) == 1
    assert begin()
    assert len(provider.asked) == 2
    # An hour later the others go on by what was said before, for another hour.
    now[0] += 3601
    with hanging(provider, 1, provider.asked, begin):
        assert begin()
        now[0] += 3600
        with pytest.raises(Busy):
            begin()
        assert len(provider.asked) == 3


def test_a_failure_is_told_for_a_minute_to_each_in_their_language(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(provider_metadata, "monotonic", lambda: now[0])
    provider.metadata = {"token_endpoint": None}
    for spoken in ("de", "en", "de"):
        with language.speaks(spoken), pytest.raises(FetchFailed, match="does not say where to log in") as failed:
            logged_in(provider)
    with language.speaks("de"):
        assert retold(str(failed.value)).endswith("sagt nicht, wo man sich anmeldet.")
    assert len(provider.asked) == 1
    provider.metadata = {}
    now[0] += 59
    with pytest.raises(FetchFailed):
        logged_in(provider)
    now[0] += 2
    assert logged_in(provider) == "42"
    # And at once where an administrator has mended it.
    provider.metadata = {"token_endpoint": None}
    provider_metadata.forget()
    with pytest.raises(FetchFailed):
        logged_in(provider)
    provider.metadata = {}
    single_sign_on.check(CLIENT, of(provider))
    assert logged_in(provider) == "42"


def test_of_a_slow_provider_few_codes_are_exchanged_at_once(provider: IdentityProvider) -> None:
    single_sign_on.check(CLIENT, of(provider))
    with hanging(provider, 2, provider.given, lambda: logged_in(provider)):
        with pytest.raises(Busy, match="by others"):
            logged_in(provider)
        assert len(provider.given) == 2
        with IdentityProvider(claims={"sub": "7"}) as another:
            assert logged_in(another, tenant_id=2) == "7"
    assert logged_in(provider) == "42"


def test_one_administrator_takes_few_threads_by_slow_providers() -> None:
    """They name another one in the next second. And several do: nobody of theirs waits in a fourth thread."""
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(IdentityProvider(claims={"sub": "1"})) for _each in range(3)]
        given: list[str] = []
        for each in slow:
            each.given = given
            single_sign_on.check(CLIENT, of(each))
        with contextlib.ExitStack() as waiting:
            for each in slow[:2]:
                waiting.enter_context(hanging(each, 1, given, partial(logged_in, each)))
            with pytest.raises(Busy, match="by others"):
                logged_in(slow[2])
            waiting.enter_context(hanging(slow[2], 1, given, partial(logged_in, slow[2], tenant_id=2)))
            for tenant_id in (2, 3):
                with pytest.raises(Busy, match="by others"):
                    logged_in(slow[2], tenant_id=tenant_id)
            assert len(given) == 3
        assert [logged_in(each) for each in slow] == ["1"] * 3


def test_few_administrators_at_once_make_the_portal_look_at_a_provider(provider: IdentityProvider) -> None:
    with hanging(provider, 2, provider.asked, lambda: single_sign_on.check(CLIENT, of(provider))):
        with pytest.raises(SignOnRefused, match="by others"):
            single_sign_on.check(CLIENT, of(provider))
        assert len(provider.asked) == 2
    single_sign_on.check(CLIENT, of(provider))
