"""The lists: what came in, and what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from werkzeug.wrappers import Response

from faxplan import contact_names, drafts, history, labels, listings, notices, permissions, time_line
from faxplan.history import Fax
from faxplan.labels import Label
from faxplan.listings import INBOX, SENT, Part
from faxplan.notices import Notice
from portal import answers, list_filters, wording
from portal.pages import told
from portal.visit import Visit

AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One fax in a list. standing: where it stands, in a sentence. name: of the contact with its number, if any."""

    fax: Fax
    standing: str
    name: str
    labels: Sequence[Label]


def inbox(visit: Visit) -> Response:
    """GET: what lies in the mailboxes that the user reads; who may read none has what they sent."""
    if permissions.RECEIVE not in visit.permissions:
        return answers.to("/sent")
    return _list(visit, INBOX, "inbox.html")


def sent(visit: Visit) -> Response:
    """GET: what the user has sent, and the drafts before that."""
    return _list(visit, SENT, "sent.html")


def _list(visit: Visit, of: str, template: str) -> Response:
    before = list_filters.place(visit.request.args.get("before", ""))
    with visit.db.tenant(visit.its_tenant.id) as tx:
        asked = list_filters.read(tx, visit.user, visit.its_tenant, of, visit.request.args)
        part = Part()
        if not asked.wrong:
            part = listings.part(tx, visit.user, of, asked.filters, limit=AT_ONCE, before=before)
        found = history.of_ids(tx, visit.user, [fax_id for _at, fax_id in part.places])
        if of == INBOX and before is None and not set(asked.said) - {"mailbox"} and not asked.wrong:
            found = [*history.arriving_now(tx, visit.user, asked.filters.mailbox_id), *found]
        waiting = drafts.of_user(tx, visit.user) if of == SENT and before is None and not asked.is_narrowed else []
        put_on = labels.of_faxes(tx, visit.its_tenant.id, [each.id for each in found])
        to_tell: Sequence[Notice] = []
        if before is None and not asked.is_narrowed:
            to_tell = notices.unseen(tx, visit.user, told.AT_ONCE + 1)
        names = contact_names.names_of(tx, visit.user, [each.other_number for each in found])
    lines = [
        Line(
            each,
            wording.without_commands(time_line.standing(each, visit.zone, visit.now)),
            names.get(each.other_number or "", ""),
            put_on[each.id],
        )
        for each in found
    ]
    return answers.page(
        visit,
        template,
        HTTPStatus.BAD_REQUEST if asked.wrong else HTTPStatus.OK,
        asked=asked,
        lines=lines,
        older=None if part.onward is None else asked.onward(list_filters.written(part.onward)),
        until=part.until,
        drafts=waiting,
        notices=to_tell[: told.AT_ONCE],
        more_notices=len(to_tell) > told.AT_ONCE,
        is_first=before is None,
    )
