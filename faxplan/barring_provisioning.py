"""What the operator decides about the numbers that a tenant may call, and what its users were refused.

Each change is one transaction (role admin) with its audit row, in the installation's chain, since it is the operator's
act. `slug` is a tenant's short name, `actor` as audit.record takes it. Errors: NotFound, InvalidEntry,
ConstraintViolated.
"""

from faxplan import audit, number_policy, refused_numbers, tenants
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.tenants import Tenant


def permit(admin: Database, actor: Who, slug: str, kind: str, *, permitted: bool) -> Tenant:
    """kind: of number_policy.KINDS."""
    with admin.across_tenants() as tx:
        tenant = tenants.permit(tx, tenants.by_slug(tx, slug).id, kind, permitted=permitted)
        _note(tx, actor, "permit" if permitted else "forbid", tenant, kind=kind)
    return tenant


def allow(admin: Database, actor: Who, slug: str, written: str) -> str:
    """Numbers that the tenant may call: written as number_policy.entry takes it, and what it is. None else, then."""
    return _list(admin, actor, slug, written, "allow")


def block(admin: Database, actor: Who, slug: str, written: str) -> str:
    """Numbers that the tenant may not call."""
    return _list(admin, actor, slug, written, "block")


def remove(admin: Database, actor: Who, slug: str, written: str) -> str:
    """Takes an entry out of whichever list has it. Raises NotFound."""
    return _list(admin, actor, slug, written, "remove")


def _list(admin: Database, actor: Who, slug: str, written: str, what: str) -> str:
    entry = number_policy.entry(written)
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        if what == "remove" and entry not in (*tenant.allowed_numbers, *tenant.blocked_numbers):
            raise NotFound(
                _("{slug} has no entry {entry}. `faxplan barring list {slug}` shows all.").format(
                    slug=slug, entry=entry
                )
            )
        tenant = tenants.list_number(tx, tenant.id, entry, allowed=what == "allow", blocked=what == "block")
        _note(tx, actor, what, tenant, entry=entry)
    return entry


def _note(tx: Transaction, actor: Who, what: str, tenant: Tenant, **details: str) -> None:
    audit.record(tx, audit.INSTALLATION, actor=actor, action=f"barring.{what}", object=f"tenant:{tenant.id}", **details)


def refused(admin: Database, slug: str | None, *, hours: int) -> list[Row]:
    """refused_numbers.of_tenant with `tenant`, of one tenant or of all."""
    with admin.across_tenants() as tx:
        if slug is None:
            return refused_numbers.everywhere(tx, hours=hours)
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        return [{"tenant": slug, **row} for row in refused_numbers.of_tenant(tx, tenant.id, hours=hours)]
