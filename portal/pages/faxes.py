"""The lists: what came in, and what was sent."""

from dataclasses import dataclass
from datetime import UTC, datetime

from werkzeug.wrappers import Response

from faxplan import contacts, drafts, history, time_line
from faxplan.history import INBOX, SENT, Fax
from portal import answers
from portal.visit import Visit

AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One fax in a list. standing: where it stands, in a sentence. name: of the contact with its number, if any."""

    fax: Fax
    standing: str
    name: str


def inbox(visit: Visit) -> Response:
    """GET: what lies in the mailboxes that the user reads."""
    return _list(visit, INBOX, "inbox.html")


def sent(visit: Visit) -> Response:
    """GET: what the user has sent, and the drafts before that."""
    return _list(visit, SENT, "sent.html")


def _list(visit: Visit, direction: str, template: str) -> Response:
    before = _place(visit.request.args.get("before", ""))
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = history.faxes(tx, visit.user, direction=direction, limit=AT_ONCE + 1, before=before)
        waiting = drafts.of_user(tx, visit.user) if direction == SENT and before is None else []
        shown = found[:AT_ONCE]
        names = contacts.names_of(tx, visit.user, [each.other_number for each in shown])
    lines = [
        Line(each, time_line.standing(each, visit.zone, visit.now), names.get(each.other_number or "", ""))
        for each in shown
    ]
    older = f"{shown[-1].created_at.timestamp():.6f}-{shown[-1].id}" if len(found) > AT_ONCE else None
    return answers.page(visit, template, lines=lines, older=older, drafts=waiting, is_first=before is None)


def _place(text: str) -> tuple[datetime, int] | None:
    """After which fax the list goes on, as its own link says it; what is none is the beginning."""
    at, _, number = text.rpartition("-")
    try:
        return datetime.fromtimestamp(float(at), UTC), int(number)
    except (ValueError, OverflowError, OSError):
        return None
