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
from faxplan.db import Row, Transaction
from faxplan.documents import StoredObject
from faxplan.trunks import Trunk

MOST_CLAIMED = 16
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

# calls_per_second is a generic cell rate algorithm with a tolerance of a tenth of a second, or of one call. The order
# is made before the trunks are looked up, so that they are looked up for the first lanes only.
_DUE_LANES = f"""{_HEADS},
    tenant_calls as (select tenant_id, count(*) as calls from calls group by tenant_id),
    trunk_calls as (select trunk_id, count(*) as calls from calls group by trunk_id),
    free_trunks as materialized (
        select t.id, least(
            coalesce(t.max_calls - coalesce(c.calls, 0), %(most)s),
            coalesce(floor(t.calls_per_second * extract(epoch from
                now() + make_interval(secs => greatest(0.1, 1 / t.calls_per_second))
                - greatest(coalesce(s.next_call_at, now()), now())) + 1e-6), %(most)s)) as room
        from trunks t left join trunk_calls c on c.trunk_id = t.id left join trunk_states s on s.trunk_id = t.id
        where coalesce(s.rests_until, '-infinity') <= now())
    select h.*, r.trunks
    from (
        select h.priority, h.tenant_id, h.lane, h.destination, coalesce(c.calls, 0) as calls,
               least(t.max_calls - coalesce(c.calls, 0),
                     t.calls_per_hour - case when s.hour = date_trunc('hour', now()) then s.calls else 0 end) as room
        from heads h join tenants t on t.id = h.tenant_id
        left join tenant_calls c on c.tenant_id = h.tenant_id
        left join tenant_turns s on s.tenant_id = h.tenant_id
        where h.not_before <= now()
        order by h.priority, coalesce(c.calls, 0), s.served_at nulls first, h.not_before
        offset 0) h
    cross join lateral (
        select jsonb_agg(jsonb_build_array(f.trunk_id, f.stage, f.position, f.weight, f.prefix, greatest(o.room, 0))
                         order by f.stage, f.position) as trunks, coalesce(bool_or(o.room >= 1), false) as free
        from trunks_for(h.tenant_id, h.destination) f left join free_trunks o on o.id = f.trunk_id) r
    where coalesce(h.room > 0, true) and may_send(h.tenant_id, h.priority)
      and (r.free or (r.trunks is null and not exists (
          select from matching_routes(h.tenant_id, h.destination) m where m.trunk_id is not null)))
    limit %(most)s"""

_FAXES = """
    select l.number as lane, f.fax_id, f.destination, f.tried, f.taken, f.ours
    from unnest(%(priorities)s::integer[], %(tenants)s::bigint[], %(lanes)s::text[])
         with ordinality as l (priority, tenant_id, lane, number)
    cross join lateral (
        select w.*, (select count(*) from calls c where c.destination = w.destination) as taken,
               exists (select from dids d where d.number = w.destination) as ours
        from (select q.fax_id, q.destination, q.tried, q.not_before from fax_queue q
              where q.priority = l.priority and q.tenant_id = l.tenant_id and q.lane = l.lane and q.not_before <= now()
              order by q.not_before limit %(window)s) w
        order by w.not_before) f"""


@dataclass(frozen=True, slots=True)
class ClaimedFax:
    """A fax that this node is to dial now. Numbers are E.164; pages: of the whole fax; start_page: 0-based.

    trunk None: no route serves the number. calling_number: its tenant's, at this moment, or None where it has none.
    did_ident: the station ident of that DID; empty: it has none.
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


@dataclass(slots=True)
class _Route:
    """A trunk that may take a lane's faxes, as trunks_for says it."""

    trunk_id: int
    stage: int
    position: int
    weight: int
    prefix: str


@dataclass(slots=True)
class _Lane:
    """Faxes of one tenant and priority that the same trunks take. room: None where the tenant has no limit."""

    row: Row
    routes: list[_Route]
    waiting: list[Row] = field(default_factory=list)
    next: int = 0

    @property
    def tenant_id(self) -> int:
        return int(self.row["tenant_id"])


@dataclass(frozen=True, slots=True)
class _Choice:
    """A fax, and its way out; route None: nobody serves it. order: its place among all that are chosen."""

    fax_id: int
    route: _Route | None
    order: int


