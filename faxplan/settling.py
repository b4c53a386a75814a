"""Settling the call of a fax that goes out: once, by compare-and-set, in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from faxplan import (
    attempts,
    failure_changes,
    failure_policy,
    failure_rules,
    learning,
    outbound,
    queue,
    renderings,
    sandbox_numbers,
    tenants,
    turns,
    ways,
)
from faxplan.call_result import T38_NEGOTIATED, CallResult
from faxplan.db import Database, Row, Transaction
from faxplan.failure_policy import Decision, Redials, Situation
from faxplan.failure_rules import RANG
from faxplan.journal import Outcome
from faxplan.language import _
from faxplan.spool import OutboundSidecar
from faxplan.tenants import Tenant

WITHOUT_TRUNK: Row = {
    "pages": 0, "trunk_id": None, "tried": [], "no_other": True, "t38_offered": None, "v17_offered": None,
    "ecm_offered": None,
}  # fmt: skip
"""The call of a fax that is delivered without one: there is no other trunk to try either."""


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The earlier calls of a fax. seen, uses: as in Situation. refused: trunks that are not to be asked again. since:
    how many there were since no trunk could take it.
    """

    seen: Mapping[str, int]
    uses: Mapping[str, int]
    refused: set[int]
    since: int


def settle(
    db: Database,
    outcome: Outcome,
    sidecar: OutboundSidecar | None,
    *,
    actor: str,
    pages_told: int = 0,
    trace: str | None = None,
    calls_to_one_number: int = 1,
) -> bool:
    """Records how a call ended, and what follows for its fax. False, and nothing is changed: it was settled before, or
    its ids are another call's by now.

    pages_told: acknowledged by what the switch told during the call, should the database not have it yet. trace: its
    T.30, where that is kept. calls_to_one_number: as in claims.claim_faxes. Raises DatabaseUnavailable: nothing is
    changed, and the journal keeps the outcome.
    """
    with db.tenant(outcome.tenant_id) as tx:
        fax = queue.lock_fax(tx, outcome.tenant_id, outcome.fax_id)
        call = queue.take_call(tx, outcome.tenant_id, outcome.attempt_id, outcome.channel_uuid)
        if fax is None or call is None:
            return False
        tenant = tenants.get(tx, outcome.tenant_id)
        conclude(tx, tenant, fax, call, outcome, actor=actor, sidecar=sidecar, pages_told=pages_told)
        attempts.keep_trace(tx, outcome.tenant_id, outcome.attempt_id, trace)
        _notify_of_what_is_free(tx, tenant, call, calls_to_one_number)
    return True


def conclude(
    tx: Transaction,
    tenant: Tenant,
    fax: Row,
    call: Row,
    outcome: Outcome,
    *,
    actor: str,
    sidecar: OutboundSidecar | None = None,
    pages_told: int = 0,
) -> Decision:
    """Closes the attempt, and does what follows for its fax (its row, locked). call: as queue.take_call gives it, or
    WITHOUT_TRUNK for what was delivered without a call.
    """
    decision, tried = _decide(tx, outcome.result, fax, call, tenant, max(call["pages"], pages_told))
    if tenant.pages_per_hour is not None and call is not WITHOUT_TRUNK:
        turns.give_back_pages(tx, outcome.tenant_id, outcome.attempt_id, fax["pages"] - decision.pages_done)
    attempts.close(
        tx,
        outcome.tenant_id,
        outcome.attempt_id,
        outcome.result,
        outcome=decision.outcome,
        explanation=decision.explanation,
        pages=decision.pages_done - fax["pages_done"],
        rule=decision.rule.name if decision.rule else None,
        sent=sidecar,
        channel=None if call is WITHOUT_TRUNK else outcome.result.channel,
    )
    if decision.next_trunk:
        attempts.note_failed_over(tx, outcome.tenant_id, outcome.attempt_id)
    learning.learn(tx, fax, call, outcome.result, decision)
    _follow(tx, fax, decision, error_id=outcome.result.hangup_cause, actor=actor, tried=tried)
    return decision


