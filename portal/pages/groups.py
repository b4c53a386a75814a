"""Groups of contacts: made, named and deleted; who is in one, the list of contacts says."""

from werkzeug.wrappers import Response

from faxplan import contact_groups, contacts
from faxplan.contact_groups import Group
from faxplan.errors import FaxplanError
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

_NAME = Field("name", marked("Name"), required=True, longest=100)
NEW = (
    _NAME,
    Field("shared", marked("Shared with your organisation"), Kind.SWITCH,
          hint=marked("Everybody sees it then; you and your administrators change it. It has shared contacts only.")),
)  # fmt: skip
CHANGED = (_NAME,)


def new(visit: Visit) -> Response:
    """GET: the form for one more."""
    return _new(visit, Form.of(NEW, {}))


def add(visit: Visit) -> Response:
    """POST: one more."""
    form = Form.read(NEW, visit.request.form)
    if not form.ok:
        return _new(visit, form, 400)
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            made = contact_groups.add(tx, visit.user, form.values["name"], shared=form.values["shared"])
    except FaxplanError as error:
        return _new(visit, form.failed(error), 400)
    return answers.to(f"/contacts?group={made.id}", note="added")


def page(visit: Visit, number: int) -> Response:
    """GET: its name."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        group = contact_groups.get(tx, visit.user, number)
    return _page(visit, group, Form.of(CHANGED, {"name": group.name}))


def change(visit: Visit, number: int) -> Response:
    """POST: another name."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        group = contact_groups.get(tx, visit.user, number)
    form = Form.read(CHANGED, visit.request.form)
    if not form.ok:
        return _page(visit, group, form, 400)
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            contact_groups.rename(tx, visit.user, number, form.values["name"])
    except FaxplanError as error:
        return _page(visit, group, form.failed(error), 400)
    return answers.to(f"/contacts?group={number}", note="saved")


def ask(visit: Visit, number: int) -> Response:
    """GET: whether it is really to go."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        group = contact_groups.get(tx, visit.user, number)
        contacts.check_change(visit.user, group)
    return answers.page(visit, "group_delete.html", group=group)


def remove(visit: Visit, number: int) -> Response:
    """POST: it is gone; its contacts stay."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        contact_groups.remove(tx, visit.user, number)
    return answers.to("/contacts", note="removed")


def _new(visit: Visit, form: Form, status: int = 200) -> Response:
    return answers.page(visit, "group_new.html", status, form=form)


def _page(visit: Visit, group: Group, form: Form, status: int = 200) -> Response:
    may_change = contacts.may_change(visit.user, group)
    return answers.page(visit, "group.html", status, group=group, form=form, may_change=may_change)
