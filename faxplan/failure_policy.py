"""What follows from the way a call ended: done, again when, or final, and in words that a person understands.

The classes come from Q.850, RFC 3261 and spandsp's T.30 completion codes (t30.h); docs/failures.md prints the table.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from faxplan.call_result import CallResult


class Action(StrEnum):
    """RETRY: dial again after the delay. FINAL: never again by itself."""

    RETRY = "retry"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the table. delay: seconds before the next try."""

    action: Action
    delay: int
    words: str


ALL_BUT_GOODBYE = "Every page was acknowledged; the call broke off before the far end said good-bye."
MINUTE = 60
LONGEST_DELAY = 15 * MINUTE
OLDEST = timedelta(hours=24)
BUSY = Rule(Action.RETRY, 4 * MINUTE, "The line was busy")
NO_ANSWER = Rule(Action.RETRY, 10 * MINUTE, "Nobody answered")
BAD_NUMBER = Rule(Action.FINAL, 0, "The number does not exist or cannot be reached; check it")
REFUSED = Rule(Action.RETRY, 10 * MINUTE, "The call was refused")
TRUNK_FAULT = Rule(Action.RETRY, MINUTE, "The trunk could not take the call")
MEDIA = Rule(Action.RETRY, 5 * MINUTE, "The far end offers neither T.38 nor G.711")
OURS = Rule(Action.RETRY, 5 * MINUTE, "The switch is not configured for this call; the administrator has to look")
DROPPED = Rule(Action.RETRY, MINUTE, "The call broke off")
DOCUMENT = Rule(Action.FINAL, 0, "The prepared pages could not be sent as they are")
DOWNGRADE = Rule(Action.RETRY, 2 * MINUTE, "The two machines could not agree on a transmission")
NO_FAX = Rule(Action.RETRY, 60 * MINUTE, "The number answered, but not with a fax machine")
INCOMPATIBLE = Rule(Action.FINAL, 0, "The far machine cannot receive this fax")
UNKNOWN = Rule(Action.RETRY, 5 * MINUTE, "The call ended for an unknown reason")
STOPPED = Rule(Action.RETRY, MINUTE, "The fax server was stopped before it could dial")
NO_STORE = Rule(Action.RETRY, MINUTE, "The document store is not mounted; the administrator has to look")
NO_ROUTE = Rule(Action.FINAL, 0, "No trunk serves this number; the administrator has to add a route")

# Hang-up causes in capitals are FreeSWITCH's; the others are error ids of our own, for calls that were never dialled.
BY_CAUSE: dict[str, Rule] = {}
for _rule, _causes in {
    BAD_NUMBER: "UNALLOCATED_NUMBER NO_ROUTE_TRANSIT_NET NO_ROUTE_DESTINATION NUMBER_CHANGED INVALID_NUMBER_FORMAT "
    "DOES_NOT_EXIST_ANYWHERE invalid-number",
    BUSY: "USER_BUSY BUSY_EVERYWHERE",
    NO_ANSWER: "NO_USER_RESPONSE NO_ANSWER SUBSCRIBER_ABSENT ALLOTTED_TIMEOUT ORIGINATOR_CANCEL USER_NOT_REGISTERED "
    "PROGRESS_TIMEOUT NO_PICKUP",
    REFUSED: "CALL_REJECTED FACILITY_REJECTED FACILITY_NOT_SUBSCRIBED OUTGOING_CALL_BARRED INCOMING_CALL_BARRED "
    "DECLINE BEARERCAPABILITY_NOTAUTH UNWANTED REJECT_ALL USER_CHALLENGE NO_IDENTITY BAD_IDENTITY_INFO "
    "UNSUPPORTED_CERTIFICATE INVALID_IDENTITY STALE_DATE",
    TRUNK_FAULT: "EXCHANGE_ROUTING_ERROR DESTINATION_OUT_OF_ORDER NORMAL_UNSPECIFIED NORMAL_CIRCUIT_CONGESTION "
    "NETWORK_OUT_OF_ORDER NORMAL_TEMPORARY_FAILURE SWITCH_CONGESTION REQUESTED_CHAN_UNAVAIL "
    "BEARERCAPABILITY_NOTAVAIL SERVICE_UNAVAILABLE RECOVERY_ON_TIMER_EXPIRE INTERWORKING GATEWAY_DOWN "
    "BEARERCAPABILITY_NOTIMPL SERVICE_NOT_IMPLEMENTED NORMAL_CLEARING NONE CHANNEL_UNACCEPTABLE "
    "REDIRECTION_TO_NEW_DESTINATION RESPONSE_TO_STATUS_ENQUIRY ACCESS_INFO_DISCARDED PRE_EMPTED "
    "FACILITY_NOT_IMPLEMENTED INVALID_CALL_REFERENCE INVALID_MSG_UNSPECIFIED MESSAGE_TYPE_NONEXIST WRONG_MESSAGE "
    "IE_NONEXIST INVALID_IE_CONTENTS WRONG_CALL_STATE MANDATORY_IE_LENGTH_ERROR PROTOCOL_ERROR",
    DROPPED: "MEDIA_TIMEOUT SRTP_READ_ERROR CRASH MANAGER_REQUEST BOWOUT",
    UNKNOWN: "SUCCESS CALL_AWARDED_DELIVERED LOSE_RACE BLIND_TRANSFER ATTENDED_TRANSFER PICKED_OFF",
    MEDIA: "INCOMPATIBLE_DESTINATION NOT_ACCEPTABLE",
    NO_ROUTE: "no-route",
    STOPPED: "runtime-stopped SYSTEM_SHUTDOWN",
    NO_STORE: "store-unavailable",
    DOCUMENT: "document-lost not-fax-ready",
    OURS: "unsafe-dial-string spool-failed INVALID_GATEWAY INVALID_PROFILE INVALID_URL CHAN_NOT_IMPLEMENTED "
    "MANDATORY_IE_MISSING",
}.items():
    BY_CAUSE.update(dict.fromkeys(_causes.split(), _rule))

