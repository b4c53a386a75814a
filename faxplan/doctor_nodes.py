"""The doctor on the other nodes: which is silent and what lies on it, and which has not taken up a trunk."""

from faxplan import node_trunks, nodes, queue, registrations
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
        if name == here or not (node["stopped"] or silent >= nodes.SILENT_SECONDS):
            continue
        stopped = "stopped on purpose, " if node["stopped"] else ""
        how = " (`python fax_queue::start` at its fs_cli)" if node["stopped"] else ""
        there = calls.get(name, {"sent": 0, "received": 0})
        found.append(
            error(
                f"node {name}",
                f"{stopped}silent for {silent:.0f} s. On its disk: {node['waiting']} received faxes that were not "
                f"delivered, and what came in by {there['received']} calls; {there['sent']} sent ones are settled by "
                "other nodes after their lease",
                f"Start it again{how}: it delivers what lies there. If it is gone for good: faxplan node remove {name}",
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
    held = registrations.holders(tx)
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
    fails = [each for each in at_work if registrations.fails(each)]
    found += [
        error(
            f"trunk {each['trunk']}, registration",
            f"{each['node']} has not been able to register it for {each['failing']:.0f} s: nothing goes out or comes "
            "in through it" + (f"; before, it failed on {', '.join(each['tried'])}" if each["tried"] else ""),
            f"`faxplan trunk test {each['trunk']}` on {each['node']} says what the carrier answers. Where another node "
            f"is at work, it tries after {registrations.FAILING_SECONDS // 60} minutes, and none twice in an hour.",
        )
        for each in fails
    ]
    found += [
        error(
            f"trunk {each['trunk']}, registration",
            f"{' and '.join(each['nodes'])} have registered it, and the carrier sends calls to whoever did last",
            "Where gateways are kept by hand, take it out of the files of all nodes but one.",
        )
        for each in registrations.registered_twice(tx)
    ]
    if len(at_work) > len(fails):
        told = ", ".join(f"{each['trunk']} on {each['node']}" for each in at_work if each not in fails)
        found.append(ok("registrations", told))
    return found
