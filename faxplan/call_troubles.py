"""How a test fax ended, as troubles of the trunk (trunk_troubles): out of what its call left behind."""

from faxplan import trunk_troubles
from faxplan.doctor_switch import is_public
from faxplan.history import Attempt, Fax
from faxplan.trunk_troubles import Found

WRONG_FORMAT = frozenset({"call-404", "call-484"})
"""Which another way of writing called numbers may mend."""
_SIP = {401: "call-401", 407: "call-401", 402: "call-402", 403: "call-403", 404: "call-404", 410: "call-404",
        484: "call-484", 604: "call-404", 408: "call-timeout", 504: "call-timeout", 486: "call-busy", 600: "call-busy",
        480: "call-no-answer", 488: "call-488", 606: "call-488", 415: "call-488"}  # fmt: skip
_CAUSES = {
    "UNALLOCATED_NUMBER": "call-404", "NO_ROUTE_DESTINATION": "call-404", "INVALID_NUMBER_FORMAT": "call-484",
    "USER_BUSY": "call-busy", "NO_ANSWER": "call-no-answer", "NO_USER_RESPONSE": "call-no-answer",
    "ALLOTTED_TIMEOUT": "call-no-answer", "RECOVERY_ON_TIMER_EXPIRE": "call-timeout",
    "GATEWAY_DOWN": "call-gateway", "INVALID_GATEWAY": "call-gateway", "INCOMPATIBLE_DESTINATION": "call-488",
    "NORMAL_TEMPORARY_FAILURE": "call-503", "NORMAL_CIRCUIT_CONGESTION": "call-503", "SERVICE_UNAVAILABLE": "call-503",
    "NETWORK_OUT_OF_ORDER": "call-503",
}  # fmt: skip
_HEARD_NOTHING = frozenset({1, 2, 3, 4})
"""Fax result codes: no carrier, T0, T1 and T3 ran out (t30.h)."""
_TRAINING = frozenset({5, 6, 13, 14, 16, 19, 20, 48})


def of(fax: Fax, calls: list[Attempt], *, trunk: str, own_address: str = "") -> list[Found]:
    """What is to be said of a test fax that has ended; nothing where all went well.

    own_address: what FreeSWITCH tells carriers in SDP; empty: nobody knows.
    """
    if not calls:
        return [trunk_troubles.met("not-taken")] if fax.state != "sent" else []
    call = calls[-1]
    found = [] if fax.state == "sent" else [_failure(fax, call, trunk, own_address)]
    if call.answered_at is not None and call.t38_status == "refused":
        found.append(trunk_troubles.met("no-t38", trunk=trunk))
    return found


def _failure(fax: Fax, call: Attempt, trunk: str, own_address: str) -> Found:
    if call.answered_at is not None or call.fax_result_code is not None:
        return _after_the_answer(fax, call, trunk, own_address)
    name = _SIP.get(call.sip_code or 0) or _CAUSES.get(call.hangup_cause or "")
    if name is None and call.sip_code is not None and call.sip_code >= 500:
        name = "call-503"
    if name is None:
        return _other(fax, call)
    return trunk_troubles.met(
        name, trunk=trunk, sip_code=call.sip_code or call.hangup_cause, dialled=call.dialled or fax.called_number,
        cause=call.hangup_cause,
    )  # fmt: skip


def _after_the_answer(fax: Fax, call: Attempt, trunk: str, own_address: str) -> Found:
    code, heard = call.fax_result_code, bool(call.pages or call.remote_station_id or call.remote_vendor)
    if code in _HEARD_NOTHING or (code == 49 and not heard):
        return _silence(call, trunk, own_address)
    if code in _TRAINING and not call.pages:
        return trunk_troubles.met("no-training", trunk=trunk, code=code)
    if code is not None and heard:
        return trunk_troubles.met("broke-off", trunk=trunk, code=code)
    return _other(fax, call)


def _silence(call: Attempt, trunk: str, own_address: str) -> Found:
    """Why nothing was heard of a machine."""
    code = call.fax_result_code
    if call.t38_status == "negotiated":
        return trunk_troubles.met("t38-silent", trunk=trunk, code=code)
    if own_address and not is_public(own_address) and _is_outside(call):
        return trunk_troubles.met("private-address", address=own_address)
    if code == 49:
        return trunk_troubles.met("hung-up", seconds=f"{call.seconds or 0:.0f}")
    return trunk_troubles.met("no-media")


def _is_outside(call: Attempt) -> bool:
    """Whether the carrier is beyond this network: it could reach a private address else."""
    return call.peer_address is not None and is_public(call.peer_address)


def _other(fax: Fax, call: Attempt) -> Found:
    return trunk_troubles.met("call-other", explanation=call.explanation or fax.explanation or "", fax=fax.id)
