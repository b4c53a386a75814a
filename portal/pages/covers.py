"""The cover page of what a draft's form sends: chosen there, and looked at as it will be sent."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from threading import BoundedSemaphore

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from faxplan import (
    caller_ids,
    contact_groups,
    contacts,
    cover_templates,
    covers,
    drafts,
    numbers,
    permissions,
    post_dial,
    send_time,
)
from faxplan.cover_layout import Sheet
from faxplan.cover_templates import CoverTemplate
from faxplan.covers import To, Wanted
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, InvalidNumber, NotFound
from faxplan.language import _
from faxplan.paper import Resolution
from faxplan.recipients import MOST_NUMBERS, Recipients, numbers_of
from portal import answers, roles
from portal.pages import recipients
from portal.roles import ADMINISTRATOR
from portal.visit import Visit

NAME = "cover"
"""The form's field that says which; empty: none."""
FIELDS = ("to_name", "to_company", "subject", "message", "phone", "reference")
PAGES_HEADER = "X-Cover-Pages"

MOST_DRAWN = 2
"""At once, in a process of the portal."""
_drawing = BoundedSemaphore(MOST_DRAWN)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the form shows. chosen: of NAME. known: what the one contact is called, whom it goes to."""

    templates: list[CoverTemplate]
    chosen: str
    filled: dict[str, str]
    known: dict[str, str]


def shown(visit: Visit, tx: Transaction) -> Shown:
    """As the form was submitted, or as it is at first: with the organisation's default."""
    request = visit.request
    form = request.form
    own = cover_templates.of_tenant(tx, visit.its_tenant.id)
    default = next((str(each.id) for each in own if each.is_default), "")
    chosen = form.get(NAME, "") if request.method == "POST" and NAME in form else default
    contact_ids, group_ids = recipients.named(request.args if request.method == "GET" else form)
    may = permissions.has(tx, visit.user.tenant_id, visit.user.id, permissions.CONTACTS)
    is_one = may and len(contact_ids) == 1 and not group_ids
    found = contacts.some(tx, visit.user, contact_ids) if is_one else []
    name, company = (found[0].name, found[0].company) if found else ("", "")
    filled = {each: form.get(f"cover_{each}", "") for each in FIELDS}
    return Shown([cover_templates.plain(), *own], chosen, filled, {"to_name": name, "to_company": company})


def wanted(form: "MultiDict[str, str]") -> Wanted | None:
    """What the form asks for; None: no cover. Raises NotFound."""
    chosen = form.get(NAME, "")
    if not chosen:
        return None
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 19):
        raise NotFound(_("There is no such cover page. Choose another one."))
    return Wanted(int(chosen), **{name: form.get(f"cover_{name}", "") for name in FIELDS})


def preview(visit: Visit, number: int) -> Response:
    """POST: the cover of what the form sends, to the first of its recipients, as a picture. Nothing of it is kept."""
    form = visit.request.form
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
        asked = wanted(form) or Wanted()
        contact_ids, group_ids = recipients.named(form)
        chosen = contact_groups.chosen(tx, visit.user, contact_ids, group_ids)
        to = _to(
            tx, visit, Recipients(recipients.written(form.get("numbers", "")), contacts=contact_ids, groups=group_ids)
        )
        sheet = covers.sheets(tx, visit.user, asked, to, chosen)[0]
        picture = covers.logo(tx, visit.its_tenant.id)
    return _drawn(visit, sheet, picture, draft.pages, Resolution(draft.resolution))


def of_template(visit: Visit) -> Response:
    """POST, of an administrator's form: what a fax would have of it, with an example of everything.

    Here, as the administration has no place for documents in work.
    """
    roles.check(ADMINISTRATOR, visit.user)
    form = visit.request.form
    cover_templates.check(form.get("body", ""), form.get("footer", ""))
    with visit.db.tenant(visit.its_tenant.id) as tx:
        calling = _calling(tx, visit)
        sheet = covers.sheets(tx, visit.user, _example(), [To(calling, calling)])[0]
        picture = covers.logo(tx, visit.its_tenant.id)
    sheet = replace(sheet, body=form.get("body", ""), footer=form.get("footer", ""))
    return _drawn(visit, sheet, picture, 3, Resolution.FINE)


def _drawn(
    visit: Visit, sheet: Sheet, picture: bytes | None, body_pages: int | None, resolution: Resolution
) -> Response:
    return drawn(lambda: covers.preview(visit.store, sheet, picture, body_pages, resolution))


def drawn(draw: Callable[[], tuple[bytes, int]]) -> Response:
    """The picture, and of how many pages. Each is a process of its own for a moment, and who writes asks for one after
    another: they are not to take all that answers. Whoever comes meanwhile asks again by themselves."""
    if not _drawing.acquire(blocking=False):
        busy = answers.problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "", _("Other cover pages are being drawn. Try again in a moment."), "busy"
        )
        busy.headers["Retry-After"] = "1"
        return busy
    try:
        return _picture(*draw())
    finally:
        _drawing.release()


def _example() -> Wanted:
    return Wanted(
        cover_templates.PLAIN_ID,
        _("Erika Example"),
        _("Example and Sons"),
        _("Your enquiry"),
        _("This is where the message stands that is written with a fax."),
        "",
        _("A-17"),
    )


def _to(tx: Transaction, visit: Visit, to: Recipients) -> list[To]:
    """All of them, as far as they can be read: what is no number yet is being written."""
    calling, when = _calling(tx, visit), None
    with suppress(FaxplanError):
        at = visit.request.form.get("at", "").replace("T", " ").strip()
        when = send_time.parse(at, visit.zone, visit.now) if at else None
    found: list[To] = []
    for text in numbers_of(tx, visit.user, to)[:MOST_NUMBERS]:
        with suppress(InvalidNumber):
            found.append(
                To(numbers.normalise_or_none(post_dial.split(text)[0], visit.its_tenant.country), calling, when)
            )
    return found or [To(None, calling, when)]


def _calling(tx: Transaction, visit: Visit) -> str | None:
    """As whom it calls; None where that is not to be told now: it is said where it is sent."""
    try:
        return caller_ids.choose(tx, visit.its_tenant, visit.request.form.get("from") or None, visit.user.id)
    except FaxplanError:
        return None


def _picture(png: bytes, pages: int) -> Response:
    return Response(png, content_type="image/png", headers={PAGES_HEADER: str(pages)})
