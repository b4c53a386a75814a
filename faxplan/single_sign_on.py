"""Logging in by a tenant's identity provider: OpenID Connect Core 1.0, by code, with PKCE (RFC 7636).

The provider says who somebody is, and nothing more: what opens their faxes it does not have (docs/portal.md). What it
says of itself is `provider_metadata`.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK

from faxplan import provider_metadata
from faxplan.errors import FaxplanError
from faxplan.identity_providers import Identity, Provider
from faxplan.language import _
from faxplan.web_client import FetchFailed, WebClient, shown

LEEWAY_SECONDS = 60
"""Between two clocks."""
_LEAST_RSA_BITS = 2048
_KINDS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
"""What an ID token may be signed by, and the kind of key: nothing that whoever knows the client's secret could sign."""
_SHORTEST, _LONGEST = 20, 200


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


def address(client: WebClient, provider: Provider, redirect: str, asked: Asked) -> str:
    """Where the browser goes to log in; it comes back to `redirect`. Raises AddressRefused and FetchFailed."""
    there = provider_metadata.of(client, provider)
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
    there = provider_metadata.of(client, provider)
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
    there = provider_metadata.of(client, provider)
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
    reaching = provider_metadata.reaching(client, provider.issuer, there.token, is_private=there.is_private)
    # Strangers bring codes, too: whoever is at one address takes one thread.
    with provider_metadata.asking(provider, {f"from {network}": 1}):
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
        provider_metadata.ask(client, provider)
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
        there = provider_metadata.of(client, provider, anew=anew)
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


def _old() -> SignOnRefused:
    return SignOnRefused(_("This log-in was begun in another browser, or too long ago. Begin again."))


def _unpadded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
