"""The queue, as an operator sees it: what waits for a call, by tenant, and why. No documents."""

from datetime import UTC, datetime

from werkzeug.wrappers import Response

from faxplan import overview, priorities, tenant_directory
from faxplan.db import Row
from faxplan.language import _, marked
from portal import answers
from portal.visit import Visit

AT_ONCE = 100
_HELD_BY = {
    "tenant": marked("The tenant is switched off."),
    "hours": marked("Outside the tenant's sending hours."),
    "hour-full": marked("The tenant has used its calls or pages of this hour."),
    "barred": marked("The number has been barred meanwhile."),
    "trunks-off": marked("Every trunk that takes the number is switched off."),
    "no-route": marked("No route takes the number."),
    "trunks-rest": marked("Every trunk that takes the number rests after failed calls."),
}


def everybody(visit: Visit) -> Response:
    """GET: how much waits, by tenant: faxes for a call, and mails for a mail server."""
    return answers.page(
        visit, "installation/queue.html", queue=overview.queue(visit.its_admin), mails=overview.mails(visit.its_admin)
    )


def of_tenant(visit: Visit, slug: str) -> Response:
    """GET: a tenant's faxes that wait, as they are due, each with the reason."""
    after = _place(visit.request.args.get("after", ""))
    tenant = tenant_directory.one(visit.its_admin, slug)
    found = overview.waiting(visit.its_admin, slug, after=after, limit=AT_ONCE + 1)
    shown = found[:AT_ONCE]
    last = shown[-1] if len(found) > AT_ONCE else None
    return answers.page(
        visit,
        "installation/queue_tenant.html",
        tenant=tenant,
        faxes=[(row, _why(row, visit.now), priorities.Priority(row["priority"]).word) for row in shown],
        onward=None if last is None else f"{last['not_before'].timestamp():.6f}-{last['fax_id']}",
        is_first=after is None,
    )


def _why(row: Row, now: datetime) -> str:
    if row["held_by"] is not None:
        return _(_HELD_BY[row["held_by"]])
    if row["not_before"] > now:
        return _("It is dialled then: at the time that was chosen, or again after a call in vain.")
    return _("It is due, and waits for a free line.")


def _place(text: str) -> tuple[datetime, int] | None:
    """After which fax the list goes on, as its own link says it; what is none is the beginning."""
    at, _dash, number = text.rpartition("-")
    try:
        return datetime.fromtimestamp(float(at), UTC), int(number)
    except (ValueError, OverflowError, OSError):
        return None
