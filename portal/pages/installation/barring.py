"""Who tried numbers that may not be called, over all tenants."""

from werkzeug.wrappers import Response

from faxplan import barring_provisioning
from faxplan.language import _, marked
from portal import answers
from portal.visit import Visit

WEEK, DAY, MONTH = 24 * 7, 24, 24 * 30
_SPANS = {DAY: marked("A day"), WEEK: marked("A week"), MONTH: marked("30 days")}
_REASONS = {
    "emergency-number": marked("Emergency numbers are never called"),
    "short-number": marked("Short codes are never called"),
    "kind-barred": marked("It costs more than a call"),
    "number-blocked": marked("It is blocked for the tenant"),
    "number-not-allowed": marked("It is none of those that the tenant may call"),
    "no-route": marked("A route bars it"),
}


def refused(visit: Visit) -> Response:
    """GET: of the last hours, the latest first within each tenant."""
    slug = visit.request.args.get("tenant", "").strip()
    asked = visit.request.args.get("hours", "")
    hours = int(asked) if asked in {str(each) for each in _SPANS} else WEEK
    found = barring_provisioning.refused(visit.its_admin, slug or None, hours=hours)
    rows = [(row, _(_REASONS.get(row["reason"] or "", row["reason"] or ""))) for row in found]
    return answers.page(visit, "installation/barring.html", rows=rows, tenant=slug, hours=hours, spans=_SPANS)
