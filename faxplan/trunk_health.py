"""How trunks have done lately: one that fails again and again rests, so that calls go elsewhere or wait.

Told by calls, on whatever node. Failures count where they came of different numbers: a number whose line is dead makes
502 or 408 through every trunk. What a node's own switch says before it dials, that the gateway does not answer its
OPTIONS (GATEWAY_DOWN) or is not there (INVALID_GATEWAY), is true of that node alone: there the trunk rests at once.
"""

from faxplan import nodes, registrations
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _

FAILURES_BEFORE_REST = 3
"""So many in a row; then, between two rests, it is tried with one call at a time until it takes one."""
TRIAL_SECONDS = 60
"""Such a call that has gone on so long is ringing at least (Settings.ring_seconds): another one may follow."""
SHORTEST_REST_SECONDS, LONGEST_REST_SECONDS = 10, 300


def failed(tx: Transaction, trunk_id: int, what: str, number: str) -> None:
    """A call to a number that the trunk could not take. From the third number in a row on it rests, each time twice as
    long. What was claimed before that counts with it. Kept of a number is a hash: its tenant's affairs are nobody
    else's.
    """
    tx.later(
        """insert into trunk_states as s (trunk_id, failures, last_failure, last_failure_at, failed_numbers)
           select id, 1, %(what)s, now(), array[hashtextextended(%(number)s, 0)] from trunks where id = %(trunk)s
           on conflict on constraint trunk_states_pkey do update
           set (failures, failed_numbers, rests_until) = (
                   select n.failures, case when n.counts then n.numbers else s.failed_numbers end,
                          case when n.counts and n.failures >= %(patience)s
                               then now() + make_interval(secs => least(
                                   %(shortest)s * power(2, least(n.failures - %(patience)s, 16)), %(longest)s))
                               else s.rests_until end
                   from (select c.counts, s.failures + c.counts::integer as failures,
                                (s.failed_numbers || excluded.failed_numbers)[:%(patience)s] as numbers
                         from (select s.rests_until <= now() and (s.failures >= %(patience)s
                                   or not s.failed_numbers @> excluded.failed_numbers) as counts) c) n),
               last_failure = excluded.last_failure, last_failure_at = now()""",
        {
            "trunk": trunk_id,
            "what": what[:200],
            "number": number,
            "patience": FAILURES_BEFORE_REST,
            "shortest": SHORTEST_REST_SECONDS,
            "longest": LONGEST_REST_SECONDS,
        },
    )


def times_down(tx: Transaction, trunk_id: int, node: str) -> int:
    """How often in a row a node's switch has said that it cannot reach the trunk, a rest in between each time."""
    found = tx.value("select (node_rests -> %s ->> 0)::integer from trunk_states where trunk_id = %s", (node, trunk_id))
    return int(found or 0)


def down_on_node(tx: Transaction, trunk_id: int, what: str, node: str) -> None:
    """A node's switch said, without a call, that it cannot reach the trunk: it rests there, each time twice as long.

    What else was claimed before that counts with it.
    """
    tx.later(
        """insert into trunk_states as s (trunk_id, last_failure, last_failure_at, node_rests)
           select id, %(what)s, now(), jsonb_build_object(%(node)s::text, jsonb_build_array(
                      1, now() + make_interval(secs => %(shortest)s)))
           from trunks where id = %(trunk)s
           on conflict on constraint trunk_states_pkey do update
           set last_failure = excluded.last_failure, last_failure_at = now(),
               node_rests = case when (s.node_rests -> %(node)s::text ->> 1)::timestamptz > now() then s.node_rests
                   else s.node_rests || jsonb_build_object(%(node)s::text, jsonb_build_array(
                       coalesce((s.node_rests -> %(node)s::text ->> 0)::integer, 0) + 1,
                       now() + make_interval(secs => least(%(shortest)s * power(2, least(
                           coalesce((s.node_rests -> %(node)s::text ->> 0)::integer, 0), 16)), %(longest)s)))) end""",
        {
            "trunk": trunk_id,
            "what": what[:200],
            "node": node,
            "shortest": SHORTEST_REST_SECONDS,
            "longest": LONGEST_REST_SECONDS,
        },
    )


