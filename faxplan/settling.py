"""Settling the call of a fax that goes out: once, by compare-and-set, in one transaction."""

from datetime import UTC, datetime

from faxplan import attempts, failure_policy, outbound, queue, tenants
from faxplan.call_result import CallResult
from faxplan.db import Database, Row, Transaction
from faxplan.failure_policy import Decision
from faxplan.journal import Outcome
from faxplan.spool import OutboundSidecar

UNKNOWN_DELAY_SECONDS = 60


def settle(db: Database, outcome: Outcome, sidecar: OutboundSidecar | None, *, actor: str, pages_told: int = 0) -> bool:
    """Records how a call ended, and what follows for its fax. False, and nothing is changed: it was settled before, or
    its ids are another call's by now.

    pages_told: acknowledged by what the switch told during the call, should the database not have it yet.
    Raises DatabaseUnavailable: nothing is changed, and the journal keeps the outcome.
    """
    with db.tenant(outcome.tenant_id) as tx:
        fax = queue.lock_fax(tx, outcome.tenant_id, outcome.fax_id)
        call = queue.take_call(tx, outcome.tenant_id, outcome.attempt_id, outcome.channel_uuid)
        if fax is None or call is None:
            return False
        tenant = tenants.get(tx, outcome.tenant_id)
        decision = failure_policy.decide(
            outcome.result,
            start_page=fax["pages_done"],
            recorded_pages=max(call["pages"], pages_told),
            pages=fax["pages"],
            attempts_made=fax["attempts_made"],
            max_attempts=tenant.max_attempts,
            uncounted=fax["uncounted"],
            waited=datetime.now(UTC) - fax["created_at"],
        )
        if not decision.counted:
            tx.later(
                "update faxes set uncounted = uncounted + 1 where tenant_id = %s and id = %s",
                (outcome.tenant_id, outcome.fax_id),
            )
        attempts.close(
            tx,
            outcome.tenant_id,
            outcome.attempt_id,
            outcome.result,
            outcome=decision.outcome,
            explanation=decision.explanation,
            pages=decision.pages_done - fax["pages_done"],
            dialled=sidecar.dialled if sidecar else None,
            caller_id=sidecar.caller_id if sidecar else None,
        )
        _follow(tx, fax, decision, error_id=outcome.result.hangup_cause, actor=actor)
    return True


def settle_unknown(db: Database, call: Row, *, actor: str, pages_told: int = 0) -> bool:
    """Settles an outbound call that nobody will ever report on: its switch died, or its lease ran out.

    What was acknowledged stays acknowledged (pages_told: as in `settle`). The rest is dialled again unless the tenant
    chose otherwise. False: it was settled before.
    """
    with db.tenant(call["tenant_id"]) as tx:
        fax = queue.lock_fax(tx, call["tenant_id"], call["fax_id"])
        taken = queue.take_call(tx, call["tenant_id"], call["attempt_id"])
        if fax is None or taken is None:
            return False
        tenant = tenants.get(tx, call["tenant_id"])
        pages = max(taken["pages"], pages_told)
        done = min(fax["pages_done"] + pages, fax["pages"])
        decision = _unknown(done, fax["pages"], fax["attempts_made"] - fax["uncounted"], tenant)
        attempts.close(
            tx,
            call["tenant_id"],
            call["attempt_id"],
            CallResult(hangup_cause="NONE"),
            outcome=decision.outcome,
            explanation=decision.explanation,
            pages=pages,
        )
        _follow(tx, fax, decision, error_id="outcome-unknown", actor=actor)
    return True


def _unknown(done: int, pages: int, attempts_made: int, tenant: tenants.Tenant) -> Decision:
    lost = f"The switch stopped during the call; {done} of {pages} pages were acknowledged"
    if done == pages:
        return Decision("sent", done, None, f"{lost}.")
    if not tenant.redial_unknown:
        return Decision("unknown", done, None, f"{lost}. It is not dialled again, as your organisation chose.")
    if attempts_made >= tenant.max_attempts:
        return Decision(
            "unknown", done, None, f"{lost}. That was try {attempts_made} of {tenant.max_attempts}, the last."
        )
    return Decision("unknown", done, UNKNOWN_DELAY_SECONDS, f"{lost}. The rest is sent again.")


def _follow(tx: Transaction, fax: Row, decision: Decision, *, error_id: str, actor: str) -> None:
    if decision.outcome == "sent":
        outbound.finish(tx, fax, "sent", decision.explanation, pages_done=decision.pages_done, actor=actor)
    elif fax["cancel_requested"]:
        words = f"Cancelled during the call, after {decision.pages_done} of {fax['pages']} pages."
        outbound.finish(tx, fax, "cancelled", words, pages_done=decision.pages_done, actor=actor)
    elif decision.delay is None:
        outbound.finish(
            tx, fax, "failed", decision.explanation, pages_done=decision.pages_done, error_id=error_id, actor=actor
        )
    else:
        queue.enqueue(
            tx,
            fax["tenant_id"],
            fax["id"],
            pages_done=decision.pages_done,
            delay_seconds=decision.delay,
            explanation=decision.explanation,
        )
