"""A tenant's people and host names, as an operator sees to them: its first administrator, and who is an operator."""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from faxplan import (
    brand_provisioning,
    invitations,
    provisioning,
    tenant_directory,
    users,
)
from faxplan.errors import FaxplanError
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form, Kind, differing
from portal.visit import Visit

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
    return answers.to(f"/installation/tenants/{slug}/people/{user.id}", note="added-person")


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
