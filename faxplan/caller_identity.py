"""Who calls: From, or what a trusted trunk asserts (RFC 3325); whoever wants to be anonymous is (RFC 3323)."""

import base64
import binascii
import re
from dataclasses import dataclass

from faxplan import shallow_json, sip_address
from faxplan.invite import Invite
from faxplan.sip_address import SipAddress

ANONYMOUS_HOST = "anonymous.invalid"
_ANONYMOUS_USERS = frozenset({"anonymous", "restricted", "private", "withheld"})
# RFC 3325, RFC 3323, and the draft from before them. `header` asks for other headers than these.
_PRIVATE = frozenset({"id", "user", "full"})
_REMOTE_PARTY_PRIVATE = frozenset({"full", "uri", "number", "yes"})
# 3GPP TS 24.229, 7.2A.20, and the attestation that carriers put behind it.
_VERSTAT = re.compile(
    r"TN-Validation-Passed(?:-[ABC])?|TN-Validation-Failed(?:-[ABC])?|No-TN-Validation", re.IGNORECASE | re.ASCII
)
_CANONICAL = {
    "tn-validation-passed": "TN-Validation-Passed",
    "tn-validation-failed": "TN-Validation-Failed",
    "no-tn-validation": "No-TN-Validation",
}
_LEAST = "No-TN-Validation"
_BARE = re.compile(r"[^<>\"\s:;,@]+")
_LONGEST_PASSPORT = 8192


@dataclass(frozen=True, slots=True)
class Caller:
    """number: as written, digits and at most a leading +; empty: none, or withheld. name: what it is called, or empty.

    anonymous: wants to be. verstat: one of the values of 3GPP TS 24.229, with -A, -B or -C where the attestation is
    known; attest: A, B or C (RFC 8588). None: nobody says so who can be believed.
    """

    number: str
    name: str
    anonymous: bool
    verstat: str | None
    attest: str | None


def identify(invite: Invite, *, trusted: bool) -> Caller:
    """trusted: the trunk says who calls, and its P-Asserted-Identity, Remote-Party-ID, verstat and Identity count."""
    sender = sip_address.parse(invite.sender or "")
    party = _remote_party(invite)
    identity = sender
    if trusted:
        remote = party if party is not None and party.parameters.get("screen", "").lower() != "no" else None
        identity = next((each for each in (*_asserted(invite), remote) if each is not None and each.number), sender)
    verstat, attest = _verified(invite, identity, trusted=trusted)
    if _wants_to_be_anonymous(invite, sender, party):
        return Caller("", "", True, verstat, attest)
    names = (each.display for each in (identity, sender) if each is not None and each.display)
    return Caller("" if identity is None else identity.number, next(names, ""), False, verstat, attest)


def _asserted(invite: Invite) -> list[SipAddress | None]:
    """P-Asserted-Identity: one, or a SIP and a tel URI (RFC 3325, 9.1)."""
    if invite.asserted is None:
        return []
    return [_address(each) for each in sip_address.split(invite.asserted) or [invite.asserted]]


def _address(text: str | None) -> SipAddress | None:
    """An address in full, or its user part alone, as FreeSWITCH may give it."""
    if text is None:
        return None
    return sip_address.parse(f"<sip:{text}@invalid>" if _BARE.fullmatch(text) else text)


def _remote_party(invite: Invite) -> SipAddress | None:
    """Remote-Party-ID where it is the caller's (draft-ietf-sip-privacy-04)."""
    found = _address(invite.remote_party)
    if found is None or found.parameters.get("party", "calling").lower() != "calling":
        return None
    return found


def _wants_to_be_anonymous(invite: Invite, sender: SipAddress | None, party: SipAddress | None) -> bool:
    asked = {each.strip().lower() for each in re.split("[;,]", invite.privacy or "")}
    if asked & _PRIVATE:
        return True
    if sender is not None and (sender.host == ANONYMOUS_HOST or sender.user.lower() in _ANONYMOUS_USERS):
        return True
    return party is not None and party.parameters.get("privacy", "").lower() in _REMOTE_PARTY_PRIVATE


def _verified(invite: Invite, identity: SipAddress | None, *, trusted: bool) -> tuple[str | None, str | None]:
    """verstat and attestation: FreeSWITCH's own verification, or what a trusted trunk has found."""
    said = _known(invite.verified)
    if trusted and said in (None, _LEAST):
        said = _known(_claimed(invite, identity)) or said
    attest = said[-1] if said is not None and said[-2] == "-" else None
    if attest is None and trusted and said != "TN-Validation-Failed":
        attest = _attested(invite.identity)
    return said, attest


def _claimed(invite: Invite, identity: SipAddress | None) -> str | None:
    said = None if identity is None else identity.parameter("verstat")
    only_from = not (invite.asserted or invite.remote_party or invite.preferred)
    if said is None and only_from and invite.name_parameters:
        # sofia.c cuts the user part's parameters off the last of these headers, before it shows the header.
        cut = sip_address.parse(f"<tel:0;{invite.name_parameters}>")
        said = None if cut is None else cut.parameter("verstat")
    return said


def _known(text: str | None) -> str | None:
    if text is None or not _VERSTAT.fullmatch(text):
        return None
    bare, attest = (text[:-2], text[-2:].upper()) if text[-2] == "-" else (text, "")
    return _CANONICAL[bare.lower()] + attest


def _attested(passport: str | None) -> str | None:
    """`attest` of the PASSporT in an Identity header (RFC 8224, RFC 8588). Its signature is not looked at here."""
    parts = (passport or "").partition(";")[0].strip().split(".")
    if len(parts) != 3 or len(parts[1]) > _LONGEST_PASSPORT:
        return None
    try:
        claims = shallow_json.read(
            base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError):
        return None
    attest = claims.get("attest") if isinstance(claims, dict) else None
    return attest if attest in ("A", "B", "C") else None
