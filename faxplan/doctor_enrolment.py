"""The doctor on enrolment: DIDs that answer 480 since nobody could open the fax, and users who are not enrolled."""

from collections.abc import Sequence

from faxplan import numbers, tenants
from faxplan.db import Transaction
from faxplan.findings import Finding, error, ok, warning

_SHOWN = 5


def enrolment(tx: Transaction) -> list[Finding]:
    """Of every tenant that is switched on (role admin). Leaves the tenant entered."""
    found: list[Finding] = []
    for tenant in tenants.everyone(tx):
        if tenant.enabled:
            tx.enter_tenant(tenant.id)
            found += _of_tenant(tx, tenant.id, tenant.slug)
    return found or [ok("keys", "every user is enrolled")]


def _of_tenant(tx: Transaction, tenant_id: int, slug: str) -> list[Finding]:
    """As accepting lets callers in: vault.mailbox_for finds any mailbox of the tenant's that has a key."""
    row = tx.one(
        """select array(select number from dids d where d.tenant_id = %(tenant)s and d.enabled and not exists (
                      select from mailbox_epochs e where e.tenant_id = d.tenant_id) order by number) as deaf,
                  array(select email from users u where u.tenant_id = %(tenant)s and u.enabled and not exists (
                      select from user_keys k where k.tenant_id = u.tenant_id and k.user_id = u.id)
                      order by email) as keyless""",
        {"tenant": tenant_id},
    )
    found = []
    if row["deaf"]:
        shown = _some([numbers.readable(number, None) for number in row["deaf"]])
        first = row["keyless"][0] if row["keyless"] else None
        found.append(
            error(
                "keys",
                f"calls to {shown} of {slug} get 480: nobody of {slug} is enrolled, so nobody could open a fax",
                f"Let somebody enrol: `faxplan enrol --as {first}/{slug}`."
                if first
                else f"Enter a user, who then enrols: `faxplan user add {slug} EMAIL`.",
            )
        )
    if row["keyless"]:
        found.append(
            warning(
                "keys",
                f"{_some(row['keyless'])} of {slug} cannot send or open a fax: not enrolled yet",
                f"Let each enrol: `faxplan enrol --as {row['keyless'][0]}/{slug}`.",
            )
        )
    return found


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
