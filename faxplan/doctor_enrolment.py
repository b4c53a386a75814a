"""The doctor on enrolment: DIDs that answer 480 since nobody could open the fax, and users who are not enrolled."""

from collections.abc import Sequence

from faxplan import mailboxes, numbers, tenants, vault
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
    """As accepting lets callers in: for a mailbox without a key an administrator's stands in (vault.mailbox_for)."""
    row = tx.one(
        f"""with deaf as (
               select d.number, d.mailbox_id from dids d
               where d.tenant_id = %(tenant)s and d.enabled and %(administrators)s::bigint is null and not exists (
                   select from mailbox_epochs e where e.tenant_id = d.tenant_id and e.mailbox_id = d.mailbox_id)),
           keyless as (
               select u.email, u.role = 'administrator' as administrates, u.role = 'administrator' or exists (
                   select from mailbox_members m join deaf on deaf.mailbox_id = m.mailbox_id
                   where m.tenant_id = u.tenant_id and m.user_id = u.id) as helps
               from users u where u.tenant_id = %(tenant)s and u.enabled and not exists (
                   select from user_keys k where k.tenant_id = u.tenant_id and k.user_id = u.id))
           select array(select number from deaf order by number) as deaf,
                  array(select d.number from dids d where d.tenant_id = %(tenant)s and d.enabled
                        and {mailboxes.of_no_reader("d.tenant_id", "d.mailbox_id")} order by d.number) as unread,
                  array(select email from keyless order by email) as keyless,
                  array(select email from keyless where helps order by administrates desc, email) as helpers""",
        {"tenant": tenant_id, "administrators": vault.administrators_mailbox(tx, tenant_id)},
    )
    found = []
    if row["deaf"]:
        shown = _some([numbers.readable(number, None) for number in row["deaf"]])
        first = row["helpers"][0] if row["helpers"] else None
        found.append(
            error(
                "keys",
                f"calls to {shown} of {slug} get 480: nobody who reads their mailboxes is enrolled, nor any "
                "administrator, so nobody could open a fax",
                f"Let somebody enrol: `faxplan enrol --as {first}/{slug}`."
                if first
                else f"Enter an administrator, who then enrols: `faxplan user add {slug} EMAIL --administrator`.",
            )
        )
    if row["unread"]:
        shown = _some([numbers.readable(number, None) for number in row["unread"]])
        found.append(
            warning(
                "keys",
                f"calls to {shown} of {slug} get 404: they lead to mailboxes of users who may not receive",
                f"Lead them elsewhere: `faxplan did set {slug} {row['unread'][0]} --mailbox NAME`. Or permit it: "
                f"`faxplan user set {slug} EMAIL --permissions`.",
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
