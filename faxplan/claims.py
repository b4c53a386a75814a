"""Which faxes a node dials next, and through which trunk: fairly, and within every limit.

One claimer at a time, over all nodes (queue.take_turn): what it counts is what there is, so limits hold whoever claims.
Its cost does not grow with the queue: it looks at lanes, the faxes of one tenant and priority that the same trunks
take, and at the first few faxes of each.
"""

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from faxplan import queue, trunks
from faxplan.db import Prepared, Row, Transaction
from faxplan.documents import StoredObject
from faxplan.trunks import Trunk

MOST_CLAIMED = 16
_LANES_AT_ONCE = 64
_MOST_MENDED, _FAXES_MENDED = 16, 100
"""Of lanes that are out of date, so many are mended in a claim, and so many faxes of each."""
_MOST_PUT_OFF = 1000
_PUT_OFF_SECONDS, _LONGEST_PUT_OFF_SECONDS = 5, 600
"""Between two looks at faxes to a number that has as many calls as it may: the more wait for it, the later the last."""
BLOCKED_SECONDS = 5.0
"""How long until a look at faxes that are due and may not be dialled yet; a call that ends is notified."""

# A lane's heads are found by stepping from one to the next through the index, whatever lies between them.
_HEADS = """
    with recursive lanes as (
        (select priority, tenant_id, lane from fax_queue order by priority, tenant_id, lane limit 1)
        union all
        select n.priority, n.tenant_id, n.lane from lanes l cross join lateral (
            select q.priority, q.tenant_id, q.lane from fax_queue q
            where (q.priority, q.tenant_id, q.lane) > (l.priority, l.tenant_id, l.lane)
            order by q.priority, q.tenant_id, q.lane limit 1) n),
    heads as (
        select l.*, h.not_before, h.destination from lanes l join tenants t on t.id = l.tenant_id and t.enabled
        cross join lateral (
            select q.not_before, q.destination from fax_queue q
            where q.priority = l.priority and q.tenant_id = l.tenant_id and q.lane = l.lane
            order by q.not_before limit 1) h)"""

# calls_per_second is a generic cell rate algorithm with a tolerance of a tenth of a second, or of one call.
_ROOM = Prepared(
    "claim_room",
    """
    with trunk_calls as (select trunk_id, count(*) as calls from calls group by trunk_id),
    trunk_room as (
        select t.id, least(
            t.max_calls - coalesce(c.calls, 0),
            floor(t.calls_per_second * extract(epoch from
                now() + make_interval(secs => greatest(0.1, 1 / t.calls_per_second))
                - greatest(coalesce(s.next_call_at, now()), now())) + 1e-6), %(most)s::integer) as room
        from trunks t left join trunk_calls c on c.trunk_id = t.id left join trunk_states s on s.trunk_id = t.id
        where t.enabled and coalesce(s.rests_until, '-infinity') <= now()
          and coalesce((s.node_rests -> %(node)s::text ->> 1)::timestamptz, '-infinity') <= now())
    select (select count(*) from calls where node = %(node)s::text) as on_node,
           (select version::text from routing_version) as version,
           (select coalesce(jsonb_object_agg(id, greatest(room, 0)::integer), '{}') from trunk_room) as trunks""",
)

DUE_LANES = Prepared(
    "claim_lanes",
    f"""{_HEADS},
    tenant_calls as (select tenant_id, count(*) as calls from calls group by tenant_id),
    due as (
        select h.*, coalesce(c.calls, 0) as calls, t.time_zone, s.served_at,
               least(t.max_calls - coalesce(c.calls, 0),
                     t.calls_per_hour - case when s.hour = date_trunc('hour', now()) then s.calls else 0 end) as room
        from heads h join tenants t on t.id = h.tenant_id
        left join tenant_calls c on c.tenant_id = h.tenant_id
        left join tenant_turns s on s.tenant_id = h.tenant_id
        where h.not_before <= now() and not (%(internal)s::boolean and strpos(h.lane, ':internal') > 0))
    select d.priority, d.tenant_id, d.lane, d.destination, d.calls, d.room from due d
    where coalesce(d.room > 0, true) and coalesce((
        select bool_or(extract(isodow from clock.here) = h.weekday and clock.here::time >= h.opens
                       and clock.here::time < h.closes)
        from sending_hours h, (select now() at time zone d.time_zone as here) clock
        where h.tenant_id = d.tenant_id and (h.priority is null or h.priority = d.priority)), true)
    order by d.priority, d.calls, d.served_at nulls first, d.not_before
    limit %(most)s::integer offset %(past)s::integer""",
)

