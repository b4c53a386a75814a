"""Sending: files are handed in, looked at as they will be faxed, and go to whom the user says."""

import re
from http import HTTPStatus
from pathlib import Path

from werkzeug.wrappers import Response

from faxplan import drafts, source
from faxplan.drafts import Draft
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.originals import HandedIn, NamedFile
from faxplan.paper import CHOICES, Resolution
from portal import answers, wording
from portal.pages import covers, draft_form, recipients
from portal.pages.draft_form import Filled
from portal.visit import Visit


class NoFile(FaxplanError):
    """The form came without a document."""

    error_id = "no-file"


def send_page(visit: Visit) -> Response:
    """GET: where files are handed in."""
    return _send_page(visit, wrong=None)


def _send_page(visit: Visit, *, wrong: str | None, status: int = 200) -> Response:
    return answers.page(
        visit, "send.html", status, wrong=wrong, to=recipients.carried(visit.request.args), has_office=has_office()
    )


def has_office() -> bool:
    """Whether office documents are taken: by the machine that looks at what is handed in, which is this one."""
    return source.soffice() is not None


def add(visit: Visit) -> Response:
    """POST: a draft of the files in the form. instead: of this draft, at its resolution; for its page's script."""
    form = visit.request.form
    try:
        instead = _number(form.get("instead", ""))
        resolution = Resolution.FINE
        if instead is not None:
            with visit.db.tenant(visit.its_tenant.id) as tx:
                resolution = Resolution(drafts.get(tx, visit.user, instead).resolution)
        first, *more = files_of(visit)
        document = HandedIn(first.file, first.name, resolution, form.get("password") or None, more)
        draft = drafts.make(visit.db, visit.store, visit.user, document, instead=instead)
    except FaxplanError as error:
        if error.retryable or visit.request.wants_json:
            raise
        return _send_page(visit, wrong=wording.for_browser(str(error)), status=400)
    address = f"/drafts/{draft.id}{recipients.carried(visit.request.args)}"
    return answers.data({"address": address}) if visit.request.wants_json else answers.to(address)


def files_of(visit: Visit) -> list[NamedFile]:
    """Those that came, where PortalRequest put them, in their order. Raises NoFile."""
    found = []
    for each in visit.request.files.getlist("file"):
        if each.filename:
            each.stream.flush()
            found.append(NamedFile(Path(str(each.stream.name)), _name(each.filename)))
    if not found:
        raise NoFile(_("Choose what is to be faxed: one file or several."))
    return found


def page(visit: Visit, number: int) -> Response:
    """GET: its pages, and the form that sends it."""
    try:
        draft = _of(visit, number)
    except NotFound:
        return _gone(visit, number)
    return _page(visit, draft, wrong=None)


def _of(visit: Visit, number: int) -> Draft:
    """Raises NotFound."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return drafts.get(tx, visit.user, number)


def _gone(visit: Visit, number: int) -> Response:
    """It is none any more: what became of it, so that nobody sends it twice who comes back to its page."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        faxes = drafts.sent_as(tx, visit.user, number)
    return answers.page(visit, "draft_gone.html", HTTPStatus.NOT_FOUND, faxes=faxes)


def _page(visit: Visit, draft: Draft, *, wrong: str | None, status: int = 200) -> Response:
    form = visit.request.form
    # From the page of a contact, or of a fax, the address says to whom it goes.
    given = visit.request.args if visit.request.method == "GET" else form
    filled = Filled.of(form, to=given.get("to", ""))
    with visit.db.tenant(visit.its_tenant.id) as tx:
        chosen = recipients.chips(visit, tx, given)
        foreseen = draft_form.shown(visit, tx, draft, filled)
        choices = draft_form.choices(visit, tx)
        cover = covers.shown(visit, tx)
    return answers.page(
        visit,
        "draft.html",
        status,
        draft=draft,
        wrong=wrong,
        resolutions=[each.value for each in CHOICES],
        chosen=chosen,
        cover=cover,
        filled=filled,
        foreseen=foreseen,
        **choices,
    )


def refused(visit: Visit, draft: Draft, wrong: str) -> Response:
    """The same page, as it was filled in. wrong: why nothing has come of it."""
    return _page(visit, draft, wrong=wrong, status=400)


def fill(visit: Visit, number: int) -> Response:
    """POST: the same page, with whom the user has chosen meanwhile."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
    return _page(visit, draft, wrong=None)


def standing(visit: Visit, number: int) -> Response:
    """GET, for the page's script: whether its pages are made."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
    why = draft.explanation and wording.for_browser(draft.explanation)
    return answers.data({"state": draft.state, "pages": draft.pages, "explanation": why})


def count(visit: Visit, number: int) -> Response:
    """POST, for the page's script: to how many numbers it goes, and what else would become of it."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
        found = draft_form.foreseen(visit, tx, draft, Filled.of(visit.request.form))
    return answers.data(found.as_json)


def change(visit: Visit, number: int) -> Response:
    """POST: its pages at another resolution, and the form as it was filled in."""
    wanted = visit.request.form.get("resolution", "")
    chosen = next((each for each in CHOICES if each.value == wanted), Resolution.FINE)
    return _page(visit, drafts.change(visit.db, visit.user, number, chosen), wrong=None)


def send(visit: Visit, number: int) -> Response:
    """POST: a fax to each of the numbers in the form."""
    try:
        draft = _of(visit, number)
    except NotFound:
        return _gone(visit, number)
    try:
        to = Filled.of(visit.request.form).recipients(visit)
        sent = drafts.send(visit.db, visit.store, visit.user, number, to)
    except FaxplanError as error:
        if error.retryable:
            raise
        return refused(visit, draft, wording.for_browser(str(error)))
    return answers.to(f"/faxes/{sent[0].fax_id}" if len(sent) == 1 else "/sent")


def remove(visit: Visit, number: int) -> Response:
    """POST: it is not to be sent."""
    drafts.remove(visit.db, visit.user, number)
    return answers.to("/sent")


def _number(said: str) -> int | None:
    """The id that a form names; None: none that there could be."""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def _name(said: str) -> str:
    """What a browser says that a file is called: some say where it lay, too."""
    return re.split(r"[\\/]", said)[-1]
