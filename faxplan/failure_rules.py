"""The failure policy's table: what follows from a SIP code, a Q.850 cause or a fax result code.

The classes come from Q.850, RFC 3261 and spandsp's T.30 completion codes (t30.h). An administrator decides otherwise,
for all, for a tenant, or for a trunk (failure_changes); docs/failures.md prints what is shipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from faxplan.call_result import CallResult
from faxplan.language import marked

MINUTE = 60


class Action(StrEnum):
    """RETRY: dial again after the delay. NEXT_TRUNK: at once through another trunk; when none is left, after the delay,
    or never where there is none. FINAL: never again by itself.
    """

    RETRY = "retry"
    NEXT_TRUNK = "next-trunk"
    FINAL = "final"


class Downgrade(StrEnum):
    """What a fax's next call goes without.

    LESS: V.17, then T.38 where it was T.38, then ECM; ECM first where it failed. V17, AUDIO (no T.38), ECM: that alone.
    NONE: nothing, and nothing is learned of the number either.
    """

    LESS = "less"
    V17 = "v17"
    AUDIO = "audio"
    ECM = "ecm"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the table.

    delay: seconds before the next call; None: never. times: how often it may lead to another call of one fax; None: as
    often as the tenant's tries allow. one_more: at most one other trunk. not_again: this trunk is not asked again for
    the fax while it has another. downgrade: what the next call goes without; None: nothing. render_again: the pages are
    rendered anew, once, at the size and resolution that every machine takes. trunk_fault: the trunk failed and not the
    number: no try of the fax is used up, and a trunk that goes on so rests. for_ever: however long it is so, the fax
    waits, until its deadline (deadlines.py). proven: final at the second time, if the trunk took other calls in
    between: then it is this call that it does not take. changed: by an administrator.
    """

    name: str
    words: str
    action: Action
    delay: int | None = None
    times: int | None = None
    one_more: bool = False
    not_again: bool = False
    downgrade: Downgrade | None = None
    render_again: bool = False
    trunk_fault: bool = False
    for_ever: bool = False
    proven: bool = False
    changed: bool = False