def claim_faxes(
    tx: Transaction,
    *,
    node: str,
    switch_uuid: str,
    most: int,
    max_calls: int,
    lease_seconds: int,
    calls_to_one_number: int = 1000,
) -> list[ClaimedFax]:
    """Takes up to `most` (at most MOST_CLAIMED) due faxes for this node.

    The most urgent first; among tenants whoever has the fewest calls, then whose turn is the longest ago; each
    tenant's in the order in which they became due. Limits: `max_calls` of the node, those of tenant and trunk
    (schema.sql), and `calls_to_one_number` at once to a number that is not a DID of ours; sending hours; trunks that
    rest. Both directions count.

    Refused: a fax that its user is cancelling at this moment (SKIP LOCKED), or that is no longer queued. Waits while
    another node claims. Call in across_tenants() as role switch.
    """
    queue.take_turn(tx)
    on_node = tx.value("select count(*) from calls where node = %s", (node,))
    most = min(most, MOST_CLAIMED, max_calls - on_node)
    if most < 1:
        return []
    lanes, rooms = _lanes(tx, most)
    if not lanes:
        return []
    _look_into(tx, lanes, most)
    chosen = _choose(lanes, rooms, most, calls_to_one_number)
    _put_off(tx, lanes, chosen)
    claimed: list[ClaimedFax] = []
    for tenant_id in sorted(chosen):
        tx.enter_tenant(tenant_id)
        claimed += _open_attempts(tx, tenant_id, chosen[tenant_id], node, switch_uuid, lease_seconds)
    _note(tx, claimed)
    order = {choice.fax_id: choice.order for choices in chosen.values() for choice in choices}
    return sorted(claimed, key=lambda fax: order[fax.fax_id])


def _lanes(tx: Transaction, most: int) -> tuple[list[_Lane], dict[int, int]]:
    """The lanes that are served next, in that order; how many calls each of their trunks may be given."""
    lanes: list[_Lane] = []
    rooms: dict[int, int] = {}
    for row in tx.rows(_DUE_LANES, {"most": most}):
        routes = [_Route(*route[:5]) for route in row["trunks"] or ()]
        rooms.update({route[0]: int(route[5] or 0) for route in row["trunks"] or ()})
        lanes.append(_Lane(row, routes))
    return lanes, rooms


def _look_into(tx: Transaction, lanes: Sequence[_Lane], most: int) -> None:
    """Fetches the first due faxes of each lane."""
    rows = tx.rows(
        _FAXES,
        {
            "priorities": [lane.row["priority"] for lane in lanes],
            "tenants": [lane.tenant_id for lane in lanes],
            "lanes": [lane.row["lane"] for lane in lanes],
            "window": most,
        },
    )
    for row in rows:
        lanes[row["lane"] - 1].waiting.append(row)


def _choose(
    lanes: Sequence[_Lane], rooms: dict[int, int], most: int, calls_to_one_number: int
) -> dict[int, list[_Choice]]:
    """By turns: after each fax the tenant with the fewest calls comes next. By tenant."""
    calls = {lane.tenant_id: int(lane.row["calls"]) for lane in lanes}
    left = {lane.tenant_id: lane.row["room"] for lane in lanes}
    to_number: Counter[str] = Counter()
    chosen: dict[int, list[_Choice]] = {}
    turns = [(lane.row["priority"], calls[lane.tenant_id], order) for order, lane in enumerate(lanes)]
    heapq.heapify(turns)
    count = 0
    while turns and count < most:
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
        chosen.setdefault(tenant_id, []).append(_Choice(*found, order=count))
        count += 1
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
    free = [route for route in routes if rooms[route.trunk_id] > 0 and route.trunk_id not in tried]
    if not free:
        return None
    equal = [route for route in free if (route.stage, route.position) == (free[0].stage, free[0].position)]
    # Not a secret: which trunk a call takes.
    return random.choices(equal, [route.weight for route in equal])[0]  # noqa: S311


