"""Who got a fax of a campaign asks for no more: their number, and the code that stands on it. Nobody is told whether
the two belong together."""

from werkzeug.wrappers import Response

from faxplan import opt_out
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form
from portal.places import STOP
from portal.visit import Visit

FIELDS = (
    Field("number", marked("Your fax number"), required=True, longest=40, autocomplete="tel",
          hint=marked("As it is dialled, or with its country: +1 978 555 0126.")),
    Field("code", marked("Code"), required=True, longest=20, autocomplete="off",
          hint=marked("Eight letters and digits, at the foot of the fax.")),
)  # fmt: skip


def page(visit: Visit) -> Response:
    """GET: the form; `done` after it."""
    return answers.page(visit, "stop.html", form=Form.of(FIELDS, {}), is_done="done" in visit.request.args)


def ask(visit: Visit) -> Response:
    """POST: the same answer, whatever it was."""
    form = Form.read(FIELDS, visit.request.form)
    if not form.ok:
        return answers.page(visit, "stop.html", 400, form=form, is_done=False)
    opt_out.by_page(visit.db, visit.its_tenant.id, visit.address, form.values["number"], form.values["code"])
    return answers.to(f"{STOP}?done")
