"""The one function that builds a dial string.

FreeSWITCH expands `${}` recursively and runs APIs in it, splits at spaces, commas and quotes, and reads `{}` and `[]`
anew at each layer. So every value here comes from a whitelist, and all that others wrote stays in the sidecar file
(spool.py).
"""

import re
from dataclasses import dataclass

from faxplan.errors import FaxplanError

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GATEWAY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_HANG_AFTER_RESULT_SECONDS = 3


class UnsafeDialString(FaxplanError):
    """A value that must not reach a dial string."""

    error_id = "unsafe-dial-string"


@dataclass(frozen=True, slots=True)
class Dial:
    """What varies from call to call. called and calling: as the trunk wants them, digits and at most a leading +."""

    attempt_id: int
    channel_uuid: str
    gateway: str
    called: str
    calling: str
    t38: bool
    ring_seconds: int
    call_cap_seconds: int


def originate(dial: Dial) -> str:
    """The argument of API `bgapi`; the Job-UUID of its BACKGROUND_JOB is the channel's UUID.

    Raises UnsafeDialString.
    """
    _check("channel UUID", dial.channel_uuid, _UUID)
    _check("gateway", dial.gateway, _GATEWAY)
    _check("called number", dial.called, _NUMBER)
    _check("calling number", dial.calling, _NUMBER)
    variables = {
        "origination_uuid": dial.channel_uuid,
        "origination_caller_id_number": dial.calling,
        "origination_caller_id_name": dial.calling,
        # Else txfax starts on 183, into a ringing tone.
        "ignore_early_media": "true",
        "originate_timeout": f"{dial.ring_seconds:d}",
        # It must stand before any image SDP comes, or the call dies with INCOMPATIBLE_DESTINATION. The receiver asks
        # for T.38; asked for from both sides, a 488 leaves the second offer unanswered.
        "fax_enable_t38": "true" if dial.t38 else "false",
        "fax_enable_t38_request": "false",
        # api::arguments: FreeSWITCH takes what stands before the first :: for the API's name
        # (switch_core_state_machine.c, api_hook), so that 'python fax_out::settle 17' would call nothing, without a
        # word.
        "api_hangup_hook": f"'python::fax_out::settle {dial.attempt_id:d}'",
        # UDPTL reads block for ever: with a silent peer txfax does not return, even after success.
        "execute_on_fax_result": f"'sched_hangup +{_HANG_AFTER_RESULT_SECONDS} normal_clearing'",
        "execute_on_answer": f"'sched_hangup +{dial.call_cap_seconds:d} allotted_timeout'",
    }
    listed = ",".join(f"{name}={value}" for name, value in variables.items())
    return (
        f"uuid:{dial.channel_uuid} originate {{{listed}}}sofia/gateway/{dial.gateway}/{dial.called} "
        f"'&python(fax_out {dial.attempt_id:d})'"
    )


def _check(what: str, value: str, allowed: re.Pattern[str]) -> None:
    if not allowed.fullmatch(value):
        raise UnsafeDialString(
            f"The {what} {ascii(value)[:80]} cannot stand in a dial string; only {allowed.pattern} can."
        )
