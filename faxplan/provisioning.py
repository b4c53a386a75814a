"""What the administrator gives tenants: themselves, users, mailboxes and quotas (DIDs: did_provisioning).

Each function is one transaction (role admin) with its audit row: acts on the tenant table in the installation's chain,
everything else in the tenant's own. `slug` is a tenant's short name, `actor` as audit.record takes it. Errors are
those of the nouns: NotFound, ConstraintViolated, UnknownTimeZone, InvalidNumber.
"""

from collections.abc import Callable, Mapping
from typing import Any

from faxplan import (
    audit,
    caller_ids,
    deadlines,
    dids,
    epochs,
    invitations,
    mailboxes,
    membership,
    numbers,
    opt_out,
    quotas,
    tenants,
    user_keys,
    users,
    vault,
)
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, Forbidden
from faxplan.language import _
from faxplan.tenants import Tenant
from faxplan.users import User


class LastAdministrator(FaxplanError):
    """Nobody would administer the tenant any more."""

    error_id = "last-administrator"


def add_tenant(admin: Database, actor: Who, values: Mapping[str, Any]) -> Tenant:
    """values: the arguments of tenants.create."""
    with admin.across_tenants() as tx:
        tenant = tenants.create(tx, **values)
        audit.record(
            tx, audit.INSTALLATION, actor=actor, action="tenant.add", object=f"tenant:{tenant.id}", slug=tenant.slug
        )
    return tenant


def change_tenant(
    admin: Database, actor: Who, slug: str, values: Mapping[str, Any], *, by_operator: bool = True
) -> Tenant:
    """values: of tenants.CHANGEABLE, at least one. by_operator: else its administrator does it, who changes those of
    tenants.OWN, which is a row of the tenant's own audit."""
    if not by_operator and (others := values.keys() - set(tenants.OWN)):
        raise ValueError(f"not an administrator's to change: {others}")
    opt_out.check(values.get("opt_out_notice", ""))
    with admin.across_tenants() as tx:
        tenant = tenants.change(tx, tenants.by_slug(tx, slug).id, values)
        if "wait_hours" in values:
            deadlines.reckon_anew(tx, tenant.id)
        chain = audit.INSTALLATION if by_operator else tenant.id
        if not by_operator:
            tx.enter_tenant(tenant.id)
        audit.record(tx, chain, actor=actor, action="tenant.change", object=f"tenant:{tenant.id}", **values)
    return tenant


def all_tenants(admin: Database) -> list[Tenant]:
    """Oldest first."""
    with admin.across_tenants() as tx:
        return tenants.everyone(tx)


def some_tenants(admin: Database, slug: str | None) -> list[Tenant]:
    """One tenant, or all, oldest first. Raises NotFound."""
    with admin.across_tenants() as tx:
        return tenants.everyone(tx) if slug is None else [tenants.by_slug(tx, slug)]


def add_user(
    admin: Database, actor: Who, slug: str, *, email: str, name: str, role: str, operator: bool = False
) -> User:
    """A user with a personal mailbox, which is named as the address. role: user or administrator (of the tenant).
    operator: whether they run the installation as well."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        user = users.create(tx, tenant.id, email=email, name=name, role=role)
        if operator:
            users.change(tx, tenant.id, user.id, {"operator": True})
            user = users.known(tx, tenant.id, user.id)
        audit.record(
            tx,
            tenant.id,
            actor=actor,
            action="user.add",
            object=f"user:{user.id}",
            email=user.email,
            role=role,
            operator=operator,
        )
    return user


def user_id(admin: Database, slug: str, email: str) -> int:
    """A user of a tenant's, also one who may not act at present. Raises NotFound."""
    with admin.across_tenants() as tx:
        return users.by_email(tx, tenants.entered(tx, slug).id, email).id


def change_user(
    admin: Database, actor: Who, slug: str, user_id: int, values: Mapping[str, Any], *, by_operator: bool = True
) -> User:
    """values: of users.CHANGEABLE, at least one; the user as they are then. by_operator: whether an operator does it;
    an administrator of the tenant changes neither operators nor who is one. Who may not act is logged out everywhere.

    Also raises Forbidden, and LastAdministrator.
    """
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        before = users.known(tx, tenant.id, user_id)
        if not by_operator and (before.operator or "operator" in values):
            raise Forbidden(
                _("{email} runs this installation as well. Only who does so too changes what they may do.").format(
                    email=before.email
                )
            )
        users.change(tx, tenant.id, user_id, values)
        if before.role == users.ADMINISTRATOR and not users.has_administrator(tx, tenant.id):
            raise LastAdministrator(
                _("{email} is the last administrator. Make somebody else one first: nobody could undo this.").format(
                    email=before.email
                )
            )
        user = users.known(tx, tenant.id, user_id)
        audit.record(tx, tenant.id, actor=actor, action="user.change", object=f"user:{user_id}", **values)
    return user


def invite(
    admin: Database, actor: Who, slug: str, email: str, *, by_operator: bool = True, by_program: bool = False
) -> tuple[User, str]:
    """A user, and the token of the link by which they choose a password; a link before it works no more.

    by_operator: as in change_user. by_program: an API key alone makes nobody else another password: it is for who has
    none yet, and runs no installation. Raises NotFound, also for a user who may not act, and Forbidden: whoever opens
    the link acts as that user.
    """
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        user = users.get(tx, tenant.id, users.by_email(tx, tenant.id, email).id)
        if user.operator and not by_operator:
            raise Forbidden(
                _("{email} runs this installation as well. Only who does so too invites them.").format(email=user.email)
            )
        if by_program and (user.operator or user_keys.current(tx, tenant.id, user.id) is not None):
            raise Forbidden(
                _(
                    "{email} has a password already, or runs this installation. Who opens the link would be them: make "
                    "it in the portal, or at a shell."
                ).format(email=user.email)
            )
        return user, invitations.make(tx, user, actor=actor)


