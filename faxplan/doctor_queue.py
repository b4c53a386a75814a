"""The doctor on what waits for a call, and on the other nodes."""

from faxplan import nodes
from faxplan.db import Transaction
from faxplan.findings import Finding, ok, warning
from faxplan.overview import LATE_SECONDS, LONG_QUEUED_SECONDS


def age(tx: Transaction) -> Finding:
    """How long the oldest fax waits that could be dialled now, over all tenants (role admin)."""
    row = tx.one(
        """select count(*) as faxes, count(*) filter (where not_before <= now()) as due,
                  coalesce(extract(epoch from max(now() - not_before)), 0)::float as oldest from fax_queue"""
    )
    what, shown = "queue", f"{row['faxes']} faxes wait, {row['due']} of them due"
    if row["due"] and row["oldest"] > LONG_QUEUED_SECONDS:
        return warning(
            what,
            f"{shown}, the oldest for {row['oldest'] / 60:.0f} min",
            "`faxplan top` shows of which tenant and through which trunks: they may be full, resting or switched off, "
            "limits of the tenant or its sending hours may keep it, or there is more than the lines can take.",
        )
    return ok(what, shown)


def others(tx: Transaction, node: str) -> list[Finding]:
    """Nodes beside this one that do not report, or are paused."""
    found = []
    for each in nodes.everyone(tx):
        if each["name"] == node:
            continue
        if each["silent"] > LATE_SECONDS:
            found.append(
                warning(
                    f"node {each['name']}",
                    f"silent for {each['silent']:.0f} s: nothing is dialled there",
                    "Look at its FreeSWITCH and its log: `faxplan doctor`, on that machine.",
                )
            )
        elif each["paused"]:
            found.append(
                warning(
                    f"node {each['name']}",
                    "paused by its operator: nothing new is dialled there",
                    "Let it dial again, on that machine: fs_cli -x 'python fax_queue::resume'",
                )
            )
    return found