_WAYS = """
    select l.tenant_id, l.lane,
           (select jsonb_agg(jsonb_build_array(f.trunk_id, f.stage, f.position, f.weight, f.prefix))
            from trunks_for(l.tenant_id, l.destination) f) as trunks,
           exists (select from matching_routes(l.tenant_id, l.destination) m where m.trunk_id is not null) as served
    from unnest(%s::bigint[], %s::text[], %s::text[]) as l (tenant_id, lane, destination)"""

_FAXES = Prepared(
    "claim_faxes",
    """
    select l.number as lane, f.fax_id, f.destination, f.tried, f.taken, f.ours
    from unnest(%(priorities)s::integer[], %(tenants)s::bigint[], %(lanes)s::text[])
         with ordinality as l (priority, tenant_id, lane, number)
    cross join lateral (
        select w.*, (select count(*) from calls c where c.destination = w.destination) as taken,
               exists (select from dids d where d.number = w.destination) as ours
        from (select q.fax_id, q.destination, q.tried, q.not_before from fax_queue q
              where q.priority = l.priority and q.tenant_id = l.tenant_id and q.lane = l.lane and q.not_before <= now()
              order by q.not_before limit %(window)s::integer) w
        order by w.not_before) f""",
)


# A cancel holds the fax and then wants its place in the queue, which a claim holds: waiting for the fax here would be a
# deadlock, so one that is locked is passed over.
_OPEN = Prepared(
    "claim_open",
    """
    with chosen as (
        select * from unnest(%(tenants)s::bigint[], %(faxes)s::bigint[], %(trunks)s::bigint[], %(prefixes)s::text[])
            as c (tenant_id, fax_id, trunk_id, prefix)),
    free as (
        select f.tenant_id, f.id from chosen c join faxes f on f.tenant_id = c.tenant_id and f.id = c.fax_id
        for update of f skip locked),
    left_queue as (
        delete from fax_queue q using free where q.tenant_id = free.tenant_id and q.fax_id = free.id
        returning q.tenant_id, q.fax_id, q.tried),
    f as (
        update faxes u set state = 'dialing', attempts_made = attempts_made + 1, not_before = null, explanation = null
        from left_queue q
        where u.tenant_id = q.tenant_id and u.id = q.fax_id and u.state = 'queued' and not u.cancel_requested
        returning u.tenant_id, u.id, u.called_number, u.calling_number, u.pages, u.pages_done, u.attempts_made,
                  u.rendering_id, u.t38_off, u.v17_off, u.ecm_off, q.tried),
    t as (
        select f.*, t.id as trunk_id, t.name, c.prefix,
               t.t38 and not f.t38_off and not coalesce(l.t38_off, false) as t38,
               coalesce(t.v17, true) and not f.v17_off and not coalesce(l.v17_off, false) as v17,
               coalesce(t.ecm, true) and not f.ecm_off and not coalesce(l.ecm_off, false) as ecm
        from f join chosen c on c.fax_id = f.id left join trunks t on t.id = c.trunk_id
        left join destinations l on l.tenant_id = f.tenant_id and l.number = f.called_number
                                and coalesce(l.expires_at > now(), true)),
    a as (
        insert into attempts (tenant_id, fax_id, number, node, channel_uuid, start_page, trunk, route_prefix,
                              t38_offered, v17_offered, ecm_offered)
        select tenant_id, id, attempts_made, %(node)s::text, gen_random_uuid()::text, pages_done, name, prefix, t38,
               v17, ecm
        from t
        returning tenant_id, id, fax_id, channel_uuid, number, start_page),
    c as (
        insert into calls (tenant_id, attempt_id, fax_id, direction, node, switch_uuid, channel_uuid, trunk_id,
                           destination, lease_until, tried)
        select a.tenant_id, a.id, a.fax_id, 'outbound', %(node)s::text, %(switch)s::text, a.channel_uuid, t.trunk_id,
               t.called_number, now() + make_interval(secs => %(lease)s::integer), t.tried
        from a join t on t.id = a.fax_id)
    select t.tenant_id, t.id as fax_id, a.id as attempt_id, a.number as attempt_number, a.channel_uuid,
           t.called_number, o.number as calling_number, t.pages, a.start_page, d.object_name, d.bytes, d.sha256,
           t.trunk_id, coalesce(t.t38, true) as t38, t.v17, t.ecm, coalesce(o.station_ident, '') as did_ident
    from t join a on a.fax_id = t.id
    join renderings r on r.tenant_id = t.tenant_id and r.id = t.rendering_id
    join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
    left join lateral calling_number(t.tenant_id, t.calling_number) o on true""",
)


