"""The doctor on the audit: whether checkpoints are made, and whether any leaves this machine."""

from datetime import UTC, datetime, timedelta

from faxplan import audit_tree
from faxplan.config import Settings
from faxplan.db import Transaction
from faxplan.findings import Finding, ok, warning

_LATE = timedelta(hours=1)
"""Cron makes one every five minutes."""


def checkpoints(tx: Transaction, settings: Settings) -> Finding:
    """In a transaction of role admin without a tenant; it enters tenants."""
    signed = audit_tree.now(tx).frontier.size
    since = audit_tree.waiting_since(tx)
    if since is not None and datetime.now(UTC) - since > _LATE:
        return warning(
            "audit",
            f"what was written since {since:%Y-%m-%d %H:%M} UTC is in no checkpoint: nobody would miss it",
            "Enter conf/cron.d/faxplan into /etc/cron.d. If it is there, `faxplan audit checkpoint`, as root, says why "
            "none is made.",
        )
    if signed and settings.checkpoint_dir is None and settings.checkpoint_mail_to is None:
        return warning(
            "audit",
            f"{signed} rows are in checkpoints, and those stay on this machine, with whoever could change both",
            "Set checkpoint_mail_to, or let checkpoint_dir be a share of another machine (docs/audit.md).",
        )
    return ok("audit", f"{signed} rows are in checkpoints")
