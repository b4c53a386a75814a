"""Tenants, as an operator keeps them: all their settings, what they may call, quotas, and their people."""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from faxplan import (
    barring_provisioning,
    brand_provisioning,
    invitations,
    number_policy,
    provisioning,
    retention_provisioning,
    tenant_directory,
    tenants,
    users,
)
from faxplan.billing_codes import BillingCodes
from faxplan.errors import FaxplanError
from faxplan.language import marked
from faxplan.permissions import LABELS, Permission, stored
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

AT_ONCE = 100
_IDENT = marked("Digits, + and blanks, at most 20: what fax machines show of the other side.")
_NAME = Field("name", marked("Name"), required=True, longest=200)
_ZONE = Field(
    "time_zone",
    marked("Time zone"),
    required=True,
    longest=64,
    hint=marked("Such as Europe/Berlin or America/New_York."),
)
_STATION_IDENT = Field("station_ident", marked("Fax ident"), longest=20, hint=_IDENT)
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
        ),
    ),
    (marked("What it may"), ("permissions", "billing_codes", "enabled")),
)
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
)
PERSON = (
    Field("email", marked("E-mail address"), Kind.EMAIL, required=True, longest=254),
    Field("name", marked("Name"), longest=100),
    Field(
        "role",
        marked("Role"),
        Kind.CHOICE,
        choices=((users.ADMINISTRATOR, marked("Administrator")), (users.USER, marked("User"))),
        hint=marked("The first administrator adds everybody else."),
    ),
)
WHO = (
    Field("name", marked("Name"), longest=100),
    Field(
        "role",
        marked("Role"),
        Kind.CHOICE,
        choices=((users.USER, marked("User")), (users.ADMINISTRATOR, marked("Administrator"))),
    ),
    Field(
        "operator",
        marked("Runs this installation as well"),
        Kind.SWITCH,
        hint=marked("Sees these pages, and changes everything on them. No faxes but their own."),
    ),
    Field("enabled", marked("May log in"), Kind.SWITCH),
)


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


def differing(values: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What a form has changed: so much stands in the audit, and no more."""
    return {name: value for name, value in values.items() if value != now[name]}


# ------------------------------------------------------------------------------------------- what it may send and keep


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
        )
    except FaxplanError as error:
        return _limits(visit, slug, {"quota": form.failed(error)}, 400)
    return answers.to(f"/installation/tenants/{slug}/limits", note="saved")


# ---------------------------------------------------------------------------------------------------------- its people


def people(visit: Visit, slug: str) -> Response:
    """GET: who they are, and what they may."""
    return _people(visit, slug, Form.of(PERSON, {"role": users.ADMINISTRATOR}))


def add_person(visit: Visit, slug: str) -> Response:
    """POST: one more; the first administrator comes so."""
    form = Form.read(PERSON, visit.request.form)
    if not form.ok:
        return _people(visit, slug, form, 400)
    try:
        user = provisioning.add_user(visit.its_admin, visit.actor, slug, **form.values)
    except FaxplanError as error:
        return _people(visit, slug, form.failed(error), 400)
    return answers.to(f"/installation/tenants/{slug}/people/{user.id}", note="added")


def person(visit: Visit, slug: str, number: int) -> Response:
    """GET: one of them."""
    row = _who(visit, slug, number)
    return answers.page(
        visit, "installation/tenant_person.html", tenant=row["tenant"], person=row, form=Form.of(WHO, row)
    )


def change_person(visit: Visit, slug: str, number: int) -> Response:
    """POST: what they may."""
    form, row = Form.read(WHO, visit.request.form), _who(visit, slug, number)
    if form.ok:
        changed = differing(form.values, row)
        try:
            if changed:
                provisioning.change_user(visit.its_admin, visit.actor, slug, number, changed)
            return answers.to(f"/installation/tenants/{slug}/people", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return answers.page(visit, "installation/tenant_person.html", 400, tenant=row["tenant"], person=row, form=form)


def invite(visit: Visit, slug: str, number: int) -> Response:
    """POST: a link by which they choose a password. The page that answers shows it, this once."""
    row = _who(visit, slug, number)
    form = Form.of(WHO, row)
    try:
        _user, token = provisioning.invite(visit.its_admin, visit.actor, slug, row["email"])
    except FaxplanError as error:
        form, link = form.failed(error), ""
    else:
        port = visit.request.host.partition(":")[2]
        host = f"{slug}.{visit.domain}{f':{port}' if port else ''}"
        link = invitations.link(f"{visit.request.scheme}://{host}", token)
    return answers.page(
        visit,
        "installation/tenant_person.html",
        200 if link else 400,
        tenant=row["tenant"],
        person=row,
        form=form,
        link=link,
        days=invitations.DAYS,
    )


def confirm_host(visit: Visit, slug: str) -> Response:
    """POST: a host name of its own is its own, leads here, and has a certificate."""
    brand_provisioning.confirm_host(visit.its_admin, visit.actor, slug, visit.request.form.get("host", ""))
    return answers.to(f"/installation/tenants/{slug}/people", note="saved")


# ------------------------------------------------------------------------------------------------------------ the pages


def _values(tenant: tenants.Tenant) -> dict[str, Any]:
    values = {each.name: getattr(tenant, each.name) for each in SETTINGS}
    return {**values, "permissions": stored(tenant.permissions)}


def _new(visit: Visit, form: Form, status: int = 200) -> Response:
    return answers.page(visit, "installation/tenant_new.html", status, form=form)


def _page(visit: Visit, slug: str, form: Form, status: int = 200) -> Response:
    tenant = tenant_directory.one(visit.its_admin, slug)
    return answers.page(visit, "installation/tenant.html", status, tenant=tenant, form=form, groups=GROUPS)


def _limits(visit: Visit, slug: str, forms: Mapping[str, Form], status: int = 200) -> Response:
    """forms: those that came back, in place of how it is."""
    tenant = tenant_directory.one(visit.its_admin, slug)
    own, in_force = tenant_directory.bounds(visit.its_admin, slug)
    removes = {None: "", False: "no", True: "yes"}[own["remove_records"]]
    shown = {
        "kinds": Form.of(KINDS, dict.fromkeys(tenant.permitted_kinds, True)),
        "entry": Form.of(ENTRY, {"rule": "block"}),
        "bounds": Form.of(BOUNDS, {**own, "remove_records": removes}),
        "quota": Form.of(QUOTA, {"period": "month"}),
        **forms,
    }
    quotas = provisioning.all_quotas(visit.its_admin, slug)
    return answers.page(
        visit, "installation/tenant_limits.html", status, tenant=tenant, forms_of=shown, bounds=in_force, quotas=quotas
    )


def _people(visit: Visit, slug: str, form: Form, status: int = 200) -> Response:
    tenant = tenant_directory.one(visit.its_admin, slug)
    found: Sequence[Mapping[str, Any]] = provisioning.all_users(visit.its_admin, slug)
    hosts = brand_provisioning.hosts(visit.its_admin, slug)
    return answers.page(
        visit, "installation/tenant_people.html", status, tenant=tenant, people=found, form=form, hosts=hosts
    )


def _who(visit: Visit, slug: str, number: int) -> Mapping[str, Any]:
    """Raises NotFound."""
    found = tenant_directory.person(visit.its_admin, slug, number)
    return {**found, "tenant": tenant_directory.one(visit.its_admin, slug)}