BUSY = Rule("busy", marked("The line was busy"), Action.RETRY, 4 * MINUTE)
NO_ANSWER = Rule("no-answer", marked("Nobody answered"), Action.RETRY, 10 * MINUTE)
RANG = Rule("rang", marked("It rang there, and the call failed before anybody answered"), Action.RETRY, 10 * MINUTE)
"""The next call goes through another trunk, where there is one."""
BAD_NUMBER = Rule("bad-number", marked("The number does not exist or cannot be reached; check it"), Action.FINAL)
NOT_BY_THIS_TRUNK = Rule(
    "not-by-this-trunk", marked("The trunk cannot dial this number, or not with this caller ID"), Action.NEXT_TRUNK,
    not_again=True,
)  # fmt: skip
REDIRECTED = Rule(
    "redirected", marked("The call was sent on to another address, and faxes go to none but the number's"),
    Action.NEXT_TRUNK,
    not_again=True,
)  # fmt: skip
REFUSED = Rule("refused", marked("The call was refused"), Action.NEXT_TRUNK, one_more=True, not_again=True)
LOG_IN = Rule(
    "log-in", marked("The trunk did not accept its user name and password; the administrator has to look"),
    Action.NEXT_TRUNK,
    5 * MINUTE, trunk_fault=True,
)  # fmt: skip
ACCOUNT = Rule(
    "account", marked("The carrier wants to be paid before it dials; the administrator has to look"), Action.NEXT_TRUNK,
    15 * MINUTE, trunk_fault=True,
)  # fmt: skip
FORBIDDEN = Rule(
    "forbidden", marked("The trunk forbids this call"), Action.NEXT_TRUNK, 15 * MINUTE, trunk_fault=True, proven=True
)  # fmt: skip
TRUNK_FAULT = Rule(
    "trunk-fault", marked("The trunk could not take the call"), Action.NEXT_TRUNK, MINUTE, trunk_fault=True
)  # fmt: skip
NO_GATEWAY = Rule(
    "no-gateway",
    marked("The switch does not know the trunk; it takes a new or changed one up within seconds"),
    Action.NEXT_TRUNK, 15, trunk_fault=True,
)  # fmt: skip
MEDIA = Rule("media", marked("The far end offers neither T.38 nor G.711"), Action.NEXT_TRUNK, 5 * MINUTE, times=2)
NO_ENCRYPTION = Rule(
    "no-encryption", marked("The far end does not take encrypted media (SRTP), and the trunk allows nothing else"),
    Action.FINAL
)  # fmt: skip
OURS = Rule(
    "our-configuration", marked("The switch is not configured for this call; the administrator has to look"),
    Action.RETRY,
    5 * MINUTE,
)  # fmt: skip
DROPPED = Rule("dropped", marked("The call broke off"), Action.RETRY, MINUTE)
DOCUMENT = Rule("document", marked("The prepared pages could not be sent as they are"), Action.FINAL)
UNSUPPORTED = Rule(
    "unsupported-page", marked("The far machine does not take pages of this size or resolution"), Action.FINAL,
    render_again=True,
)  # fmt: skip
DOWNGRADE = Rule(
    "downgrade",
    marked("The two machines could not agree on a transmission"),
    Action.RETRY,
    2 * MINUTE,
    downgrade=Downgrade.LESS,
)
NO_FAX = Rule("no-fax", marked("The number answered, but not with a fax machine"), Action.RETRY, 60 * MINUTE, times=1)
INCOMPATIBLE = Rule("incompatible", marked("The far machine cannot receive this fax"), Action.FINAL)
UNKNOWN = Rule("unknown", marked("The call ended for an unknown reason"), Action.RETRY, 5 * MINUTE)
STOPPED = Rule("stopped", marked("The fax server was stopped"), Action.RETRY, MINUTE, trunk_fault=False)
UNHEARD = Rule(
    "unheard", marked("The database went away as the fax was about to be dialled"), Action.RETRY, 1, trunk_fault=False
)
NO_STORE = Rule(
    "no-store", marked("The document store is not mounted; the administrator has to look"), Action.RETRY, MINUTE,
    for_ever=True,
)  # fmt: skip
NO_KEY = Rule(
    "no-key",
    marked("This machine cannot open the document yet; another one has its key"),
    Action.RETRY,
    MINUTE,
    for_ever=True,
)
KEY_GONE = Rule("key-gone", marked("The key to the document is gone, as after a restore: send it again"), Action.FINAL)
NO_CALLER_ID = Rule("no-caller-id", marked("Your organisation has no number to call from any more"), Action.FINAL)
NOBODY_READS = Rule(
    "nobody-reads",
    marked(
        "Faxes to this number arrive in your own mailbox, and you may read none that come in; your administrator can "
        "permit it"
    ),
    Action.FINAL,
)
NO_ROUTE = Rule("no-route", marked("No trunk may take this number; `faxplan route explain` says why"), Action.FINAL)
NEVER_DIALLED = Rule(
    "never-dialled", marked("The trunk would dial an emergency number or a short code, which is never done"),
    Action.NEXT_TRUNK
)  # fmt: skip
BARRED = Rule(
    "barred", marked("Your organisation may not call this number any more; `faxplan route explain` says why"),
    Action.FINAL
)  # fmt: skip
TOO_MANY_PAGES = Rule(
    "too-many-pages", marked("The fax has more pages than your organisation may send in an hour now"), Action.FINAL
)  # fmt: skip

