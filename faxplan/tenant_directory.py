"""The tenants of the installation, as an operator looks for one: by name, some at once."""

from faxplan.db import Database, Row
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.retention import Bounds, bounds_for, own_bounds
from faxplan.tenants import Tenant, by_slug
from faxplan.users import of_tenant


def some(admin: Database, *, words: str = "", after: str = "", limit: int) -> list[Row]:
    """By short name, those behind `after`: slug, name, country, enabled, people and dids (how many).

    words: short name or name has them in it.
    """
    with admin.across_tenants() as tx:
        return tx.rows(
            """select t.slug, t.name, t.country, t.enabled,
                      (select count(*) from logins l where l.tenant_id = t.id) as people,
                      (select count(*) from dids d where d.tenant_id = t.id) as dids
               from tenants t
               where t.slug > %(after)s
                 and (strpos(t.slug, lower(%(words)s)) > 0 or strpos(lower(t.name), lower(%(words)s)) > 0)
               order by t.slug limit %(limit)s""",
            {"after": after, "words": words, "limit": limit},
        )


def one(admin: Database, slug: str) -> Tenant:
    """Raises NotFound."""
    with admin.across_tenants() as tx:
        return by_slug(tx, slug)


def bounds(admin: Database, slug: str) -> tuple[Row, Bounds]:
    """What was entered for how long a tenant's faxes are kept (retention.own_bounds; nothing: all None), and what is in
    force. Raises NotFound."""
    with admin.across_tenants() as tx:
        own = next((each for each in own_bounds(tx) if each["tenant"] == slug), None)
        in_force = bounds_for(tx, by_slug(tx, slug).id)
    return own or {"min_days": None, "max_days": None, "remove_records": None}, in_force


def person(admin: Database, slug: str, user_id: int) -> Row:
    """One of a tenant's users, also one who may not act at present: id, email, name, role, operator, enabled. Raises
    NotFound."""
    with admin.across_tenants() as tx:
        tenant = by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        found = next((each for each in of_tenant(tx, tenant.id) if each["id"] == user_id), None)
    if found is None:
        raise NotFound(_("There is no such user."))
    return found
