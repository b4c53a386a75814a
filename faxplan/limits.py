"""What limits leave free: calls of the node, calls and calls a second of each trunk.

Those of a tenant stand with its lanes (lanes.DUE), since a lane without room is passed over there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from faxplan.db import Prepared, Transaction

# calls_per_second is a generic cell rate algorithm with a tolerance of a tenth of a second, or of one call.
_ROOM = Prepared(
    "limits_room",
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


@dataclass(frozen=True, slots=True)
class Room:
    """on_node: the node's calls, both directions. version: the routing_version. trunks: how many more calls each takes
    now, by its id; one that rests or is disabled is not among them.
    """

    on_node: int
    version: str
    trunks: dict[int, int]


def room(tx: Transaction, node: str, most: int) -> Room:
    """What is free now. most: more than so many calls of a trunk are not asked for. Take the turn first."""
    (row,) = tx.rows_of(_ROOM, {"node": node, "most": most})
    return Room(row["on_node"], row["version"], {int(trunk_id): calls for trunk_id, calls in row["trunks"].items()})


def pace(tx: Transaction, trunk_ids: Iterable[int]) -> None:
    """Moves on when trunks with a rate take their next call. trunk_ids: one for each call that goes out now."""
    paced = Counter(trunk_ids)
    tx.later(
        """insert into trunk_states as s (trunk_id, next_call_at)
           select k.id, now() + make_interval(secs => c.calls / k.calls_per_second)
           from unnest(%s::bigint[], %s::integer[]) as c (trunk_id, calls) join trunks k on k.id = c.trunk_id
           where k.calls_per_second is not null order by k.id
           on conflict on constraint trunk_states_pkey do update
           set next_call_at = greatest(s.next_call_at, now()) + (excluded.next_call_at - now())""",
        (list(paced), list(paced.values())),
    )