def settle_unknown(db: Database, call: Row, *, actor: str, pages_told: int = 0, trace: str | None = None) -> bool:
    """Settles an outbound call that nobody will ever report on: its switch died, or its lease ran out.

    What was acknowledged stays acknowledged (pages_told: as in `settle`). The rest is dialled again unless the tenant
    chose otherwise. trace: as in `settle`. False: it was settled before.
    """
    with db.tenant(call["tenant_id"]) as tx:
        fax = queue.lock_fax(tx, call["tenant_id"], call["fax_id"])
        taken = queue.take_call(tx, call["tenant_id"], call["attempt_id"])
        if fax is None or taken is None:
            return False
        tenant = tenants.get(tx, call["tenant_id"])
        pages = max(taken["pages"], pages_told)
        now = _situation(fax, taken, tenant, pages)
        decision = failure_policy.decide_unknown(now, redial=tenant.redial_unknown)
        attempts.close(
            tx,
            call["tenant_id"],
            call["attempt_id"],
            CallResult(hangup_cause="NONE"),
            outcome=decision.outcome,
            explanation=decision.explanation,
            pages=decision.pages_done - fax["pages_done"],
        )
        attempts.keep_trace(tx, call["tenant_id"], call["attempt_id"], trace)
        _follow(tx, fax, decision, error_id="outcome-unknown", actor=actor, tried=taken["tried"])
    return True


def _decide(
    tx: Transaction, result: CallResult, fax: Row, call: Row, tenant: Tenant, recorded_pages: int
) -> tuple[Decision, list[int]]:
    """What follows; and the trunks that the next call does not go through, as ways.free_route takes them."""
    now = _situation(fax, call, tenant, recorded_pages)
    if failure_policy.pages_done(result, now) == now.pages:
        return failure_policy.decide(result, now), []
    machine = not failure_rules.is_silent(result) or _is_machine(tx, fax, call, result)
    earlier = _earlier(tx, fax)
    refused = earlier.refused
    tried = {abs(each) for each in call["tried"]} - {ways.AGAIN} | {call["trunk_id"]}
    trunks = _trunks(tx, fax, call)
    others = [row for row in trunks if row["trunk_id"] != call["trunk_id"]]
    now = replace(
        now,
        # It came back to a trunk that had failed, since no other had room: that is no reason to go round at once.
        trunks_left=0
        if call["trunk_id"] in call["tried"]
        else sum(row["free"] and row["trunk_id"] not in tried for row in others),
        trunks_later=sum(row["trunk_id"] not in refused for row in others),
        seen=earlier.seen,
        uses=earlier.uses,
        calls_since=earlier.since + 1,
        machine=machine,
        trunk_works=any(row["worked"] for row in trunks if row["trunk_id"] == call["trunk_id"]),
    )
    decision = failure_policy.decide(result, now, failure_changes.rules_for(tx, tenant.id, call["trunk_id"]))
    if decision.rule is not None and decision.rule.not_again:
        refused.add(call["trunk_id"])
    # Never all of them.
    kept = sorted(-each for each in refused) if any(row["trunk_id"] not in refused for row in trunks) else []
    if decision.next_trunk:
        return decision, kept + sorted(tried - refused)
    if (
        decision.rule is not None
        and decision.rule.name == RANG.name
        and any(row["trunk_id"] not in refused for row in others)
    ):
        # Some trunks say that it rings before they know. Next time another one may do better.
        kept.append(call["trunk_id"])
    return decision, kept


def _situation(fax: Row, call: Row, tenant: Tenant, recorded_pages: int) -> Situation:
    """As far as the fax's row, and the call's, tell it."""
    return Situation(
        start_page=fax["pages_done"],
        recorded_pages=recorded_pages,
        pages=fax["pages"],
        attempts_made=fax["attempts_made"],
        # Of a campaign: never more than the tenant has by now.
        max_attempts=min(fax["max_attempts"] or tenant.max_attempts, tenant.max_attempts),
        delays=fax["retry_delays"] or (),
        uncounted=fax["uncounted"],
        waited=datetime.now(UTC) - fax["waits_since"] if fax["waits_since"] else timedelta(),
        trunks_tried=len({abs(each) for each in call["tried"]} - {ways.AGAIN}),
        redials=Redials(fax["redialled"], fax["redialled_busy"]) if tenant.redial_limits == "us" else None,
        rendered_again=fax["rendered_again"],
        # To the sandbox every fax is a test, and followed up as if it were none.
        is_test=fax["is_test"] and not sandbox_numbers.is_one(fax["called_number"]),
    )


