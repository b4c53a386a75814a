"""Which node has taken up which version of a trunk. registrations has which one registers it."""

from collections.abc import Mapping

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


def forget(tx: Transaction, node: str) -> None:
    """Of a node whose gateways are kept by hand nobody knows what it has."""
    tx.execute("delete from node_trunks where node = %s", (node,))


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
