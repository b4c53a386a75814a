"""What a tenant may, as an operator says: kinds of numbers, entries of its lists, how long it keeps faxes, quotas."""

from collections.abc import Mapping

from werkzeug.wrappers import Response

from faxplan import (
    barring_provisioning,
    number_policy,
    provisioning,
    retention_provisioning,
    tenant_directory,
)
from faxplan.errors import FaxplanError
from faxplan.language import marked
from faxplan.quotas import WARN_PERCENT
from portal import answers
from portal.forms import Field, Form, Kind
from portal.pages.quotas import WARN
from portal.visit import Visit

KIND_WORDS = {
    "premium-rate": marked("Premium rate numbers"),
    "shared-cost": marked("Shared cost numbers"),
    "personal": marked("Personal numbers"),
    "satellite": marked("Satellite and international networks"),
}
KINDS = tuple(Field(each, KIND_WORDS[each], Kind.SWITCH) for each in number_policy.KINDS)
ENTRY = (
    Field(
        "entry",
        marked("Numbers or country"),
        required=True,
        longest=40,
        hint=marked("How numbers begin, such as +4930 (+ alone: all), or a country, such as DE."),
    ),
    Field(
        "rule",
        marked("May it call them?"),
        Kind.CHOICE,
        choices=(("block", marked("No")), ("allow", marked("Yes, and none that are not listed so"))),
    ),
)
BOUNDS = (
    Field(
        "min_days",
        marked("Days at least"),
        Kind.NUMBER,
        most=36500,
        hint=marked("Nobody deletes sooner. Empty: as for all."),
    ),
    Field(
        "max_days",
        marked("Days at most"),
        Kind.NUMBER,
        least=1,
        most=36500,
        hint=marked("Then faxes go. Empty: as for all."),
    ),
    Field(
        "remove_records",
        marked("With them, their records"),
        Kind.CHOICE,
        choices=(
            ("", marked("As for all tenants")),
            ("no", marked("No: only pages go")),
            ("yes", marked("Yes, all goes")),
        ),
    ),
)
QUOTA = (
    Field("pages", marked("Pages"), Kind.NUMBER, hint=marked("Empty: no limit.")),
    Field("period", marked("In a"), Kind.CHOICE, choices=(("month", marked("Month")), ("day", marked("Day")))),
    Field("email", marked("Of one person"), longest=254, hint=marked("An e-mail address. Empty: of the whole tenant.")),
    WARN,
)


def limits(visit: Visit, slug: str) -> Response:
    """GET: which numbers it may call, how much, and how long its faxes are kept."""
    return _limits(visit, slug, {})


def permit(visit: Visit, slug: str) -> Response:
    """POST: the kinds of numbers that it may call."""
    form = Form.read(KINDS, visit.request.form)
    now = tenant_directory.one(visit.its_admin, slug).permitted_kinds
    for kind, permitted in form.values.items():
        if permitted != (kind in now):
            barring_provisioning.permit(visit.its_admin, visit.actor, slug, kind, permitted=permitted)
    return answers.to(f"/installation/tenants/{slug}/limits", note="saved")


def add_entry(visit: Visit, slug: str) -> Response:
    """POST: numbers that it may call, or may not."""
    form = Form.read(ENTRY, visit.request.form)
    if not form.ok:
        return _limits(visit, slug, {"entry": form}, 400)
    act = barring_provisioning.allow if form.values["rule"] == "allow" else barring_provisioning.block
    try:
        act(visit.its_admin, visit.actor, slug, form.values["entry"])
    except FaxplanError as error:
        return _limits(visit, slug, {"entry": form.failed(error)}, 400)
    return answers.to(f"/installation/tenants/{slug}/limits", note="added")


def remove_entry(visit: Visit, slug: str) -> Response:
    """POST: such an entry goes."""
    barring_provisioning.remove(visit.its_admin, visit.actor, slug, visit.request.form.get("entry", ""))
    return answers.to(f"/installation/tenants/{slug}/limits", note="removed")


def set_bounds(visit: Visit, slug: str) -> Response:
    """POST: how long its faxes are kept, at least and at most."""
    form = Form.read(BOUNDS, visit.request.form)
    if not form.ok:
        return _limits(visit, slug, {"bounds": form}, 400)
    removes = {"": None, "no": False, "yes": True}[form.values["remove_records"]]
    try:
        retention_provisioning.set_bounds(
            visit.its_admin, visit.actor, slug, {**form.values, "remove_records": removes}
        )
    except FaxplanError as error:
        return _limits(visit, slug, {"bounds": form.failed(error)}, 400)
    return answers.to(f"/installation/tenants/{slug}/limits", note="saved")


def set_quota(visit: Visit, slug: str) -> Response:
    """POST: how many pages are sent in a day or a month."""
    form = Form.read(QUOTA, visit.request.form)
    if not form.ok:
        return _limits(visit, slug, {"quota": form}, 400)
    try:
        provisioning.set_quota(
            visit.its_admin,
            visit.actor,
            slug,
            period=form.values["period"],
            pages=form.values["pages"],
            email=form.values["email"] or None,
            warn_percent=form.values["warn_percent"],
        )
    except FaxplanError as error:
        return _limits(visit, slug, {"quota": form.failed(error)}, 400)
    return answers.to(f"/installation/tenants/{slug}/limits", note="saved")


def _limits(visit: Visit, slug: str, forms: Mapping[str, Form], status: int = 200) -> Response:
    """forms: those that came back, in place of how it is."""
    tenant = tenant_directory.one(visit.its_admin, slug)
    own, in_force = tenant_directory.bounds(visit.its_admin, slug)
    removes = {None: "", False: "no", True: "yes"}[own["remove_records"]]
    shown = {
        "kinds": Form.of(KINDS, dict.fromkeys(tenant.permitted_kinds, True)),
        "entry": Form.of(ENTRY, {"rule": "block"}),
        "bounds": Form.of(BOUNDS, {**own, "remove_records": removes}),
        "quota": Form.of(QUOTA, {"period": "month", "warn_percent": WARN_PERCENT}),
        **forms,
    }
    quotas = provisioning.all_quotas(visit.its_admin, slug)
    return answers.page(
        visit, "installation/tenant_limits.html", status, tenant=tenant, forms_of=shown, bounds=in_force, quotas=quotas
    )
