"""The hosts behind the @ of addresses to which faxes are mailed: a tenant's, as mail_in knows them."""

from faxplan import brands
from faxplan.db import Transaction
from faxplan.tenants import Tenant


def of(tx: Transaction, tenant: Tenant, mail_domain: str) -> list[str]:
    """All of a tenant's, that below mail_domain (as the setting) first; none: nobody can mail a fax."""
    below = [f"{tenant.slug}.{mail_domain.lower()}"] if mail_domain else []
    return below + [row["host"] for row in brands.hosts(tx, tenant.id) if row["confirmed_at"] is not None]
