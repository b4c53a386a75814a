"""What a tenant's cover pages say, changed by its administrators.

Each function is one transaction (role admin) with its audit row in the tenant's chain. `slug` and `actor` as in
provisioning. Errors are those of cover_templates.
"""

from faxplan import audit, cover_templates, tenants
from faxplan.audit import Who
from faxplan.cover_templates import CoverTemplate
from faxplan.db import Database, Row


def put(
    admin: Database, actor: Who, slug: str, name: str, body: str, footer: str, *, template_id: int | None = None
) -> CoverTemplate:
    """A new one; template_id: that one is changed."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        made = cover_templates.put(tx, tenant.id, name, body, footer, template_id=template_id)
        audit.record(
            tx, tenant.id, actor=actor, action="cover.add" if template_id is None else "cover.change",
            object=f"cover:{made.id}", name=made.name, body=made.body, footer=made.footer,
        )  # fmt: skip
    return made


def make_default(admin: Database, actor: Who, slug: str, template_id: int | None) -> None:
    """None: none is."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        cover_templates.make_default(tx, tenant.id, template_id)
        object_ = f"tenant:{tenant.id}" if template_id is None else f"cover:{template_id}"
        audit.record(tx, tenant.id, actor=actor, action="cover.default", object=object_)


def remove(admin: Database, actor: Who, slug: str, template_id: int) -> CoverTemplate:
    """It is gone, and no fax that was handed in changes."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        gone = cover_templates.remove(tx, tenant.id, template_id)
        audit.record(tx, tenant.id, actor=actor, action="cover.remove", object=f"cover:{template_id}", name=gone.name)
    return gone


def named(admin: Database, slug: str, name: str) -> CoverTemplate:
    """A tenant's, by its name. Raises NotFound."""
    with admin.across_tenants() as tx:
        return cover_templates.named(tx, tenants.entered(tx, slug).id, name)


def listed(admin: Database, slug: str | None) -> list[Row]:
    """Of one tenant or of all, with `tenant`."""
    with admin.across_tenants() as tx:
        found: list[Row] = []
        for tenant in tenants.each_entered(tx, slug):
            found += [
                {"tenant": tenant.slug, "id": each.id, "name": each.name, "default": each.is_default}
                for each in cover_templates.of_tenant(tx, tenant.id)
            ]
        return found
