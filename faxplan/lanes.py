"""Lanes: the faxes of one tenant and priority that the same trunks take (fax_queue.lane).

However long the queue, a look at it is a look at each lane, and at the first few faxes of those that are served.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from faxplan.db import Prepared, Row, Transaction
from faxplan.ways import Route

LANES_AT_ONCE = 64
_MOST_PUT_OFF = 1000
_PUT_OFF_SECONDS, _LONGEST_PUT_OFF_SECONDS = 5, 600
"""Between two looks at faxes to a number that has as many calls as it may: the more wait for it, the later the last."""
BLOCKED_SECONDS = 5.0
"""How long until a look at faxes that are due and may not be dialled yet; a call that ends is notified."""

_TRIED_SECONDS = 60
"""So long a fax waits for another trunk than those that could not take it."""

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
        select l.*, h.not_before, h.destination, h.pages from lanes l join tenants t on t.id = l.tenant_id and t.enabled
        cross join lateral (
            select q.not_before, q.destination, q.pages from fax_queue q
            where q.priority = l.priority and q.tenant_id = l.tenant_id and q.lane = l.lane
            order by q.not_before limit 1) h)"""

DUE = Prepared(
    "lanes_due",
    f"""{_HEADS},
    tenant_calls as (select tenant_id, count(*) as calls from calls group by tenant_id),
    due as (
        select h.*, coalesce(c.calls, 0) as calls, t.time_zone, s.served_at,
               least(t.max_calls - coalesce(c.calls, 0),
                     t.calls_per_hour - case when s.hour = date_trunc('hour', now()) then s.calls else 0 end) as room,
               t.pages_per_hour - case when s.hour = date_trunc('hour', now()) then s.pages else 0 end as page_room,
               t.pages_per_hour
        from heads h join tenants t on t.id = h.tenant_id
        left join tenant_calls c on c.tenant_id = h.tenant_id
        left join tenant_turns s on s.tenant_id = h.tenant_id
        where h.not_before <= now() and not (%(internal)s::boolean and strpos(h.lane, ':internal') > 0))
    select d.priority, d.tenant_id, d.lane, d.destination, d.calls, d.room, d.page_room, d.pages_per_hour from due d
    where coalesce(d.room > 0, true)
      -- What no hour has room for goes on: that ends it, in words (staging).
      and coalesce(d.pages <= d.page_room or d.pages > d.pages_per_hour, true)
      and coalesce((
        select bool_or(extract(isodow from clock.here) = h.weekday and clock.here::time >= h.opens
                       and clock.here::time < h.closes)
        from sending_hours h, (select now() at time zone d.time_zone as here) clock
        where h.tenant_id = d.tenant_id and (h.priority is null or h.priority = d.priority)), true)
    order by d.priority, d.calls, d.served_at nulls first, d.not_before
    limit %(most)s::integer offset %(past)s::integer""",
)

_FAXES = Prepared(
    "lanes_faxes",
    """
    select l.number as lane, f.fax_id, f.destination, f.tried, f.pages, f.taken, f.ours
    from unnest(%(priorities)s::integer[], %(tenants)s::bigint[], %(lanes)s::text[])
         with ordinality as l (priority, tenant_id, lane, number)
    cross join lateral (
        select w.*, (select count(*) from calls c where c.destination = w.destination) as taken,
               exists (select from dids d where d.number = w.destination) as ours
        from (select q.fax_id, q.destination, q.pages, q.not_before,
                     -- What a trunk could not take goes to another at once; not for ever, should that be full or rest.
                     case when q.not_before > now() - make_interval(secs => %(tried)s::integer) then q.tried
                          else '{}' end as tried
              from fax_queue q
              where q.priority = l.priority and q.tenant_id = l.tenant_id and q.lane = l.lane and q.not_before <= now()
              order by q.not_before limit %(window)s::integer) w
        order by w.not_before) f""",
)


@dataclass(slots=True)
class Lane:
    """Faxes of one tenant and priority that the same trunks take. `row`: of DUE."""

    row: Row
    routes: tuple[Route, ...]
    waiting: list[Row] = field(default_factory=list)
    next: int = 0

    @property
    def tenant_id(self) -> int:
        return int(self.row["tenant_id"])

    def can_ever_send(self, fax: Row) -> bool:
        """Whether an hour of the tenant's has room for its pages."""
        return self.row["pages_per_hour"] is None or bool(fax["pages"] <= self.row["pages_per_hour"])


def due(tx: Transaction, *, past: int, internal: bool) -> list[Row]:
    """LANES_AT_ONCE lanes after the first `past` ones, in the order in which they are served: columns of DUE. Their
    first fax is due, their tenant has room, and it is within its sending hours. internal: but for those to our DIDs.
    """
    return tx.rows_of(DUE, {"most": LANES_AT_ONCE, "past": past, "internal": internal})


def look_into(tx: Transaction, lanes: Sequence[Lane], most: int) -> None:
    """Fetches the first due faxes of each lane: twice as many as can be taken, where all lanes take alike."""
    rows = tx.rows_of(
        _FAXES,
        {
            "priorities": [lane.row["priority"] for lane in lanes],
            "tenants": [lane.tenant_id for lane in lanes],
            "lanes": [lane.row["lane"] for lane in lanes],
            "window": max(2 * most // len(lanes), 2),
            "tried": _TRIED_SECONDS,
        },
    )
    for row in rows:
        lanes[row["lane"] - 1].waiting.append(row)


def put_off(tx: Transaction, lanes: Sequence[Lane], taken: set[int]) -> None:
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
