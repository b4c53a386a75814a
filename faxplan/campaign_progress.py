"""How far a campaign is, over time, as it is drawn; and when it is through at the earliest (role portal).

The database counts: what comes here is a few dozen rows, of however many recipients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from faxplan import campaign_outlook, campaign_recipients, campaigns, tenants
from faxplan.campaign_recipients import Counts
from faxplan.campaigns import Campaign
from faxplan.db import Transaction
from faxplan.users import User

MOST_POINTS = 60
_WIDTHS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
"""Seconds between two points; beyond, whole days."""
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Point:
    """How it stood at this moment: faxes under way and those that had ended, and who waited yet, of all recipients of
    now."""

    at: datetime
    waiting: int
    under_way: int
    sent: int
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Progress:
    """seconds: between two points; the first point is so long after begun_at. begun_at None: it was never started, and
    there are no points. through_at: when the last of its faxes begins, by its pace and hours alone, from now on if it
    is not under way; None: nobody waits, it has ended, or it is too far ahead (campaign_outlook)."""

    counts: Counts
    begun_at: datetime | None
    seconds: int
    points: Sequence[Point]
    through_at: datetime | None


def progress(tx: Transaction, user: User, campaign_id: int, *, counts: Counts | None = None) -> Progress:
    """counts: where they are known already. Raises NotFound."""
    campaign = campaigns.get(tx, user, campaign_id)
    counts = counts or campaign_recipients.counts(tx, user, campaign_id)
    now: datetime = tx.value("select now()")
    through = None
    if campaign.ended_at is None:
        through = campaign_outlook.through_at(campaign.pace, tenants.get(tx, user.tenant_id).zone, now, counts.waiting)
    if campaign.started_at is None:
        return Progress(counts, None, _WIDTHS[0], [], through)
    until = campaign.ended_at or now
    seconds = _width((until - campaign.started_at).total_seconds())
    begun_at = datetime.fromtimestamp(campaign.started_at.timestamp() // seconds * seconds, UTC)
    points = [] if campaign.purged_at else _points(tx, user.tenant_id, campaign, counts, begun_at, seconds, until)
    return Progress(counts, begun_at, seconds, points, through)


def _width(life: float) -> int:
    """Seconds between two points, of which there are MOST_POINTS at most; their first one is before its begin."""
    for each in _WIDTHS:
        if life <= each * (MOST_POINTS - 1):
            return each
    return _DAY * max(1, -int(-life // (_DAY * (MOST_POINTS - 1))))


def _points(
    tx: Transaction, tenant_id: int, campaign: Campaign, counts: Counts, begun_at: datetime, seconds: int,
    until: datetime,
) -> list[Point]:  # fmt: skip
    last = int((until - begun_at).total_seconds() // seconds)
    rows = tx.rows(
        """with happened as (
               select 'begun' as what, released_at as at from campaign_recipients
               where tenant_id = %(tenant)s and campaign_id = %(campaign)s and released_at is not null
               union all
               select state, ended_at from campaign_recipients
               where tenant_id = %(tenant)s and campaign_id = %(campaign)s and ended_at is not null)
           select least(greatest(floor(extract(epoch from at - %(begun)s) / %(seconds)s), 0), %(last)s)::integer
                  as place, what, count(*) as n
           from happened group by 1, 2""",
        {"tenant": tenant_id, "campaign": campaign.id, "begun": begun_at, "seconds": seconds, "last": last},
    )
    by_what = {what: [0] * (last + 1) for what in ("begun", "sent", "failed", "cancelled")}
    for row in rows:
        by_what[row["what"]][row["place"]] += row["n"]
    begun, sent, failed, cancelled = (list(accumulate(by_what[what])) for what in by_what)
    return [
        Point(
            min(begun_at + timedelta(seconds=seconds * (place + 1)), until),
            waiting=max(0, counts.total - begun[place]),
            under_way=max(0, begun[place] - sent[place] - failed[place] - cancelled[place]),
            sent=sent[place], failed=failed[place], cancelled=cancelled[place],
        )
        for place in range(last + 1)
    ]  # fmt: skip