@dataclass(frozen=True, slots=True)
class ClaimedFax:
    """A fax that this node is to dial now. Numbers are E.164; pages: of the whole fax; start_page: 0-based.

    trunk None: no route serves the number. calling_number: its tenant's, at this moment, or None where it has none.
    did_ident: the station ident of that DID; empty: it has none, or is no DID.
    t38, v17, ecm: what this call may use, after what earlier calls to the number have shown.
    """

    tenant_id: int
    fax_id: int
    attempt_id: int
    attempt_number: int
    channel_uuid: str
    called_number: str
    calling_number: str | None
    pages: int
    start_page: int
    rendering: StoredObject
    trunk: Trunk | None
    did_ident: str = ""
    t38: bool = True
    v17: bool = True
    ecm: bool = True


@dataclass(frozen=True, slots=True)
class _Route:
    """A trunk that may take a lane's faxes, as trunks_for says it."""

    trunk_id: int
    stage: int
    position: int
    weight: int
    prefix: str


@dataclass(frozen=True, slots=True)
class _Way:
    """Out of a lane. served: whether any route leads out of it; its trunks may all be disabled."""

    routes: tuple[_Route, ...]
    served: bool


class Ways:
    """The ways out of lanes, remembered: a lane has another name once routes were changed. For one thread to use."""

    def __init__(self) -> None:
        self._version = ""
        self._known: dict[tuple[int, str], _Way] = {}

    def learn(self, tx: Transaction, version: str, rows: Iterable[Row]) -> None:
        """Looks up what is not known yet of these lanes."""
        if version != self._version:
            self._version, self._known = version, {}
        new = [row for row in rows if (row["tenant_id"], row["lane"]) not in self._known]
        if not new:
            return
        columns = [[row[name] for row in new] for name in ("tenant_id", "lane", "destination")]
        for row in tx.rows(_WAYS, columns):
            routes = tuple(_Route(*route) for route in row["trunks"] or ())
            self._known[row["tenant_id"], row["lane"]] = _Way(routes, row["served"])

    def of(self, row: Row) -> _Way:
        """Of a lane that was learned."""
        return self._known[row["tenant_id"], row["lane"]]


@dataclass(slots=True)
class _Lane:
    """Faxes of one tenant and priority that the same trunks take. `row`: of DUE_LANES."""

    row: Row
    routes: tuple[_Route, ...]
    waiting: list[Row] = field(default_factory=list)
    next: int = 0

    @property
    def tenant_id(self) -> int:
        return int(self.row["tenant_id"])


@dataclass(frozen=True, slots=True)
class _Choice:
    """A fax, and its way out; route None: nobody serves it."""

    tenant_id: int
    fax_id: int
    route: _Route | None


