"""How many pages an organisation and its users may send in a day and a month, and have sent."""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from faxplan import provisioning, quotas
from faxplan.db import Row
from faxplan.errors import FaxplanError
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

WARN = Field(
    "warn_percent",
    marked("Warn by mail at"),
    Kind.NUMBER,
    least=1,
    most=100,
    hint=marked("Percent of it that are used or held; there is another mail at the limit. Empty: no mail."),
)
SHARE = (
    Field("email", marked("User's e-mail address"), Kind.EMAIL, required=True, longest=254),
    Field("period", marked("In a"), Kind.CHOICE, choices=(("day", marked("day")), ("month", marked("month")))),
    Field("pages", marked("Pages"), Kind.NUMBER, hint=marked("Empty: no limit of their own.")),
    WARN,
)


def page(visit: Visit) -> Response:
    """GET: all limits, what is used of them, and the form for a user's."""
    return _page(
        visit, Form.of(SHARE, {"email": visit.request.args.get("of", ""), "warn_percent": quotas.WARN_PERCENT})
    )


def change(visit: Visit) -> Response:
    """POST: a user's limit. The organisation's own is not its administrators' to set."""
    form = Form.read(SHARE, visit.request.form)
    if form.ok:
        try:
            provisioning.set_quota(visit.its_admin, visit.actor, visit.its_tenant.slug, **form.values)
            return answers.to("/organisation/quotas", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, form, 400)


def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = quotas.of_tenant(tx, visit.its_tenant.id)
    whole = {each["period"]: each["limit_pages"] for each in found if each["user"] is None}
    shown = [_shown(each, whole) for each in found]
    return answers.page(
        visit, "quotas.html", status, form=form,
        own=[each for each in shown if each["user"] is None], users=[each for each in shown if each["user"]],
    )  # fmt: skip


def _shown(quota: Row, whole: Mapping[str, int]) -> dict[str, Any]:
    """With the parts of its bar, in hundredths, and the organisation's limit where that is lower."""
    limit, used, held = quota["limit_pages"], quota["used_pages"], quota["reserved_pages"]
    used_part = min(100, 100 * used // limit) if limit else 100
    held_part = min(100 - used_part, -(-100 * held // limit)) if limit else 0
    above = whole.get(quota["period"])
    return {
        **quota,
        "used_part": used_part,
        "held_part": held_part,
        "left": max(limit - used - held, 0),
        "above": above if quota["user"] and above is not None and limit > above else None,
    }
