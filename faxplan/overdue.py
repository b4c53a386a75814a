"""Ends faxes that wait for longer than they may (deadlines): each in words that say why it was still waiting.

Runtime and worker both look, so that a fax ends whichever of them is missing. One in a call is left alone: what follows
the call follows, and should that be another wait, it ends then.
"""

from collections.abc import Callable

from faxplan import deadlines, outbound, queue, waiting_reasons
from faxplan.db import Database, Row
from faxplan.deadlines import Overdue
from faxplan.errors import DatabaseUnavailable
from faxplan.language import _

LOOK_SECONDS = 60.0
"""Between two looks, where nothing is left to do."""
MOST_AT_ONCE = 20
_HOUR = 3600
ERROR_ID = "waited-too-long"


def end_all(db: Database, *, wait_hours: int, actor: str, log: Callable[[str], None]) -> bool:
    """Ends overdue faxes, at most MOST_AT_ONCE (role switch or worker). True: there may be more.

    wait_hours: the installation's setting. One fax's trouble is logged, and does not stop the others. Raises
    DatabaseUnavailable.
    """
    with db.across_tenants() as tx:
        late = deadlines.overdue(tx, wait_hours=wait_hours, most=MOST_AT_ONCE)
    for each in late:
        try:
            end_one(db, each, actor=actor)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above; it is tried again later
            log(f"overdue fax {each.fax_id}: {type(error).__name__}: {ascii(str(error))[:300]}")
            with db.tenant(each.tenant_id) as tx:
                deadlines.put_off(tx, each.tenant_id, each.fax_id)
    return len(late) == MOST_AT_ONCE


def end_one(db: Database, late: Overdue, *, actor: str) -> bool:
    """Gives an overdue fax up. False: it is in a call, has ended, or somebody else has its row at this moment.

    Its row is not waited for: who has it claims it, cancels it, settles its call or queues its pages, or ends it as we
    would; the next look sees what came of that.
    """
    with db.tenant(late.tenant_id) as tx:
        if not queue.lock_fax_if_free(tx, late.tenant_id, late.fax_id):
            return False
        fax = queue.lock_fax(tx, late.tenant_id, late.fax_id)
        if fax is None or fax["finished_at"] is not None:
            deadlines.end(tx, late.tenant_id, late.fax_id)
            return False
        # Asked before it leaves the queue, which is where it says what keeps it.
        words = _words(fax, late, waiting_reasons.why(tx, fax))
        if fax["state"] != "accepted" and not queue.withdraw(tx, late.tenant_id, late.fax_id):
            deadlines.put_off(tx, late.tenant_id, late.fax_id)
            return False
        outbound.finish(tx, fax, "failed", words, error_id=ERROR_ID, actor=actor)
        return True


def _words(fax: Row, late: Overdue, reason: str) -> str:
    hours = int(late.waited // _HOUR)
    waited = (
        _("less than an hour") if hours < 1 else _("an hour") if hours == 1 else _("{hours} hours").format(hours=hours)
    )
    if not fax["pages_done"]:
        return _("It waited for {waited}, and was given up. {reason} Send it again once that is mended.").format(
            waited=waited, reason=reason
        )
    done = _("{pages_done} of its {pages} pages had arrived").format(pages_done=fax["pages_done"], pages=fax["pages"])
    return _(
        "It waited for {waited}, and was given up; {done}. {reason} Send the rest again once that is mended."
    ).format(waited=waited, done=done, reason=reason)