# Hang-up causes in capitals are FreeSWITCH's; the others are error ids of our own, for calls that were never dialled.
_CAUSES = {
    BAD_NUMBER: "UNALLOCATED_NUMBER NO_ROUTE_TRANSIT_NET NO_ROUTE_DESTINATION NUMBER_CHANGED INVALID_NUMBER_FORMAT "
    "DOES_NOT_EXIST_ANYWHERE",
    NOT_BY_THIS_TRUNK: "invalid-number",
    REDIRECTED: "REDIRECTION_TO_NEW_DESTINATION",
    BUSY: "USER_BUSY BUSY_EVERYWHERE",
    NO_ANSWER: "NO_USER_RESPONSE NO_ANSWER SUBSCRIBER_ABSENT ALLOTTED_TIMEOUT ORIGINATOR_CANCEL USER_NOT_REGISTERED "
    "PROGRESS_TIMEOUT NO_PICKUP",
    REFUSED: "CALL_REJECTED FACILITY_REJECTED FACILITY_NOT_SUBSCRIBED OUTGOING_CALL_BARRED INCOMING_CALL_BARRED "
    "DECLINE BEARERCAPABILITY_NOTAUTH UNWANTED REJECT_ALL NO_IDENTITY BAD_IDENTITY_INFO UNSUPPORTED_CERTIFICATE "
    "INVALID_IDENTITY STALE_DATE",
    LOG_IN: "USER_CHALLENGE",
    TRUNK_FAULT: "EXCHANGE_ROUTING_ERROR DESTINATION_OUT_OF_ORDER NORMAL_UNSPECIFIED NORMAL_CIRCUIT_CONGESTION "
    "NETWORK_OUT_OF_ORDER NORMAL_TEMPORARY_FAILURE SWITCH_CONGESTION REQUESTED_CHAN_UNAVAIL "
    "BEARERCAPABILITY_NOTAVAIL SERVICE_UNAVAILABLE RECOVERY_ON_TIMER_EXPIRE INTERWORKING GATEWAY_DOWN NONE "
    "CHANNEL_UNACCEPTABLE RESPONSE_TO_STATUS_ENQUIRY ACCESS_INFO_DISCARDED "
    "PRE_EMPTED FACILITY_NOT_IMPLEMENTED INVALID_CALL_REFERENCE INVALID_MSG_UNSPECIFIED MESSAGE_TYPE_NONEXIST "
    "WRONG_MESSAGE IE_NONEXIST INVALID_IE_CONTENTS WRONG_CALL_STATE MANDATORY_IE_LENGTH_ERROR PROTOCOL_ERROR",
    NO_GATEWAY: "INVALID_GATEWAY",
    DROPPED: "NORMAL_CLEARING MEDIA_TIMEOUT SRTP_READ_ERROR CRASH MANAGER_REQUEST BOWOUT",
    UNKNOWN: "SUCCESS CALL_AWARDED_DELIVERED LOSE_RACE BLIND_TRANSFER ATTENDED_TRANSFER PICKED_OFF",
    MEDIA: "INCOMPATIBLE_DESTINATION NOT_ACCEPTABLE BEARERCAPABILITY_NOTIMPL SERVICE_NOT_IMPLEMENTED",
    NO_ENCRYPTION: "no-encryption",
    NO_FAX: "no-machine",
    RANG: "rang",
    NO_ROUTE: "no-route",
    NEVER_DIALLED: "emergency-number short-number",
    BARRED: "kind-barred number-blocked number-not-allowed",
    TOO_MANY_PAGES: "pages-per-hour",
    NO_CALLER_ID: "no-caller-id",
    NOBODY_READS: "nobody-reads",
    STOPPED: "runtime-stopped SYSTEM_SHUTDOWN",
    UNHEARD: "claim-unheard",
    NO_STORE: "store-unavailable",
    NO_KEY: "key-elsewhere",
    KEY_GONE: "key-gone",
    DOCUMENT: "document-lost not-fax-ready",
    OURS: "unsafe-dial-string spool-failed INVALID_PROFILE INVALID_URL CHAN_NOT_IMPLEMENTED MANDATORY_IE_MISSING",
}
# FreeSWITCH makes CALL_REJECTED of these, as of the callee's own refusals (sofia_glue.c).
_SIP_CODES = {REDIRECTED: (300, 301, 302, 305), LOG_IN: (401, 407), ACCOUNT: (402,), FORBIDDEN: (403,)}
_FAX_CODES = {
    DOWNGRADE: (1, 5, 6, 13, 14, 16, 19, 20, 48),
    NO_FAX: (2, 3, 9),
    DROPPED: (4, 7, 15, 17, 18, 21, 22, 38, 39, 40, 47, 49),
    INCOMPATIBLE: (8, 10, *range(50, 62)),
    UNSUPPORTED: (11, 12),
    DOCUMENT: (41, 42, 43, 44, 45, 46),
    # 0 is success, and comes here only if pages are missing; 23 to 37 are a receiver's.
    UNKNOWN: (0, *range(23, 38)),
}
SHIPPED: Mapping[str, Rule] = {
    **{f"fax:{code}": rule for rule, codes in _FAX_CODES.items() for code in codes},
    **{f"sip:{code}": rule for rule, codes in _SIP_CODES.items() for code in codes},
    **{f"cause:{cause}": rule for rule, causes in _CAUSES.items() for cause in causes.split()},
}
"""By condition: fax:CODE, sip:CODE, cause:NAME."""
OPERATORS = frozenset(rule.name for rule in (OURS, LOG_IN, ACCOUNT, NO_GATEWAY))
"""Which whoever runs the server has to look at. A gateway that is not known may be taken up in a moment."""
NOT_AGAIN = frozenset(rule.name for rule in SHIPPED.values() if rule.not_again)


