"""What a call of a fax that goes out has shown of its trunk, of its number and of our configuration, for later ones."""

from faxplan import configuration_faults, destinations, failure_policy, failure_rules, trunk_health
from faxplan.call_result import T38_NEGOTIATED, CallResult
from faxplan.db import Row, Transaction
from faxplan.failure_policy import Decision
from faxplan.failure_rules import DROPPED, NO_FAX, NO_GATEWAY, OPERATORS, RANG, Downgrade

NOT_TAKEN_UP = 2
"""So many rests of a trunk on a node take longer than a switch that takes a gateway up."""
OF_ONE_NODE = ("GATEWAY_DOWN", "INVALID_GATEWAY")
ECM_CODE = 16
"""T30_ERR_TX_ECMPHD (t30.h): the receiver answered wrongly in ECM."""


def learn(tx: Transaction, fax: Row, call: Row, result: CallResult, decision: Decision) -> None:
    """What the call showed about its trunk, about its number, and about our own configuration."""
    rule, trunk_id = decision.rule, call["trunk_id"]
    if rule is not None and rule.name in OPERATORS and (rule.name != NO_GATEWAY.name or _stays_unknown(tx, call)):
        waits = not decision.next_trunk
        configuration_faults.note(tx, fax["tenant_id"], fax["id"], call.get("node"), trunk_id, result, waits=waits)
    # A switch that is paused, or has had too many calls this second, refuses by itself; no trunk is to blame.
    if rule is not None and rule.trunk_fault and (result.channel or result.hangup_cause != "DESTINATION_OUT_OF_ORDER"):
        happened = f"{failure_policy.what_happened(rule, result)}."
        if trunk_id is not None and not result.channel and result.hangup_cause in OF_ONE_NODE:
            trunk_health.down_on_node(tx, trunk_id, happened, call["node"])
        elif trunk_id is not None:
            trunk_health.failed(tx, trunk_id, happened, fax["called_number"])
    elif trunk_id is not None and result.channel and _was_heard(result) and (rule is None or rule.name != RANG.name):
        trunk_health.worked(tx, trunk_id, call["node"])
    in_t38 = result.t38_status == T38_NEGOTIATED
    if decision.outcome == "sent":
        destinations.learn_from_success(
            tx,
            fax["tenant_id"],
            fax["called_number"],
            in_t38=in_t38,
            v17_off=fax["v17_off"] and call["v17_offered"] is False,
            ecm_off=fax["ecm_off"] and call["ecm_offered"] is False,
        )
    elif rule is None or rule.downgrade is Downgrade.NONE:
        pass
    elif rule.downgrade is not None or (in_t38 and _broke_off_at_once(result, decision)):
        _downgrade(tx, fax, call, in_t38=in_t38, result=result, what=rule.downgrade)
    elif in_t38 and rule.name == NO_FAX.name and failure_rules.is_silent(result):
        # Nobody, or a machine that T.38 kept from being heard: the only call that follows goes without.
        tx.later("update faxes set t38_off = true where tenant_id = %s and id = %s", (fax["tenant_id"], fax["id"]))


def _stays_unknown(tx: Transaction, call: Row) -> bool:
    """Whether a trunk that was just made or changed would have been taken up by now."""
    if call["trunk_id"] is None or call.get("node") is None:
        return False
    return trunk_health.times_down(tx, call["trunk_id"], call["node"]) >= NOT_TAKEN_UP


def _was_heard(result: CallResult) -> bool:
    """Whether the trunk said anything: a call that we cancelled may have gone nowhere (487 may be our own switch's)."""
    said = result.progress_at is not None or result.answered_at is not None
    return said or result.hangup_cause != "ORIGINATOR_CANCEL"


def _broke_off_at_once(result: CallResult, decision: Decision) -> bool:
    """Whether the two machines spoke, and not one page came over: so ends T.38 that loses too many packets."""
    dropped = decision.rule is not None and decision.rule.name == DROPPED.name
    return result.fax_result_code is not None and decision.outcome == "not-sent" and dropped


def _downgrade(
    tx: Transaction, fax: Row, call: Row, *, in_t38: bool, result: CallResult, what: Downgrade | None
) -> None:
    """The fax's next call goes without `what`, as far as this one had it; None: T.38 alone is to blame, if anything.

    In audio V.17 comes back: it was not shown to fail there. What fails in T.38 twice is learned of the number.
    """
    audio = "t38_off = true, v17_off = false"
    learned = (
        in_t38
        and what in (None, Downgrade.LESS, Downgrade.AUDIO)
        and destinations.learn_from_failure(
            tx, fax["tenant_id"], fax["called_number"], result.fax_result_text or f"fax result {result.fax_result_code}"
        )
    )
    match what:
        case Downgrade.LESS:
            less = audio if learned else _less(call, in_t38=in_t38, result=result)
        case Downgrade.AUDIO:
            less = audio if call["t38_offered"] else ""
        case Downgrade.V17:
            less = "v17_off = true" if call["v17_offered"] else ""
        case Downgrade.ECM:
            less = "ecm_off = true" if call["ecm_offered"] else ""
        case _:
            less = audio if learned else ""
    if less:
        tx.later(f"update faxes set {less} where tenant_id = %s and id = %s", (fax["tenant_id"], fax["id"]))


def _less(call: Row, *, in_t38: bool, result: CallResult) -> str:
    """V.17 goes first, then T.38 if it was T.38, then ECM; ECM first where it failed."""
    if result.fax_result_code == ECM_CODE and call["ecm_offered"]:
        return "ecm_off = true"
    if call["v17_offered"]:
        return "v17_off = true"
    if in_t38:
        return "t38_off = true, v17_off = false"
    return "ecm_off = true" if call["ecm_offered"] else ""
