"""How trunks have done lately: one that fails again and again rests, so that calls go elsewhere or wait.

Told by calls, on whatever node. A gateway that does not answer the OPTIONS of its node is that node's affair:
FreeSWITCH then refuses at once (GATEWAY_DOWN), which is a failure here as well.
"""

from faxplan.db import Row, Transaction
from faxplan.errors import NotFound

FAILURES_BEFORE_REST = 3
SHORTEST_REST_SECONDS, LONGEST_REST_SECONDS = 10, 300


def failed(tx: Transaction, trunk_id: int, what: str) -> None:
    """A call that the trunk could not take. From the third in a row on it rests, each time twice as long."""
    tx.later(
        """insert into trunk_states as s (trunk_id, failures, last_failure, last_failure_at)
           select id, 1, %(what)s, now() from trunks where id = %(trunk)s
           on conflict on constraint trunk_states_pkey do update
           set failures = s.failures + 1, last_failure = excluded.last_failure, last_failure_at = now(),
               rests_until = case when s.failures + 1 >= %(patience)s
                   then now() + make_interval(secs => least(
                       %(shortest)s * power(2, least(s.failures + 1 - %(patience)s, 16)), %(longest)s))
                   else s.rests_until end""",
        {
            "trunk": trunk_id,
            "what": what[:200],
            "patience": FAILURES_BEFORE_REST,
            "shortest": SHORTEST_REST_SECONDS,
            "longest": LONGEST_REST_SECONDS,
        },
    )


def worked(tx: Transaction, trunk_id: int) -> None:
    """A call that the trunk took, whatever became of it. Written once a minute at most: it is every call."""
    tx.later(
        """insert into trunk_states as s (trunk_id, last_success_at)
           select t.id, now() from trunks t where t.id = %(trunk)s and not exists (
               select from trunk_states k where k.trunk_id = %(trunk)s and k.failures = 0
               and k.last_success_at > now() - interval '1 minute')
           on conflict on constraint trunk_states_pkey do update
           set failures = 0, rests_until = '-infinity', last_success_at = now()""",
        {"trunk": trunk_id},
    )


def everyone(tx: Transaction) -> list[Row]:
    """Of every trunk (role admin): name, enabled, failures in a row, rests_seconds (0: it does not), last_failure and
    its time, last_success_at, calls in flight on all nodes and in both directions, max_calls, paced_seconds (until
    calls_per_second allows the next call, as limits.py reckons; 0: now).
    """
    return tx.rows(
        """select t.name, t.enabled, coalesce(s.failures, 0) as failures, s.last_failure, s.last_failure_at,
                  s.last_success_at, (select count(*) from calls c where c.trunk_id = t.id) as calls, t.max_calls,
                  coalesce(greatest(0, extract(epoch from s.next_call_at - now())
                                       - greatest(0, 0.1 - 1 / t.calls_per_second)), 0)::float as paced_seconds,
                  case when s.rests_until > now() then ceil(extract(epoch from s.rests_until - now()))::integer
                       else 0 end as rests_seconds
           from trunks t left join trunk_states s on s.trunk_id = t.id order by t.name"""
    )


def wake(tx: Transaction, name: str) -> None:
    """Ends a trunk's rest (role admin): somebody has mended it. Raises NotFound."""
    if tx.value("select 1 from trunks where name = %s", (name,)) is None:
        raise NotFound(f"There is no trunk {name[:64]!r}. `faxplan trunk list` shows all.")
    tx.execute("delete from trunk_states s using trunks t where t.id = s.trunk_id and t.name = %s", (name,))
