"""The form that sends a draft: what was filled in, what there is to choose, and what would become of it.

Nothing of it is kept before the draft is sent: each page brings along what the one before had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from faxplan import billing_codes, caller_ids, outlook, priorities, send_time, sender_line, time_line
from faxplan.billing_codes import BillingCodes
from faxplan.cover_layout import MOST_PAGES
from faxplan.db import Row, Transaction
from faxplan.drafts import Draft
from faxplan.errors import FaxplanError, Forbidden, NotFound
from faxplan.language import _, marked, ngettext
from faxplan.outlook import Outlook
from faxplan.priorities import Priority
from faxplan.recipients import Recipients
from portal import wording
from portal.pages import covers, recipients
from portal.visit import Visit


@dataclass(frozen=True, slots=True)
class Filled:
    """Its fields as they were filled in, but for contacts and groups (recipients)."""

    numbers: str
    at: str
    priority: str
    calling: str
    billing_code: str

    @classmethod
    def of(cls, form: "MultiDict[str, str]", *, to: str = "") -> "Filled":
        """Of what a browser has submitted; each is empty, or the usual, where it says nothing. to: the number that
        stands there then, as a page that led here says it."""
        priority = form.get("priority", "")
        return cls(
            numbers=form.get("numbers", to[: recipients.LONGEST_NUMBER]),
            at=form.get("at", ""),
            priority=priority if priority in priorities.WORDS else Priority.NORMAL.word,
            calling=form.get("from", ""),
            billing_code=form.get("billing_code", ""),
        )

    def recipients(self, visit: Visit) -> Recipients:
        """What is asked for. Raises InvalidSendTime."""
        at = self.at.replace("T", " ").strip()
        contacts, groups = recipients.named(visit.request.form)
        return Recipients(
            recipients.written(self.numbers),
            priorities.named(self.priority),
            send_time.parse(at, visit.zone, visit.now) if at else None,
            calling=self.calling or None,
            billing_code=self.billing_code,
            contacts=contacts,
            groups=groups,
            cover=covers.wanted(visit.request.form),
        )


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of it, in words. count: of numbers. wrong: why it would be refused. said: what it takes, what
    is left, and when it goes. line: what stands above its pages, from left to right."""

    count: int
    wrong: str
    said: Sequence[str]
    line: Sequence[str]

    @property
    def as_json(self) -> dict[str, Any]:
        """For the page's script."""
        return {"count": self.count, "wrong": self.wrong, "said": list(self.said), "line": list(self.line)}


def foreseen(visit: Visit, tx: Transaction, draft: Draft, filled: Filled) -> Foreseen:
    """As it is filled in now. Raises NotFound for a contact or a group, and Forbidden."""
    try:
        to = filled.recipients(visit)
    except FaxplanError as error:
        line = _line(visit, tx, draft.pages, None, None)
        return Foreseen(0, wording.for_browser(str(error)), [], line)
    cover_pages = 0 if to.cover is None else _cover_pages(visit.request.form)
    found = outlook.of_draft(tx, visit.user, draft, to, cover_pages=cover_pages, now=visit.now)
    wanted = max(visit.now, to.send_at or visit.now)
    return Foreseen(
        found.count,
        wording.for_browser(found.wrong),
        [*_takes(found), *(left(each) for each in found.quotas), *_begins(visit, found, wanted)],
        _line(visit, tx, draft.pages and draft.pages + cover_pages, to.calling, found.begins),
    )


def shown(visit: Visit, tx: Transaction, draft: Draft, filled: Filled) -> Foreseen:
    """The same for the page itself, which comes also where a contact is there no more: it says so."""
    try:
        return foreseen(visit, tx, draft, filled)
    except (Forbidden, NotFound) as error:
        return Foreseen(0, wording.for_browser(str(error)), [], ())


def _cover_pages(form: "MultiDict[str, str]") -> int:
    """As the page's script has seen them drawn; at least one."""
    said = form.get("cover_pages", "")
    return min(int(said), MOST_PAGES) if said in ("1", "2") else 1


def choices(visit: Visit, tx: Transaction) -> dict[str, Any]:
    """What there is to choose, for the page: callers, codes, and whether a billing code has to be given."""
    tenant, user = visit.its_tenant, visit.user
    try:
        callers = caller_ids.usable(tx, tenant.id, user.id)
    except FaxplanError:
        # Sending says why.
        callers = []
    wants = tenant.billing_codes != BillingCodes.NONE
    return {
        "callers": callers,
        "wants_code": wants,
        "needs_code": tenant.billing_codes == BillingCodes.REQUIRED,
        "codes": billing_codes.recent(tx, user) if wants else [],
        "longest_code": billing_codes.LONGEST,
    }


def _takes(found: Outlook) -> list[str]:
    if found.pages is None or found.count < 2:
        return []
    each = found.pages // found.count
    return [
        ngettext(
            "{pages} pages in all: {count} page to each of {numbers} numbers.",
            "{pages} pages in all: {count} pages to each of {numbers} numbers.",
            each,
        ).format(pages=found.pages, count=each, numbers=found.count)
    ]


_LEFT = {
    (True, "day"): marked("Left today: {room} of your {limit} pages."),
    (True, "month"): marked("Left this month: {room} of your {limit} pages."),
    (False, "day"): marked("Left today: {room} of your organisation's {limit} pages."),
    (False, "month"): marked("Left this month: {room} of your organisation's {limit} pages."),
}


def left(quota: Row) -> str:
    """What is left of one (quotas.of_user)."""
    words = _(_LEFT[quota["user_id"] is not None, quota["period"]])
    return words.format(room=quota["room"], limit=quota["limit_pages"])


def _begins(visit: Visit, found: Outlook, wanted: datetime) -> list[str]:
    """When it goes, where that is not at once, or when it was asked for."""
    if found.begins is None:
        return [_("Your organisation never sends at this urgency: it has no hours for it.")]
    if found.begins > wanted:
        when = time_line.clock(found.begins, visit.zone, visit.now)
        return [_("It goes at {when}, when your organisation's hours of sending begin.").format(when=when)]
    return []


def _line(visit: Visit, tx: Transaction, pages: int | None, calling: str | None, at: datetime | None) -> Sequence[str]:
    """Empty where nothing stands there, and as long as nobody knows how many pages there are."""
    if pages is None:
        return ()
    try:
        number = caller_ids.choose(tx, visit.its_tenant, calling, visit.user.id)
    except FaxplanError:
        number = ""
    return sender_line.texts(tx, visit.its_tenant, number, pages, at=at)
