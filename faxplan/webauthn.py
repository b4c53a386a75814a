"""What passkeys sign, checked (WebAuthn level 3, 7.1 and 7.2), by Yubico's library. Knows no database.

Challenges are kept nowhere: each has its time and a MAC, so that strangers who ask for many fill nothing. What was
signed is good once all the same (passkeys.spend).
"""

import hmac
import secrets
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)

from faxplan.errors import FaxplanError
from faxplan.language import _

CHALLENGE_SECONDS = 300
_RANDOM_BYTES, _MAC_BYTES = 16, 32
_TIME = struct.Struct(">Q")
_CHALLENGE_BYTES = _RANDOM_BYTES + _TIME.size + _MAC_BYTES
_NONSENSE = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError, RecursionError, struct.error
)  # fmt: skip
"""What the library raises where a browser would not have written that."""


class PasskeyRefused(FaxplanError):
    """A passkey's answer is not good: another's, too old, used, or not for this site."""

    error_id = "passkey-refused"


@dataclass(frozen=True, slots=True)
class Site:
    """host: of the tenant, for which its passkeys are. origin: of its pages, as browsers write it. name: for people."""

    host: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class Credential:
    """What the server keeps of a passkey. public_key: COSE (RFC 9052). sign_count: as it said last."""

    id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True)
class Registration:
    """Of a new passkey, as the browser hands it over."""

    client_data: bytes
    attestation: bytes

    @cached_property
    def challenge(self) -> bytes:
        """What it signed. Raises PasskeyRefused."""
        return _challenge_in(self.client_data)


@dataclass(frozen=True)
class Assertion:
    """That a passkey was used, as the browser hands it over."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes

    @cached_property
    def challenge(self) -> bytes:
        """What it signed. Raises PasskeyRefused."""
        return _challenge_in(self.client_data)


def challenge(secret: bytes, purpose: bytes) -> bytes:
    """To be signed within CHALLENGE_SECONDS. secret: the installation's. purpose: who is to do what by it."""
    fresh = secrets.token_bytes(_RANDOM_BYTES) + _TIME.pack(int(time.time()) + CHALLENGE_SECONDS)
    return fresh + _mac(secret, purpose, fresh)


def check_challenge(secret: bytes, purpose: bytes, given: bytes) -> None:
    """Raises PasskeyRefused for one that is not of `challenge`, for another purpose, or too old."""
    fresh, mac = given[:-_MAC_BYTES], given[-_MAC_BYTES:]
    if len(given) != _CHALLENGE_BYTES or not hmac.compare_digest(mac, _mac(secret, purpose, fresh)):
        raise _refused()
    if _TIME.unpack(fresh[_RANDOM_BYTES:])[0] < time.time():
        raise PasskeyRefused(_("That took too long. Try again."))


def algorithms() -> list[int]:
    """The signatures that are understood, the best first (COSE)."""
    return list(CoseKey.supported_algorithms())


def registered(site: Site, registration: Registration) -> Credential:
    """A new passkey, whose challenge the caller has checked. Raises PasskeyRefused."""
    with _nonsense_refused():
        client_data = CollectedClientData(registration.client_data)
        attestation = AttestationObject(registration.attestation)
        response = AuthenticatorAttestationResponse(client_data=client_data, attestation_object=attestation)
        data = attestation.auth_data.credential_data
        if data is None or client_data.cross_origin:
            raise _refused()
        found = _server(site).register_complete(
            _state(registration.challenge), RegistrationResponse(raw_id=data.credential_id, response=response)
        )
        return Credential(data.credential_id, cbor.encode(dict(data.public_key)), found.counter)


def verified(site: Site, credential: Credential, assertion: Assertion) -> int:
    """That this passkey was used, by whom it knows (a PIN, a finger), for a challenge that the caller has checked; how
    often it says to have signed. Raises PasskeyRefused."""
    with _nonsense_refused():
        public_key = cbor.decode(credential.public_key)
        if not isinstance(public_key, Mapping):
            raise TypeError("no COSE key")
        known = AttestedCredentialData.create(Aaguid.NONE, credential.id, CoseKey.parse(public_key))
        client_data = CollectedClientData(assertion.client_data)
        if client_data.cross_origin:
            raise _refused()
        data = AuthenticatorData(assertion.authenticator_data)
        response = AuthenticatorAssertionResponse(
            client_data=client_data, authenticator_data=data, signature=assertion.signature
        )
        _server(site).authenticate_complete(
            _state(assertion.challenge),
            [known],
            AuthenticationResponse(raw_id=assertion.credential_id, response=response),
        )
        return int(data.counter)


def _server(site: Site) -> Fido2Server:
    # Exactly this origin: another host below the same domain is another tenant's.
    entity = PublicKeyCredentialRpEntity(id=site.host, name=site.name)
    return Fido2Server(entity, verify_origin=lambda origin: origin == site.origin)


def _state(challenged: bytes) -> dict[str, object]:
    return {"challenge": websafe_encode(challenged), "user_verification": UserVerificationRequirement.REQUIRED}


def _challenge_in(client_data: bytes) -> bytes:
    with _nonsense_refused():
        return bytes(CollectedClientData(client_data).challenge)


def _mac(secret: bytes, purpose: bytes, fresh: bytes) -> bytes:
    return hmac.digest(secret, b"faxplan passkey challenge:" + purpose + b":" + fresh, "sha256")


@contextmanager
def _nonsense_refused() -> Iterator[None]:
    try:
        yield
    except _NONSENSE as error:
        raise _refused() from error


def _refused() -> PasskeyRefused:
    return PasskeyRefused(_("This passkey's answer is not good here. Try again, or use your password."))
