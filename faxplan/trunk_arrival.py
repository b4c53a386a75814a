"""Whether a trunk that was entered or changed has come to the machines that dial."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from faxplan import audit, guard, nodes
from faxplan.db import Database, Row, Transaction

_LOOKS = timedelta(seconds=30)
"""A node looks at the trunk table every ten: one that has not for so long cannot."""
_LATEST = 1000
"""Acts of the audit in which the trunk's last change is sought: it was made in the last minutes, or long ago."""
_OPEN = timedelta(seconds=1)
"""A change is seen by others once it is committed, which comes after the time that its audit has."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """nodes that are at work: those that have the trunk as it is now, and those that do not, or have not said so."""

    have: Sequence[str]
    waiting: Sequence[str]

    @property
    def done(self) -> bool:
        """Whether each that is at work has it; without any, none does."""
        return bool(self.have) and not self.waiting


def look(admin: Database, trunk: str) -> Arrival:
    """Where a trunk of this name has been taken up, by what the nodes report. Call with role admin."""
    with admin.across_tenants() as tx:
        at_work = [node for node in nodes.everyone(tx) if node["silent"] < guard.SILENT_SECONDS]
        changed, now = _last_change(tx, trunk), tx.value("select now()")
    have = [node["name"] for node in at_work if _has(node, changed, now)]
    return Arrival(have, [node["name"] for node in at_work if node["name"] not in have])


def _has(node: Row, changed: datetime | None, now: datetime) -> bool:
    as_of: datetime | None = node["trunks_taken_up_at"]
    if as_of is None or as_of < now - _LOOKS:
        return False
    return changed is None or as_of >= changed + _OPEN


def _last_change(tx: Transaction, trunk: str) -> datetime | None:
    """None: nothing is known of one; it has then been as it is for longer than the audit reaches."""
    at: datetime | None = tx.value(
        """select max(at) from (select at, action, object from audit where tenant_id = %s
                                order by sequence desc limit %s) a
           where object = %s and action in ('trunk.add', 'trunk.change')""",
        (audit.INSTALLATION, _LATEST, f"trunk:{trunk}"),
    )
    return at
