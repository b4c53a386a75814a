"""How the administrator takes nodes out of service: each act is one transaction (role admin) with its audit row."""

from faxplan import audit, node_trunks, nodes, queue, registrations
from faxplan.audit import Who
from faxplan.db import Database, Row
from faxplan.errors import FaxplanError


class NodeAtWork(FaxplanError):
    """A node that is to be removed reports still, or has calls."""

    error_id = "node-at-work"


def everyone(admin: Database) -> list[Row]:
    """As nodes.everyone; with sent and received (calls that the database has in flight there), registers (trunks) and
    behind (those of which it has not taken up the newest version).
    """
    with admin.across_tenants() as tx:
        counts = {row["node"]: row for row in queue.calls_by_node(tx)}
        held, behind = registrations.holders(tx), node_trunks.behind(tx)
        return [
            {
                **node,
                "sent": counts.get(node["name"], {}).get("sent", 0),
                "received": counts.get(node["name"], {}).get("received", 0),
                "registers": [each["trunk"] for each in held if each["node"] == node["name"]],
                "behind": [each["trunk"] for each in behind if each["node"] == node["name"]],
            }
            for node in nodes.everyone(tx)
        ]


def drain(admin: Database, actor: Who, name: str) -> None:
    """It dials nothing from now on and answers no call; its registrations go to another. Raises NotFound."""
    with admin.across_tenants() as tx:
        nodes.drain(tx, name, drains=True)
        audit.record(tx, audit.INSTALLATION, actor=actor, action="node.drain", object=f"node:{name}")


def resume(admin: Database, actor: Who, name: str) -> None:
    """It takes calls again. Raises NotFound."""
    with admin.across_tenants() as tx:
        nodes.drain(tx, name, drains=False)
        tx.notify(queue.QUEUE_CHANNEL)
        audit.record(tx, audit.INSTALLATION, actor=actor, action="node.resume", object=f"node:{name}")


def remove(admin: Database, actor: Who, name: str, *, lost: bool) -> int:
    """Forgets a machine that is gone; how many of its calls are ended for that, by other nodes within a minute.

    Nothing is wrapped to its keys any more. lost: also one with calls, whose received faxes lie on its disk and will
    not come. Raises NotFound and NodeAtWork.
    """
    with admin.across_tenants() as tx:
        node = next((each for each in nodes.everyone(tx) if each["name"] == name), None)
        if node is None:
            raise nodes.not_there(name)
        if node["silent"] < nodes.SILENT_SECONDS:
            raise NodeAtWork(
                f"Node {name} reported {node['silent']:.0f} s ago. Drain it (`faxplan node drain {name}`), stop its "
                f"FreeSWITCH once it has no calls, and remove it after {nodes.SILENT_SECONDS} seconds."
            )
        calls = queue.give_up_calls(tx, name) if lost else queue.count_calls(tx, name)
        if not lost and (calls or node["waiting"]):
            raise NodeAtWork(
                f"Node {name} has {calls} calls that nobody has reported on, and {node['waiting']} received faxes wait "
                f"on its disk. Start it again, and it settles and delivers them. If its disk is lost: `faxplan node "
                f"remove {name} --lost`."
            )
        tx.execute("update transient_keys set retired_at = now() where node = %s and retired_at is null", (name,))
        tx.execute("delete from nodes where name = %s", (name,))
        audit.record(
            tx, audit.INSTALLATION, actor=actor, action="node.remove", object=f"node:{name}", lost=lost, calls=calls,
            waiting=node["waiting"],
        )  # fmt: skip
    return calls
