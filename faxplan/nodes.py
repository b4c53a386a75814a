"""Nodes: the FreeSWITCH machines, and which switch runs on each right now."""

import hashlib
from collections.abc import Collection

from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _

SILENT_SECONDS = 60
"""A node that has not reported for so long does not work, whatever its machine does."""


def report(
    tx: Transaction, name: str, *, switch_uuid: str, max_channels: int, paused: bool = False, waiting: int = 0
) -> bool:
    """The heartbeat of a node's runtime; whether it is to be drained. paused: it dials nothing, as an operator wants it
    (pausing). waiting: received faxes on its disk that are not delivered.
    """
    return bool(
        tx.value(
            """insert into nodes (name, switch_uuid, max_channels, paused, waiting, heartbeat_at)
               values (%s, %s, %s, %s, %s, now())
               on conflict on constraint nodes_pkey do update
               set switch_uuid = excluded.switch_uuid, max_channels = excluded.max_channels, paused = excluded.paused,
                   waiting = excluded.waiting, heartbeat_at = now()
               returning draining_since is not null""",
            (name, switch_uuid, max_channels, paused, waiting),
        )
    )


def everyone(tx: Transaction) -> list[Row]:
    """name, switch_uuid, max_channels, paused, draining_since, waiting (received faxes on its disk when it last
    reported), `silent`: seconds since the last heartbeat, and `stopped`: whether its runtime was stopped on purpose.
    """
    return tx.rows(
        """select name, switch_uuid, max_channels, paused, draining_since, waiting,
                  extract(epoch from now() - heartbeat_at)::float as silent,
                  coalesce(stopped_at >= heartbeat_at, false) as stopped
           from nodes order by name"""
    )


def serving(tx: Transaction, name: str) -> str | None:
    """The core UUID of the switch that reports as this node; None: none has for SILENT_SECONDS."""
    found = tx.value(
        "select switch_uuid from nodes where name = %s and heartbeat_at > now() - make_interval(secs => %s)",
        (name, SILENT_SECONDS),
    )
    return None if found is None else str(found)


def stopped(tx: Transaction, name: str) -> None:
    """Its runtime was stopped on purpose, and reports no more until it is started."""
    tx.execute("update nodes set stopped_at = now() where name = %s", (name,))


def drain(tx: Transaction, name: str, *, drains: bool) -> None:
    """Says whether it is to take no calls any more (role admin). Raises NotFound."""
    if not tx.execute(
        "update nodes set draining_since = case when %s then coalesce(draining_since, now()) end where name = %s",
        (drains, name),
    ):
        raise not_there(name)


def note_silent_trunks(tx: Transaction, name: str, trunks: Collection[str]) -> None:
    """Notes of which trunks the node's switch says that their OPTIONS are not answered."""
    tx.execute(
        "update nodes set silent_trunks = %(trunks)s where name = %(name)s and silent_trunks <> %(trunks)s::text[]",
        {"name": name, "trunks": sorted(trunks)},
    )


def not_there(name: str) -> NotFound:
    """What is wrong with a name that no node has."""
    return NotFound(_("There is no node {name}. `faxplan node list` shows all.").format(name=repr(name[:64])))


def lock_key(name: str) -> int:
    """The advisory lock that the one runtime of a node holds."""
    return int.from_bytes(hashlib.sha256(f"faxplan node {name}".encode()).digest()[:8], "big", signed=True)
