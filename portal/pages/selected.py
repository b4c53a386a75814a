"""What is done to the faxes that are selected in a list, and to the labels of one."""

from collections.abc import Callable

from werkzeug.wrappers import Response

from faxplan import deletion, labels, mailboxes
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from portal import answers, list_filters
from portal.pages import all_of_list, forwarding
from portal.visit import Visit

LISTS = ("/inbox", "/sent")


def act(visit: Visit) -> Response:
    """POST: one thing (`do`) to all of them (`fax`, again and again); then the list again, as it was (`list`)."""
    form = visit.request.form
    back = _list(form.get("list", ""))
    ids = list_filters.ids(form.getlist("fax"))
    if not ids:
        return answers.to(back, note="none-selected")
    acts: dict[str, Callable[[], Response]] = {
        "label": lambda: _labelled(visit, ids, back, put_on=True),
        "unlabel": lambda: _labelled(visit, ids, back, put_on=False),
        "read": lambda: _marked(visit, ids, back, read=True),
        "unread": lambda: _marked(visit, ids, back, read=False),
        "forward": lambda: answers.to(forwarding.address("forward", ids, back)),
        "move": lambda: answers.to(forwarding.address("move", ids, back)),
        "delete": lambda: _deleted(visit, ids, back),
        "restore": lambda: _restored(visit, ids, back),
    }
    if form.get("do") not in acts:
        raise NotFound(_("There is no such thing to do with a fax."))
    return acts[form["do"]]()


def label(visit: Visit, number: int) -> Response:
    """POST: puts a label (`label`) on one fax, or takes it off (`do`: unlabel)."""
    return _labelled(visit, [number], f"/faxes/{number}", put_on=visit.request.form.get("do") != "unlabel")


def _labelled(visit: Visit, ids: list[int], back: str, *, put_on: bool) -> Response:
    act = labels.put_on if put_on else labels.take_off
    act(visit.db, visit.user, visit.actor, ids, visit.request.form.get("label", ""))
    return answers.to(back, note="labelled" if put_on else "unlabelled")


def _marked(visit: Visit, ids: list[int], back: str, *, read: bool) -> Response:
    mailboxes.mark(visit.db, visit.user, visit.actor, ids, read=read)
    return answers.to(back, note="read" if read else "unread")


def _deleted(visit: Visit, ids: list[int], back: str) -> Response:
    gone, kept = all_of_list.deleted(visit, ids)
    return answers.page(visit, "deleted_several.html", gone=gone, kept=kept, back=back)


def _restored(visit: Visit, ids: list[int], back: str) -> Response:
    lost: list[FaxplanError] = []
    for each in ids:
        try:
            deletion.undelete(visit.db, visit.user, each)
        except FaxplanError as error:
            if error.retryable:
                raise
            lost.append(error)
    if lost:
        # The others are there again; of these the first one is told.
        raise lost[0]
    return answers.to(back, note="restored")


def _list(address: str) -> str:
    """A list of ours, with filters; what is none is the inbox."""
    path, _mark, query = address.partition("?")
    return list_filters.same(path, query) if path in LISTS else LISTS[0]
