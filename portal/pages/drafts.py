"""Sending: a document is handed in, looked at as it will be faxed, and goes to whom the user says."""

import re
from pathlib import Path

from werkzeug.wrappers import Response

from faxplan import drafts, priorities, send_time
from faxplan.drafts import Draft, Recipients
from faxplan.errors import FaxplanError
from faxplan.originals import HandedIn
from faxplan.paper import CHOICES, Resolution
from portal import answers, wording
from portal.pages import covers, recipients
from portal.visit import Visit


class NoFile(FaxplanError):
    """The form came without a document."""

    error_id = "no-file"


def send_page(visit: Visit) -> Response:
    """GET: where a document is handed in."""
    return _send_page(visit, wrong=None)


def _send_page(visit: Visit, *, wrong: str | None, status: int = 200) -> Response:
    return answers.page(visit, "send.html", status, wrong=wrong, to=recipients.carried(visit.request.args))


def add(visit: Visit) -> Response:
    """POST: a draft of the document in the form."""
    file = visit.request.files.get("file")
    try:
        if file is None or not file.filename:
            raise NoFile("Choose the document that is to be faxed.")
        file.stream.flush()
        document = HandedIn(
            # Where PortalRequest put it.
            Path(str(file.stream.name)),
            _name(file.filename),
            password=visit.request.form.get("password") or None,
        )
        draft = drafts.make(visit.db, visit.store, visit.user, document)
    except FaxplanError as error:
        if error.retryable:
            raise
        return _send_page(visit, wrong=wording.for_browser(str(error)), status=400)
    return answers.to(f"/drafts/{draft.id}{recipients.carried(visit.request.args)}")


def page(visit: Visit, number: int) -> Response:
    """GET: its pages, and the form that sends it."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
    return _page(visit, draft, wrong=None)


def _page(visit: Visit, draft: Draft, *, wrong: str | None, status: int = 200) -> Response:
    form = visit.request.form
    # From the page of a contact, the address names it.
    with visit.db.tenant(visit.its_tenant.id) as tx:
        chosen = recipients.chips(visit, tx, visit.request.args if visit.request.method == "GET" else form)
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
        numbers=form.get("numbers", ""),
        at=form.get("at", ""),
        priority=form.get("priority", "normal"),
    )


def fill(visit: Visit, number: int) -> Response:
    """POST: the same page, with whom the user has chosen meanwhile."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
    return _page(visit, draft, wrong=None)


def standing(visit: Visit, number: int) -> Response:
    """GET, for the page's script: whether its pages are made."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
    return answers.data({"state": draft.state, "pages": draft.pages, "explanation": draft.explanation})


def change(visit: Visit, number: int) -> Response:
    """POST: its pages at another resolution."""
    wanted = visit.request.form.get("resolution", "")
    chosen = next((each for each in CHOICES if each.value == wanted), Resolution.FINE)
    drafts.change(visit.db, visit.user, number, chosen)
    return answers.to(f"/drafts/{number}")


def send(visit: Visit, number: int) -> Response:
    """POST: a fax to each of the numbers in the form."""
    form = visit.request.form
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
    try:
        at = form.get("at", "").replace("T", " ").strip()
        send_at = send_time.parse(at, visit.zone, visit.now) if at else None
        priority = form.get("priority", "")
        contacts, groups = recipients.named(form)
        to = Recipients(
            recipients.written(form),
            priorities.named(priority if priority in priorities.WORDS else "normal"),
            send_at,
            contacts=contacts,
            groups=groups,
            cover=covers.wanted(form),
        )
        sent = drafts.send(visit.db, visit.user, number, to, visit.store)
    except FaxplanError as error:
        if error.retryable:
            raise
        return _page(visit, draft, wrong=wording.for_browser(str(error)), status=400)
    return answers.to(f"/faxes/{sent[0].fax_id}" if len(sent) == 1 else "/sent")


def remove(visit: Visit, number: int) -> Response:
    """POST: it is not to be sent."""
    drafts.remove(visit.db, visit.user, number)
    return answers.to("/sent")


def _name(said: str) -> str:
    """What a browser says that a file is called: some say where it lay, too."""
    return re.split(r"[\\/]", said)[-1]
