"""Billing codes: whom or what a fax is charged to, in its sender's words. A tenant asks for them, or does not."""

from enum import StrEnum

from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.tenants import Tenant
from faxplan.users import User

LONGEST = 40
MOST_RECENT = 10
_LOOKED_THROUGH = 200


class BillingCodes(StrEnum):
    """What a tenant wants: tenants.billing_codes."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class NoBillingCode(FaxplanError):
    """The tenant wants one, and there is none; or it cannot be one."""

    error_id = "no-billing-code"


def checked(tenant: Tenant, code: str) -> str:
    """As it is kept. Of a tenant that wants none there is none. Raises NoBillingCode."""
    bare = " ".join(code.split())
    if tenant.billing_codes == BillingCodes.NONE:
        return ""
    if not bare and tenant.billing_codes == BillingCodes.REQUIRED:
        raise NoBillingCode(_("Say whom this fax is charged to: your organisation asks for a billing code."))
    if len(bare) > LONGEST or not bare.isprintable():
        raise NoBillingCode(_("A billing code has at most {longest} characters, on one line.").format(longest=LONGEST))
    return bare


def recent(tx: Transaction, user: User) -> list[str]:
    """Those that a user's last faxes were charged to, the last one first."""
    rows = tx.rows(
        """select billing_code from (
               select billing_code, id from faxes where tenant_id = %s and user_id = %s and direction = 'outbound'
               order by id desc limit %s) f
           where billing_code <> '' group by billing_code order by max(id) desc limit %s""",
        (user.tenant_id, user.id, _LOOKED_THROUGH, MOST_RECENT),
    )
    return [row["billing_code"] for row in rows]
