"""Tenants, as an operator keeps them: all their settings, what they may call, quotas, and their people."""

from typing import Any

from werkzeug.wrappers import Response

from faxplan import (
    provisioning,
    tenant_directory,
    tenants,
)
from faxplan.billing_codes import BillingCodes
from faxplan.errors import FaxplanError
from faxplan.language import marked
from faxplan.permissions import LABELS, Permission, stored
from portal import answers
from portal.forms import Field, Form, Kind, differing
from portal.visit import Visit

AT_ONCE = 100
_MOST_NAMES = 500
"""In a list to choose from while one writes."""
_IDENT = marked("Digits, + and blanks, at most 20: what fax machines show of the other side.")
_NAME = Field("name", marked("Name"), required=True, longest=200)
_ZONE = Field(
    "time_zone",
    marked("Time zone"),
    required=True,
    longest=64,
    hint=marked("Such as Europe/Berlin or America/New_York."),
)
_STATION_IDENT = Field("station_ident", marked("Station ident"), longest=20, hint=_IDENT)
_HEADER_NAME = Field(
    "header_name", marked("Name in the header line"), longest=50, hint=marked("Stands above each page that is sent.")
)
NEW = (
    Field(
        "slug",
        marked("Short name"),
        required=True,
        longest=40,
        hint=marked("Small letters, digits, hyphens. It is in the tenant's address and stays as it is."),
    ),
    _NAME,
    Field(
        "country",
        marked("Country"),
        required=True,
        longest=2,
        hint=marked("Two letters, such as DE. National numbers are read in it; it stays as it is."),
    ),
    _ZONE,
    _STATION_IDENT,
    _HEADER_NAME,
)
BILLED = (
    (BillingCodes.NONE.value, marked("Never")),
    (BillingCodes.OPTIONAL.value, marked("If somebody likes")),
    (BillingCodes.REQUIRED.value, marked("Always")),
)
SETTINGS = (
    _NAME,
    _ZONE,
    _STATION_IDENT,
    _HEADER_NAME,
    Field(
        "header_line",
        marked("Header line above each page"),
        Kind.SWITCH,
        hint=marked("Date, sender and page. It cannot be off in the US."),
    ),
    Field(
        "page_n_of_m",
        marked("The header line says how many pages there are"),
        Kind.SWITCH,
        hint=marked("Off: the page's number alone."),
    ),
    Field("max_attempts", marked("Calls for one fax"), Kind.NUMBER, required=True, least=1, most=20),
    Field(
        "max_calls",
        marked("Calls at once"),
        Kind.NUMBER,
        least=1,
        hint=marked("Sent and received together. Empty: no limit of its own."),
    ),
    Field(
        "calls_per_hour", marked("Calls an hour"), Kind.NUMBER, least=1, hint=marked("That go out. Empty: no limit.")
    ),
    Field(
        "pages_per_hour", marked("Pages an hour"), Kind.NUMBER, least=1, hint=marked("That go out. Empty: no limit.")
    ),
    Field(
        "wait_hours",
        marked("Hours that a fax may wait"),
        Kind.NUMBER,
        least=1,
        hint=marked("Then it is given up. Empty: as the installation's setting says."),
    ),
    Field(
        "redial_limits",
        marked("Rest after calls in vain"),
        Kind.CHOICE,
        choices=(
            (tenants.NO_LIMITS, marked("None but ours")),
            ("us", marked("As the US asks: an hour after two calls")),
        ),
    ),
    Field(
        "redial_unknown",
        marked("Dial again where a crash hides how a call ended"),
        Kind.SWITCH,
        hint=marked("On: a fax may arrive twice. Off: it may not arrive."),
    ),
    Field(
        "sandbox_numbers",
        marked("Takes faxes to sandbox numbers"),
        Kind.SWITCH,
        hint=marked("For who tries the API: such a fax ends as its number says, and reaches nobody."),
    ),
    Field(
        "permissions",
        marked("Its people may at most"),
        Kind.SEVERAL,
        choices=tuple((each.value, LABELS[each]) for each in Permission),
        hint=marked("Of that its administrators permit each what they like."),
    ),
    Field(
        "billing_codes",
        marked("A fax says whom it is charged to"),
        Kind.CHOICE,
        choices=BILLED,
    ),
    Field(
        "enabled",
        marked("Switched on"),
        Kind.SWITCH,
        hint=marked("Off: nothing is dialled, and calls to its numbers get 404. Its people read what they have."),
    ),
)
GROUPS = (
    (marked("Identity"), ("name", "time_zone", "station_ident", "header_name", "header_line", "page_n_of_m")),
    (
        marked("Sending"),
        (
            "max_attempts",
            "max_calls",
            "calls_per_hour",
            "pages_per_hour",
            "wait_hours",
            "redial_limits",
            "redial_unknown",
            "sandbox_numbers",
        ),
    ),
    (marked("What it may"), ("permissions", "billing_codes", "enabled")),
)


