"""Nodes: the FreeSWITCH machines, and which switch runs on each right now."""

import hashlib
from datetime import datetime

from faxplan.db import Row, Transaction


def report(tx: Transaction, name: str, *, switch_uuid: str, max_channels: int) -> None:
    """The heartbeat of a node's runtime."""
    tx.execute(
        """insert into nodes (name, switch_uuid, max_channels, heartbeat_at) values (%s, %s, %s, now())
           on conflict on constraint nodes_pkey do update
           set switch_uuid = excluded.switch_uuid, max_channels = excluded.max_channels, heartbeat_at = now()""",
        (name, switch_uuid, max_channels),
    )


def everyone(tx: Transaction) -> list[Row]:
    """name, switch_uuid, max_channels, trunks_taken_up_at, and `silent`: seconds since the last heartbeat."""
    return tx.rows(
        """select name, switch_uuid, max_channels, trunks_taken_up_at,
                  extract(epoch from now() - heartbeat_at)::float as silent
           from nodes order by name"""
    )


def note_trunks(tx: Transaction, name: str, as_of: datetime) -> None:
    """A node's gateways are as the trunk table was at this time of the database's."""
    tx.execute("update nodes set trunks_taken_up_at = %s where name = %s", (as_of, name))


def lock_key(name: str) -> int:
    """The advisory lock that the one runtime of a node holds."""
    return int.from_bytes(hashlib.sha256(f"faxplan node {name}".encode()).digest()[:8], "big", signed=True)
