"""The doctor on what waits for a call."""

from faxplan.db import Transaction
from faxplan.findings import Finding, ok, warning
from faxplan.overview import LONG_QUEUED_SECONDS


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
