"""The one function that builds a dial string.

FreeSWITCH expands `${}` recursively and runs APIs in it, splits at spaces, commas and quotes, and reads `{}` and `[]`
anew at each layer. So every value here comes from a whitelist, and all that others wrote stays in the sidecar file
(spool.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from faxplan import channel_variables as cv
from faxplan import encrypted_media, release
from faxplan.errors import FaxplanError
from faxplan.trunks import Trunk

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GATEWAY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_CALLED = re.compile(r"\+?[0-9]{1,20}|[0-9*#]{1,10}[0-9]{1,20}")
_RELEASE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,60}")
_HANG_AFTER_RESULT_SECONDS = 3
MOST_REDUNDANCY = 3
T38_ASKED_BY_SENDER = {"receiver": "false", "sender": "true", "nobody": "false"}
"""By trunks.t38_request: fax_enable_t38_request of a call in which we send."""
T38_ASKED_BY_RECEIVER = {"receiver": "true", "sender": "false", "nobody": "false"}
"""Of one in which we receive."""
_CODECS = {"any": "", "pcmu": "PCMU", "pcma": "PCMA"}
# By trunks.caller_id_in: sip_cid_type of sofia_glue.c (sofia_glue_do_invite), where none means From alone.
_CALLER_ID_TYPES = {"from": "none", "pai": "pid", "rpid": "rpid"}


class UnsafeDialString(FaxplanError):
    """A value that must not reach a dial string."""

    error_id = "unsafe-dial-string"


@dataclass(frozen=True, slots=True)
class Dial:
    """What varies from call to call. called and calling: as the trunk wants them, digits and at most a leading +;
    called: or a prefix of digits, * and # before digits.

    From caller_id_in on: as schema.sql has them for a trunk.
    """

    attempt_id: int
    channel_uuid: str
    gateway: str
    called: str
    calling: str
    t38: bool
    ring_seconds: int
    call_cap_seconds: int
    caller_id_in: str = "pai"
    privacy: bool = False
    t38_request: str = "receiver"
    t38_redundancy: int = 3
    codec: str = "any"
    encrypted_media: bool = False


def through(
    trunk: Trunk,
    *,
    attempt_id: int,
    channel_uuid: str,
    called: str,
    calling: str,
    t38: bool,
    ring_seconds: int,
    call_cap_seconds: int,
) -> Dial:
    """A call through a trunk, as that wants its calls. t38: whether this one may use it."""
    return Dial(
        attempt_id,
        channel_uuid,
        trunk.name,
        called,
        calling,
        t38,
        ring_seconds,
        call_cap_seconds,
        caller_id_in=trunk.caller_id_in,
        privacy=trunk.privacy,
        t38_request=trunk.t38_request,
        t38_redundancy=trunk.t38_redundancy,
        codec=trunk.codec,
        encrypted_media=trunk.encrypted_media,
    )


def originate(dial: Dial) -> str:
    """The argument of API `bgapi`; the Job-UUID of its BACKGROUND_JOB is the channel's UUID.

    Raises UnsafeDialString.
    """
    _check("channel UUID", dial.channel_uuid, _UUID)
    _check("gateway", dial.gateway, _GATEWAY)
    _check("called number", dial.called, _CALLED)
    _check("calling number", dial.calling, _NUMBER)
    argument = f"{dial.attempt_id:d}"
    if release.NAME:
        # By which its script and hook find the release that has dialled, when another one is in force by then.
        _check("release", release.NAME, _RELEASE)
        argument += f" {release.NAME}"
    variables = {
        "origination_uuid": dial.channel_uuid,
        "origination_caller_id_number": dial.calling,
        "origination_caller_id_name": dial.calling,
        **_caller_id(dial),
        # No address but the trunk's, and no number but the one that was checked.
        cv.OUTBOUND_REDIRECT_FATAL: "true",
        # Else txfax starts on 183, into a ringing tone.
        "ignore_early_media": "true",
        "originate_timeout": f"{dial.ring_seconds:d}",
        **_media(dial),
        # api::arguments: FreeSWITCH takes what stands before the first :: for the API's name
        # (switch_core_state_machine.c, api_hook), so that 'python fax_out::settle 17' would call nothing, without a
        # word.
        "api_hangup_hook": f"'python::fax_out::settle {argument}'",
        # API commands, and no applications: those cost two events each, with all that the channel has
        # (docs/decisions/frugal-runtime.md).
        cv.API_ON_ANSWER: _hang_up_in(dial.call_cap_seconds, dial.channel_uuid, "allotted_timeout"),
        # UDPTL reads block for ever: with a silent peer txfax does not return, even after success.
        cv.API_ON_FAX_SUCCESS: _hang_up_in(_HANG_AFTER_RESULT_SECONDS, dial.channel_uuid, "normal_clearing"),
        cv.API_ON_FAX_FAILURE: _hang_up_in(_HANG_AFTER_RESULT_SECONDS, dial.channel_uuid, "normal_clearing"),
    }
    # No user part of a SIP URI has a # in it (RFC 3261, 25.1), and sofia writes into the INVITE what stands here.
    called = dial.called.replace("#", "%23")
    listed = ",".join(f"{name}={value}" for name, value in variables.items())
    return (
        f"uuid:{dial.channel_uuid} originate {{{listed}}}sofia/gateway/{dial.gateway}/{called} "
        f"'&python(fax_out {argument})'"
    )


def _hang_up_in(seconds: int, channel_uuid: str, cause: str) -> str:
    return f"'sched_hangup +{seconds:d} {channel_uuid} {cause}'"


def _caller_id(dial: Dial) -> dict[str, str]:
    """Where the number stands besides From, and that it is nobody's business but the trunk's (RFC 3323, RFC 3325)."""
    variables = {"sip_cid_type": _one_of("place of the caller ID", dial.caller_id_in, _CALLER_ID_TYPES)}
    if dial.privacy:
        variables |= {
            # screen: else P-Preferred-Identity takes the place of P-Asserted-Identity.
            "origination_privacy": "screen+hide_name+hide_number",
            # Not sip_from_uri: the domain of the calling number would come from there.
            "sip_invite_from_uri": "sip:anonymous@anonymous.invalid",
            "sip_from_display": "Anonymous",
        }
        if dial.caller_id_in == "rpid":
            # FreeSWITCH says it in the header's own parameter only, which came before RFC 3323.
            variables["sip_h_Privacy"] = "id"
    return variables


def _media(dial: Dial) -> dict[str, str]:
    asks = _one_of("side that asks for T.38", dial.t38_request, T38_ASKED_BY_SENDER)
    variables = {
        # It must stand before any image SDP comes, or the call dies with INCOMPATIBLE_DESTINATION.
        cv.FAX_ENABLE_T38: "true" if dial.t38 else "false",
        cv.FAX_ENABLE_T38_REQUEST: asks if dial.t38 else "false",
    }
    if dial.t38:
        variables[cv.T38_REDUNDANCY] = redundancy(dial.t38_redundancy)
    if codec := _one_of("codec", dial.codec, _CODECS):
        variables["absolute_codec_string"] = codec
    if dial.encrypted_media:
        if dial.t38:
            raise UnsafeDialString("T.38 cannot be encrypted, so that it has no place in a call with encrypted media.")
        variables |= encrypted_media.SENT_CALL
    return variables


def redundancy(packets: int) -> str:
    """A value of t38_gateway_redundancy, which all of mod_spandsp reads, not only its gateway, and which it takes as it
    is: of more than 3 the packets grow past what is sent without fragments.
    """
    if not 0 <= packets <= MOST_REDUNDANCY:
        raise UnsafeDialString(
            f"{packets} repeated packets cannot stand in a dial string; only 0 to {MOST_REDUNDANCY}."
        )
    return f"{packets:d}"


def _one_of(what: str, value: str, known: Mapping[str, str]) -> str:
    if value not in known:
        raise UnsafeDialString(f"The {what} {ascii(value)[:80]} is none of {', '.join(known)}.")
    return known[value]


def _check(what: str, value: str, allowed: re.Pattern[str]) -> None:
    if not allowed.fullmatch(value):
        raise UnsafeDialString(
            f"The {what} {ascii(value)[:80]} cannot stand in a dial string; only {allowed.pattern} can."
        )