@dataclass(frozen=True, slots=True)
class Change:
    """What an administrator decided otherwise; delay, times, downgrade: None: as the shipped rule."""

    action: Action
    delay: int | None
    times: int | None
    downgrade: Downgrade | None = None

    def of(self, rule: Rule) -> Rule:
        """The shipped rule as it is then."""
        delay = rule.delay if self.delay is None else self.delay
        if self.action is Action.RETRY and delay is None:
            delay = UNKNOWN.delay
        same = self.action is rule.action
        return replace(
            rule,
            action=self.action,
            delay=None if self.action is Action.FINAL else delay,
            times=rule.times if self.times is None else self.times,
            downgrade=rule.downgrade if self.downgrade is None else self.downgrade,
            one_more=rule.one_more and same,
            not_again=rule.not_again and same,
            render_again=rule.render_again and same,
            proven=rule.proven and same,
            changed=True,
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """The table as it is for one tenant's calls through one trunk. `changed`: by condition, the nearest scope first."""

    changed: tuple[Mapping[str, Change], ...] = ()

    def of(self, result: CallResult, *, machine: bool = True) -> Rule:
        """The line that applies: the fax result code where txfax came to run, else SIP code, else cause.

        machine: as in `conditions`.

        What the administrator decided for the tenant and the trunk comes before what it decided for all, and that
        before what is shipped.
        """
        ended = conditions(result, machine=machine)
        shipped = next((SHIPPED[condition] for condition in ended if condition in SHIPPED), UNKNOWN)
        for table in self.changed:
            for condition in ended:
                if condition in table:
                    return table[condition].of(SHIPPED[condition] if condition.startswith("fax:") else shipped)
        return shipped


def is_silent(result: CallResult) -> bool:
    """Whether whoever answered hung up before anything of a fax machine was heard, as far as the result knows.

    So does a person: txfax then says 49, the call dropped (t30_terminate in spandsp's t30.c), not 2 or 3, for which
    one has to hold the line for a minute. 48 comes only where a machine's commands were heard.
    """
    return (
        result.fax_result_code == 49
        and result.hangup_cause == "NORMAL_CLEARING"
        and result.pages < 1
        and not (result.remote_station_id or result.remote_vendor or result.remote_model or result.remote_country)
    )


def conditions(result: CallResult, *, machine: bool = True) -> list[str]:
    """The conditions under which a call's end may stand in the table, the telling one first.

    machine: whether the far end is known to be a fax machine, whatever this result says.
    """
    if result.fax_success:
        # It comes here only where pages are missing.
        return ["fax:0"]
    if result.fax_result_code is not None:
        return [*([] if machine or not is_silent(result) else ["cause:no-machine"]), f"fax:{result.fax_result_code}"]
    ended = [*([] if result.sip_code is None else [f"sip:{result.sip_code}"]), f"cause:{result.hangup_cause}"]
    shipped = next((SHIPPED[condition] for condition in ended if condition in SHIPPED), None)
    # A trunk that brought the call to a telephone has no fault; through another one that would ring again.
    return [*(["cause:rang"] if shipped is TRUNK_FAULT and _rang(result) else []), *ended]


def timed_out(result: CallResult) -> bool:
    """Whether no answer came: 408, 504, or nothing. 503 and the like say that a call went no further."""
    return result.hangup_cause == "RECOVERY_ON_TIMER_EXPIRE" or result.sip_code in (408, 504)


def _rang(result: CallResult) -> bool:
    """183 with media may be an announcement of why the call fails; what comes to nothing after it was ringing."""
    if result.answered_at is not None:
        return False
    return result.rang or (result.progress_at is not None and timed_out(result))
