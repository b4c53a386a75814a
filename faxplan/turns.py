"""Whose turn it is: the most urgent first, then by turns among tenants; and who was served."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from faxplan.lanes import Lane
from faxplan.ways import Route, free_route, has_room

# Moves on whose turn it is, and counts calls of this hour: of `f`, the faxes that are claimed.
NOTED = """
        insert into tenant_turns as t (tenant_id, served_at, hour, calls)
        select tenant_id, clock_timestamp(), date_trunc('hour', now()), count(*) from f group by tenant_id
        on conflict on constraint tenant_turns_pkey do update
        set served_at = excluded.served_at, hour = excluded.hour,
            calls = excluded.calls + case when t.hour = excluded.hour then t.calls else 0 end"""


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
        found = _next_of(lane, rooms, to_number, calls_to_one_number)
        if found is None:
            continue
        chosen.append(Choice(tenant_id, *found))
        calls[tenant_id] += 1
        if left[tenant_id] is not None:
            left[tenant_id] -= 1
        heapq.heappush(waiting, (priority, calls[tenant_id], order))
    return chosen


def _next_of(
    lane: Lane, rooms: dict[int, int], to_number: Counter[str], calls_to_one_number: int
) -> tuple[int, Route | None] | None:
    """The lane's next fax that has a free trunk, and whose number is free, with that way out; None: it has no more."""
    while lane.next < len(lane.waiting):
        row = lane.waiting[lane.next]
        if row["wait"] > 0:
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
        return row["fax_id"], route
    return None
