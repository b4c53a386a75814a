"""What a list is narrowed to, as its address says it: words are searched for, and filters are links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from faxplan import labels, list_search, listings
from faxplan.db import Transaction
from faxplan.labels import Label
from faxplan.language import _, marked
from faxplan.list_search import NothingMeant
from faxplan.listings import INBOX, Filters, Place, ReadMailbox
from faxplan.tenants import Tenant
from faxplan.users import User

NAMES = ("q", "mailbox", "unread", "standing", "label", "from", "to")
"""Of what an address may say."""
_OF_INBOX = (("arrived", marked("Arrived")), ("partial", marked("In part")), ("failed", marked("Failed")))
_OF_SENT = (
    ("open", marked("On its way")),
    ("arrived", marked("Arrived")),
    ("failed", marked("Failed")),
    ("stopped", marked("Stopped")),
)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Wrong(Exception):
    """Something in the address is no filter; in words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """path: the list's. said: what its address says, of NAMES, without what is empty. wrong: what is the matter with
    that, in words; empty: nothing, and `filters` are what it means.

    mailboxes, labels, standings: what can be chosen.
    """

    path: str
    said: Mapping[str, str]
    mailboxes: list[ReadMailbox]
    labels: list[Label]
    standings: tuple[tuple[str, str], ...]
    filters: Filters = field(default_factory=Filters)
    wrong: str = ""

    def with_(self, name: str, value: object) -> str:
        """The address of the same list with this in place of what is there; empty: without it."""
        return self._address({**self.said, name: str(value)})

    def onward(self, place: str) -> str:
        """The address of its part after a place."""
        return self._address({**self.said, "before": place})

    @property
    def here(self) -> str:
        """The address of its beginning."""
        return self._address(self.said)

    @property
    def is_narrowed(self) -> bool:
        """Whether it has not all faxes."""
        return bool(self.said)

    def others(self, *names: str) -> dict[str, str]:
        """What is said beside these: a form of filters carries it along."""
        return {name: value for name, value in self.said.items() if name not in names}

    def _address(self, said: Mapping[str, str]) -> str:
        words = urlencode({name: value for name, value in said.items() if value})
        return f"{self.path}?{words}" if words else self.path


def read(tx: Transaction, user: User, tenant: Tenant, of: str, given: Mapping[str, str]) -> Asked:
    """Of the address of a list of listings.INBOX or SENT."""
    said = {name: text for name in NAMES if (text := given.get(name, "").strip()[:200])}
    mailboxes = listings.read_mailboxes(tx, user) if of == INBOX else []
    known = labels.seen_by(tx, user)
    standings = _OF_INBOX if of == INBOX else _OF_SENT
    filters, wrong = Filters(), ""
    try:
        filters = _filters(tx, user, tenant, said, mailboxes, known, standings)
    except (_Wrong, NothingMeant) as error:
        wrong = str(error)
    return Asked("/inbox" if of == INBOX else "/sent", said, mailboxes, known, standings, filters, wrong)


def same(path: str, query: str) -> str:
    """The address of a list, made anew of what it says, and of nothing else."""
    given = dict(parse_qsl(query))
    words = urlencode({name: given[name] for name in NAMES if given.get(name)})
    return f"{path}?{words}" if words else path


def written(place: Place) -> str:
    """After which fax a list goes on, as its own links have it: microseconds and an id."""
    return f"{(place[0] - _EPOCH) // timedelta(microseconds=1)}-{place[1]}"


def place(text: str) -> Place | None:
    """What `written` wrote; what is none is the beginning."""
    at, _dash, number = text.partition("-")
    if not all(each.isascii() and each.isdigit() and len(each) < 19 for each in (at, number)):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(at)), int(number)
    except OverflowError:
        return None


def ids(texts: Sequence[str]) -> list[int]:
    """Of faxes that a form or an address names: those that the database could have, each once."""
    found = {int(each) for each in texts if each.isascii() and each.isdigit() and len(each) < 20}
    return sorted(each for each in found if each < 2**63)[: labels.MOST_AT_ONCE]


def _filters(
    tx: Transaction,
    user: User,
    tenant: Tenant,
    said: Mapping[str, str],
    mailboxes: list[ReadMailbox],
    known: list[Label],
    standings: tuple[tuple[str, str], ...],
) -> Filters:
    standing = said.get("standing")
    if standing is not None and standing not in dict(standings):
        raise _Wrong(_("There is no such state of a fax."))
    zone = user.zone or tenant.zone
    since, until = _day(said.get("from"), zone, 0), _day(said.get("to"), zone, 1)
    if since is not None and until is not None and since >= until:
        raise _Wrong(_("The first day is after the last one. Change one of them."))
    return Filters(
        mailbox_id=_one_of(
            said.get("mailbox"), {each.id for each in mailboxes}, _("You read no such mailbox, or not any more.")
        ),
        unread=bool(mailboxes) and "unread" in said,
        standing=standing,
        since=since,
        until=until,
        label_id=_one_of(
            said.get("label"), {each.id for each in known}, _("This label is on no fax that you see any more.")
        ),
        search=list_search.meant(tx, user, said["q"], tenant.country) if "q" in said else None,
    )


def _one_of(text: str | None, ids: set[int], otherwise: str) -> int | None:
    if text is None:
        return None
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    if found not in ids:
        raise _Wrong(otherwise)
    return found


def _day(text: str | None, zone: ZoneInfo, later: int) -> datetime | None:
    """When a day begins, or the one so many days later."""
    if text is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=later), time.min, zone)
    except (ValueError, OverflowError) as error:
        raise _Wrong(_("Write a day as {example}.").format(example="2026-11-30")) from error
