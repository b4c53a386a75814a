"""Whose turn it is: by turns among tenants, the most urgent of each first, bulk of all last; and who was served."""

import heapq
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from faxplan.db import Row, Transaction
from faxplan.lanes import Lane
from faxplan.priorities import Priority
from faxplan.ways import Route, free_route, has_room


@dataclass(frozen=True, slots=True)
class Choice:
    """A fax, and its way out; route None: nobody serves it."""

    tenant_id: int
    fax_id: int
    route: Route | None


def choose(
    lanes: Sequence[Lane], rooms: dict[int, int], most: int, calls_to_one_number: int, on_trial: Collection[int] = ()
) -> list[Choice]:
    """Up to `most` faxes, in the order in which they are dialled: after each the tenant with the fewest calls is next.

    lanes: as lanes.LOOK orders them, looked into. rooms: how many more calls each trunk takes; lowered by these.
    on_trial: trunks of which one call is to show whether they work. That is not for whoever has the most urgent faxes,
    all to dead numbers maybe: it is offered first to the tenant that was served the longest ago.
    """
    turns = _Turns(lanes, rooms, most, calls_to_one_number)
    turns.choose({trunk: _waits_longest(lanes, trunk) for trunk in on_trial})
    if any(rooms.get(trunk, 0) > 0 for trunk in on_trial):
        turns.choose({})
    return turns.chosen


def _waits_longest(lanes: Sequence[Lane], trunk: int) -> int | None:
    """Of the tenants with a fax that is due and may go through a trunk, whose turn is the longest ago."""
    theirs = [lane for lane in lanes if lane.due and any(route.trunk_id == trunk for route in lane.routes)]
    first = min(theirs, key=lambda lane: lane.row["served_at"] or 0.0, default=None)
    return None if first is None else first.tenant_id


class _Turns:
    """What has been chosen so far, and what that leaves."""

    def __init__(self, lanes: Sequence[Lane], rooms: dict[int, int], most: int, calls_to_one_number: int) -> None:
        self.chosen: list[Choice] = []
        self._lanes = lanes
        self._rooms = rooms
        self._most = most
        self._calls_to_one_number = calls_to_one_number
        self._calls = {lane.tenant_id: int(lane.row["calls"]) for lane in lanes}
        self._left = {lane.tenant_id: lane.row["room"] for lane in lanes}
        self._pages_left = {lane.tenant_id: lane.row["page_room"] for lane in lanes}
        self._to_number: Counter[str] = Counter()

    def choose(self, offered: Mapping[int, int | None]) -> None:
        """Goes on until enough are chosen, or no more can be. offered: trunks that one tenant alone may have."""
        calls = self._calls
        waiting = [
            (lane.row["priority"] > Priority.NORMAL, calls[lane.tenant_id], order)
            for order, lane in enumerate(self._lanes)
        ]
        heapq.heapify(waiting)
        while waiting and len(self.chosen) < self._most:
            is_bulk, had, order = heapq.heappop(waiting)
            lane = self._lanes[order]
            tenant_id = lane.tenant_id
            if had != calls[tenant_id]:
                # Another of its lanes was served meanwhile.
                heapq.heappush(waiting, (is_bulk, calls[tenant_id], order))
                continue
            left = self._left[tenant_id]
            if left is not None and left < 1:
                continue
            if self._take_next(lane, {trunk for trunk, tenant in offered.items() if tenant != tenant_id}):
                heapq.heappush(waiting, (is_bulk, calls[tenant_id], order))

    def _take_next(self, lane: Lane, withheld: Collection[int]) -> bool:
        """The lane's next fax that has a free trunk, and whose number is free; False: it has no more.

        A fax for which the tenant's hour has too few pages left keeps its place: else short ones would keep it waiting.
        """
        rooms = {trunk: room for trunk, room in self._rooms.items() if trunk not in withheld}
        pages_left = self._pages_left[lane.tenant_id]
        while lane.next < len(lane.waiting):
            row = lane.waiting[lane.next]
            if row["wait"] > 0:
                break
            if pages_left is not None and row["pages"] > pages_left and lane.can_ever_send(row):
                break
            number = row["destination"]
            free = lane.ours or row["taken"] + self._to_number[number] < self._calls_to_one_number
            route = free_route(lane.routes, rooms, lane.tried(row)) if free else None
            if free and route is None and not has_room(lane.routes, rooms):
                break
            lane.next += 1
            if free and (route is not None or not lane.routes):
                self._take(lane, row, route)
                return True
        return False

    def _take(self, lane: Lane, row: Row, route: Route | None) -> None:
        tenant_id = lane.tenant_id
        self.chosen.append(Choice(tenant_id, row["fax_id"], route))
        if route is not None:
            self._rooms[route.trunk_id] -= 1
        self._to_number[row["destination"]] += 1
        lane.taken += 1
        self._calls[tenant_id] += 1
        if self._pages_left[tenant_id] is not None:
            self._pages_left[tenant_id] -= row["pages"] if lane.can_ever_send(row) else 0
        if self._left[tenant_id] is not None:
            self._left[tenant_id] -= 1


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
