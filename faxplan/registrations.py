"""Which node holds the registration of a trunk that registers, and when another one takes it over.

A carrier that an account registers with sends calls to whoever registered last. So one node alone registers a trunk,
and dials through it, until another one that is better placed takes it over, and keeps it.
docs/decisions/one-node-registers.md says when, and why.
"""

from collections.abc import Collection, Set
from dataclasses import dataclass

from faxplan.db import Row, Transaction
from faxplan.nodes import SILENT_SECONDS

FAILING_SECONDS = 300
"""A registration that has failed on its node for so long is tried on another one."""
TRIED_SECONDS = 3600
"""So long a node on which it failed does not take it again: where it fails everywhere, it moves seldom."""
UNREGISTERED = 60
"""Seconds: one that fails for longer is told to people. Before, it may just be on its way."""

# It counts what was seen since this node has the trunk as it is now.
_FAILING = "h.failing_since >= greatest(h.since, t.changed_at)"
# How well a node can hold a registration; the least is the best. It may be at work, paused (it answers, and dials
# nothing), drained, or have no runtime. writes: its gateways are written by us, so that it can have any of them.
_RANKED = """
    ranked as materialized (
        select n.name,
               case when n.name = any(%(dead)s) or n.stopped_at >= n.heartbeat_at then 3
                    when n.draining_since is not null then 2 when n.paused then 1 else 0 end as rank,
               n.heartbeat_at > now() - make_interval(secs => %(silent)s) as reports,
               exists (select from node_trunks k where k.node = n.name) as writes
        from nodes n)"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A registration that a node has taken. before: from which one; None: nobody had it. why: not at work, drained,
    paused, failing; empty where nobody had it."""

    trunk: str
    before: str | None
    why: str


def silent(tx: Transaction) -> set[str]:
    """Nodes that have not reported for SILENT_SECONDS."""
    rows = tx.rows(
        "select name from nodes where heartbeat_at <= now() - make_interval(secs => %s)", (SILENT_SECONDS,)
    )  # fmt: skip
    return {row["name"] for row in rows}


def wanted(tx: Transaction) -> list[str]:
    """The trunks that register."""
    return [row["name"] for row in tx.rows("select name from trunks where register and enabled order by name")]


def note(tx: Transaction, node: str, registered: Collection[str]) -> None:
    """Notes which trunks this node's switch has registered, by their names, of all that register."""
    values = {"node": node, "registered": sorted(registered)}
    tx.execute(
        "update nodes set registered = %(registered)s where name = %(node)s and registered <> %(registered)s::text[]",
        values,
    )
    tx.execute(
        f"""update trunk_holders h
            set failing_since = case when t.name = any(%(registered)s) then null else now() end
            from trunks t
            where t.id = h.trunk_id and h.node = %(node)s
              and case when t.name = any(%(registered)s) then h.failing_since is not null
                       else not coalesce({_FAILING}, false) end""",
        values,
    )


def hold(tx: Transaction, node: str, dead: Set[str], has: Collection[str] | None = None) -> list[Taken]:
    """Takes for this node the registrations that it can hold better than whoever has them.

    dead: nodes that have been silent for long. has: what its switch has registered by itself, where its gateways are
    kept by hand: it takes none but these, and those that nobody has stay so. Nothing for a node that drains, or has
    never reported.
    """
    tx.execute("delete from trunk_holders h using trunks t where t.id = h.trunk_id and not (t.register and t.enabled)")
    rows = tx.rows(
        f"""with {_RANKED},
               held as materialized (
                   select h.trunk_id, h.node, r.rank from trunk_holders h left join ranked r on r.name = h.node),
               taken as (
                   insert into trunk_holders as h (trunk_id, node)
                   select t.id, here.name from trunks t join ranked here on here.name = %(node)s and here.rank < 2
                   where t.register and t.enabled
                     and (%(has)s::text[] is null
                          or t.name = any(%(has)s) and exists (select from held where held.trunk_id = t.id))
                     -- A paused one leaves it to those at work.
                     and not exists (select from ranked o where o.rank < here.rank and o.reports and o.writes)
                   on conflict on constraint trunk_holders_pkey do update
                   set node = excluded.node, since = now(), failing_since = null,
                       tried = case when (select r.rank from ranked r where r.name = h.node)
                                         > (select r.rank from ranked r where r.name = excluded.node) then h.tried
                               else h.tried || jsonb_build_object(h.node, now()) end
                   where h.node <> excluded.node
                     and ((select r.rank from ranked r where r.name = h.node)
                          > (select r.rank from ranked r where r.name = excluded.node)
                          or exists (
                              select from trunks t where t.id = h.trunk_id and {_FAILING}
                              and h.failing_since <= now() - make_interval(secs => %(failing)s)
                              and coalesce((h.tried ->> excluded.node)::timestamptz, '-infinity')
                                  <= greatest(now() - make_interval(secs => %(tried)s), t.changed_at)))
                   returning trunk_id)
            select t.name as trunk, held.node as before,
                   case held.rank when 3 then 'not at work' when 2 then 'drained' when 1 then 'paused'
                        when 0 then 'failing' else '' end as why
            from taken join trunks t on t.id = taken.trunk_id left join held on held.trunk_id = t.id order by t.name""",
        {
            "node": node, "dead": sorted(dead - {node}), "silent": SILENT_SECONDS, "failing": FAILING_SECONDS,
            "tried": TRIED_SECONDS, "has": None if has is None else sorted(has),
        },
    )  # fmt: skip
    return [Taken(**row) for row in rows]


def others_can(tx: Transaction, node: str) -> bool:
    """Whether another node would take a registration over if this one had no runtime any more."""
    return bool(
        tx.value(
            f"""with {_RANKED}
                select exists (select from ranked where name <> %(node)s and reports and writes and rank < 2)""",
            {"node": node, "dead": [], "silent": SILENT_SECONDS},
        )
    )


def holders(tx: Transaction) -> list[Row]:
    """Of every trunk that registers (role admin or switch): trunk, node (None: nobody holds it), since, `silent`
    (seconds since that node reported), `failing` (seconds since it has seen that it is not registered; None: it is),
    and tried: nodes on which it failed before, within TRIED_SECONDS.
    """
    return tx.rows(
        f"""select t.name as trunk, h.node, h.since, extract(epoch from now() - n.heartbeat_at)::float as silent,
                   case when {_FAILING} then extract(epoch from now() - h.failing_since)::float end as failing,
                   array(select e.key from jsonb_each_text(h.tried) e
                         where e.value::timestamptz > greatest(now() - make_interval(secs => %s), t.changed_at)
                         order by e.key) as tried
            from trunks t left join trunk_holders h on h.trunk_id = t.id left join nodes n on n.name = h.node
            where t.register and t.enabled order by t.name""",
        (TRIED_SECONDS,),
    )


def fails(holder: Row) -> bool:
    """Whether people are to be told that a trunk (a row of holders) is not registered where it should be."""
    return holder["failing"] is not None and bool(holder["failing"] > UNREGISTERED)


def registered_twice(tx: Transaction) -> list[Row]:
    """Trunks that the switches of several nodes say they have registered (role admin): trunk, and nodes that report."""
    return tx.rows(
        """select r.trunk, array_agg(n.name order by n.name) as nodes
           from nodes n cross join unnest(n.registered) as r (trunk)
           join trunks t on t.name = r.trunk and t.register and t.enabled
           where n.heartbeat_at > now() - make_interval(secs => %s)
           group by r.trunk having count(*) > 1 order by 1""",
        (SILENT_SECONDS,),
    )
