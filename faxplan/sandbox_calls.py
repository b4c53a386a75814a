"""A fax to a sandbox number (sandbox_numbers): a real job, of which only the call is made up.

It waits in fax_queue in a lane of its own, which no claim takes, until one transaction takes it out and settles it with
the result that a call would have had. What follows, words, tries, pauses, quotas, notices, is what follows any call;
only of trunks and numbers nothing is learned. Its pages are opened by nobody; but for a fax to the number that sends
faxes to you, which is delivered as one within the installation is, to its sender.
"""

import time
from dataclasses import replace

from faxplan import internal_delivery, queue, sandbox_numbers, tenants
from faxplan.call_result import FAR_END, T38_NEGOTIATED, US, CallResult, without_channel
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.errors import NoRoute
from faxplan.queue import InternalFax
from faxplan.sandbox_numbers import SLOW_SECONDS, STATION_IDENT, End

_T38_REFUSED = "refused"
_UNANSWERED = {
    End.BUSY: CallResult("USER_BUSY", q850_cause=17, sip_code=486, sip_phrase="Busy Here", hung_up_by=FAR_END),
    # Where FreeSWITCH stops the ringing (originate_timeout) it tells no SIP code.
    End.NO_ANSWER: CallResult("NO_ANSWER", q850_cause=19, rang=True, hung_up_by=US),
    End.BAD_NUMBER: CallResult(
        "UNALLOCATED_NUMBER", q850_cause=1, sip_code=404, sip_phrase="Not Found", hung_up_by=FAR_END
    ),
}
_ANSWERED = CallResult(
    "NORMAL_CLEARING",
    q850_cause=16,
    sip_code=200,
    fax_success=True,
    fax_result_code=0,
    fax_result_text="OK",
    t38_status=T38_NEGOTIATED,
    ecm_used=True,
    v17_disabled=False,
    transfer_rate=14400,
    remote_station_id=STATION_IDENT,
    hung_up_by=US,
)


def call(db: Database, store: Store, picked: InternalFax, *, node: str) -> str | None:
    """Settles a fax that was picked: the outcome, as in attempts.outcome.

    None: nothing was changed but, maybe, its place in the queue. Raises DatabaseUnavailable and StoreUnavailable: it
    stays queued.
    """
    outcome, arrives = _made_up(db, picked, node)
    return internal_delivery.deliver(db, store, picked, node=node) if arrives else outcome


def _made_up(db: Database, picked: InternalFax, node: str) -> tuple[str | None, bool]:
    """The outcome as in `call`; and whether it is to be delivered instead."""
    with db.across_tenants() as tx:
        tx.enter_tenant(picked.tenant_id)
        fax = queue.lock_fax(tx, picked.tenant_id, picked.fax_id)
        if fax is None or fax["state"] != "queued":
            return None, False
        if not sandbox_numbers.is_one(fax["called_number"]):
            queue.return_to_lane(tx, picked)
            return None, False
        end = sandbox_numbers.end_of(fax["called_number"])
        if end is End.RECEIVED:
            return None, True
        if end is End.SLOW and (left := SLOW_SECONDS - _age(tx, fax)) > 0:
            queue.put_off(tx, picked, left)
            return None, False
        if not queue.withdraw(tx, picked.tenant_id, picked.fax_id):
            return None, False
        sender = tenants.get(tx, picked.tenant_id)
        caller = tx.row(
            "select number, station_ident from calling_number(%s, %s)", (picked.tenant_id, fax["calling_number"])
        )
        if not sender.sandbox_numbers:
            result = without_channel(NoRoute.error_id, ended_at=time.time())
        elif caller is None:
            result = without_channel("no-caller-id", ended_at=time.time())
        else:
            result = ended(end, start_page=fax["pages_done"], pages=fax["pages"], at=time.time())
        outcome = internal_delivery.settle(
            tx, sender, picked.fax_id, result, start_page=fax["pages_done"], node=node,
            caller_id=None if caller is None else caller["number"],
        )  # fmt: skip
    return outcome, False


def ended(end: End, *, start_page: int, pages: int, at: float) -> CallResult:
    """What a switch would tell of such a call. Pages are of the whole fax; start_page: 0-based; at: epoch seconds."""
    if end in _UNANSWERED:
        return replace(_UNANSWERED[end], invited_at=at, progress_at=at, ended_at=at)
    result = replace(_ANSWERED, invited_at=at, answered_at=at, ended_at=at, pages=pages - start_page)
    if end is End.IN_AUDIO:
        return replace(result, t38_status=_T38_REFUSED, codec="PCMA")
    if end is End.INCOMPATIBLE:
        return replace(
            result, fax_success=False, fax_result_code=8, fax_result_text="Far end is not compatible", pages=0,
            ecm_used=None, transfer_rate=None, t38_status=T38_NEGOTIATED,
        )  # fmt: skip
    if end is End.DROPPED and start_page == 0:
        return replace(
            result, fax_success=False, fax_result_code=49, fax_result_text="The call dropped prematurely", pages=1,
            hung_up_by=FAR_END,
        )  # fmt: skip
    return result


def _age(tx: Transaction, fax: Row) -> float:
    """Seconds since it was handed in, or since the time that its user had asked for."""
    return float(
        tx.value(
            "select extract(epoch from now() - greatest(%s::timestamptz, %s::timestamptz))",
            (fax["created_at"], fax["send_at"]),
        )
    )
