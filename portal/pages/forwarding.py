"""A received fax goes to another mailbox, as a copy or itself: where that is chosen, and what its script hands over.

What opens the fax is wrapped in the browser (static/pages/forward.js, faxplan/forwarding.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from faxplan import contact_names, forwarding, history, mailboxes
from faxplan.documents import ToWrap
from faxplan.errors import NotFound
from faxplan.forwarding import Handed
from faxplan.history import Fax
from faxplan.language import _
from faxplan.wraps import WRAP_BYTES
from portal import answers, list_filters, places, submitted
from portal.visit import Visit

AT_ONCE = 20
"""Mailboxes that are shown to choose from."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of the faxes. name: of the contact with its number, if any."""

    fax: Fax
    name: str


def forward_page(visit: Visit) -> Response:
    """GET: to whom a copy of these faxes (`fax`, again and again) goes."""
    return _page(visit, moves=False)


def move_page(visit: Visit) -> Response:
    """GET: into which group's mailbox these faxes go."""
    return _page(visit, moves=True)


def _page(visit: Visit, *, moves: bool) -> Response:
    given = visit.request.args
    ids, words = list_filters.ids(given.getlist("fax")), given.get("q", "").strip()[:200]
    tenant_id = visit.its_tenant.id
    with visit.db.tenant(tenant_id) as tx:
        found = history.of_ids(tx, visit.user, ids)
        names = contact_names.names_of(tx, visit.user, [each.other_number for each in found])
        targets = mailboxes.targets(tx, tenant_id, words=words, groups_only=moves, limit=AT_ONCE + 1)
    if not found:
        raise NotFound(_("There is no such fax, or it is not one of yours."))
    ready = [Chosen(each, names.get(each.other_number or "", "")) for each in found if _can_go(each)]
    back = places.within(given.get("list", "")) or (f"/faxes/{ids[0]}" if len(ids) == 1 else "/inbox")
    lies_in = {each.fax.mailbox for each in ready}
    return answers.page(
        visit,
        "forward.html",
        moves=moves,
        chosen=ready,
        staying=len(found) - len(ready),
        words=words,
        targets=targets[:AT_ONCE],
        more=len(targets) > AT_ONCE,
        lies_in=lies_in,
        can_choose=any(each["holders"] and {each["name"]} != lies_in for each in targets[:AT_ONCE]),
        back=back,
        said=[("fax", each.fax.id) for each in ready] + [("list", back)],
    )


def _can_go(fax: Fax) -> bool:
    return fax.direction == history.INBOX and fax.final and fax.purged_at is None and fax.tiff_id is not None


def address(act: str, ids: Sequence[int], back: str = "") -> str:
    """Of the page for these faxes. act: forward or move. back: the list from which they come."""
    said: list[tuple[str, object]] = [("fax", each) for each in ids]
    return f"/{act}?{urlencode(said + ([('list', back)] if back else []))}"


def offer(visit: Visit, number: int) -> Response:
    """POST, for scripts: what is to be wrapped for a mailbox (`mailbox`: its id)."""
    text = visit.request.form.get("mailbox", "")
    mailbox_id = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    offered = forwarding.offer_to(visit.db, visit.user, number, mailbox_id, actor=visit.actor)
    target = offered.target
    return answers.data(
        {
            "fax": number,
            "target": {"mailbox": target.mailbox_id, "epoch": target.epoch, "publicKey": target.public.raw},
            "documents": [to_wrap(each) for each in offered.documents],
        }
    )


def to_wrap(document: ToWrap) -> dict[str, Any]:
    """For a script that makes wraps of a document."""
    wraps = [{"mailbox": each[0], "epoch": each[1], "wrap": wrap} for each, wrap in document.wraps.items()]
    return {"document": document.document_id, "digest": document.digest, "wraps": wraps}


def forward(visit: Visit, number: int) -> Response:
    """POST, for scripts: a copy, with what was wrapped for it."""
    return answers.data({"fax": _handed_on(visit, number, forwarding.forward)})


def move(visit: Visit, number: int) -> Response:
    """POST, for scripts: the fax itself. `left`: the deleted copy that it leaves behind."""
    moved = _handed_on(visit, number, forwarding.move)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        left = forwarding.left_behind(tx, visit.user, moved)
    return answers.data({"fax": moved, "left": left})


def moved_page(visit: Visit) -> Response:
    """GET: faxes were moved; the copies that they left (`fax`, again and again) can be brought back."""
    given = visit.request.args
    left, back = list_filters.ids(given.getlist("fax")), places.within(given.get("list", "")) or "/inbox"
    return answers.page(visit, "moved.html", left=left, back=back)


def _handed_on(visit: Visit, number: int, act: Callable[..., int]) -> int:
    # Whose it is not hears so first, whatever else is the matter.
    with visit.db.tenant(visit.its_tenant.id) as tx:
        history.fax(tx, visit.user, number)
    given = submitted.json(visit)
    wraps = {each.number("document"): each.raw("wrap", WRAP_BYTES) for each in given.parts("wraps")}
    handed = Handed(number, given.number("mailbox"), given.number("epoch"), wraps)
    return act(visit.db, visit.user, handed, actor=visit.actor)
