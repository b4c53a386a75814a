"""Lanes: the faxes of one tenant and priority that the same trunks take (fax_queue.lane).

However long the queue, a look at it is a look at each lane, and at the first few faxes of those that are served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faxplan import limits, sending_hours
from faxplan.db import Prepared, Row, Transaction
from faxplan.limits import TrunkRoom
from faxplan.priorities import Priority
from faxplan.ways import AGAIN, Route

LANES_AT_ONCE = 64
_MOST_PUT_OFF = 1000
_PUT_OFF_SECONDS, _LONGEST_PUT_OFF_SECONDS = 5, 600
"""Between two looks at faxes to a number that has as many calls as it may: the more wait for it, the later the last."""
BLOCKED_SECONDS = 5.0
"""How long until a look at faxes that are due and may not be dialled yet; a call that ends is notified."""
_LONGEST_PACE_SECONDS = 60
_TRIED_SECONDS = 60
"""So long a fax waits for another trunk than those that could not take it, should that be full or rest."""

# `wait`: seconds until it is due.
_FAX = """
            select fax_id, destination, pages, extract(epoch from not_before - now())::float as wait, tried
            from fax_queue"""

# A lane's head is found by stepping from one to the next through the index, whatever lies between them.
LOOK = Prepared(
    "lanes_look",
    f"""
    with recursive heads as (
        (select priority, tenant_id, lane, not_before, destination, pages from fax_queue
         order by priority, tenant_id, lane, not_before limit 1)
        union all
        select n.* from heads l cross join lateral (
            select q.priority, q.tenant_id, q.lane, q.not_before, q.destination, q.pages from fax_queue q
            where (q.priority, q.tenant_id, q.lane) > (l.priority, l.tenant_id, l.lane)
            order by q.priority, q.tenant_id, q.lane, q.not_before limit 1) n),
    {limits.IN_FLIGHT},
    {limits.TRUNK_ROOM},
    waiting as (
        select h.*, t.xmin::text as tenant_version, t.time_zone, t.max_calls, t.calls_per_hour, t.pages_per_hour
        from heads h join tenants t on t.id = h.tenant_id and t.enabled),
    due as (
        select w.*, coalesce(c.calls, 0) as calls, s.served_at, now() at time zone w.time_zone as here,
               least(w.max_calls - coalesce(c.calls, 0),
                     w.calls_per_hour - case when s.hour = date_trunc('hour', now()) then s.calls else 0 end) as room,
               w.pages_per_hour - case when s.hour = date_trunc('hour', now()) then s.pages else 0 end as page_room
        from waiting w
        left join (select tenant_id, count(*)::integer as calls from in_flight group by tenant_id) c
            on c.tenant_id = w.tenant_id
        left join tenant_turns s on s.tenant_id = w.tenant_id
        where w.not_before <= now() and not (%(internal)s::boolean and strpos(w.lane, ':internal') > 0)
          -- To nobody's numbers: no trunk is ever asked for them (sandbox_calls).
          and strpos(w.lane, ':sandbox') = 0),
    ranked as (
        select d.*, row_number() over (order by d.priority > {Priority.NORMAL:d}, d.calls, d.served_at nulls first,
                                              d.priority, d.not_before) as place
        from due d
        where coalesce(d.room > 0, true) and {sending_hours.are_open("d.tenant_id", "d.priority", "d.here")}
          -- What no hour has room for goes on: that ends it, in words (staging).
          and coalesce(d.pages <= d.page_room or d.pages > d.pages_per_hour, true)),
    served as materialized (
        select place, priority, tenant_id, tenant_version, lane, destination, calls, room, page_room, pages_per_hour,
               extract(epoch from served_at)::float as served_at
        from ranked
        where place > %(past)s::integer order by place limit %(lanes)s::integer),
    first_faxes as (
        select l.place, q.*
        from (select * from served order by place limit %(most)s::integer) l cross join lateral (
            {_FAX}
            where priority = l.priority and tenant_id = l.tenant_id and lane = l.lane
            order by not_before
            limit greatest(2 * %(most)s::integer / least((select count(*) from served), %(most)s::integer), 2)) q)
    select (select count(*) from in_flight where node = %(node)s::text) as on_node,
           (select version::text from routing_version) as version,
           exists (select from trunk_tests) as tests,
           exists (select from waiting where not_before <= now() and strpos(lane, ':sandbox') > 0) as sandbox,
           (select json_agg(r) from trunk_room r) as trunks,
           (select count(*) from waiting where not_before <= now()) as due,
           (select extract(epoch from min(not_before) - now())::float from waiting where not_before > now()) as soonest,
           (select json_agg(l order by place) from served l) as lanes,
           (select json_agg(w order by w.place, w.wait) from (
                select f.*, coalesce(c.calls, 0) as taken from first_faxes f
                left join (select destination, count(*) as calls from in_flight group by destination) c
                    on c.destination = f.destination) w) as faxes""",
)

_FAXES = Prepared(
    "lanes_faxes",
    f"""
    select l.place, q.*, coalesce(c.calls, 0) as taken
    from unnest(%(priorities)s::integer[], %(tenants)s::bigint[], %(lanes)s::text[], %(places)s::bigint[])
         as l (priority, tenant_id, lane, place)
    cross join lateral (
        {_FAX}
        where priority = l.priority and tenant_id = l.tenant_id and lane = l.lane
        order by not_before limit %(window)s::integer) q
    left join (select destination, count(*) as calls from calls group by destination) c on c.destination = q.destination
    order by l.place, q.wait""",
)


@dataclass(slots=True)
class Lane:
    """A lane that is served. `row`: of LOOK. waiting: its first faxes, in order, due or not.

    whole: whether it has no others. next: the first of them that was not looked at; taken: so many were chosen.
    """

    row: Row
    routes: tuple[Route, ...]
    waiting: Sequence[Row] = ()
    whole: bool = False
    next: int = 0
    taken: int = 0

    @property
    def tenant_id(self) -> int:
        return int(self.row["tenant_id"])

    @property
    def ours(self) -> bool:
        """Whether its numbers are DIDs of this installation."""
        return ":internal" in self.row["lane"]

    def can_ever_send(self, fax: Row) -> bool:
        """Whether an hour of the tenant's has room for its pages."""
        return self.row["pages_per_hour"] is None or bool(fax["pages"] <= self.row["pages_per_hour"])

    @staticmethod
    def tried(fax: Row) -> Sequence[int]:
        """What trunks it is not to go through, as ways.free_route takes it."""
        return [*fax["tried"], AGAIN] if fax["tried"] and fax["wait"] < -_TRIED_SECONDS else fax["tried"]

    @property
    def due(self) -> Sequence[Row]:
        """Those of its first faxes that may be dialled now, as far as time goes."""
        return [fax for fax in self.waiting if fax["wait"] <= 0]


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the queue has found. on_node: the node's calls, both directions; version: the routing_version;
    tests: whether a test of a trunk waits; sandbox: whether a fax to a sandbox number is due. trunks: those that are
    enabled and do not rest. lanes: rows of LOOK, in the order in which they are served: their first fax is due, their
    tenant has room, and it is within its sending hours. faxes: the first ones (`window`, where there are so many) of
    the first lanes, by the lane's place.

    due: how many lanes have a fax that is due, whatever keeps it. soonest: seconds until another one has; None: none.
    """

    on_node: int
    version: str
    tests: bool
    sandbox: bool
    trunks: Mapping[int, TrunkRoom]
    lanes: Sequence[Row]
    faxes: Mapping[int, Sequence[Row]]
    window: int
    due: int
    soonest: float | None

    def lane(self, row: Row, routes: tuple[Route, ...]) -> Lane:
        """One of its lanes, with the first faxes where they are among those that were looked at."""
        found = self.faxes.get(row["place"], ())
        return Lane(row, routes, found, whole=0 < len(found) < self.window)


def look(tx: Transaction, *, node: str, most: int, internal: bool, past: int = 0) -> Look:
    """Looks at every lane, and into the first `most` of the LANES_AT_ONCE that it gives: at twice as many faxes as can
    be taken, where all lanes take alike. Take the turn first.

    past: only at lanes after that place (a column of lanes). internal: lanes of our own DIDs are left out.
    """
    parameters = {"node": node, "most": most, "internal": internal, "past": past}
    parameters |= {"lanes": LANES_AT_ONCE}
    (row,) = tx.rows_of(LOOK, parameters)
    lanes = row["lanes"] or ()
    return Look(
        row["on_node"],
        row["version"],
        row["tests"],
        row["sandbox"],
        {room["id"]: TrunkRoom(**room) for room in row["trunks"] or ()},
        lanes,
        _by_place(row["faxes"] or ()),
        _window(most, len(lanes)),
        row["due"],
        row["soonest"],
    )


def look_into(tx: Transaction, lanes: Sequence[Lane], most: int) -> None:
    """Fetches the first faxes of those lanes that the look did not look into, since it gave others before them."""
    new = {lane.row["place"]: lane for lane in lanes if not lane.waiting}
    if not new:
        return
    window = _window(most, len(lanes))
    rows = tx.rows_of(
        _FAXES,
        {
            "priorities": [lane.row["priority"] for lane in new.values()],
            "tenants": [lane.tenant_id for lane in new.values()],
            "lanes": [lane.row["lane"] for lane in new.values()],
            "places": list(new),
            "window": window,
        },
    )
    for place, found in _by_place(rows).items():
        new[place].waiting = found
        new[place].whole = len(found) < window


def _window(most: int, lanes: int) -> int:
    """How many faxes of a lane are looked at, as LOOK has it: twice as many as can be taken, where all take alike."""
    return max(2 * most // min(max(lanes, 1), most), 2)


def _by_place(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["place"], []).append(row)
    return found


def put_off(tx: Transaction, lanes: Sequence[Lane]) -> bool:
    """Lets others come up in a lane whose first faxes can all not be dialled now, because their numbers are taken, or
    because the trunks with room have just failed them: next time any trunk may have them. Whether there was such one.
    """
    stuck = [lane for lane in lanes if lane.waiting and not lane.taken and lane.next == len(lane.waiting)]
    for lane in stuck:
        tx.later(
            """with blocked as (
                   select tenant_id, fax_id, row_number() over (order by not_before) - 1 as behind from fax_queue
                   where priority = %s and tenant_id = %s and lane = %s and not_before <= now()
                     and destination = any(%s) order by not_before limit %s)
               update fax_queue q set not_before = now() + make_interval(secs => least(%s * (1 + b.behind), %s)),
                                      tried = case when cardinality(tried) = 0 or %s = any(tried) then tried
                                                   else tried || %s::bigint end
               from blocked b where q.tenant_id = b.tenant_id and q.fax_id = b.fax_id""",
            (
                lane.row["priority"],
                lane.tenant_id,
                lane.row["lane"],
                sorted({row["destination"] for row in lane.waiting}),
                _MOST_PUT_OFF,
                _PUT_OFF_SECONDS,
                _LONGEST_PUT_OFF_SECONDS,
                AGAIN,
                AGAIN,
            ),
        )
    return bool(stuck)


def outlook(seen: Look, lanes: Sequence[Lane], paced: Mapping[int, int]) -> float | None:
    """Seconds until a look at the queue may find a fax to dial, after those that were taken; 0: now; None: none waits.

    paced: how many calls each trunk got. Faxes that are due, and wait for a trunk, a number or an hour, are looked at
    now and then: what makes room is notified, but for what only time brings.
    """
    waits = [] if seen.soonest is None else [seen.soonest]
    drained = 0
    for lane in lanes:
        due = lane.due
        if lane.taken < len(due):
            continue
        drained += 1
        if len(due) < len(lane.waiting):
            waits.append(lane.waiting[len(due)]["wait"])
        elif not lane.whole:
            return 0.0
    if seen.due > drained:
        waits.append(BLOCKED_SECONDS)
        for trunk in seen.trunks.values():
            wait = trunk.paced + (paced.get(trunk.id, 0) / trunk.rate if trunk.rate else 0)
            if 0 < wait < _LONGEST_PACE_SECONDS:
                waits.append(wait)
    return min(waits, default=None)
