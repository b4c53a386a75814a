"""The hours at which a tenant's faxes may be dialled, by the clock of its time zone. Without any, at all times.

Where that clock is put back, hours within the one that it shows twice are open twice; where it is put forward, those
within the one that it leaves out are not open on that day.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.priorities import Priority

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
END_OF_DAY = "24:00"
_MINUTE = timedelta(minutes=1)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00")


class InvalidHours(FaxplanError):
    """They cannot be read."""

    error_id = "invalid-hours"


@dataclass(frozen=True, slots=True)
class Hours:
    """On one day. weekday: 1 is Monday; opens, closes: HH:MM, the latter at most 24:00."""

    weekday: int
    opens: str
    closes: str


def are_open(tenant: str, priority: str, here: str) -> str:
    """SQL: whether faxes of a priority may be dialled. Its own hours count, or those for all where it has none.

    Each an SQL expression: a tenant's id; a priority; the local time, a timestamp.
    """
    return f"""coalesce((
        select bool_or(h.weekday = extract(isodow from {here}) and h.opens <= {here}::time and {here}::time < h.closes)
        from sending_hours h where h.tenant_id = {tenant} and coalesce(h.priority, {priority}) = {priority}
        group by h.priority order by h.priority nulls last limit 1), true)"""


def parse(days: str, clock: str) -> list[Hours]:
    """Of `mon-fri`, `sat,sun`, `daily` and `8:00-18:00`. Hours over midnight become two. Raises InvalidHours, also for
    hours that open and close at once: some mean a whole day by it, and others nothing.
    """
    opens, dash, closes = clock.replace(" ", "").partition("-")
    if not (dash and _CLOCK.fullmatch(opens) and _CLOCK.fullmatch(closes)) or opens == END_OF_DAY:
        raise InvalidHours(
            _("{clock} are no hours. Write them as 08:00-18:00; 24:00 is the end of a day.").format(
                clock=repr(clock[:40])
            )
        )
    opens, closes = opens.zfill(5), closes.zfill(5)
    if opens == closes:
        raise InvalidHours(
            _("{clock} opens and closes at the same time. A whole day is 00:00-24:00.").format(clock=repr(clock[:40]))
        )
    found: list[Hours] = []
    for weekday in _weekdays(days):
        if opens < closes:
            found.append(Hours(weekday, opens, closes))
            continue
        found.append(Hours(weekday, opens, END_OF_DAY))
        if closes != "00:00":
            found.append(Hours(weekday % 7 + 1, "00:00", closes))
    return found


def _weekdays(text: str) -> list[int]:
    if text.strip().lower() == "daily":
        return list(range(1, 8))
    found: list[int] = []
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise InvalidHours(
                _("{text} are no days. Write them as mon-fri, or sat,sun, or daily.").format(text=repr(text[:40]))
            )
        start, end = DAYS.index(first), DAYS.index(last)
        found += [(start + step) % 7 + 1 for step in range((end - start) % 7 + 1)]
    return sorted(set(found))


def next_open(hours: Sequence[Row], priority: Priority, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """From when on faxes of a priority may be dialled: `moment` itself, or when they open next; None: never.

    hours: a tenant's, as of_tenant gives them. zone: its own.
    """
    own = [each for each in hours if each["priority"] == priority]
    those = own or [each for each in hours if each["priority"] is None]
    if not those or _is_open(those, zone, moment):
        return moment
    today = moment.astimezone(zone).date()
    # Eight days: what is past today opens next on this day a week ahead. A change of clocks may leave that out.
    for day in (today + timedelta(days=ahead) for ahead in range(15)):
        for each in sorted(those, key=lambda row: str(row["opens"])):
            begins = datetime.combine(day, time.fromisoformat(each["opens"]), zone).astimezone(UTC)
            if each["weekday"] == day.isoweekday() and begins > moment and _is_open(those, zone, begins):
                # What opens within an hour that clocks leave out opens where that ends.
                while begins - _MINUTE > moment and _is_open(those, zone, begins - _MINUTE):
                    begins -= _MINUTE
                return begins
    return None


def _is_open(hours: Sequence[Row], zone: ZoneInfo, moment: datetime) -> bool:
    here = moment.astimezone(zone)
    clock = f"{here:%H:%M}"
    return any(each["weekday"] == here.isoweekday() and each["opens"] <= clock < each["closes"] for each in hours)


def add(tx: Transaction, tenant_id: int, hours: list[Hours], priority: Priority | None) -> None:
    """Lets faxes of a priority (None: of each that has no hours of its own) be dialled then (role admin)."""
    for each in hours:
        tx.execute(
            "insert into sending_hours (tenant_id, priority, weekday, opens, closes) values (%s, %s, %s, %s, %s)",
            (tenant_id, priority, each.weekday, each.opens, each.closes),
        )


def replace(tx: Transaction, tenant_id: int, hours: list[Hours]) -> None:
    """As `add`, in the place of those that are there for each priority without hours of its own (role admin)."""
    tx.execute("delete from sending_hours where tenant_id = %s and priority is null", (tenant_id,))
    add(tx, tenant_id, hours, None)


def clear(tx: Transaction, tenant_id: int) -> int:
    """Lets all be dialled at all times again (role admin); how many rows that took away."""
    return tx.execute("delete from sending_hours where tenant_id = %s", (tenant_id,))


def of_tenant(tx: Transaction, tenant_id: int) -> list[Row]:
    """priority (None: each that has none of its own), weekday, opens, closes, as HH:MM."""
    return tx.rows(
        """select priority, weekday, to_char(opens, 'HH24:MI') as opens,
                  case when closes = '24:00' then '24:00' else to_char(closes, 'HH24:MI') end as closes
           from sending_hours where tenant_id = %s order by priority nulls first, weekday, opens""",
        (tenant_id,),
    )
