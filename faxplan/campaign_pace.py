"""When, how fast and how often a campaign's faxes go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.send_time import FURTHEST
from faxplan.tenants import Tenant

MOST_DELAYS = 19
SHORTEST_DELAY, LONGEST_DELAY = 60, 86_400
"""Seconds between two tries."""
BEHIND_SECONDS = 5.0
"""A campaign that is further behind its pace does not make up for it."""


class InvalidCampaign(FaxplanError):
    """A campaign as it is wanted cannot be."""

    error_id = "invalid-campaign"


@dataclass(frozen=True, slots=True)
class Pace:
    """per_minute: faxes that are let go. at_once: that are in a call, or wait for their first. opens, closes: HH:MM by
    the tenant's clock, on these weekdays (1 is Monday). start_at: not before; None: at once."""

    per_minute: int = 30
    at_once: int = 10
    opens: str = "00:00"
    closes: str = "24:00"
    weekdays: Sequence[int] = (1, 2, 3, 4, 5, 6, 7)
    start_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retries:
    """max_attempts: tries of each fax; None: as many as the tenant has, which are the most in any case. delays: seconds
    before the second one, the third and so on, the last for all further ones; none: as the failure policy has it."""

    max_attempts: int | None = None
    delays: Sequence[int] = ()


def pace_values(pace: Pace) -> dict[str, Any]:
    """As a campaign's columns."""
    return {
        "per_minute": pace.per_minute, "at_once": pace.at_once, "opens": pace.opens, "closes": pace.closes,
        "weekdays": list(pace.weekdays), "start_at": pace.start_at,
    }  # fmt: skip


def retry_values(retries: Retries) -> dict[str, Any]:
    """As a campaign's columns."""
    return {"max_attempts": retries.max_attempts, "retry_delays": list(retries.delays)}


def check_pace(values: dict[str, Any]) -> None:
    """Of a campaign's columns those that there are; days are brought in order. Raises InvalidCampaign."""
    if not 1 <= values.get("per_minute", 1) <= 6000:
        raise InvalidCampaign(_("It lets 1 to 6000 faxes go in a minute."))
    if not 1 <= values.get("at_once", 1) <= 1000:
        raise InvalidCampaign(_("It has 1 to 1000 faxes in calls at once."))
    if "weekdays" in values:
        values["weekdays"] = sorted(set(values["weekdays"]))
        if not values["weekdays"] or not set(values["weekdays"]) <= set(range(1, 8)):
            raise InvalidCampaign(_("Choose one day of the week at least."))
    if values.get("start_at") is not None and values["start_at"] - datetime.now(UTC) > FURTHEST:
        raise InvalidCampaign(_("It begins within a year. Choose a nearer time."))
    if values.get("opens", "00:00") >= values.get("closes", "24:00"):
        raise InvalidCampaign(_("Its hours close before they open. Write them as 08:00 and 18:00."))


def check_retries(values: dict[str, Any], tenant: Tenant) -> None:
    """The same of tries, which are the tenant's at most. Raises InvalidCampaign."""
    if values.get("max_attempts") is not None and not 1 <= values["max_attempts"] <= tenant.max_attempts:
        raise InvalidCampaign(_("A fax of your organisation has 1 to {most} tries.").format(most=tenant.max_attempts))
    if "retry_delays" in values:
        values["retry_delays"] = list(values["retry_delays"] or ()) or None
        delays = values["retry_delays"] or [SHORTEST_DELAY]
        if len(delays) > MOST_DELAYS or not all(SHORTEST_DELAY <= each <= LONGEST_DELAY for each in delays):
            raise InvalidCampaign(
                _(
                    "Between two tries are a minute at least and a day at most, and there are {most} such at most."
                ).format(most=MOST_DELAYS)
            )


def is_open(row: Row, zone: ZoneInfo, now: datetime) -> bool:
    """Whether a campaign (its row) lets faxes go at this moment."""
    here = now.astimezone(zone)
    is_begun = row["start_at"] is None or row["start_at"] <= now
    return is_begun and here.isoweekday() in row["weekdays"] and row["opens"] <= f"{here:%H:%M}" < row["closes"]


def due(tx: Transaction, row: Row, now: datetime) -> int:
    """How many its pace has by now."""
    if row["paced_from"] is None:
        begin_anew(tx, row, now)
        return 1
    seconds = (now - row["paced_from"]).total_seconds()
    count = int(seconds * row["per_minute"] / 60) + 1 - int(row["paced"])
    if count > max(1, BEHIND_SECONDS * row["per_minute"] / 60):
        # It was at rest, or as many were under way as may be.
        begin_anew(tx, row, now)
        return 1
    return count


def begin_anew(tx: Transaction, row: Row, now: datetime | None) -> None:
    """Its pace counts from now; None: it rests."""
    tx.execute(
        """update campaigns set paced_from = %s, paced = 0 where tenant_id = %s and id = %s
           and (paced_from is distinct from %s or paced <> 0)""",
        (now, row["tenant_id"], row["id"], now),
    )
