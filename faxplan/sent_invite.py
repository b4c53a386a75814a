"""What the INVITE of a call that went out said, from what FreeSWITCH keeps of it.

FreeSWITCH keeps no copy. sip_full_from and sip_full_to are of no use: the far end's BYE overwrites both, with the two
parties exchanged (sofia.c, extract_header_vars), and after a refusal there is neither. So the headers are put together
again as sofia_glue_do_invite does it, from our own dial string and from what it wrote into variables. tests/live
compares them with what the carrier read.
"""

from collections.abc import Callable
from dataclasses import dataclass

from faxplan import channel_variables as cv

ANONYMOUS_DISPLAY = "Anonymous"
"""As dial_string.py has it."""


@dataclass(frozen=True, slots=True)
class SentInvite:
    """Headers without tags. None: there is none, or it is not known.

    asserted: P-Asserted-Identity, or Remote-Party-ID where that is the trunk's.
    """

    request_uri: str | None = None
    to: str | None = None
    sender: str | None = None
    asserted: str | None = None


def read(get: Callable[[str], str | None], from_user: str | None) -> SentInvite:
    """From the variables of a channel, at any time after its INVITE. from_user: the trunk's, None where it has none."""
    uri, destination = get(cv.SIP_REQ_URI), get(cv.SIP_DESTINATION_URL)
    if not uri:
        # sofia_glue_do_invite did not come that far.
        return SentInvite()
    return SentInvite(
        request_uri=f"sip:{uri}",
        to=f"<{destination}>" if destination else None,
        sender=_sender(get, from_user),
        asserted=_asserted(get, from_user),
    )


def _sender(get: Callable[[str], str | None], from_user: str | None) -> str | None:
    number, host, private = get(cv.ORIGINATION_CALLER_ID_NUMBER), get(cv.SIP_FROM_HOST), get(cv.SIP_INVITE_FROM_URI)
    if private:
        return f'"{ANONYMOUS_DISPLAY}" <{private}>'
    user = from_user or number
    if not (user and host):
        return None
    return f'"{get(cv.ORIGINATION_CALLER_ID_NAME) or number}" <sip:{user}@{host}>'


def _asserted(get: Callable[[str], str | None], from_user: str | None) -> str | None:
    kind, number = get(cv.SIP_CID_TYPE), get(cv.ORIGINATION_CALLER_ID_NUMBER)
    private = bool(get(cv.SIP_INVITE_FROM_URI))
    host = get(cv.SIP_FROM_HOST)
    if private:
        # From has another domain then. With a From user it would be that of the gateway, which no variable tells.
        host = get(cv.SIP_INVITE_DOMAIN) or (None if from_user else get(cv.SIP_LOCAL_NETWORK_ADDR))
    if not (number and host) or kind not in ("pid", "rpid"):
        return None
    name = get(cv.ORIGINATION_CALLER_ID_NAME) or number
    if kind == "pid":
        return f'"{name}" <sip:{number}@{host}>'
    return f'"{name}" <sip:{number}@{host}>;party=calling;screen=yes;privacy={"full" if private else "off"}'
