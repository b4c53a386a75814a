"""What a campaign would come to if it went on now: pages, what of that quotas have room for, and until when.

Nothing is changed or held by looking. How long a call takes is not known before: the end is about right, for one whose
faxes all arrive at their first call.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from faxplan import caller_ids, campaigns, quotas, sending_hours, tenants
from faxplan.campaign_pace import Pace
from faxplan.campaigns import Campaign
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError
from faxplan.priorities import Priority
from faxplan.tenants import Tenant
from faxplan.users import User

CALL_SECONDS, PAGE_SECONDS = 30, 40
"""What a call takes, about, beside its pages; and one of them."""
FURTHEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Outlook:
    """count: to whom it still goes. pages: that these are in all; None: not known yet. quotas: of its user, as
    quotas.of_user. room: for so many of them quotas have room; None: for all. begins, ends: about; None: never, or
    not within FURTHEST_DAYS. calling: as which number it calls; empty: none. wrong: why it would be refused, in words;
    empty: nothing is known against it."""

    count: int
    pages: int | None
    quotas: Sequence[Row]
    room: int | None
    begins: datetime | None
    ends: datetime | None
    calling: str
    wrong: str


def of(tx: Transaction, campaign: Campaign, owner: User, count: int, now: datetime) -> Outlook:
    """Of one with so many recipients that wait. owner: in whose name it goes."""
    tenant = tenants.get(tx, owner.tenant_id)
    applying = quotas.of_user(tx, owner.tenant_id, owner.id)
    # A cover has a page, or two.
    each = None if campaign.pages is None else campaign.pages + (campaign.cover_id is not None)
    pages = None if each is None else each * count
    wrong, calling = "", ""
    try:
        campaigns.check_permitted(tx, owner)
        quotas.check_hour(tenant, each)
        calling = caller_ids.choose(tx, tenant, campaign.calling, owner.id)
    except FaxplanError as error:
        wrong = str(error)
    room = None
    if each and any(quota["room"] < (pages or 0) for quota in applying):
        room = min(int(quota["room"]) // each for quota in applying)
    hours = sending_hours.of_tenant(tx, owner.tenant_id)
    open_hours = list(_open(campaign.pace, hours, tenant.zone, max(now, campaign.pace.start_at or now)))
    begins = open_hours[0][0] if open_hours else None
    ends = _ends(open_hours, _in_a_minute(campaign.pace, each or 1, tenant), count)
    return Outlook(count, pages, applying, room, begins, ends, calling, wrong)


def through_at(pace: Pace, zone: ZoneInfo, now: datetime, waiting: int) -> datetime | None:
    """When the last of those who wait gets its fax begun, by pace and hours alone; None: nobody waits, or not within
    FURTHEST_DAYS."""
    if not waiting:
        return None
    return _ends(_open(pace, (), zone, max(now, pace.start_at or now)), pace.per_minute, waiting)


def _in_a_minute(pace: Pace, pages: int, tenant: Tenant) -> float:
    """How many go, about."""
    lines = min(pace.at_once, tenant.max_calls or pace.at_once)
    most = min(pace.per_minute, lines * 60 / (CALL_SECONDS + PAGE_SECONDS * pages))
    return most if tenant.calls_per_hour is None else min(most, tenant.calls_per_hour / 60)


Span = tuple[datetime, datetime]


def _open(pace: Pace, hours: Sequence[Row], zone: ZoneInfo, since: datetime) -> Iterator[Span]:
    """From when to when it may go, by its own hours and those of its tenant."""
    own = [each for each in hours if each["priority"] == Priority.BULK] or [
        each for each in hours if each["priority"] is None
    ]
    today = since.astimezone(zone).date()
    for day in (today + timedelta(days=ahead) for ahead in range(FURTHEST_DAYS)):
        if day.isoweekday() not in pace.weekdays:
            continue
        all_day = [("00:00", "24:00")]
        given = [(each["opens"], each["closes"]) for each in own if each["weekday"] == day.isoweekday()]
        for opens, closes in sorted(given) if own else all_day:
            start = max(_moment(day, max(opens, pace.opens), zone), since)
            end = _moment(day, min(closes, pace.closes), zone)
            if start < end:
                yield start, end


def _moment(day: date, clock: str, zone: ZoneInfo) -> datetime:
    if clock == sending_hours.END_OF_DAY:
        day, clock = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)


def _ends(spans: Iterable[Span], in_a_minute: float, count: int) -> datetime | None:
    left = timedelta(minutes=count / in_a_minute)
    for start, end in spans:
        if left <= end - start:
            return start + left
        left -= end - start
    return None