def claim_faxes(
    tx: Transaction,
    *,
    node: str,
    switch_uuid: str,
    most: int,
    max_calls: int,
    lease_seconds: int,
    calls_to_one_number: int = 1000,
    ways: Ways | None = None,
    internal: bool = False,
) -> list[ClaimedFax]:
    """Takes up to `most` (at most MOST_CLAIMED) due faxes for this node.

    The most urgent first; among tenants whoever has the fewest calls, then whose turn is the longest ago; each
    tenant's in the order in which they became due. Limits: `max_calls` of the node, those of tenant and trunk
    (schema.sql), and `calls_to_one_number` at once to a number that is not a DID of ours; sending hours; trunks that
    rest. Both directions count. ways: what earlier claims of this process have learned. internal: faxes to our own DIDs
    are delivered without a call (internal_delivery), and left for that.

    Refused: a fax that its user is cancelling at this moment (SKIP LOCKED), or that is no longer queued. Waits while
    another node claims. Call in across_tenants() as role switch.
    """
    queue.take_turn(tx)
    (room,) = tx.rows_of(_ROOM, {"node": node, "most": MOST_CLAIMED})
    most = min(most, MOST_CLAIMED, max_calls - room["on_node"])
    if most < 1:
        return []
    rooms = {int(trunk_id): calls for trunk_id, calls in room["trunks"].items()}
    lanes = _lanes(tx, most, room["version"], rooms, ways or Ways(), internal=internal)
    if not lanes:
        return []
    _look_into(tx, lanes, most)
    chosen = _choose(lanes, rooms, most, calls_to_one_number)
    _put_off(tx, lanes, {choice.fax_id for choice in chosen})
    if not chosen:
        return []
    claimed = _open_attempts(tx, chosen, node, switch_uuid, lease_seconds)
    _note_turns(tx, claimed)
    pace(tx, claimed)
    order = {choice.fax_id: place for place, choice in enumerate(chosen)}
    return sorted(claimed, key=lambda fax: order[fax.fax_id])


def _lanes(
    tx: Transaction, most: int, version: str, rooms: dict[int, int], ways: Ways, *, internal: bool
) -> list[_Lane]:
    """The first `most` lanes, in the order in which they are served, that have a way out now.

    Those of an earlier routing_version are mended, some faxes at a time, and served by the next claim.
    """
    lanes: list[_Lane] = []
    past = 0
    while len(lanes) < most:
        rows = tx.rows_of(DUE_LANES, {"most": _LANES_AT_ONCE, "past": past, "internal": internal})
        past += len(rows)
        stale = [row for row in rows if not row["lane"].startswith(f"{version}:")]
        _mend(tx, stale)
        current = [row for row in rows if row not in stale] if stale else rows
        ways.learn(tx, version, current)
        for row in current:
            way = ways.of(row)
            if any(rooms.get(route.trunk_id, 0) > 0 for route in way.routes) or not way.served:
                lanes.append(_Lane(row, way.routes))
        if len(rows) < _LANES_AT_ONCE:
            break
    return lanes[:most]


def _mend(tx: Transaction, stale: Sequence[Row]) -> None:
    """Gives the first faxes of lanes that are out of date their right lane."""
    for row in stale[:_MOST_MENDED]:
        tx.later(
            """update fax_queue q set lane = lane_of(q.tenant_id, q.destination) where (q.tenant_id, q.fax_id) in (
                   select s.tenant_id, s.fax_id from fax_queue s
                   where s.priority = %s and s.tenant_id = %s and s.lane = %s
                   order by s.not_before limit %s for update skip locked)""",
            (row["priority"], row["tenant_id"], row["lane"], _FAXES_MENDED),
        )


