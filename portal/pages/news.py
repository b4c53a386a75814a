"""What has come in, or did not arrive, while somebody has a page open: its script asks now and then."""

from werkzeug.wrappers import Response

from faxplan import contact_names, handing_on, history, listings, notices, numbers
from faxplan.db import Transaction
from faxplan.history import Fax
from faxplan.language import _, ngettext
from faxplan.listings import INBOX, Filters, Place
from faxplan.notices import Notice
from portal import answers, list_filters, wording
from portal.visit import Visit

AT_ONCE = 20
"""So many are told one by one; there may be more."""


def since(visit: Visit) -> Response:
    """GET, for scripts: what is new since an answer before (`since`, `told` as it said); without, from where on.

    faxes: in mailboxes that the user reads, newest first. notices: as those above the lists. waits: whether somebody
    waits for a key that this user's browser can hand over.
    """
    asked = visit.request.args
    place, told = list_filters.place(asked.get("since", "")), _number(asked.get("told", ""))
    is_first = place is None or told is None
    with visit.db.tenant(visit.its_tenant.id) as tx:
        places = _places(tx, visit, place)
        unseen = [] if is_first else [each for each in notices.unseen(tx, visit.user, AT_ONCE) if each.id > (told or 0)]
        newest = notices.newest(tx, visit.user)
        waits = handing_on.somebody_waits(tx, visit.user)
        found = [] if is_first else history.of_ids(tx, visit.user, [fax_id for _at, fax_id in places])
        names = contact_names.names_of(tx, visit.user, [each.other_number for each in found])
    last = places[0] if places else place or (visit.now, 0)
    return answers.data(
        {
            "since": list_filters.written(last),
            "told": str(newest),
            "faxes": [{"id": each.id, "words": _of_fax(each, names, visit)} for each in found],
            "waits": waits,
            # Whoever has logged in again goes on in a page from before that.
            "user": visit.user.id,
            "csrf": visit.its_session.csrf,
            "notices": [{"id": each.id, "fax": each.fax_id, "words": _of_notice(each, visit)} for each in unseen],
        }
    )


def _places(tx: Transaction, visit: Visit, after: Place | None) -> list[Place]:
    """The newest in the inbox; only those behind a place."""
    if after is None:
        return list(listings.part(tx, visit.user, INBOX, limit=1).places)
    part = listings.part(tx, visit.user, INBOX, Filters(since=after[0]), limit=AT_ONCE)
    return [each for each in part.places if each > after]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _of_fax(fax: Fax, names: dict[str, str], visit: Visit) -> str:
    number = fax.other_number
    readable = _("a withheld number") if number is None else numbers.readable(number, visit.its_tenant.country)
    who = names.get(number or "") or readable
    return ngettext("A fax from {who}, {count} page", "A fax from {who}, {count} pages", fax.pages_done).format(
        who=who, count=fax.pages_done
    )


def _of_notice(notice: Notice, visit: Visit) -> str:
    if notice.kind == notices.ALERT:
        return wording.for_browser(notice.text)
    number = numbers.readable(notice.number, visit.its_tenant.country)
    return _("Your fax to {number} did not arrive").format(number=number)