BY_FAX_CODE: dict[int, Rule] = {}
for _rule, _codes in {
    DOWNGRADE: (1, 5, 6, 13, 14, 16, 19, 20, 48),
    NO_FAX: (2, 3, 9),
    DROPPED: (4, 7, 15, 17, 18, 21, 22, 38, 39, 40, 47, 49),
    INCOMPATIBLE: (8, 10, *range(50, 62)),
    DOCUMENT: (11, 12, 41, 42, 43, 44, 45, 46),
    # 0 is success, and comes here only if pages are missing; 23 to 37 are a receiver's.
    UNKNOWN: (0, *range(23, 38)),
}.items():
    BY_FAX_CODE.update(dict.fromkeys(_codes, _rule))


@dataclass(frozen=True, slots=True)
class Decision:
    """outcome: as attempts.outcome. pages_done: of the whole fax, after this call. delay: seconds; None: final.

    counted: whether it was one of the tries that a tenant limits.
    """

    outcome: str
    pages_done: int
    delay: int | None
    explanation: str
    counted: bool = True


def rule_for(result: CallResult) -> Rule:
    """The line that applies: the fax result code where txfax came to run, else the cause of the hang-up."""
    if result.fax_result_code is not None:
        return BY_FAX_CODE.get(result.fax_result_code, UNKNOWN)
    return BY_CAUSE.get(result.hangup_cause, UNKNOWN)


def decide(
    result: CallResult,
    *,
    start_page: int,
    recorded_pages: int,
    pages: int,
    attempts_made: int,
    max_attempts: int,
    uncounted: int = 0,
    waited: timedelta = timedelta(),
) -> Decision:
    """What follows for an outbound fax of `pages` pages whose call began at `start_page` (0-based).

    recorded_pages: acknowledged in this call by page events; a page once acknowledged is never sent again. A success
    counts only if the acknowledged pages are all of ours (fax_success alone has been seen with 0 pages); and pages that
    are all acknowledged count without it, since sending them again would be worse
    (docs/decisions/what-counts-as-sent.md).

    attempts_made: this one included. uncounted: earlier ones without a channel, which do not use up max_attempts: a
    trunk that is down would else fail a whole queue in minutes. They come at growing distances, until the fax is OLDEST
    old. waited: how old the fax is.
    """
    done = min(start_page + max(result.pages, recorded_pages), pages)
    if result.fax_success and done == pages:
        return Decision("sent", pages, None, f"All {pages} pages arrived." if pages > 1 else "The page arrived.")
    if done == pages:
        return Decision("sent", pages, None, ALL_BUT_GOODBYE)
    rule = UNKNOWN if result.fax_success else rule_for(result)
    progressed = done > start_page
    if progressed and rule.action is Action.FINAL and rule is not DOCUMENT:
        rule = DROPPED
    outcome = "incomplete" if progressed else "not-sent"
    said = _said(rule, result, done, pages)
    if rule.action is Action.FINAL:
        return Decision(outcome, done, None, f"{said}.")
    if not result.channel:
        return _without_channel(rule, said, done, uncounted, waited)
    tries = attempts_made - uncounted
    if tries >= max_attempts:
        return Decision(outcome, done, None, f"{said}. That was try {tries} of {max_attempts}, the last.")
    return Decision(outcome, done, rule.delay, f"{said}. Try {tries} of {max_attempts}.")


def _without_channel(rule: Rule, said: str, done: int, uncounted: int, waited: timedelta) -> Decision:
    if waited >= OLDEST and rule is not NO_STORE:
        words = f"{said}. It was so for {OLDEST // timedelta(hours=1)} hours; send it again when the trunk works."
        return Decision("not-sent", done, None, words, counted=False)
    return Decision(
        "not-sent", done, min(rule.delay * 2 ** min(uncounted, 8), LONGEST_DELAY), f"{said}.", counted=False
    )


def _said(rule: Rule, result: CallResult, done: int, pages: int) -> str:
    words = rule.words
    if done:
        words += f" after {done} of {pages} pages"
    if result.fax_result_text and result.fax_result_code:
        return f"{words} ({result.fax_result_text})"
    if result.sip_code and result.sip_code >= 300:
        return f"{words} (SIP {result.sip_code})"
    return words