def short_names(visit: Visit) -> list[str]:
    """To choose from where a tenant is written; of very many, the first."""
    return [each.slug for each in provisioning.all_tenants(visit.its_admin)[:_MOST_NAMES]]


def everyone(visit: Visit) -> Response:
    """GET: all of them, by short name."""
    words, after = visit.request.args.get("q", "").strip(), visit.request.args.get("after", "")
    found = tenant_directory.some(visit.its_admin, words=words, after=after, limit=AT_ONCE + 1)
    shown = found[:AT_ONCE]
    onward = shown[-1]["slug"] if len(found) > AT_ONCE else None
    return answers.page(
        visit, "installation/tenants.html", tenants=shown, words=words, onward=onward, is_first=not after
    )


def new(visit: Visit) -> Response:
    """GET: the form for one more."""
    return _new(visit, Form.of(NEW, {}))


def add(visit: Visit) -> Response:
    """POST: one more."""
    form = Form.read(NEW, visit.request.form)
    if not form.ok:
        return _new(visit, form, 400)
    values = {**form.values, "country": form.values["country"].upper()}
    try:
        tenant = provisioning.add_tenant(visit.its_admin, visit.actor, values)
    except FaxplanError as error:
        return _new(visit, form.failed(error), 400)
    return answers.to(f"/installation/tenants/{tenant.slug}/people", note="added")


def page(visit: Visit, slug: str) -> Response:
    """GET: its settings."""
    return _page(visit, slug, Form.of(SETTINGS, _values(tenant_directory.one(visit.its_admin, slug))))


def change(visit: Visit, slug: str) -> Response:
    """POST: its settings."""
    form = Form.read(SETTINGS, visit.request.form)
    if not form.ok:
        return _page(visit, slug, form, 400)
    changed = differing(form.values, _values(tenant_directory.one(visit.its_admin, slug)))
    try:
        if changed:
            provisioning.change_tenant(visit.its_admin, visit.actor, slug, changed)
    except FaxplanError as error:
        return _page(visit, slug, form.failed(error), 400)
    return answers.to(f"/installation/tenants/{slug}", note="saved")


# ------------------------------------------------------------------------------------------------------------ the pages


def _values(tenant: tenants.Tenant) -> dict[str, Any]:
    values = {each.name: getattr(tenant, each.name) for each in SETTINGS}
    return {**values, "permissions": stored(tenant.permissions)}


def _new(visit: Visit, form: Form, status: int = 200) -> Response:
    return answers.page(visit, "installation/tenant_new.html", status, form=form)


def _page(visit: Visit, slug: str, form: Form, status: int = 200) -> Response:
    tenant = tenant_directory.one(visit.its_admin, slug)
    return answers.page(visit, "installation/tenant.html", status, tenant=tenant, form=form, groups=GROUPS)
