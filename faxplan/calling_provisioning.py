"""What the administrator decides about calls: failure rules and sending hours; and what a tenant knows of numbers.

Each function is one transaction with its audit row. Errors are those of the nouns: NotFound, ConstraintViolated,
UnknownCondition, PointlessRule, InvalidDays, InvalidHours, InvalidNumber.
"""

from faxplan import audit, destinations, failure_changes, numbers, sending_hours, tenants, trunk_directory
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.destinations import Offered
from faxplan.errors import Forbidden
from faxplan.failure_rules import Action, Downgrade
from faxplan.language import _
from faxplan.priorities import Priority
from faxplan.users import User


def set_rule(
    admin: Database,
    actor: Who,
    condition: str,
    action: Action,
    *,
    delay: int | None,
    times: int | None,
    downgrade: Downgrade | None = None,
    tenant: str | None,
    trunk: str | None,
) -> None:
    """delay: seconds; delay, times, downgrade: None: as the shipped rule. tenant, trunk: by name; None: all."""
    with admin.across_tenants() as tx:
        only_for, trunk_id = _scope(tx, tenant, trunk)
        failure_changes.put(
            tx, condition, action,
            delay=delay, times=times, downgrade=downgrade, only_for=only_for, trunk_id=trunk_id,
        )  # fmt: skip
        audit.record(
            tx, audit.INSTALLATION, actor=actor, action="failure-rule.set", object=f"failure-rule:{condition}",
            what=action.value, delay=delay, times=times, downgrade=downgrade, only_for=only_for, trunk=trunk,
        )  # fmt: skip


def reset_rule(admin: Database, actor: Who, condition: str, *, tenant: str | None, trunk: str | None) -> None:
    """As shipped again, in this scope."""
    with admin.across_tenants() as tx:
        only_for, trunk_id = _scope(tx, tenant, trunk)
        failure_changes.reset(tx, condition, only_for=only_for, trunk_id=trunk_id)
        audit.record(
            tx, audit.INSTALLATION, actor=actor, action="failure-rule.reset", object=f"failure-rule:{condition}",
            only_for=only_for, trunk=trunk,
        )  # fmt: skip


def changed_rules(admin: Database) -> list[Row]:
    """See failure_changes.everyone."""
    with admin.across_tenants() as tx:
        return failure_changes.everyone(tx)


def add_hours(
    admin: Database, actor: Who, slug: str, hours: list[sending_hours.Hours], priority: Priority | None
) -> None:
    """A tenant's faxes of that priority (None: of every one) may be dialled then, and at no time without hours."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        sending_hours.add(tx, tenant.id, hours, priority)
        audit.record(
            tx, tenant.id, actor=actor, action="hours.add", object=f"tenant:{tenant.id}",
            priority=priority, hours=[f"{each.weekday} {each.opens}-{each.closes}" for each in hours],
        )  # fmt: skip


def replace_hours(admin: Database, actor: Who, slug: str, hours: list[sending_hours.Hours]) -> None:
    """A tenant's faxes may be dialled then, but for priorities with hours of their own; without any, at all times."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        sending_hours.replace(tx, tenant.id, hours)
        audit.record(
            tx, tenant.id, actor=actor, action="hours.set", object=f"tenant:{tenant.id}",
            hours=[f"{each.weekday} {each.opens}-{each.closes}" for each in hours],
        )  # fmt: skip


def clear_hours(admin: Database, actor: Who, slug: str) -> int:
    """At all times again; how many rows that took away."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        gone = sending_hours.clear(tx, tenant.id)
        audit.record(tx, tenant.id, actor=actor, action="hours.clear", object=f"tenant:{tenant.id}")
    return gone


def hours(admin: Database, slug: str) -> list[Row]:
    """See sending_hours.of_tenant."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        return sending_hours.of_tenant(tx, tenant.id)


def known_numbers(portal: Database, user: User) -> list[Row]:
    """See destinations.everyone."""
    with portal.tenant(user.tenant_id) as tx:
        return destinations.everyone(tx, user.tenant_id)


def set_number(portal: Database, user: User, number: str, offered: Offered, *, days: int | None, why: str) -> str:
    """What calls to a number may use; it in E.164. days: until that expires. Raises Forbidden: administrators only."""
    with portal.tenant(user.tenant_id) as tx:
        e164 = _number(tx, user, number)
        actor = f"user:{user.id}"
        destinations.put(tx, user.tenant_id, e164, offered, entered_by=actor, days=days, why=why)
        audit.record(
            tx, user.tenant_id, actor=actor, action="destination.set", object=f"destination:{e164}",
            t38=offered.t38, v17=offered.v17, ecm=offered.ecm, days=days,
        )  # fmt: skip
    return e164


def forget_number(portal: Database, user: User, number: str) -> str:
    """Takes away what is known about a number; it in E.164. Raises Forbidden and NotFound."""
    with portal.tenant(user.tenant_id) as tx:
        e164 = _number(tx, user, number)
        destinations.forget(tx, user.tenant_id, e164)
        audit.record(
            tx, user.tenant_id, actor=f"user:{user.id}", action="destination.forget", object=f"destination:{e164}"
        )
    return e164


def _number(tx: Transaction, user: User, number: str) -> str:
    if user.role != "administrator":
        raise Forbidden(_("Only an administrator of your organisation changes how a number is called."))
    return numbers.normalise(number, tenants.get(tx, user.tenant_id).country)


def _scope(tx: Transaction, tenant: str | None, trunk: str | None) -> tuple[int | None, int | None]:
    only_for = None if tenant is None else tenants.by_slug(tx, tenant).id
    return only_for, None if trunk is None else trunk_directory.id_of(tx, trunk)
