"""Which node has taken up which version of a trunk, and which holds the registration of one that registers.

A carrier that an account registers with sends calls to whoever registered last. So one node alone registers a trunk,
and dials through it, until it is silent or drained; then another node takes it over, and keeps it.
"""

from collections.abc import Mapping, Set

from faxplan.db import Row, Transaction
from faxplan.nodes import SILENT_SECONDS

LATE_SECONDS = 60
"""A node that reports, and has not taken up a change after so long, does not."""


def versions(tx: Transaction) -> dict[int, int]:
    """The newest of every trunk, by its id."""
    return {row["id"]: row["version"] for row in tx.rows("select id, version from trunks")}


def told(tx: Transaction, node: str) -> dict[int, int]:
    """What a node has noted that it took up, by the trunks' ids."""
    rows = tx.rows("select trunk_id, version from node_trunks where node = %s and error is null", (node,))
    return {row["trunk_id"]: row["version"] for row in rows}


def silent(tx: Transaction) -> set[str]:
    """Nodes that have not reported for SILENT_SECONDS."""
    rows = tx.rows(
        "select name from nodes where heartbeat_at <= now() - make_interval(secs => %s)", (SILENT_SECONDS,)
    )  # fmt: skip
    return {row["name"] for row in rows}


def hold(tx: Transaction, node: str, dead: Set[str]) -> list[str]:
    """Takes for this node the registrations that nobody holds, or a dead node, or one that drains; their trunks.

    Nothing for a node that drains itself, or has never reported. dead: those that have been silent for long.
    """
    tx.execute("delete from trunk_holders h using trunks t where t.id = h.trunk_id and not (t.register and t.enabled)")
    rows = tx.rows(
        """with taken as (
               insert into trunk_holders as h (trunk_id, node)
               select t.id, n.name from trunks t join nodes n on n.name = %(node)s and n.draining_since is null
               where t.register and t.enabled
               on conflict on constraint trunk_holders_pkey do update set node = excluded.node, since = now()
               where h.node <> excluded.node
                 and (h.node = any(%(dead)s)
                      or exists (select from nodes o where o.name = h.node and o.draining_since is not null))
               returning trunk_id)
           select t.name from taken join trunks t on t.id = taken.trunk_id order by t.name""",
        {"node": node, "dead": sorted(dead)},
    )
    return [row["name"] for row in rows]


def applied(tx: Transaction, node: str, taken_up: Mapping[int, int]) -> None:
    """Notes what this node's switch has now, by the trunks' ids."""
    tx.execute(
        """insert into node_trunks (node, trunk_id, version)
           select n.name, t.id, v.version from nodes n
           cross join unnest(%(trunks)s::bigint[], %(versions)s::integer[]) as v (trunk_id, version)
           join trunks t on t.id = v.trunk_id
           where n.name = %(node)s
           on conflict on constraint node_trunks_pkey do update
           set version = excluded.version, applied_at = now(), error = null""",
        {"node": node, "trunks": list(taken_up), "versions": list(taken_up.values())},
    )


def failed(tx: Transaction, node: str, error: str) -> None:
    """Notes why this node could not take up the trunks that have changed; of those that it never had, too."""
    tx.execute(
        """insert into node_trunks as k (node, trunk_id, version, error)
           select n.name, t.id, 0, %(error)s from nodes n cross join trunks t where n.name = %(node)s
           on conflict on constraint node_trunks_pkey do update set error = excluded.error
           where k.version <> (select t.version from trunks t where t.id = k.trunk_id)""",
        {"node": node, "error": error[:500]},
    )


def behind(tx: Transaction) -> list[Row]:
    """Nodes that report, and have not taken up a trunk's newest version (role admin): node, trunk, version (its
    newest), has (the node's; 0: none), error, and applied_at, when it took that up.

    Of a node that keeps its gateways by hand nobody knows. A change of this minute is not told, unless it failed.
    """
    return tx.rows(
        """select n.name as node, t.name as trunk, t.version, coalesce(k.version, 0) as has, k.error, k.applied_at
           from nodes n cross join trunks t left join node_trunks k on k.node = n.name and k.trunk_id = t.id
           where n.heartbeat_at > now() - make_interval(secs => %s)
             and exists (select from node_trunks o where o.node = n.name)
             and coalesce(k.version, 0) <> t.version
             and (k.error is not null or t.changed_at < now() - make_interval(secs => %s))
           order by 1, 2""",
        (SILENT_SECONDS, LATE_SECONDS),
    )


def reached(tx: Transaction, trunk: str) -> list[tuple[str, bool]]:
    """The nodes that report, by name, and whether each has the newest version of the trunk so named (role admin)."""
    rows = tx.rows(
        """select n.name, exists (select from node_trunks k join trunks t on t.id = k.trunk_id and t.version = k.version
                                  where k.node = n.name and t.name = %s and k.error is null) as has
           from nodes n where n.heartbeat_at > now() - make_interval(secs => %s) order by n.name""",
        (trunk, SILENT_SECONDS),
    )
    return [(row["name"], row["has"]) for row in rows]


def holders(tx: Transaction) -> list[Row]:
    """Of every trunk that registers (role admin or switch): trunk, node (None: nobody holds it), since, and `silent`:
    seconds since that node reported.
    """
    return tx.rows(
        """select t.name as trunk, h.node, h.since, extract(epoch from now() - n.heartbeat_at)::float as silent
           from trunks t left join trunk_holders h on h.trunk_id = t.id left join nodes n on n.name = h.node
           where t.register and t.enabled order by t.name"""
    )