def _put_off(tx: Transaction, lanes: Sequence[_Lane], chosen: dict[int, list[_Choice]]) -> None:
    """Lets others come up in a lane whose first faxes can all not be dialled now, because their numbers are taken."""
    taken = {choice.fax_id for choices in chosen.values() for choice in choices}
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
    tx: Transaction, tenant_id: int, choices: Sequence[_Choice], node: str, switch_uuid: str, lease_seconds: int
) -> list[ClaimedFax]:
    """Takes faxes out of the queue, but for those that somebody else has locked, and opens their calls.

    A cancel holds the fax and then wants its place in the queue, which the claim holds: waiting here would be a
    deadlock. A fax whose lane is out of date, because routes were changed, stays, and gets its right one.
    """
    rows = tx.rows(
        """with chosen as (
               select * from unnest(%(faxes)s::bigint[], %(trunks)s::bigint[], %(prefixes)s::text[])
                   as c (fax_id, trunk_id, prefix)),
           free as (
               select f.id from faxes f join fax_queue q on q.tenant_id = %(tenant)s and q.fax_id = f.id
               where f.tenant_id = %(tenant)s and f.id = any(%(faxes)s) and q.lane = lane_of(%(tenant)s, q.destination)
               for update of f skip locked),
           left_queue as (
               delete from fax_queue q using free where q.tenant_id = %(tenant)s and q.fax_id = free.id
               returning q.fax_id, q.tried),
           f as (
               update faxes set state = 'dialing', attempts_made = attempts_made + 1, not_before = null,
                                explanation = null
               where tenant_id = %(tenant)s and id in (select fax_id from left_queue)
                 and state = 'queued' and not cancel_requested
               returning id, called_number, calling_number, pages, pages_done, attempts_made, rendering_id,
                         t38_off, v17_off, ecm_off),
           t as (
               select f.id as fax_id, t.id as trunk_id, t.name, c.prefix,
                      t.t38 and not f.t38_off and not coalesce(l.t38_off, false) as t38,
                      not f.v17_off and not coalesce(l.v17_off, false) as v17,
                      not f.ecm_off and not coalesce(l.ecm_off, false) as ecm
               from f join chosen c on c.fax_id = f.id left join trunks t on t.id = c.trunk_id
               left join destinations l on l.tenant_id = %(tenant)s and l.number = f.called_number
                                       and coalesce(l.expires_at > now(), true)),
           a as (
               insert into attempts (tenant_id, fax_id, number, node, channel_uuid, start_page, trunk, route_prefix,
                                     t38_offered, v17_offered, ecm_offered)
               select %(tenant)s, id, attempts_made, %(node)s, gen_random_uuid()::text, pages_done, t.name, t.prefix,
                      t.t38, t.v17, t.ecm
               from f join t on t.fax_id = f.id
               returning id, fax_id, channel_uuid, number, start_page),
           c as (
               insert into calls (tenant_id, attempt_id, fax_id, direction, node, switch_uuid, channel_uuid, trunk_id,
                                  destination, lease_until, tried)
               select %(tenant)s, a.id, a.fax_id, 'outbound', %(node)s, %(switch)s, a.channel_uuid, t.trunk_id,
                      f.called_number, now() + make_interval(secs => %(lease)s), q.tried
               from a join f on f.id = a.fax_id join t on t.fax_id = f.id join left_queue q on q.fax_id = f.id)
           select f.id as fax_id, a.id as attempt_id, a.number as attempt_number, a.channel_uuid, f.called_number,
                  o.number as calling_number, f.pages, a.start_page, d.object_name, d.bytes, d.sha256,
                  t.trunk_id, coalesce(t.t38, true) as t38, t.v17, t.ecm, coalesce(o.station_ident, '') as did_ident
           from f join a on a.fax_id = f.id join t on t.fax_id = f.id
           join renderings r on r.tenant_id = %(tenant)s and r.id = f.rendering_id
           join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
           left join lateral (
               select o.number, o.station_ident from dids o where o.tenant_id = %(tenant)s and o.enabled
               order by o.number = f.calling_number desc, o.created_at, o.number limit 1) o on true
           order by f.id""",
        {
            "tenant": tenant_id,
            "faxes": [choice.fax_id for choice in choices],
            "trunks": [None if choice.route is None else choice.route.trunk_id for choice in choices],
            "prefixes": [None if choice.route is None else choice.route.prefix for choice in choices],
            "node": node,
            "switch": switch_uuid,
            "lease": lease_seconds,
        },
    )
    if len(rows) < len(choices):
        tx.later(
            """update fax_queue set lane = lane_of(tenant_id, destination)
               where tenant_id = %s and fax_id = any(%s) and lane <> lane_of(tenant_id, destination)""",
            (tenant_id, [choice.fax_id for choice in choices]),
        )
    known = {trunk.id: trunk for trunk in trunks.some(tx, {row["trunk_id"] for row in rows} - {None})}
    return [_claimed(tenant_id, row, known.get(row["trunk_id"])) for row in rows]


def _claimed(tenant_id: int, row: Row, trunk: Trunk | None) -> ClaimedFax:
    return ClaimedFax(
        tenant_id,
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


def _note(tx: Transaction, claimed: Sequence[ClaimedFax]) -> None:
    """Moves on whose turn it is, and when trunks with a rate take their next call."""
    for tenant_id, calls in sorted(Counter(fax.tenant_id for fax in claimed).items()):
        tx.later(
            """insert into tenant_turns as t (tenant_id, served_at, hour, calls)
               values (%s, clock_timestamp(), date_trunc('hour', now()), %s)
               on conflict on constraint tenant_turns_pkey do update
               set served_at = excluded.served_at, hour = excluded.hour,
                   calls = excluded.calls + case when t.hour = excluded.hour then t.calls else 0 end""",
            (tenant_id, calls),
        )
    for trunk_id, calls in sorted(Counter(fax.trunk.id for fax in claimed if fax.trunk).items()):
        tx.later(
            """insert into trunk_states as s (trunk_id, next_call_at)
               select id, now() + make_interval(secs => %s / calls_per_second) from trunks
               where id = %s and calls_per_second is not null
               on conflict on constraint trunk_states_pkey do update
               set next_call_at = greatest(s.next_call_at, now()) + (excluded.next_call_at - now())""",
            (calls, trunk_id),
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
