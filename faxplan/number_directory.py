"""The DIDs of all tenants, as an operator looks for one: by the beginning of the number, some at once."""

from itertools import groupby

from faxplan import mailboxes, tenants
from faxplan.db import Database, Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _

_LONGEST = 15
"""Digits of a number (E.164)."""


def some(admin: Database, *, beginning: str = "", tenant: str = "", after: str = "", limit: int) -> list[Row]:
    """By number, those behind `after`: number, tenant, name, mailbox, enabled.

    beginning: + and digits, or digits alone; what else is written is passed over. tenant: a short name; empty: all.
    """
    digits = "".join(each for each in beginning if each.isascii() and each.isdigit())[:_LONGEST]
    with admin.across_tenants() as tx:
        # Numbers are digits behind a +, so that every collation has them in one order; LIKE would reach no index.
        found = tx.rows(
            """select d.number, d.tenant_id, t.slug as tenant, d.name, d.mailbox_id, d.enabled and t.enabled as enabled
               from dids d join tenants t on t.id = d.tenant_id
               where d.number > %(after)s and d.number between %(first)s and %(last)s
                 and (%(tenant)s = '' or t.slug = %(tenant)s)
               order by d.number limit %(limit)s""",
            {
                "after": after,
                "first": f"+{digits}",
                "last": f"+{digits}{'9' * (_LONGEST + 1)}",
                "tenant": tenant,
                "limit": limit,
            },
        )
        names = _mailboxes(tx, found)
    return [{**row, "mailbox": names[row["mailbox_id"]]} for row in found]


def tenant_of(admin: Database, number: str) -> str:
    """The short name of the tenant whose DID a number (E.164) is. Raises NotFound."""
    with admin.across_tenants() as tx:
        found = tx.value(
            "select t.slug from dids d join tenants t on t.id = d.tenant_id where d.number = %s", (number,)
        )
    if found is None:
        raise NotFound(_("{number} is nobody's number here.").format(number=number[:40]))
    return str(found)


def mailbox_names(admin: Database, slug: str) -> list[str]:
    """Of a tenant's mailboxes, in which faxes may be laid. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        return [row["name"] for row in mailboxes.of_tenant(tx, tenant.id)]


def _mailboxes(tx: Transaction, found: list[Row]) -> dict[int, str]:
    """Their names: each is told within its tenant alone."""
    names: dict[int, str] = {}
    for tenant_id, rows in groupby(sorted(found, key=lambda row: row["tenant_id"]), lambda row: row["tenant_id"]):
        tx.enter_tenant(tenant_id)
        wanted = [row["mailbox_id"] for row in rows]
        told = tx.rows("select id, name from mailboxes where tenant_id = %s and id = any(%s)", (tenant_id, wanted))
        names |= {row["id"]: row["name"] for row in told}
    return names
