"""What is decided about a tenant's brand: by its administrators, and about host names by an operator.

Each function is one transaction (role admin) with its audit row in the tenant's chain. `slug` and `actor` as in
provisioning. Errors are those of the nouns: NotFound, InvalidPicture, InvalidHost, ConstraintViolated.
"""

from collections.abc import Mapping
from typing import Any

from faxplan import audit, brands, tenants
from faxplan.audit import Who
from faxplan.db import Database, Row
from faxplan.mail import check_address


def change(admin: Database, actor: Who, slug: str, values: Mapping[str, Any]) -> None:
    """By the tenant's administrators. values: of brands.CHANGEABLE, and PNG files by brands.PICTURES (None: away).
    Raises InvalidSender as well."""
    checked = {
        name: brands.picture(value, name) if name in brands.PICTURES and value is not None else value
        for name, value in values.items()
    }
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        sender = str(checked.get("mail_sender", ""))
        if sender and sender != brands.own(tx, tenant.id).get("mail_sender"):
            brands.check_sender(tx, tenant.id, sender)
        brands.change(tx, tenant.id, checked)
        told: dict[str, Any] = {
            name: (None if value is None else f"{len(value)} bytes") if name in brands.PICTURES else value
            for name, value in checked.items()
        }
        audit.record(tx, tenant.id, actor=actor, action="brand.change", object=f"tenant:{tenant.id}", **told)


def set_sender(admin: Database, actor: Who, slug: str, address: str) -> None:
    """An operator's act: a tenant's mails come from this address, whose domain is the tenant's; empty: from the
    installation's."""
    if address:
        check_address(address)
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        brands.change(tx, tenant.id, {"mail_sender": address})
        audit.record(
            tx, tenant.id, actor=actor, action="brand.change", object=f"tenant:{tenant.id}", mail_sender=address
        )


def hosts(admin: Database, slug: str | None) -> list[Row]:
    """See brands.hosts, with `tenant`, of one tenant or of all."""
    with admin.across_tenants() as tx:
        found: list[Row] = []
        for tenant in tenants.each_entered(tx, slug):
            found += [{"tenant": tenant.slug, **row} for row in brands.hosts(tx, tenant.id)]
        return found


def add_host(admin: Database, actor: Who, slug: str, host: str, portal_domain: str) -> str:
    """Asks for a host name; as it was entered."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        name = brands.add_host(tx, tenant.id, host, portal_domain)
        audit.record(tx, tenant.id, actor=actor, action="brand.add-host", object=f"host:{name}")
    return name


def confirm_host(admin: Database, actor: Who, slug: str, host: str) -> None:
    """An operator's act: the name leads to us, there is a certificate for it, and it is the tenant's."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        brands.confirm_host(tx, tenant.id, host)
        audit.record(tx, tenant.id, actor=actor, action="brand.confirm-host", object=f"host:{host}")


def remove_host(admin: Database, actor: Who, slug: str, host: str) -> None:
    """Takes it away; who is logged in there is logged in there no more."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        brands.remove_host(tx, tenant.id, host)
        audit.record(tx, tenant.id, actor=actor, action="brand.remove-host", object=f"host:{host}")
