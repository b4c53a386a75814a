"""Reports: a tenant's calls, pages and people in a period, drawn from counts by day (role portal, within the tenant).

A day is counted anew as long as calls of it still go on; before that it is counted for good, whatever is purged later.
Whoever looks brings the counts up to date first (`refresh`), which takes as long as mostly today has calls.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from faxplan import failure_rules, numbers
from faxplan.db import Database, Row, Transaction
from faxplan.language import _
from faxplan.tenants import Tenant

FRESH_SECONDS = 300
"""What was counted so long ago at most is not counted anew."""
LONGEST_DAYS = 1100
_SETTLING = timedelta(hours=1)
"""So long after it began a call may be committed that we have not seen."""
_LONGEST_CALL_DAYS = 1
_LONGEST_AWAY_DAYS = 31
"""A call that is not settled yet is waited for so long: its node may be switched off, and come back."""
_TURN = 0x7265706F
"""Any number ("repo" in ASCII)."""
_HOURS = 24
_PREFIX_LENGTH = 6
"""So many characters of a number, its + included, tell its country."""
_REASONS = {rule.name: rule.words for rule in (*failure_rules.SHIPPED.values(), failure_rules.OURS)}
INTERNAL = "(within)"
"""In place of a trunk, which no trunk is called: delivered within the installation, without a call."""


@dataclass(frozen=True, slots=True)
class Days:
    """A period: from its first to its last day, both in it."""

    first: date
    last: date

    @property
    def each(self) -> Iterator[date]:
        """Every day of it."""
        return (self.first + timedelta(days=count) for count in range((self.last - self.first).days + 1))


def latest(tenant: Tenant, now: datetime, days: int = 30) -> Days:
    """The last so many days, today among them."""
    today = now.astimezone(tenant.zone).date()
    return Days(today - timedelta(days=days - 1), today)


def refresh(db: Database, tenant: Tenant, now: datetime) -> datetime:
    """Counts what may have changed since the last time; when that was done."""
    with db.tenant(tenant.id) as tx:
        if fresh := _fresh(tx, tenant.id):
            return fresh
        tx.take_turn(_TURN, tenant.id)
        if fresh := _fresh(tx, tenant.id):
            return fresh
        today = now.astimezone(tenant.zone).date()
        begin = tx.value("select open_from from report_states where tenant_id = %s", (tenant.id,)) or _first(tx, tenant)
        begin = min(begin, today)
        tx.give_time(600)
        # Before it is counted: what ends meanwhile is counted once more.
        open_from = _open_from(tx, tenant, begin, now)
        _count(tx, tenant, begin, today)
        state = tx.one(
            """insert into report_states (tenant_id, open_from, computed_at) values (%s, %s, now())
               on conflict on constraint report_states_pkey
               do update set open_from = excluded.open_from, computed_at = excluded.computed_at
               returning computed_at""",
            (tenant.id, open_from),
        )
        found: datetime = state["computed_at"]
        return found


def _open_from(tx: Transaction, tenant: Tenant, begin: date, now: datetime) -> date:
    """The first day of which calls may still go on, or may not have been seen: of the last days, for a call that never
    ends is not waited for. calls has few rows, so that those that are not settled are asked for by themselves."""
    lately = (now - _SETTLING).astimezone(tenant.zone).date()
    begin = max(begin, lately - timedelta(days=_LONGEST_CALL_DAYS))
    going_on: date | None = tx.value(
        """select min((started_at at time zone %(zone)s)::date) from attempts
           where tenant_id = %(tenant)s and started_at >= %(begin)s::date::timestamp at time zone %(zone)s
             and outcome is null""",
        {"tenant": tenant.id, "zone": tenant.time_zone, "begin": begin},
    )
    unsettled: date | None = tx.value(
        """select min((a.started_at at time zone %(zone)s)::date) from calls c
           join attempts a on a.tenant_id = c.tenant_id and a.id = c.attempt_id
           where c.tenant_id = %(tenant)s and a.started_at >= %(begin)s::date::timestamp at time zone %(zone)s""",
        {"tenant": tenant.id, "zone": tenant.time_zone, "begin": lately - timedelta(days=_LONGEST_AWAY_DAYS)},
    )
    return min(going_on or lately, unsettled or lately, lately)


def _fresh(tx: Transaction, tenant_id: int) -> datetime | None:
    found: datetime | None = tx.value(
        """select computed_at from report_states
           where tenant_id = %s and computed_at > now() - make_interval(secs => %s)""",
        (tenant_id, FRESH_SECONDS),
    )
    return found


def _first(tx: Transaction, tenant: Tenant) -> date:
    found: date | None = tx.value(
        "select (started_at at time zone %s)::date from attempts where tenant_id = %s order by started_at, id limit 1",
        (tenant.time_zone, tenant.id),
    )
    return found or date.max


_AMOUNTS = ("calls", "successful", "pages", "t38", "seconds")
_OF_CALLS, _OF_HOURS, _OF_PEOPLE = range(3)
_FOUND = f"""
    with c as (
        select (a.started_at at time zone %(zone)s)::date as day,
               extract(hour from a.started_at at time zone %(zone)s)::integer as hour, f.direction,
               case when a.internal then '{INTERNAL}' else coalesce(a.trunk, '') end as trunk,
               case when f.direction = 'outbound' then f.called_number else f.calling_number end as number,
               a.outcome, coalesce(a.rule, '') as rule, coalesce(a.t38_status, '') as t38, a.pages,
               extract(epoch from greatest(a.ended_at - a.answered_at, interval '0')) as seconds,
               case when f.direction = 'outbound' then f.user_id end as user_id, f.billing_code
        from attempts a join faxes f on f.tenant_id = a.tenant_id and f.id = a.fax_id
        where a.tenant_id = %(tenant)s and a.started_at >= %(first)s::date::timestamp at time zone %(zone)s
          and a.started_at < (%(last)s::date + 1)::timestamp at time zone %(zone)s
          and a.outcome is not null and not f.is_test)
    select case when grouping(outcome) = 0 then {_OF_CALLS} when grouping(hour) = 0 then {_OF_HOURS}
                else {_OF_PEOPLE} end as kind,
           day, direction, trunk, left(number, %(length)s) as prefix, min(number) as number, outcome, rule, t38, hour,
           user_id, billing_code, count(*) as attempts, sum(pages) as pages,
           coalesce(sum(seconds), 0)::bigint as seconds, count(*) filter (where outcome = 'sent') as sent
    from c
    group by grouping sets ((day, direction, trunk, left(number, %(length)s), outcome, rule, t38),
                            (day, direction, hour), (day, user_id, billing_code))"""
"""Attempts that have ended, read once: grouped for the reports of calls, of hours and of people."""


def _count(tx: Transaction, tenant: Tenant, first: date, last: date) -> None:
    given = {"tenant": tenant.id, "first": first, "last": last, "zone": tenant.time_zone, "length": _PREFIX_LENGTH}
    for table in ("report_days", "report_hours", "report_people"):
        tx.execute(f"delete from {table} where tenant_id = %(tenant)s and day >= %(first)s", given)
    counted: Counter[tuple[str, date, str, int]] = Counter()
    hours: defaultdict[tuple[date, str], list[int]] = defaultdict(lambda: [0] * _HOURS)
    people: list[tuple[date, int, str, int, int]] = []
    for row in tx.stream(_FOUND, given):
        if row["kind"] == _OF_HOURS:
            hours[row["day"], row["direction"]][row["hour"]] = row["attempts"]
        elif row["kind"] == _OF_PEOPLE:
            # None: of faxes that came in, and those that nobody sent.
            if row["user_id"] is not None:
                people.append((row["day"], row["user_id"], row["billing_code"], row["sent"], row["pages"]))
        else:
            for report, what, amounts in _counts(row):
                for place, amount in enumerate(amounts):
                    counted[report, row["day"], what, place] += amount
    keys = sorted({key[:3] for key in counted})
    columns = [[counted[*key, place] for key in keys] for place in range(len(_AMOUNTS))]
    tx.execute(
        f"""insert into report_days (tenant_id, report, day, what, {", ".join(_AMOUNTS)})
            select %s, * from unnest(%s::text[], %s::date[], %s::text[]{", %s::integer[]" * len(_AMOUNTS)})""",
        (tenant.id, *([key[part] for key in keys] for part in range(3)), *columns),
    )
    tx.execute(
        """insert into report_hours (tenant_id, day, direction, attempts)
           select %s, day, direction, array(select value::integer from unnest(string_to_array(attempts, ',')) as value)
           from unnest(%s::date[], %s::text[], %s::text[]) as hours (day, direction, attempts)""",
        (
            tenant.id,
            *([key[part] for key in hours] for part in range(2)),
            [",".join(map(str, each)) for each in hours.values()],
        ),
    )
    tx.execute(
        """insert into report_people (tenant_id, day, user_id, billing_code, faxes, pages)
           select %s, * from unnest(%s::date[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[])""",
        (tenant.id, *([each[part] for each in people] for part in range(5))),
    )


def _counts(row: Row) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """What attempts that are alike add to each report: its name, of what, and _AMOUNTS."""
    calls, pages, seconds = int(row["attempts"]), int(row["pages"]), int(row["seconds"])
    direction, outcome = row["direction"], row["outcome"]
    is_out = direction == "outbound"
    arrived = calls if outcome in ("sent", "received", "partial") else 0
    yield "volume", direction, (arrived, 0, pages, 0, 0)
    if is_out and outcome != "cancelled":
        successful = calls if outcome in ("sent", "incomplete") else 0
        by_t38 = calls if row["t38"] == "negotiated" else 0
        # Of numbers that begin alike one tells the country of all.
        country = "" if row["number"] is None else numbers.country(row["number"])
        for report, what in (("trunks", row["trunk"]), ("destinations", country)):
            yield report, what, (calls, successful, pages, by_t38, seconds)
    if is_out and outcome in ("not-sent", "unknown"):
        yield "failures", row["rule"], (calls, 0, 0, 0, 0)
    if row["trunk"] != INTERNAL and outcome in ("sent", "incomplete", "received", "partial"):
        yield "transmission", f"{direction} {row['t38']}", (calls, 0, pages, 0, seconds)


# ------------------------------------------------------------------------------------------------------------- reports


@dataclass(frozen=True, slots=True)
class Report:
    """A table: columns, and rows of as many values. name: in addresses."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def volume(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """By day: faxes that were sent whole, that came in, and pages of either direction."""
    rows = _of(tx, tenant_id, days, """
        select day, coalesce(sum(calls) filter (where what = 'outbound'), 0) as sent,
               coalesce(sum(calls) filter (where what = 'inbound'), 0) as received,
               coalesce(sum(pages) filter (where what = 'outbound'), 0) as pages_sent,
               coalesce(sum(pages) filter (where what = 'inbound'), 0) as pages_received
        from report_days where {period} and report = 'volume' group by day""")  # fmt: skip
    found = {row["day"]: row for row in rows}
    columns = ("sent", "received", "pages_sent", "pages_received")
    return Report(
        "volume",
        ("day", *columns),
        [(day, *(int(found[day][each]) if day in found else 0 for each in columns)) for day in days.each],
    )


def trunks(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """By trunk: calls that went out, those that brought pages across, pages, T.38, seconds."""
    return _summed(tx, tenant_id, days, "trunks", "trunk")


def destinations(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """The same by the country of the called number."""
    return _summed(tx, tenant_id, days, "destinations", "country")


def _summed(tx: Transaction, tenant_id: int, days: Days, name: str, heading: str) -> Report:
    rows = _sums(tx, tenant_id, days, name)
    return Report(name, (heading, *_AMOUNTS), [(row["what"], *(int(row[each]) for each in _AMOUNTS)) for row in rows])


def failures(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """Why calls that went out brought no page across: by rule of the failure policy, in its words."""
    rows = _sums(tx, tenant_id, days, "failures")
    return Report(
        "failures",
        ("reason", "words", "calls"),
        [(row["what"], _(_REASONS[row["what"]]) if row["what"] in _REASONS else "", int(row["calls"])) for row in rows],
    )


def transmission(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """How calls with pages travelled: by direction (those that went out first), T.38 or audio."""
    rows = _sums(tx, tenant_id, days, "transmission")
    found = [(*row["what"].split(" ", 1), *(int(row[each]) for each in ("calls", "pages", "seconds"))) for row in rows]
    return Report(
        "transmission",
        ("direction", "t38", "calls", "pages", "seconds"),
        sorted(found, key=lambda row: row[0], reverse=True),
    )


def _sums(tx: Transaction, tenant_id: int, days: Days, report: str) -> list[Row]:
    """Of a report by what it counts, that with the most calls first."""
    return _of(tx, tenant_id, days, f"""
        select what, {", ".join(f"sum({each}) as {each}" for each in _AMOUNTS)} from report_days
        where {{period}} and report = '{report}' group by 1 order by 2 desc, 1""")  # fmt: skip


def hours(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """By hour of the day: calls that went out and that came in."""
    summed = ", ".join(f"sum(attempts[{hour + 1}])" for hour in range(_HOURS))
    rows = _of(
        tx, tenant_id, days,
        f"select direction, array[{summed}] as hours from report_hours where {{period}} group by direction",
    )  # fmt: skip
    found = {row["direction"]: row["hours"] for row in rows}
    none = [0] * _HOURS
    sent, received = found.get("outbound", none), found.get("inbound", none)
    return Report(
        "hours", ("hour", "sent", "received"), [(hour, int(sent[hour]), int(received[hour])) for hour in range(_HOURS)]
    )


def people(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """By user: faxes that they sent whole, and pages."""
    rows = _of(tx, tenant_id, days, """
        select u.email as who, sum(p.faxes) as faxes, sum(p.pages) as pages
        from report_people p join users u on u.tenant_id = p.tenant_id and u.id = p.user_id
        where p.{period} group by 1 order by 3 desc, 1""")  # fmt: skip
    return Report("people", ("user", "faxes", "pages"), [(r["who"], int(r["faxes"]), int(r["pages"])) for r in rows])


def billing(tx: Transaction, tenant_id: int, days: Days) -> Report:
    """By billing code: faxes that were sent whole, and pages."""
    rows = _of(tx, tenant_id, days, """
        select billing_code, sum(faxes) as faxes, sum(pages) as pages from report_people
        where {period} group by 1 order by 3 desc, 1""")  # fmt: skip
    return Report(
        "billing",
        ("billing_code", "faxes", "pages"),
        [(row["billing_code"], int(row["faxes"]), int(row["pages"])) for row in rows],
    )


ALL = (volume, trunks, destinations, failures, transmission, hours, people, billing)
"""Each is called as its report."""


def _of(tx: Transaction, tenant_id: int, days: Days, sql: str) -> list[Row]:
    period = "tenant_id = %(tenant)s and day between %(first)s and %(last)s"
    return tx.rows(sql.replace("{period}", period), {"tenant": tenant_id, "first": days.first, "last": days.last})
