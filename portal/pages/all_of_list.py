"""One thing is done to all faxes of a list, however many: so many at a time, and the page says how far it has come.

Each step goes on behind the fax at which the one before ended, so that what comes in meanwhile is left alone.
"""

from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from werkzeug.wrappers import Response

from faxplan import deletion, labels, listings, mailboxes
from faxplan.errors import FaxplanError, NotFound
from faxplan.labels import FaxIsFull
from faxplan.language import _, marked
from faxplan.listings import INBOX, SENT
from portal import answers, list_filters, wording
from portal.visit import Visit

AT_ONCE = labels.MOST_AT_ONCE
_SHOWN = 20
"""So many of those that stay as they are, with why."""
_OF = {"/inbox": INBOX, "/sent": SENT}
ACTS = {
    "label": marked("Put the label on"),
    "unlabel": marked("Take the label off"),
    "read": marked("Mark as read"),
    "unread": marked("Mark as unread"),
    "delete": marked("Delete"),
}


def act(visit: Visit) -> Response:
    """POST: what is to be done (`do`) to the list (`list`), and is asked first; with `go`, the next step of it, behind
    `before`."""
    form = visit.request.form
    path, _mark, query = form.get("list", "").partition("?")
    do, label, done = form.get("do", ""), form.get("label", "").strip(), _count(form.get("done", ""))
    if path not in _OF or do not in ACTS:
        raise NotFound(_("There is no such thing to do with a fax."))
    if do in ("label", "unlabel"):
        labels.checked(label)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        asked = list_filters.read(tx, visit.user, visit.its_tenant, _OF[path], dict(parse_qsl(query)))
        if asked.wrong:
            raise NotFound(asked.wrong)
        before = list_filters.place(form.get("before", ""))
        part = listings.part(tx, visit.user, _OF[path], asked.filters, limit=AT_ONCE, before=before)
    ids, onward, kept = [fax_id for _at, fax_id in part.places], form.get("before", ""), []
    if "go" in form:
        kept = _done(visit, do, label, ids) if ids else []
        done += len(ids) - len(kept)
        onward = "" if part.onward is None else list_filters.written(part.onward)
    return answers.page(
        visit,
        "all_of_list.html",
        asked=asked,
        do=do,
        words=ACTS[do],
        label=label,
        done=done,
        kept=kept[:_SHOWN],
        kept_count=len(kept),
        onward=onward,
        is_begun="go" in form,
        is_over="go" in form and part.onward is None,
        nothing="go" not in form and not ids,
        at_once=AT_ONCE,
    )


def _done(visit: Visit, do: str, label: str, ids: Sequence[int]) -> list[str]:
    """Does it; of those that stay as they are, why."""
    acts: dict[str, Callable[[], object]] = {
        "unlabel": lambda: labels.take_off(visit.db, visit.user, visit.actor, ids, label),
        "read": lambda: mailboxes.mark(visit.db, visit.user, visit.actor, ids, read=True),
        "unread": lambda: mailboxes.mark(visit.db, visit.user, visit.actor, ids, read=False),
    }
    if do in acts:
        acts[do]()
        return []
    return _labelled(visit, label, ids) if do == "label" else deleted(visit, ids)[1]


def _labelled(visit: Visit, label: str, ids: Sequence[int]) -> list[str]:
    """At once, or each by itself where one has no room for it; of these, why not."""
    kept: list[str] = []
    try:
        labels.put_on(visit.db, visit.user, visit.actor, ids, label)
    except FaxIsFull as error:
        if len(ids) == 1:
            return [wording.for_browser(str(error))]
        for each in ids:
            kept += _labelled(visit, label, [each])
    return kept


def deleted(visit: Visit, ids: Sequence[int]) -> tuple[list[int], list[str]]:
    """Deletes faxes, each by itself: what cannot be deleted keeps nothing else here. Those that are, and of the others
    why not."""
    gone, kept = [], []
    for each in ids:
        try:
            deletion.delete(visit.db, visit.user, each)
        except FaxplanError as error:
            if error.retryable:
                raise
            kept.append(wording.for_browser(str(error)))
        else:
            gone.append(each)
    return gone, kept


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
