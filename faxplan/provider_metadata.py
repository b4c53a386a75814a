"""What identity providers say of themselves, and their keys (OpenID Connect Discovery 1.0), which is kept for a while.

A tenant names its provider, and strangers make us ask it: of a process so many threads wait for providers at once.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

import jwt
from jwt import PyJWK, PyJWKSet

from faxplan import language
from faxplan.errors import FaxplanError
from faxplan.identity_providers import Provider
from faxplan.language import _
from faxplan.web_client import Busy, FetchFailed, WebClient, shown

KEPT_SECONDS = 3600.0
_ASKED_ANEW_SECONDS = 60.0
"""For a key that is not known: providers change them."""
_FAILURE_KEPT_SECONDS = 60.0
_MOST_AT_ONCE = 3
"""Providers that are asked at once, in a process: if all are slow, most of the portal's threads are free."""
_MOST_OF_TENANT = 2
"""Of these, whatever its administrators name: another's people log in beside."""
_MOST_CHECKS = 2
_MOST_KEPT = 1000
_MOST_KEYS = 100
_OF_PUBLIC_KEY = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_LONGEST_PART = 2800
"""Of a key, as it is written: RSA of 16,384 bits."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (Discovery 1.0), and its keys. at: when it did, on the monotonic clock."""

    authorization: str
    token: str
    by_post: bool
    says_issuer: bool
    is_private: bool
    keys: tuple[PyJWK, ...]
    at: float


@dataclass(frozen=True, slots=True)
class _Failure:
    """What asking a provider came to. at: as of Metadata."""

    kind: type[FaxplanError]
    words: str
    at: float


_kept: dict[str, Metadata] = {}
_failed: dict[str, _Failure] = {}
_at_work: Counter[str] = Counter()
_lock = threading.Lock()


def of(client: WebClient, provider: Provider, *, anew: bool = False) -> Metadata:
    """anew: for a key that is not known. Raises AddressRefused and FetchFailed.

    Strangers make us ask by a click: one of them is waited for, and no more.
    """
    issuer = provider.issuer
    client.check(issuer)
    found = _remembered(issuer, anew=anew)
    if found is not None:
        return found
    try:
        with asking(provider, {f"about {issuer}": 1}):
            # Somebody else may have done it just now.
            return _remembered(issuer, anew=anew) or _asked_and_kept(client, issuer)
    except Busy:
        with _lock:
            old = _kept.get(issuer)
        # What was said does until then, if it is not of yesterday.
        if old is not None and monotonic() - old.at < 2 * KEPT_SECONDS:
            return old
        raise


def ask(client: WebClient, provider: Provider) -> None:
    """Asks it now, for who names it. Raises AddressRefused and FetchFailed."""
    with _one_of({"check": _MOST_CHECKS}):
        _keep(_kept, provider.issuer, _asked(client, provider.issuer))


def forget() -> None:
    """What is kept of providers: another setting says what may be fetched."""
    with _lock:
        _kept.clear()
        _failed.clear()


def asking(provider: Provider, most: Mapping[str, int]) -> AbstractContextManager[None]:
    """While one of the tenant's people waits for its provider. most: how many of each may do so at once beside; of the
    tenant, and of all, these are bounded here. Raises Busy."""
    return _one_of({f"of {provider.tenant_id}": _MOST_OF_TENANT, **most})


def reaching(client: WebClient, issuer: str, there: str, *, is_private: bool) -> WebClient:
    """By what an address is fetched that a provider names. is_private: whether the issuer itself answered from one of
    the operator's networks: these are open on the issuer's host then, and no provider leads to others there."""
    on_its_host = urlsplit(there).hostname == urlsplit(issuer).hostname
    return client if is_private and on_its_host else client.outside


@contextmanager
def _one_of(most: Mapping[str, int]) -> Iterator[None]:
    """In here, in this process, are so many of each at once, and of all together no more than _MOST_AT_ONCE. Raises
    Busy: whoever waited would take a thread, too."""
    bounds = {"all": _MOST_AT_ONCE, **most}
    with _lock:
        if any(_at_work[what] >= bound for what, bound in bounds.items()):
            raise Busy(_("Identity providers are being asked by others at this moment. Try again in a few seconds."))
        _at_work.update(list(bounds))
    try:
        yield
    finally:
        with _lock:
            _at_work.subtract(list(bounds))
            for what in bounds:
                if not _at_work[what]:
                    del _at_work[what]


def _remembered(issuer: str, *, anew: bool) -> Metadata | None:
    """Raises as `_asked` where that has just failed: for everybody, in English, which retelling puts right."""
    with _lock:
        found, failure = _kept.get(issuer), _failed.get(issuer)
    # Also where it is asked anew: who sends tokens of unknown keys makes us ask once a minute at most.
    if found is not None and monotonic() - found.at < (_ASKED_ANEW_SECONDS if anew else KEPT_SECONDS):
        return found
    if failure is not None and monotonic() - failure.at < _FAILURE_KEPT_SECONDS:
        raise failure.kind(failure.words)
    return None


def _asked_and_kept(client: WebClient, issuer: str) -> Metadata:
    try:
        with language.speaks(language.SOURCE):
            made = _asked(client, issuer)
    except Busy:
        raise
    except FaxplanError as error:
        _keep(_failed, issuer, _Failure(type(error), str(error), monotonic()))
        raise
    _keep(_kept, issuer, made)
    return made


def _keep(among: dict[str, _T], issuer: str, what: _T) -> None:
    with _lock:
        _failed.pop(issuer, None)
        if len(among) >= _MOST_KEPT:
            among.clear()
        among[issuer] = what


def _asked(client: WebClient, issuer: str) -> Metadata:
    answer = client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    said = answer.json()
    named = said.get("issuer") if isinstance(said, dict) else None
    if not isinstance(said, dict) or named != issuer:
        raise FetchFailed(
            _("{issuer} is no OpenID Connect provider, or calls itself otherwise: {name}").format(
                issuer=issuer, name=shown(named) if isinstance(named, str) else "-"
            )
        )
    addresses = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(each, str) for each in addresses):
        raise FetchFailed(_("{issuer} does not say where to log in.").format(issuer=issuer))
    authorization, token, keys = map(str, addresses)
    for each in (authorization, token, keys):
        client.check(each)
    methods = said.get("token_endpoint_auth_methods_supported")
    return Metadata(
        authorization,
        token,
        by_post=isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods,
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        is_private=answer.is_private,
        keys=_keys(reaching(client, issuer, keys, is_private=answer.is_private).get(keys).json(), issuer),
        at=monotonic(),
    )


def _public_parts(said: Any) -> dict[str, Any]:
    """Of a private key that a provider shows the library would look for the primes, which takes hours of a long one."""
    keys = [{name: each[name] for name in _OF_PUBLIC_KEY if isinstance(each.get(name), str)} for each in said["keys"]]
    if len(keys) > _MOST_KEYS or any(len(value) > _LONGEST_PART for each in keys for value in each.values()):
        raise ValueError
    return {"keys": keys}


def _keys(said: object, issuer: str) -> tuple[PyJWK, ...]:
    try:
        return tuple(PyJWKSet.from_dict(_public_parts(said)).keys)
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise FetchFailed(_("The keys of {issuer} cannot be read.").format(issuer=issuer)) from error
