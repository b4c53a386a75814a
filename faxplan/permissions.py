"""What people may do: what an operator permits their tenant, and of that what its administrators permit them.

`check` and `has` ask the database (role portal or admin, within a tenant), since either may be changed at any time.
"""

from collections.abc import Collection
from enum import StrEnum

from faxplan.db import Transaction
from faxplan.errors import Forbidden, NotFound
from faxplan.language import _, marked


class Permission(StrEnum):
    """A value is as the columns tenants.permissions and users.permissions have it."""

    SEND = "send"
    """To send faxes, from wherever."""
    RECEIVE = "receive"
    """To read those that come in."""
    MAIL_IN = "mail-in"
    """To send by mail."""
    MAIL_OUT = "mail-out"
    """To get them by mail."""
    CAMPAIGNS = "campaigns"
    CONTACTS = "contacts"
    API = "api"


SEND, RECEIVE, CONTACTS = Permission.SEND, Permission.RECEIVE, Permission.CONTACTS
MAIL_IN, MAIL_OUT, API, CAMPAIGNS = Permission.MAIL_IN, Permission.MAIL_OUT, Permission.API, Permission.CAMPAIGNS
EVERYTHING = tuple(Permission)
MAY_RECEIVE = """(select 'receive' = any(p.permissions) and 'receive' = any(q.permissions)
     from users p join tenants q on q.id = p.tenant_id where p.tenant_id = %(tenant)s and p.id = %(user)s)"""
"""SQL: whether a user may read what comes in, of %(tenant)s and %(user)s."""
LABELS = {
    Permission.SEND: marked("Send faxes"),
    Permission.RECEIVE: marked("Read faxes that come in"),
    Permission.MAIL_IN: marked("Send by e-mail"),
    Permission.MAIL_OUT: marked("Get faxes by e-mail"),
    Permission.CAMPAIGNS: marked("Campaigns"),
    Permission.CONTACTS: marked("Contacts"),
    Permission.API: marked("Programs that act for them"),
}


def of(tx: Transaction, tenant_id: int, user_id: int) -> frozenset[Permission]:
    """What a user may do. Raises NotFound."""
    row = tx.row(
        """select u.permissions as own, t.permissions as most from users u join tenants t on t.id = u.tenant_id
           where u.tenant_id = %s and u.id = %s""",
        (tenant_id, user_id),
    )
    if row is None:
        raise NotFound(_("There is no such user."))
    return frozenset(Permission(each) for each in {*row["own"]} & {*row["most"]})


def has(tx: Transaction, tenant_id: int, user_id: int, permission: Permission) -> bool:
    """Whether a user may do it."""
    return permission in of(tx, tenant_id, user_id)


def check(tx: Transaction, tenant_id: int, user_id: int, permission: Permission) -> None:
    """Raises Forbidden, saying who permits it."""
    if not has(tx, tenant_id, user_id, permission):
        raise Forbidden(
            _("You are not permitted to do this: {what}. Ask an administrator of your organisation.").format(
                what=_(LABELS[permission])
            )
        )


def stored(permissions: Collection[str]) -> list[str]:
    """As a column has them: each once, in their order."""
    return [each.value for each in Permission if each in permissions]