def worked(tx: Transaction, trunk_id: int, node: str) -> None:
    """A call of this node that the trunk took, whatever became of it. Written once a minute at most: it is
    every call.
    """
    tx.later(
        """insert into trunk_states as s (trunk_id, last_success_at)
           select t.id, now() from trunks t where t.id = %(trunk)s and not exists (
               select from trunk_states k where k.trunk_id = %(trunk)s and k.failures = 0
               and not k.node_rests ? %(node)s::text and k.last_success_at > now() - interval '1 minute')
           on conflict on constraint trunk_states_pkey do update
           set failures = 0, failed_numbers = '{}', rests_until = '-infinity', last_success_at = now(),
               node_rests = s.node_rests - %(node)s::text""",
        {"trunk": trunk_id, "node": node},
    )


def everyone(tx: Transaction) -> list[Row]:
    """Of every trunk (role admin): name, enabled, failures in a row, rests_seconds (0: it does not), down_on (nodes on
    which alone it rests, or whose switch says that it does not answer OPTIONS), last_failure and its time,
    last_success_at, calls in flight on all nodes and in both directions, registered_by (the node that alone registers
    it, or None), unregistered_on (that one, where it has failed to for more than registrations.UNREGISTERED seconds),
    is_tried (it has rested, and takes one call at a time), has_trial (that is going on), max_calls, paced_seconds
    (until calls_per_second allows the next call, as limits.py reckons; 0: now).
    """
    found = tx.rows(
        """select t.name, t.enabled, coalesce(s.failures, 0) as failures, s.last_failure, s.last_failure_at,
                  s.last_success_at, (select count(*) from calls c where c.trunk_id = t.id) as calls, t.max_calls,
                  coalesce(greatest(0, extract(epoch from greatest(s.next_call_at, now()) - now())
                                       - greatest(0, 0.1 - 1 / t.calls_per_second)), 0)::float as paced_seconds,
                  case when s.rests_until > now() then ceil(extract(epoch from s.rests_until - now()))::integer
                       else 0 end as rests_seconds,
                  coalesce(s.failures >= %s and s.rests_until <= now(), false) as is_tried,
                  exists (select from calls c where c.trunk_id = t.id and c.direction = 'outbound'
                          and c.started_at > greatest(s.rests_until, now() - make_interval(secs => %s))) as has_trial,
                  array(select n.key from jsonb_each(s.node_rests) n where (n.value ->> 1)::timestamptz > now()
                        union select d.name from nodes d
                        where t.name = any(d.silent_trunks) and d.heartbeat_at > now() - make_interval(secs => %s)
                        order by 1) as down_on
           from trunks t left join trunk_states s on s.trunk_id = t.id order by t.name""",
        (FAILURES_BEFORE_REST, TRIAL_SECONDS, nodes.SILENT_SECONDS),
    )
    held = {row["trunk"]: row for row in registrations.holders(tx)}
    for each in found:
        holder = held.get(each["name"])
        each["registered_by"] = holder["node"] if holder else None
        each["unregistered_on"] = holder["node"] if holder and registrations.fails(holder) else None
    return found


def wake(tx: Transaction, name: str) -> None:
    """Ends a trunk's rest (role admin): somebody has mended it. Raises NotFound."""
    if tx.value("select 1 from trunks where name = %s", (name,)) is None:
        raise NotFound(_("There is no trunk {name}. `faxplan trunk list` shows all.").format(name=repr(name[:64])))
    tx.execute("delete from trunk_states s using trunks t where t.id = s.trunk_id and t.name = %s", (name,))


def briefly(tx: Transaction) -> list[Row]:
    """Of every trunk (role metrics): name, enabled, failures in a row, rests (on all nodes), down_on (on how many nodes
    alone), worked_at (epoch seconds, or None), calls in flight, max_calls.
    """
    return tx.rows(
        """select t.name, t.enabled, t.max_calls, coalesce(s.failures, 0) as failures,
                  coalesce(s.rests_until > now(), false) as rests,
                  (select count(*) from nodes n
                   where (s.node_rests -> n.name ->> 1)::timestamptz > now() or t.name = any(n.silent_trunks)
                         and n.heartbeat_at > now() - make_interval(secs => %s)) as down_on,
                  extract(epoch from s.last_success_at)::float as worked_at,
                  (select count(*) from calls c where c.trunk_id = t.id) as calls
           from trunks t left join trunk_states s on s.trunk_id = t.id order by t.name""",
        (nodes.SILENT_SECONDS,),
    )
