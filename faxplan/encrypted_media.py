"""Encrypted media: trunks whose calls carry SRTP (RFC 3711, keys in SDP by RFC 4568) and G.711, or nothing.

T.38 has no encryption. Of a call that goes out FreeSWITCH demands it (switch_core_media.c, CRYPTO_MODE_MANDATORY); a
received call is negotiated before we see it, so we look at what came of that, and bind what comes later.
"""

from collections.abc import Callable
from dataclasses import replace

from faxplan import channel_variables as cv
from faxplan.call_result import CallResult

REFUSED = "no-encryption"
"""In place of the hang-up cause where the far end did not take SRTP."""
_UNAUTHENTICATED = "AES_CM_128_NULL_AUTH"
_SUITES = (
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
)
SENT_CALL = {"rtp_secure_media": "mandatory", "rtp_secure_media_suites": ":".join(_SUITES)}
"""Channel variables before the INVITE: what is offered. All suites authenticate (RFC 4568, RFC 6188, RFC 7714)."""
RECEIVED_CALL = {"rtp_secure_media_inbound": "mandatory"}
"""Channel variables before the answer: a later offer without keys is refused too."""


def offered(get: Callable[[str], str | None]) -> bool:
    """Whether an INVITE's SDP had keys that FreeSWITCH took, and came by TLS, so that nobody else has read them."""
    return get(cv.RTP_HAS_CRYPTO) not in (None, "", _UNAUTHENTICATED) and get(cv.SIP_VIA_PROTOCOL) == "tls"


def confirmed(get: Callable[[str], str | None]) -> bool:
    """Whether an answered call's audio is encrypted."""
    return get(cv.RTP_SECURE_AUDIO_CONFIRMED) == "true"


def explained(result: CallResult) -> CallResult:
    """The result of a call that had to be encrypted, naming the reason where the far end did not take that.

    FreeSWITCH has one cause for all media that do not fit, the far end's 488 among them.
    """
    if result.fax_result_code is None and result.hangup_cause in ("INCOMPATIBLE_DESTINATION", "NOT_ACCEPTABLE"):
        return replace(result, hangup_cause=REFUSED)
    return result