def _look_into(tx: Transaction, lanes: Sequence[_Lane], most: int) -> None:
    """Fetches the first due faxes of each lane: twice as many as can be taken, where all lanes take alike."""
    rows = tx.rows_of(
        _FAXES,
        {
            "priorities": [lane.row["priority"] for lane in lanes],
            "tenants": [lane.tenant_id for lane in lanes],
            "lanes": [lane.row["lane"] for lane in lanes],
            "window": max(2 * most // len(lanes), 2),
        },
    )
    for row in rows:
        lanes[row["lane"] - 1].waiting.append(row)


def _choose(lanes: Sequence[_Lane], rooms: dict[int, int], most: int, calls_to_one_number: int) -> list[_Choice]:
    """By turns: after each fax the tenant with the fewest calls comes next."""
    calls = {lane.tenant_id: int(lane.row["calls"]) for lane in lanes}
    left = {lane.tenant_id: lane.row["room"] for lane in lanes}
    to_number: Counter[str] = Counter()
    chosen: list[_Choice] = []
    turns = [(lane.row["priority"], calls[lane.tenant_id], order) for order, lane in enumerate(lanes)]
    heapq.heapify(turns)
    while turns and len(chosen) < most:
        priority, had, order = heapq.heappop(turns)
        lane = lanes[order]
        tenant_id = lane.tenant_id
        if had != calls[tenant_id]:
            # Another of its lanes was served meanwhile.
            heapq.heappush(turns, (priority, calls[tenant_id], order))
            continue
        if left[tenant_id] is not None and left[tenant_id] < 1:
            continue
        found = _next_of(lane, rooms, to_number, calls_to_one_number)
        if found is None:
            continue
        chosen.append(_Choice(tenant_id, *found))
        calls[tenant_id] += 1
        if left[tenant_id] is not None:
            left[tenant_id] -= 1
        heapq.heappush(turns, (priority, calls[tenant_id], order))
    return chosen


def _next_of(
    lane: _Lane, rooms: dict[int, int], to_number: Counter[str], calls_to_one_number: int
) -> tuple[int, _Route | None] | None:
    """The lane's next fax that has a free trunk, and whose number is free, with that way out; None: it has no more."""
    while lane.next < len(lane.waiting):
        row = lane.waiting[lane.next]
        lane.next += 1
        number = row["destination"]
        if not row["ours"] and row["taken"] + to_number[number] >= calls_to_one_number:
            continue
        route = _free_route(lane.routes, rooms, row["tried"])
        if route is None and lane.routes:
            continue
        if route is not None:
            rooms[route.trunk_id] -= 1
        to_number[number] += 1
        return row["fax_id"], route
    return None


def _free_route(routes: Iterable[_Route], rooms: dict[int, int], tried: Sequence[int]) -> _Route | None:
    """The first that has room and was not tried just before; by weight among those of one stage and position."""
    free = [route for route in routes if rooms.get(route.trunk_id, 0) > 0 and route.trunk_id not in tried]
    if not free:
        return None
    equal = [route for route in free if (route.stage, route.position) == (free[0].stage, free[0].position)]
    # Not a secret: which trunk a call takes.
    return random.choices(equal, [route.weight for route in equal])[0]  # noqa: S311


def _put_off(tx: Transaction, lanes: Sequence[_Lane], taken: set[int]) -> None:
    """Lets others come up in a lane whose first faxes can all not be dialled now, because their numbers are taken."""
    for lane in lanes:
        if not lane.waiting or lane.next < len(lane.waiting) or any(row["fax_id"] in taken for row in lane.waiting):
            continue
        tx.later(
            """with blocked as (
                   select tenant_id, fax_id, row_number() over (order by not_before) - 1 as behind from fax_queue
                   where priority = %s and tenant_id = %s and lane = %s and not_before <= now()
                     and destination = any(%s) order by not_before limit %s)
               update fax_queue q set not_before = now() + make_interval(secs => least(%s * (1 + b.behind), %s))
               from blocked b where q.tenant_id = b.tenant_id and q.fax_id = b.fax_id""",
            (
                lane.row["priority"],
                lane.tenant_id,
                lane.row["lane"],
                sorted({row["destination"] for row in lane.waiting}),
                _MOST_PUT_OFF,
                _PUT_OFF_SECONDS,
                _LONGEST_PUT_OFF_SECONDS,
            ),
        )


def _open_attempts(
    tx: Transaction, chosen: Sequence[_Choice], node: str, switch_uuid: str, lease_seconds: int
) -> list[ClaimedFax]:
    """Takes faxes out of the queue, but for those that somebody else has locked, and opens their calls."""
    tx.enter_tenants({choice.tenant_id for choice in chosen})
    rows = tx.rows_of(
        _OPEN,
        {
            "tenants": [choice.tenant_id for choice in chosen],
            "faxes": [choice.fax_id for choice in chosen],
            "trunks": [None if choice.route is None else choice.route.trunk_id for choice in chosen],
            "prefixes": [None if choice.route is None else choice.route.prefix for choice in chosen],
            "node": node,
            "switch": switch_uuid,
            "lease": lease_seconds,
        },
    )
    known = {trunk.id: trunk for trunk in trunks.some(tx, {row["trunk_id"] for row in rows} - {None})}
    return [_claimed(row, known.get(row["trunk_id"])) for row in rows]


def _claimed(row: Row, trunk: Trunk | None) -> ClaimedFax:
    return ClaimedFax(
        row["tenant_id"],
        row["fax_id"],
        row["attempt_id"],
        row["attempt_number"],
        row["channel_uuid"],
        row["called_number"],
        row["calling_number"],
        row["pages"],
        row["start_page"],
        StoredObject(row["object_name"], row["bytes"], row["sha256"]),
        trunk,
        row["did_ident"],
        t38=row["t38"],
        v17=row["v17"],
        ecm=row["ecm"],
    )


def _note_turns(tx: Transaction, claimed: Sequence[ClaimedFax]) -> None:
    """Moves on whose turn it is."""
    turns = Counter(fax.tenant_id for fax in claimed)
    tx.later(
        """insert into tenant_turns as t (tenant_id, served_at, hour, calls)
           select tenant_id, clock_timestamp(), date_trunc('hour', now()), calls
           from unnest(%s::bigint[], %s::integer[]) as c (tenant_id, calls)
           on conflict on constraint tenant_turns_pkey do update
           set served_at = excluded.served_at, hour = excluded.hour,
               calls = excluded.calls + case when t.hour = excluded.hour then t.calls else 0 end""",
        (list(turns), list(turns.values())),
    )


def pace(tx: Transaction, claimed: Sequence[ClaimedFax]) -> None:
    """Moves on when trunks with a rate take their next call."""
    paced = Counter(fax.trunk.id for fax in claimed if fax.trunk)
    tx.later(
        """insert into trunk_states as s (trunk_id, next_call_at)
           select k.id, now() + make_interval(secs => c.calls / k.calls_per_second)
           from unnest(%s::bigint[], %s::integer[]) as c (trunk_id, calls) join trunks k on k.id = c.trunk_id
           where k.calls_per_second is not null order by k.id
           on conflict on constraint trunk_states_pkey do update
           set next_call_at = greatest(s.next_call_at, now()) + (excluded.next_call_at - now())""",
        (list(paced), list(paced.values())),
    )


def outlook(tx: Transaction, node: str) -> tuple[float | None, int]:
    """Seconds until a look at the queue may find a fax to dial (None: none waits), and this node's calls.

    Faxes that are due, and wait for a trunk, a number or an hour, are looked at now and then: what makes room is
    notified, but for what only time brings.
    """
    row = tx.one(
        f"""{_HEADS}
            select min(case when not_before > now() then extract(epoch from not_before - now()) else %s end)::float
                       as wait,
                   (select min(extract(epoch from s.next_call_at - now()))::float from trunk_states s
                    where s.next_call_at > now() and s.next_call_at < now() + interval '1 minute') as paced,
                   (select count(*) from calls where node = %s) as calls
            from heads""",
        (BLOCKED_SECONDS, node),
    )
    if row["wait"] is None:
        return None, row["calls"]
    return min(row["wait"], row["paced"] or row["wait"]), row["calls"]
