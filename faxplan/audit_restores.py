"""Restores of the database: what was lost then is missing for good, and a row of the audit says so.

A restored database is behind the checkpoints that left it. Whoever restored it says so, by `record`: a row
`audit.restored` in the installation's chain, which tells how far each chain is known to be as it was. From then on the
tree has another generation, so another origin: the log that went before is never contradicted.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from faxplan import audit, audit_tree
from faxplan.checkpoints import Checkpoint
from faxplan.db import Database, Transaction

ACTION = "audit.restored"


@dataclass(frozen=True, slots=True)
class Restore:
    """One of them. generation: of the tree since then. size: of the tree when it began. at: as the row has it.

    kept: of each chain, how many rows were in the tree that was restored. Later ones may have been lost.
    """

    sequence: int
    at: str
    actor: str
    reason: str
    generation: int
    size: int
    kept: dict[int, int]

    @property
    def shown(self) -> str:
        """For people."""
        return f"the restore of {self.at} (row {self.sequence} of chain 0, {self.actor}: {self.reason})"


def record(db: Database, *, actor: str, reason: str, newest: Checkpoint | None, backup: str | None = None) -> int:
    """Notes that the database was restored. newest: the last checkpoint that is known here. backup: of which, as its
    manifest has it in `sums`. The new generation."""
    with db.across_tenants() as tx:
        audit_tree.take_turn(tx)
        tree = audit_tree.now(tx)
        before = max(tree.generation, newest.generation if newest else 0)
        tx.execute("update audit_tree set generation = %s", (before + 1,))
        details: dict[str, Any] = {
            "reason": reason, "generation": before + 1, "size": tree.frontier.size,
            "kept": {str(tenant_id): size for tenant_id, (size, _) in tree.chains.items()},
        }  # fmt: skip
        if newest is not None:
            details["checkpoint"] = {"origin": newest.origin, "size": newest.size, "root": newest.root.hex()}
        if backup is not None:
            details["backup"] = backup
        audit.record(tx, audit.INSTALLATION, actor=actor, action=ACTION, object="database", **details)
    return before + 1


def everyone(tx: Transaction) -> list[Restore]:
    """All that were noted, the first one first. In a transaction without a tenant."""
    found = tx.rows(
        """select sequence, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') as at, actor,
                  details::text as details
           from audit where tenant_id = 0 and action = %s order by sequence""",
        (ACTION,),
    )
    return [_restore(**row) for row in found]


def since(restores: Iterable[Restore], checkpoint: Checkpoint) -> list[Restore]:
    """Those that came after a checkpoint."""
    return [each for each in restores if each.generation > checkpoint.generation]


def kept(restores: Sequence[Restore], tenant_id: int) -> int:
    """How many rows of a chain came through all of these restores for certain."""
    return min(each.kept.get(tenant_id, 0) for each in restores)


def _restore(sequence: int, at: str, actor: str, details: str) -> Restore:
    try:
        said = json.loads(details)
        kept = {int(tenant_id): int(size) for tenant_id, size in said["kept"].items()}
        return Restore(sequence, at, actor, str(said["reason"]), int(said["generation"]), int(said["size"]), kept)
    except (KeyError, TypeError, ValueError, AttributeError):
        # Every role writes rows. One that `record` did not write is shown, and explains nothing.
        return Restore(sequence, at, actor, "its details cannot be read", 0, 0, {})
