"""What an organisation's cover pages say: its administrators' page."""

from werkzeug.wrappers import Response

from faxplan import cover_provisioning, cover_templates, cover_words
from faxplan.cover_templates import CoverTemplate
from faxplan.errors import FaxplanError
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

PAGE = "/organisation/covers"
FIELDS = (
    Field("name", marked("Name"), required=True, longest=80, hint=marked("By which your people choose it.")),
    Field("body", marked("Text"), Kind.LINES, required=True, longest=cover_words.LONGEST,
          hint=marked("It stands below names, date and subject, and may have fields and conditions.")),
    Field("footer", marked("At the foot"), Kind.LINES, longest=600,
          hint=marked("In small letters at the end of the page, such as what the law asks you to say.")),
)  # fmt: skip


def everyone(visit: Visit) -> Response:
    """GET: all of them."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = cover_templates.of_tenant(tx, visit.its_tenant.id)
    return answers.page(visit, "covers.html", found=found)


def new(visit: Visit) -> Response:
    """GET: the form for one more."""
    return _page(visit, None, Form.of(FIELDS, {"body": cover_templates.plain().body}))


def add(visit: Visit) -> Response:
    """POST: one more."""
    return _put(visit, None)


def page(visit: Visit, number: int) -> Response:
    """GET: one of them."""
    template = _get(visit, number)
    return _page(
        visit, template, Form.of(FIELDS, {"name": template.name, "body": template.body, "footer": template.footer})
    )


def change(visit: Visit, number: int) -> Response:
    """POST: what it says."""
    return _put(visit, _get(visit, number))


def make_default(visit: Visit, number: int) -> Response:
    """POST: it is chosen from now on unless somebody chooses another (`default` on), or is no more."""
    template = _get(visit, number)
    wanted = template.id if visit.request.form.get("default") == "on" else None
    cover_provisioning.make_default(visit.its_admin, visit.actor, visit.its_tenant.slug, wanted)
    return answers.to(PAGE, note="saved")


def ask(visit: Visit, number: int) -> Response:
    """GET: whether it is really to go."""
    return answers.page(visit, "cover_delete.html", template=_get(visit, number))


def remove(visit: Visit, number: int) -> Response:
    """POST: it is gone."""
    cover_provisioning.remove(visit.its_admin, visit.actor, visit.its_tenant.slug, _get(visit, number).id)
    return answers.to(PAGE, note="removed")


def _get(visit: Visit, number: int) -> CoverTemplate:
    """One of the organisation's own. Raises NotFound."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return cover_templates.own(tx, visit.its_tenant.id, number)


def _put(visit: Visit, template: CoverTemplate | None) -> Response:
    form = Form.read(FIELDS, visit.request.form)
    if not form.ok:
        return _page(visit, template, form, 400)
    try:
        cover_provisioning.put(
            visit.its_admin, visit.actor, visit.its_tenant.slug, form.values["name"], form.values["body"],
            form.values["footer"], template_id=None if template is None else template.id,
        )  # fmt: skip
    except FaxplanError as error:
        return _page(visit, template, form.failed(error), 400)
    return answers.to(PAGE, note="added" if template is None else "saved")


def _page(visit: Visit, template: CoverTemplate | None, form: Form, status: int = 200) -> Response:
    return answers.page(visit, "cover.html", status, template=template, form=form, fields=cover_words.FIELDS)
