"""How a fax will say who sends it: the header line above its pages, before it is sent."""

from collections.abc import Sequence
from datetime import datetime

from faxplan import dids, header_line, staging
from faxplan.db import Transaction
from faxplan.tenants import Tenant


def texts(tx: Transaction, tenant: Tenant, calling: str, pages: int, *, at: datetime | None = None) -> Sequence[str]:
    """What stands above the first of so many pages, from left to right; empty: nothing does. calling: the number that
    it calls as, E.164; empty: there is none. at: when it is dialled; None: now."""
    if not tenant.header_line:
        return ()
    ident = staging.sender_ident(dids.ident_of(tx, tenant.id, calling), tenant, calling)
    return header_line.texts(staging.line_of(tenant, ident, pages, at=at), 1)
