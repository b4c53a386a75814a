"""What limits leave free: calls of each trunk at once, and a second.

Those of node, tenant and number stand with the lanes (lanes.LOOK): a lane without room is passed over there.
"""

from dataclasses import dataclass

from faxplan.db import Transaction
from faxplan.trunk_health import FAILURES_BEFORE_REST, TRIAL_SECONDS

# CTEs. Whatever counts calls reads them once. calls_per_second is a generic cell rate algorithm with a tolerance of a
# tenth of a second, or of one call.
IN_FLIGHT = """
    in_flight as materialized (select node, tenant_id, trunk_id, destination, direction, started_at from calls)"""
# Not later than its rate could have made it: that may have been raised since.
_NEXT_CALL = """greatest(now(), least(
                   coalesce(s.next_call_at, now()), now() + make_interval(secs => 16 / t.calls_per_second)))"""
TRUNK_ROOM = f"""
    trunk_room as (
        select t.id, t.xmin::text as version, t.calls_per_second as rate,
               coalesce(s.failures >= {FAILURES_BEFORE_REST}, false) as is_tried,
               extract(epoch from {_NEXT_CALL} - now())::float as paced,
               greatest(0, least(
                   t.max_calls - coalesce(c.calls, 0),
                   -- After its rest a trunk is tried with one call, and another once that has gone on for a while.
                   case when s.failures >= {FAILURES_BEFORE_REST} then 1 - (
                       select count(*) from in_flight i where i.trunk_id = t.id and i.direction = 'outbound'
                       and i.started_at > greatest(s.rests_until, now() - interval '{TRIAL_SECONDS} s')) end,
                   floor(t.calls_per_second * extract(epoch from
                       now() + make_interval(secs => greatest(0.1, 1 / t.calls_per_second))
                       - {_NEXT_CALL}) + 1e-6), %(most)s::integer))::integer as room
        from trunks t
        left join (select trunk_id, count(*) as calls from in_flight group by trunk_id) c on c.trunk_id = t.id
        left join trunk_states s on s.trunk_id = t.id
        left join trunk_holders h on h.trunk_id = t.id and t.register
        where t.enabled and coalesce(h.node = %(node)s::text, true)
          and coalesce(s.rests_until, '-infinity') <= now()
          and coalesce((s.node_rests -> %(node)s::text ->> 1)::timestamptz, '-infinity') <= now())"""


@dataclass(frozen=True, slots=True)
class TrunkRoom:
    """room: how many more calls the trunk takes now. rate: its calls a second; None: no limit. paced: seconds until
    that allows the next one, without its tolerance. version: of the trunk's row (RowMemory). is_tried: it has rested,
    and shows with one call at a time whether it works.
    """

    id: int
    version: str
    rate: float | None
    paced: float
    room: int
    is_tried: bool


def paced(calls: str) -> str:
    """SQL that moves on when trunks with a rate take their next call. calls: SQL of the trunk_id of each."""
    return f"""
        insert into trunk_states as s (trunk_id, next_call_at)
        select k.id, now() + make_interval(secs => count(*) / k.calls_per_second)
        from ({calls}) c join trunks k on k.id = c.trunk_id
        where k.calls_per_second is not null group by k.id order by k.id
        on conflict on constraint trunk_states_pkey do update
        set next_call_at = greatest(s.next_call_at, now()) + (excluded.next_call_at - now())"""


def pace(tx: Transaction, trunk_id: int) -> None:
    """Notes a call that goes out through a trunk."""
    tx.later(paced("select %s::bigint as trunk_id"), (trunk_id,))