def add_mailbox(admin: Database, actor: Who, slug: str, name: str) -> int:
    """A group mailbox; its id."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        mailbox_id = mailboxes.create_group(tx, tenant.id, name)
        audit.record(tx, tenant.id, actor=actor, action="mailbox.add", object=f"mailbox:{mailbox_id}", name=name)
    return mailbox_id


def remove_member(admin: Database, actor: Who, slug: str, mailbox: str, email: str) -> bool:
    """A user reads a mailbox no more; False where they did not. Who lets them in: admission.

    The mailbox's next key is made here, by whoever removes them, between two transactions (epochs). Also raises
    LastReader, Held and EpochMoved.
    """
    with admin.across_tenants() as tx:
        tenant_id, mailbox_id, user = _member(tx, slug, mailbox, email)
        wanted = membership.departure(tx, tenant_id, mailbox_id, user)
    begun = None if wanted is None else epochs.make(wanted)
    with admin.across_tenants() as tx:
        tenant_id, mailbox_id, user = _member(tx, slug, mailbox, email)
        changed = membership.leave(tx, tenant_id, mailbox_id, user, begun)
        if changed:
            audit.record(
                tx,
                tenant_id,
                actor=actor,
                action="mailbox.remove-member",
                object=f"mailbox:{mailbox_id}",
                user=f"user:{user.id}",
                epochs_begun=epochs.named([] if begun is None else [begun]),
            )
    return changed


def _member(tx: Transaction, slug: str, mailbox: str, email: str) -> tuple[int, int, User]:
    tenant = tenants.entered(tx, slug)
    return tenant.id, mailboxes.by_name(tx, tenant.id, mailbox), users.by_email(tx, tenant.id, email)


def add_number(admin: Database, actor: Who, slug: str, number: str, *, how: str) -> str:
    """number: as for add_did; what it is in E.164. The tenant may call as it from then on. Also raises NumberTaken."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        e164 = numbers.normalise(number, tenant.country)
        caller_ids.verify(tx, tenant.id, e164, how)
        audit.record(tx, tenant.id, actor=actor, action="number.add", object=f"number:{e164}", how=how)
    return e164


def remove_number(admin: Database, actor: Who, slug: str, number: str) -> str:
    """number: as for add_did; what it is in E.164. Faxes that wait call as the tenant's first DID then."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        e164 = numbers.normalise(number, tenant.country)
        caller_ids.withdraw(tx, tenant.id, e164)
        audit.record(tx, tenant.id, actor=actor, action="number.remove", object=f"number:{e164}")
    return e164


def set_quota(
    admin: Database,
    actor: Who,
    slug: str,
    *,
    period: str,
    pages: int | None,
    email: str | None,
    warn_percent: int | None = quotas.WARN_PERCENT,
) -> None:
    """pages None: no limit. email None: for the whole tenant. period: day or month.

    warn_percent: as for quotas.set_limit.
    """
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        user_id = None if email is None else users.by_email(tx, tenant.id, email).id
        if pages is None:
            quotas.remove_limit(tx, tenant.id, period=period, user_id=user_id)
        else:
            quotas.set_limit(tx, tenant.id, period=period, pages=pages, user_id=user_id, warn_percent=warn_percent)
        whose = f"tenant:{tenant.id}" if user_id is None else f"user:{user_id}"
        audit.record(tx, tenant.id, actor=actor, action="quota.set", object=whose, period=period, pages=pages)


def all_users(admin: Database, slug: str | None) -> list[Row]:
    """users.of_tenant with `tenant`, of one tenant or of all."""
    return _of_each(admin, slug, users.of_tenant)


def all_mailboxes(admin: Database, slug: str | None) -> list[Row]:
    """mailboxes.of_tenant with `tenant`, of one tenant or of all."""
    return _of_each(admin, slug, mailboxes.of_tenant)


def all_mailbox_keys(admin: Database, slug: str | None) -> list[Row]:
    """vault.standing with `tenant`, of one tenant or of all."""
    return _of_each(admin, slug, vault.standing)


def all_dids(admin: Database, slug: str | None) -> list[Row]:
    """dids.of_tenant with `tenant`, of one tenant or of all."""
    return _of_each(admin, slug, dids.of_tenant)


def all_numbers(admin: Database, slug: str | None) -> list[Row]:
    """caller_ids.verified with `tenant`, of one tenant or of all."""
    return _of_each(admin, slug, caller_ids.verified)


def all_quotas(admin: Database, slug: str | None) -> list[Row]:
    """quotas.of_tenant with `tenant`, of one tenant or of all."""
    return _of_each(admin, slug, quotas.of_tenant)


def _of_each(admin: Database, slug: str | None, rows_of: Callable[[Transaction, int], list[Row]]) -> list[Row]:
    with admin.across_tenants() as tx:
        found: list[Row] = []
        for tenant in tenants.each_entered(tx, slug):
            found += [{"tenant": tenant.slug, **row} for row in rows_of(tx, tenant.id)]
        return found
