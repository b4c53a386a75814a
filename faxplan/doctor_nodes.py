"""The doctor on the other nodes: which is silent and what lies on it, and which has not taken up a trunk."""

from faxplan import node_trunks, nodes, queue
from faxplan.db import Transaction
from faxplan.findings import Finding, error, ok, warning


def others(tx: Transaction, here: str) -> list[Finding]:
    """Of all nodes but this one, and of the trunks on all (role admin, across tenants)."""
    found = []
    calls = {row["node"]: row for row in queue.calls_by_node(tx)}
    for node in nodes.everyone(tx):
        name, silent = node["name"], node["silent"]
        if node["draining_since"] is not None:
            found.append(
                warning(
                    f"node {name}",
                    f"drained since {node['draining_since'].astimezone():%Y-%m-%d %H:%M}: it takes no calls",
                    f"faxplan node resume {name}",
                )
            )
        if node["paused"]:
            found.append(
                warning(
                    f"node {name}",
                    "paused by its operator: nothing new is dialled there",
                    "Let it dial again, on that machine: fs_cli -x 'python fax_queue::resume'",
                )
            )
        if name == here or silent < nodes.SILENT_SECONDS:
            continue
        there = calls.get(name, {"sent": 0, "received": 0})
        found.append(
            error(
                f"node {name}",
                f"silent for {silent:.0f} s. On its disk: {node['waiting']} received faxes that were not delivered, "
                f"and what came in by {there['received']} calls; {there['sent']} sent ones are settled by other nodes "
                "after their lease",
                f"Start it again: it delivers what lies there. If it is gone for good: faxplan node remove {name}",
            )
        )
    return [*found, *_trunks(tx)]


def _trunks(tx: Transaction) -> list[Finding]:
    found = [
        error(
            f"trunk {each['trunk']}, {each['node']}",
            f"this node has version {each['has'] or 'none'} of it, and {each['version']} is the newest"
            + (f": {each['error']}" if each["error"] else ""),
            "Mend what is wrong with it (`faxplan trunk set`), or see the log of that node.",
        )
        for each in node_trunks.behind(tx)
    ]
    held = node_trunks.holders(tx)
    found += [
        error(
            f"trunk {each['trunk']}, registration",
            f"{each['node']} registers it, and is silent for {each['silent']:.0f} s",
            "Another node takes it over within a minute, if one is at work.",
        )
        for each in held
        if each["node"] is not None and each["silent"] >= nodes.SILENT_SECONDS
    ]
    at_work = [each for each in held if each["node"] is not None and each["silent"] < nodes.SILENT_SECONDS]
    if at_work:
        told = ", ".join(f"{each['trunk']} on {each['node']}" for each in at_work)
        found.append(ok("registrations", told))
    return found
