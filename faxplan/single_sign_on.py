"""Logging in by a tenant's identity provider: OpenID Connect Core 1.0, by code, with PKCE (RFC 7636).

What the provider says of itself (Discovery 1.0) and its keys are kept for a while. It says who somebody is, and nothing
more: what opens their faxes it does not have (docs/portal.md).
"""

import hashlib
import hmac
import secrets
import threading
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWKSet

from faxplan import language
from faxplan.errors import FaxplanError
from faxplan.identity_providers import Identity, Provider
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
LEEWAY_SECONDS = 60
"""Between two clocks."""
_MOST_KEPT = 1000
_LEAST_RSA_BITS = 2048
_MOST_KEYS = 100
_OF_PUBLIC_KEY = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_LONGEST_PART = 2800
"""Of a key, as it is written: RSA of 16,384 bits."""
_KINDS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
"""What an ID token may be signed by, and the kind of key: nothing that whoever knows the client's secret could sign."""
_SHORTEST, _LONGEST = 20, 200
_T = TypeVar("_T")


class SignOnRefused(FaxplanError):
    """The identity provider did not log somebody in, or not so that it counts."""

    error_id = "sign-on-refused"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser keeps until it comes back: it is whose log-in this is."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Asked":
        """Of one log-in."""
        return cls(*(secrets.token_urlsafe(32) for _each in range(3)))

    @classmethod
    def read(cls, text: str | None) -> "Asked":
        """As `written`. Raises SignOnRefused."""
        parts = (text or "").split(".")
        if len(parts) != 3 or not all(_SHORTEST <= len(each) <= _LONGEST for each in parts):
            raise _old()
        return cls(*parts)

    @property
    def written(self) -> str:
        """For a cookie."""
        return f"{self.state}.{self.nonce}.{self.verifier}"


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What a provider says of itself. at: when it did, on the monotonic clock."""

    authorization: str
    token: str
    jwks: str
    by_post: bool
    says_issuer: bool
    is_private: bool
    keys: tuple[PyJWK, ...]
    at: float


@dataclass(frozen=True, slots=True)
class _Failure:
    """What asking a provider came to. at: as of _Metadata."""

    kind: type[FaxplanError]
    words: str
    at: float


def address(client: WebClient, provider: Provider, redirect: str, asked: Asked) -> str:
    """Where the browser goes to log in; it comes back to `redirect`. Raises AddressRefused and FetchFailed."""
    there = _metadata(client, provider)
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect,
        "scope": "openid email",
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": _unpadded(hashlib.sha256(asked.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    return f"{there.authorization}{'&' if '?' in there.authorization else '?'}{urlencode(query)}"


def code(client: WebClient, provider: Provider, asked: Asked, said: Mapping[str, str]) -> str:
    """By which the provider says who came back. said: the query with which the browser did. Raises SignOnRefused,
    AddressRefused and FetchFailed."""
    if not hmac.compare_digest(said.get("state", "").encode(), asked.state.encode()):
        raise _old()
    there = _metadata(client, provider)
    if (there.says_issuer or "iss" in said) and said.get("iss") != provider.issuer:
        raise SignOnRefused(
            _("Somebody else answers for {provider}. Ask your administrator.").format(provider=provider.shown)
        )
    if "error" in said or not said.get("code"):
        raise SignOnRefused(
            _("{provider} did not log you in ({why}).").format(
                provider=provider.shown, why=shown(said.get("error", "no code"))
            )
        )
    return said["code"]


def identity(
    client: WebClient, provider: Provider, redirect: str, asked: Asked, code: str, *, network: str
) -> Identity:
    """Who came back with that code. network: whence (tries.network), of which one at a time is asked about. Raises
    SignOnRefused, AddressRefused and FetchFailed."""
    there = _metadata(client, provider)
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": asked.verifier,
        "client_id": provider.client_id,
    }
    basic = None
    if provider.client_secret and there.by_post:
        fields["client_secret"] = provider.client_secret
    elif provider.client_secret:
        basic = (provider.client_id, provider.client_secret)
    reaching = _reaching(client, provider.issuer, there.token, is_private=there.is_private)
    # Strangers bring codes, too: whoever is at one address takes one thread.
    with _one_of({f"from {network}": 1, **_of_tenant(provider)}):
        answer = reaching.post(there.token, fields, basic=basic)
    if answer.status != 200:
        raise SignOnRefused(
            _("{provider} does not take what it gave ({status}). Try again; if it stays so, ask your administrator to "
              "look at the client's secret.").format(provider=provider.shown, status=answer.status)
        )  # fmt: skip
    given = answer.json()
    token = given.get("id_token") if isinstance(given, dict) else None
    if not isinstance(token, str):
        raise SignOnRefused(_("{provider} does not say who you are.").format(provider=provider.shown))
    return _identity(provider, _claims(client, provider, token, asked))


def check(client: WebClient, provider: Provider) -> None:
    """Whether this can be a provider: it is asked now. Raises AddressRefused and SignOnRefused."""
    try:
        with _one_of({"check": _MOST_CHECKS}):
            _keep(_kept, provider.issuer, _asked(client, provider.issuer))
    except FetchFailed as error:
        # It is for whoever names it to see to.
        raise SignOnRefused(str(error)) from error


def _identity(provider: Provider, claims: Mapping[str, Any]) -> Identity:
    subject, email, verified = claims.get("sub"), claims.get("email"), claims.get("email_verified")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not (subject.isascii() and subject.isprintable()):
        raise SignOnRefused(_("{provider} does not say who you are.").format(provider=provider.shown))
    # Some write it as a word.
    counts = verified in (True, "true") or (verified is None and provider.trusts_email)
    # Only ASCII: others become it in lower case (a Kelvin sign is a k then), and are somebody else's address.
    if not isinstance(email, str) or not (
        counts and "@" in email and len(email) <= 254 and email.isascii() and email.isprintable()
    ):
        email = ""
    return Identity(provider.issuer, subject, email.strip().lower())


def _claims(client: WebClient, provider: Provider, token: str, asked: Asked) -> Mapping[str, Any]:
    """What a token says, once all of it was looked at (Core 1.0, 3.1.3.7). Raises SignOnRefused and FetchFailed."""
    try:
        header = jwt.get_unverified_header(token)
        key, algorithm = _key(client, provider, header)
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "exp", "iat", "sub", "nonce"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise SignOnRefused(
            _("What {provider} says cannot be believed: {why}").format(provider=provider.shown, why=shown(str(error)))
        ) from error
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode("utf-8", "replace"), asked.nonce.encode()):
        raise _old()
    others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if others else provider.client_id) != provider.client_id:
        raise SignOnRefused(_("What {provider} says is for somebody else.").format(provider=provider.shown))
    return claims


def _key(client: WebClient, provider: Provider, header: Mapping[str, Any]) -> tuple[PyJWK, str]:
    algorithm = header.get("alg")
    kind = _KINDS.get(algorithm) if isinstance(algorithm, str) else None
    if kind is None or algorithm is None:
        raise ValueError(f"it is signed by {ascii(algorithm)[:40]}")
    for anew in (False, True):
        there = _metadata(client, provider, anew=anew)
        fitting = [
            each
            for each in there.keys
            if each.key_type == kind
            and each.public_key_use in (None, "sig")
            and header.get("kid") in (None, each.key_id)
        ]
        # Without a name it can be one only.
        if len(fitting) == 1 or (fitting and header.get("kid") is not None):
            found = fitting[0].key
            if isinstance(found, RSAPublicKey) and found.key_size < _LEAST_RSA_BITS:
                raise ValueError(f"its key has {found.key_size} bits")
            return fitting[0], algorithm
    raise ValueError("no key of the provider's has signed it")


_kept: dict[str, _Metadata] = {}
_failed: dict[str, _Failure] = {}
_at_work: Counter[str] = Counter()
_lock = threading.Lock()


def _metadata(client: WebClient, provider: Provider, *, anew: bool = False) -> _Metadata:
    """anew: for a key that is not known. Strangers make us ask by a click: one of them is waited for, and no more."""
    issuer = provider.issuer
    client.check(issuer)
    found = _remembered(issuer, anew=anew)
    if found is not None:
        return found
    try:
        with _one_of({f"about {issuer}": 1, **_of_tenant(provider)}):
            # Somebody else may have done it just now.
            return _remembered(issuer, anew=anew) or _asked_and_kept(client, issuer)
    except Busy:
        with _lock:
            old = _kept.get(issuer)
        # What was said does until then, if it is not of yesterday.
        if old is not None and monotonic() - old.at < 2 * KEPT_SECONDS:
            return old
        raise


def _remembered(issuer: str, *, anew: bool) -> _Metadata | None:
    """Raises as `_asked` where that has just failed: for everybody, in English, which retelling puts right."""
    with _lock:
        found, failure = _kept.get(issuer), _failed.get(issuer)
    # Also where it is asked anew: who sends tokens of unknown keys makes us ask once a minute at most.
    if found is not None and monotonic() - found.at < (_ASKED_ANEW_SECONDS if anew else KEPT_SECONDS):
        return found
    if failure is not None and monotonic() - failure.at < _FAILURE_KEPT_SECONDS:
        raise failure.kind(failure.words)
    return None


def _asked_and_kept(client: WebClient, issuer: str) -> _Metadata:
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


def _of_tenant(provider: Provider) -> dict[str, int]:
    return {f"of {provider.tenant_id}": _MOST_OF_TENANT}


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


def forget() -> None:
    """What is kept of providers: another setting says what may be fetched."""
    with _lock:
        _kept.clear()
        _failed.clear()


def _asked(client: WebClient, issuer: str) -> _Metadata:
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
    return _Metadata(
        authorization,
        token,
        keys,
        by_post=isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods,
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        is_private=answer.is_private,
        keys=_keys(_reaching(client, issuer, keys, is_private=answer.is_private).get(keys).json(), issuer),
        at=monotonic(),
    )


def _reaching(client: WebClient, issuer: str, there: str, *, is_private: bool) -> WebClient:
    """By what an address is fetched that a provider names. is_private: whether the issuer itself answered from one of
    the operator's networks: these are open on the issuer's host then, and no provider leads to others there."""
    on_its_host = urlsplit(there).hostname == urlsplit(issuer).hostname
    return client if is_private and on_its_host else client.outside


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


def _old() -> SignOnRefused:
    return SignOnRefused(_("This log-in was begun in another browser, or too long ago. Begin again."))


def _unpadded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
