"""What runs at this moment, over all nodes and tenants, for whoever watches it: calls, queue, trunks, nodes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from faxplan import history, nodes, trunk_health
from faxplan.db import Database, Row, Transaction

_KINDS = {"sandbox": "sandbox", "barred": "barred", "off": "trunks off", "": "no trunk"}
"""Lanes (lane_of) that no trunk takes, as people say it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """calls: history.calls_now. queue: `lanes`. trunks: trunk_health.everyone. machines: nodes.everyone, with calls."""

    at: datetime
    calls: list[Row]
    queue: list[Row]
    trunks: list[Row]
    machines: list[Row]


def look(admin: Database) -> Figures:
    """Raises DatabaseUnavailable."""
    with admin.across_tenants() as tx:
        calls = history.calls_now(tx)
        machines = [
            {**each, "calls": sum(call["node"] == each["name"] for call in calls)} for each in nodes.everyone(tx)
        ]
        return Figures(datetime.now(UTC), calls, lanes(tx), trunk_health.everyone(tx), machines)


def lanes(tx: Transaction) -> list[Row]:
    """What waits for a call (role admin), by lane, the longest due first: tenant, priority, trunks (names, or why
    none), faxes, due, minute, quarter (of these, due for less than a minute, and for less than 15), oldest (seconds; 0:
    none is due), next_in (seconds until the next is due; 0: now).
    """
    names = {row["id"]: row["name"] for row in tx.rows("select id, name from trunks")}
    rows = tx.rows(
        """select t.slug as tenant, q.priority, q.lane, count(*) as faxes,
                  count(*) filter (where q.due >= 0) as due, count(*) filter (where q.due between 0 and 60) as minute,
                  count(*) filter (where q.due between 0 and 900) as quarter,
                  greatest(max(q.due), 0)::float as oldest, greatest(-max(q.due), 0)::float as next_in
           from (select tenant_id, priority, substr(lane, strpos(lane, ':') + 1) as lane,
                        extract(epoch from now() - not_before) as due from fax_queue) q
           join tenants t on t.id = q.tenant_id group by t.slug, q.priority, q.lane
           order by max(q.due) desc, t.slug, q.priority, q.lane"""
    )
    return [{"trunks": _through(row.pop("lane"), names), **row} for row in rows]


def _through(lane: str, names: Mapping[int, str]) -> str:
    """Such as `carrier, other`; of a lane as lane_of has it, behind its version."""
    within = lane.startswith("internal ")
    rest = lane.removeprefix("internal ")
    if rest in _KINDS:
        return "within" if within else _KINDS[rest]
    taking = dict.fromkeys(names.get(int(each), "?") for each in re.findall(r":(\d+)(?= |$)", rest))
    return ("within, " if within else "") + ", ".join(taking)
