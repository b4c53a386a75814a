"""Whether a trunk that was entered or changed has come to the machines that dial."""

from collections.abc import Sequence
from dataclasses import dataclass

from faxplan import node_trunks
from faxplan.db import Database


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
        reached = node_trunks.reached(tx, trunk)
    return Arrival([name for name, has in reached if has], [name for name, has in reached if not has])