def _is_machine(tx: Transaction, fax: Row, call: Row, result: CallResult) -> bool:
    """Whether a fax machine was heard, by what was told during this call or an earlier one of this fax.

    T.38 shows one where the far end asked for it: its gateway heard a fax. A gateway that we ask says yes for anybody.
    """
    if fax["pages_done"] or fax["state"] == "sending":
        return True
    if result.t38_status != T38_NEGOTIATED:
        return False
    return tx.value("select t38_request = 'sender' from trunks where id = %s", (call["trunk_id"],)) is not True


def _trunks(tx: Transaction, fax: Row, call: Row) -> list[Row]:
    """The trunks that may take the fax; whether they are free to do so now, and worked since one first was not."""
    if call.get("no_other"):
        return []
    return tx.rows(
        """select f.trunk_id, coalesce(s.rests_until, '-infinity') <= now()
                  and coalesce((s.node_rests -> %s ->> 1)::timestamptz, '-infinity') <= now() as free,
                  coalesce(s.last_success_at > %s, false) as worked
           from trunks_for(%s, %s) f left join trunk_states s on s.trunk_id = f.trunk_id""",
        (call["node"], fax["waits_since"], fax["tenant_id"], fax["called_number"]),
    )


def _earlier(tx: Transaction, fax: Row) -> _Earlier:
    rows = tx.rows(
        """select a.rule, t.id as trunk_id, count(*) as calls,
                  count(*) filter (where not a.failed_over) as later,
                  count(*) filter (where a.started_at >= %s) as since
           from attempts a left join trunks t on t.name = a.trunk
           where a.tenant_id = %s and a.fax_id = %s and a.rule is not null group by a.rule, t.id""",
        (fax["waits_since"], fax["tenant_id"], fax["id"]),
    )
    seen: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    for row in rows:
        seen[row["rule"]] += row["calls"]
        uses[row["rule"]] += row["later"]
    refused = {row["trunk_id"] for row in rows if row["rule"] in failure_rules.NOT_AGAIN} - {None}
    return _Earlier(seen, uses, refused, sum(row["since"] for row in rows))


def _notify_of_what_is_free(tx: Transaction, tenant: Tenant, call: Row, calls_to_one_number: int) -> None:
    """Where faxes may wait, on any node, for what this call held: by the calls, which are few, and not the queue."""
    if tenant.max_calls is not None:
        tx.notify(queue.QUEUE_CHANNEL)
        return
    tx.notify_where(
        """exists (select from trunks where id = %s and max_calls is not null)
           -- It has just begun to work again (trunk_health.worked).
           or exists (select from trunk_states where trunk_id = %s and last_success_at = now())
           or (select count(*) from calls where destination = %s) + 1 >= %s""",
        queue.QUEUE_CHANNEL,
        (call["trunk_id"], call["trunk_id"], call["destination"], calls_to_one_number),
    )


def _follow(tx: Transaction, fax: Row, decision: Decision, *, error_id: str, actor: str, tried: Sequence[int]) -> None:
    if decision.outcome == "sent":
        outbound.finish(tx, fax, "sent", decision.explanation, pages_done=decision.pages_done, actor=actor)
    elif fax["cancel_requested"]:
        words = _("Cancelled during the call, after {done} of {pages} pages.").format(
            done=decision.pages_done, pages=fax["pages"]
        )
        outbound.finish(tx, fax, "cancelled", words, pages_done=decision.pages_done, actor=actor)
    elif decision.delay is None:
        outbound.finish(
            tx, fax, "failed", decision.explanation, pages_done=decision.pages_done, error_id=error_id, actor=actor
        )
    else:
        _note_call(tx, fax, decision)
        if decision.render_again:
            renderings.render_again(tx, fax, decision.pages_done, decision.explanation)
            return
        queue.enqueue(
            tx,
            fax["tenant_id"],
            fax["id"],
            pages_done=decision.pages_done,
            delay_seconds=decision.delay,
            explanation=decision.explanation,
            tried=tried,
        )


def _note_call(tx: Transaction, fax: Row, decision: Decision) -> None:
    """What later decisions about this fax need to know of the call."""
    redials = decision.redials or Redials(fax["redialled"], fax["redialled_busy"])
    tx.later(
        """update faxes set uncounted = uncounted + %s, redialled = %s, redialled_busy = %s,
                            waits_since = case when %s then null else coalesce(waits_since, now()) end
           where tenant_id = %s and id = %s""",
        (
            0 if decision.counted else 1,
            redials.calls,
            redials.busy,
            decision.counted,
            fax["tenant_id"],
            fax["id"],
        ),
    )
