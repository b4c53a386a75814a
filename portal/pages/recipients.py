"""Whom a draft goes to, beside the numbers that are written: contacts and groups, as a form names them.

The draft's form has them as boxes that are ticked, and so they are there without scripts as well (static/pages/
recipients.js). Nothing of it is kept before it is sent: each page brings along what the one before had.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from faxplan import contact_groups, contacts, drafts, permissions
from faxplan.contacts import Wanted
from faxplan.db import Transaction
from portal import answers
from portal.pages.contacts import about, ids, members_words
from portal.visit import Visit

AT_ONCE = 50
LONGEST_NUMBER = 60
OURS = ("csrf", "contact", "group", "q")


@dataclass(frozen=True, slots=True)
class Chip:
    """One of them. kind: contact or group. about: what tells it from others of its name."""

    kind: str
    id: int
    name: str
    about: str


def named(given: "MultiDict[str, str]") -> tuple[list[int], list[int]]:
    """The ids of contacts and of groups that a form names."""
    return ids(given.getlist("contact")), ids(given.getlist("group"))


def chips(visit: Visit, tx: Transaction, given: "MultiDict[str, str]") -> list[Chip]:
    """Those that the user sees, groups first: none, for who may have no contacts (any more)."""
    if not permissions.has(tx, visit.user.tenant_id, visit.user.id, permissions.CONTACTS):
        return []
    contact_ids, group_ids = named(given)
    country = visit.its_tenant.country
    groups = contact_groups.of_user(tx, visit.user) if group_ids else []
    found = contacts.some(tx, visit.user, contact_ids) if contact_ids else []
    return [
        *(Chip("group", each.id, each.name, members_words(each.members)) for each in groups if each.id in group_ids),
        *(Chip("contact", each.id, each.shown, about(each, country)) for each in found),
    ]


def carried(given: "MultiDict[str, str]") -> str:
    """The end of an address that names them, and a number (`to`), as from a page of a fax; empty where there are
    none."""
    contact_ids, group_ids = named(given)
    query = urlencode(
        [
            *(("contact", each) for each in contact_ids),
            *(("group", each) for each in group_ids),
            *(("to", each) for each in [given.get("to", "")[:LONGEST_NUMBER]] if each),
        ]
    )
    return f"?{query}" if query else ""


def choose(visit: Visit, number: int) -> Response:
    """POST, from the draft's form: a page on which contacts and groups are ticked."""
    form = visit.request.form
    words = form.get("q", "").strip()[:200]
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
        found = contacts.find(tx, visit.user, Wanted(words), limit=AT_ONCE + 1)
        groups = contact_groups.of_user(tx, visit.user)
        chosen = chips(visit, tx, form)
    ticked = {each.id for each in chosen if each.kind == "contact"}
    return answers.page(
        visit,
        "choose.html",
        draft=draft,
        words=words,
        chosen=chosen,
        ticked_groups={each.id for each in chosen if each.kind == "group"},
        found=[each for each in found[:AT_ONCE] if each.id not in ticked],
        more=len(found) > AT_ONCE,
        groups=groups,
        others=list(_others(form)),
    )


def written(text: str) -> list[str]:
    """The numbers in what stands in the form's field."""
    text = text.replace(",", "\n").replace(";", "\n")
    return [each.strip() for each in text.split("\n") if each.strip()]


def _others(form: "MultiDict[str, str]") -> Iterator[tuple[str, str]]:
    """What else the draft's form says, to be brought back to it."""
    yield from ((name, value) for name, value in form.items(multi=True) if name not in OURS)
