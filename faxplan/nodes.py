"""Nodes: the FreeSWITCH machines, and which switch runs on each right now."""

import hashlib

from faxplan.db import Row, Transaction


def report(tx: Transaction, name: str, *, switch_uuid: str, max_channels: int, paused: bool = False) -> None:
    """The heartbeat of a node's runtime. paused: it dials nothing, as an operator wants it (pausing)."""
    tx.execute(
        """insert into nodes (name, switch_uuid, max_channels, paused, heartbeat_at) values (%s, %s, %s, %s, now())
           on conflict on constraint nodes_pkey do update
           set switch_uuid = excluded.switch_uuid, max_channels = excluded.max_channels, paused = excluded.paused,
               heartbeat_at = now()""",
        (name, switch_uuid, max_channels, paused),
    )


def everyone(tx: Transaction) -> list[Row]:
    """name, switch_uuid, max_channels, paused, and `silent`: seconds since the last heartbeat."""
    return tx.rows(
        """select name, switch_uuid, max_channels, paused, extract(epoch from now() - heartbeat_at)::float as silent
           from nodes order by name"""
    )


def lock_key(name: str) -> int:
    """The advisory lock that the one runtime of a node holds."""
    return int.from_bytes(hashlib.sha256(f"faxplan node {name}".encode()).digest()[:8], "big", signed=True)
