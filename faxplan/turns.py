"""Whose turn it is: the most urgent first, then by turns among tenants; and who was served."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from faxplan.db import Row, Transaction
from faxplan.lanes import Lane
from faxplan.ways import Route, free_route, has_room


@dataclass(frozen=True, slots=True)
class Choice:
    """A fax, and its way out; route None: nobody serves it."""

    tenant_id: int
    fax_id: int
    route: Route | None


def choose(lanes: Sequence[Lane], rooms: dict[int, int], most: int, calls_to_one_number: int) -> list[Choice]:
    """Up to `most` faxes, in the order in which they are dialled: after each the tenant with the fewest calls is next.

    lanes: as lanes.LOOK orders them, looked into. rooms: how many more calls each trunk takes; lowered by these.
    """
    calls = {lane.tenant_id: int(lane.row["calls"]) for lane in lanes}
    left = {lane.tenant_id: lane.row["room"] for lane in lanes}
    pages_left = {lane.tenant_id: lane.row["page_room"] for lane in lanes}
    to_number: Counter[str] = Counter()
    chosen: list[Choice] = []
    waiting = [(lane.row["priority"], calls[lane.tenant_id], order) for order, lane in enumerate(lanes)]
    heapq.heapify(waiting)
    while waiting and len(chosen) < most:
        priority, had, order = heapq.heappop(waiting)
        lane = lanes[order]
        tenant_id = lane.tenant_id
        if had != calls[tenant_id]:
            # Another of its lanes was served meanwhile.
            heapq.heappush(waiting, (priority, calls[tenant_id], order))
            continue
        if left[tenant_id] is not None and left[tenant_id] < 1:
            continue
        found = _next_of(lane, rooms, to_number, calls_to_one_number, pages_left[tenant_id])
        if found is None:
            continue
        row, route = found
        chosen.append(Choice(tenant_id, row["fax_id"], route))
        if pages_left[tenant_id] is not None:
            pages_left[tenant_id] -= row["pages"] if lane.can_ever_send(row) else 0
        calls[tenant_id] += 1
        if left[tenant_id] is not None:
            left[tenant_id] -= 1
        heapq.heappush(waiting, (priority, calls[tenant_id], order))
    return chosen


def _next_of(
    lane: Lane, rooms: dict[int, int], to_number: Counter[str], calls_to_one_number: int, pages_left: int | None
) -> tuple[Row, Route | None] | None:
    """The lane's next fax that has a free trunk, and whose number is free, with that way out; None: it has no more.

    A fax for which the tenant's hour has too few pages left keeps its place: else short ones would keep it waiting.
    """
    while lane.next < len(lane.waiting):
        row = lane.waiting[lane.next]
        if row["wait"] > 0:
            break
        if pages_left is not None and row["pages"] > pages_left and lane.can_ever_send(row):
            break
        number = row["destination"]
        free = lane.ours or row["taken"] + to_number[number] < calls_to_one_number
        route = free_route(lane.routes, rooms, row["tried"]) if free else None
        if free and route is None and not has_room(lane.routes, rooms):
            break
        lane.next += 1
        if not free or (route is None and lane.routes):
            continue
        if route is not None:
            rooms[route.trunk_id] -= 1
        to_number[number] += 1
        lane.taken += 1
        return row, route
    return None


def noted(calls: str) -> str:
    """SQL that moves on whose turn it is, and counts calls and pages of this hour. calls: SQL of the tenant_id and
    pages of each call that goes out.
    """
    return f"""
        insert into tenant_turns as t (tenant_id, served_at, hour, calls, pages)
        select tenant_id, clock_timestamp(), date_trunc('hour', now()), count(*), sum(pages) from ({calls}) c
        group by tenant_id
        on conflict on constraint tenant_turns_pkey do update
        set served_at = excluded.served_at, hour = excluded.hour,
            calls = excluded.calls + case when t.hour = excluded.hour then t.calls else 0 end,
            pages = excluded.pages + case when t.hour = excluded.hour then t.pages else 0 end"""


def note(tx: Transaction, tenant_id: int, pages: int) -> None:
    """Notes a tenant's call, with the pages that it is to send."""
    tx.later(noted("select %s::bigint as tenant_id, %s::integer as pages"), (tenant_id, pages))


def give_back_pages(tx: Transaction, tenant_id: int, attempt_id: int, unsent: int) -> None:
    """Takes pages that a call was to send and did not out of the count of its hour, if that is not over.

    Before whatever else locks trunk_states: a claim takes the two in this order.
    """
    tx.later(
        """update tenant_turns t set pages = greatest(t.pages - %s, 0) from attempts a
           where t.tenant_id = %s and a.tenant_id = t.tenant_id and a.id = %s
             and t.hour = date_trunc('hour', a.started_at)""",
        (unsent, tenant_id, attempt_id),
    )
