"""The numbers to which nobody of an organisation sends faxes."""

from werkzeug.wrappers import Response

from faxplan import do_not_fax, do_not_fax_provisioning, history
from faxplan.do_not_fax_provisioning import InvalidList
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from portal import answers, wording
from portal.forms import Field, Form
from portal.pages.fax import other_end
from portal.visit import Visit

AT_ONCE = 100
ENTRY = (
    Field("number", marked("Number"), required=True, longest=40, autocomplete="off"),
    Field(
        "reason",
        marked("Why"),
        longest=do_not_fax.LONGEST_REASON,
        hint=marked("Who tries to fax it reads this."),
    ),
)
PAGE = "/organisation/do-not-fax"


def page(visit: Visit) -> Response:
    """GET: the list, those whose number has the digits in it, and the form for one more."""
    return _page(visit, Form.of(ENTRY, {}))


def change(visit: Visit) -> Response:
    """POST: one more (`number`, `reason`), or one less (`remove`)."""
    wants, where = visit.request.form, (visit.its_admin, visit.actor, visit.its_tenant.slug)
    form = Form.of(ENTRY, {}) if "remove" in wants else Form.read(ENTRY, wants)
    if not form.ok:
        return _page(visit, form, status=400)
    try:
        if "remove" in wants:
            do_not_fax_provisioning.remove(*where, wants["remove"])
        else:
            do_not_fax_provisioning.add(*where, form.values["number"], form.values["reason"])
    except FaxplanError as error:
        return _page(visit, form.failed(error), status=400)
    return answers.to(PAGE, note="removed" if "remove" in wants else "added")


def read_in(visit: Visit) -> Response:
    """POST: the numbers of a CSV file."""
    file = visit.request.files.get("file")
    try:
        if file is None or not file.filename:
            raise InvalidList(_("Choose a CSV file: a number a line, and a reason behind a comma."))
        try:
            text = file.stream.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidList(_("This is no CSV file in UTF-8. Save it as one, and send it again.")) from error
        do_not_fax_provisioning.read_in(visit.its_admin, visit.actor, visit.its_tenant.slug, text)
    except FaxplanError as error:
        if error.retryable:
            raise
        return _page(visit, Form.of(ENTRY, {}), wrong=wording.for_browser(str(error)), status=400)
    return answers.to(PAGE, note="added")


def file(visit: Visit) -> Response:
    """GET: all of it, as a CSV file."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        rows = do_not_fax.of_tenant(tx, visit.its_tenant.id)
    return answers.table("do-not-fax.csv", do_not_fax_provisioning.written(rows))


def of_fax(visit: Visit, number: int) -> Response:
    """POST: the number that a fax came from, or went to, by who sees that."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        other = other_end(history.fax(tx, visit.user, number))
    if other is None:
        raise NotFound(_("The other end's number is not known."))
    reason = visit.request.form.get("reason", "").strip().replace("\0", "")
    do_not_fax_provisioning.add_own(visit.db, visit.actor, visit.its_tenant.id, other, reason)
    return answers.to(f"/faxes/{number}", note="not-faxed")


def _page(visit: Visit, form: Form, *, wrong: str = "", status: int = 200) -> Response:
    words, after = visit.request.args.get("q", "").strip(), visit.request.args.get("after", "")
    digits = "".join(filter(str.isdigit, words)).lstrip("0")
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = do_not_fax.of_tenant(tx, visit.its_tenant.id, digits=digits, after=after, limit=AT_ONCE + 1)
    shown = found[:AT_ONCE]
    return answers.page(
        visit, "do_not_fax.html", status,
        entries=shown, words=words, onward=shown[-1]["number"] if len(found) > AT_ONCE else None, is_first=not after,
        form=form, wrong=wrong,
    )  # fmt: skip
