"""What is decided about how long faxes are kept: bounds and holds by the administrator, choices by a tenant's.

Each function is one transaction with its audit row. `slug` and `actor` as in provisioning. Errors are those of the
nouns: NotFound, Forbidden, OutOfBounds, NothingToHold, ConstraintViolated.
"""

from collections.abc import Mapping
from typing import Any

from faxplan import audit, holds, mailboxes, orphans, purge_state, retention, tenants
from faxplan.audit import Who, name_of
from faxplan.db import Database, Row
from faxplan.document_store import Store
from faxplan.errors import Forbidden
from faxplan.holds import Hold
from faxplan.language import _
from faxplan.retention import Bounds, Policy
from faxplan.users import User


def set_bounds(admin: Database, actor: Who, slug: str | None, values: Mapping[str, Any]) -> Bounds:
    """values: as retention.set_bounds takes them. slug None: for all tenants. What is in force then."""
    with admin.across_tenants() as tx:
        tenant_id = None if slug is None else tenants.by_slug(tx, slug).id
        retention.set_bounds(tx, tenant_id, values)
        bounds = retention.bounds_for(tx, tenant_id)
        whom = "tenants" if tenant_id is None else f"tenant:{tenant_id}"
        audit.record(tx, audit.INSTALLATION, actor=actor, action="retention.set-bounds", object=whom, **values)
    return bounds


def choose(
    portal: Database,
    user: User,
    days: int | None,
    mailbox: str | None,
    direction: str | None,
    *,
    actor: Who | None = None,
) -> None:
    """days None: the choice is taken back. mailbox: by name; direction: outbound or inbound; None: all. actor: the
    user, where more is known of them than who they are.

    Raises Forbidden: a tenant's administrators only.
    """
    if user.role != "administrator":
        raise Forbidden(_("Only an administrator of your organisation decides how long its faxes are kept."))
    with portal.tenant(user.tenant_id) as tx:
        holds.take_turn(tx, user.tenant_id)
        mailbox_id = None if mailbox is None else mailboxes.by_name(tx, user.tenant_id, mailbox)
        if days is None:
            retention.unchoose(tx, user.tenant_id, mailbox_id, direction)
        else:
            retention.choose(tx, user.tenant_id, days, mailbox_id, direction)
        whom = f"tenant:{user.tenant_id}" if mailbox_id is None else f"mailbox:{mailbox_id}"
        audit.record(
            tx, user.tenant_id, actor=actor or f"user:{user.id}", action="retention.choose", object=whom, days=days,
            direction=direction,
        )  # fmt: skip


def shown(db: Database, tenant_id: int) -> tuple[Policy, list[Row], list[Row]]:
    """A tenant's policy, its choices (retention.choices), and its mailboxes with name, sent and received: days or None.

    Role admin or portal.
    """
    with db.tenant(tenant_id) as tx:
        policy = retention.policy(tx, tenant_id)
        found = [
            {"mailbox": each["name"]}
            | {word: policy.days(each["id"], direction) for word, direction in retention.DIRECTIONS.items()}
            for each in tx.rows("select id, name from mailboxes where tenant_id = %s order by name", (tenant_id,))
        ]
        return policy, retention.choices(tx, tenant_id), found


def entered_bounds(admin: Database) -> list[Row]:
    """See retention.own_bounds."""
    with admin.across_tenants() as tx:
        return retention.own_bounds(tx)


def set_hold(admin: Database, actor: Who, slug: str, *, mailbox: str | None, fax_id: int | None, reason: str) -> int:
    """A legal hold of a fax, of a mailbox by its name, or of the whole tenant; its id."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        mailbox_id = None if mailbox is None else mailboxes.by_name(tx, tenant.id, mailbox)
        hold_id = holds.place(tx, tenant.id, mailbox_id=mailbox_id, fax_id=fax_id, reason=reason, set_by=name_of(actor))
        audit.record(
            tx, tenant.id, actor=actor, action="hold.set", object=_object(tenant.id, mailbox_id, fax_id), hold=hold_id,
            reason=reason,
        )  # fmt: skip
    return hold_id


def release_hold(admin: Database, actor: Who, slug: str, hold_id: int, *, reason: str) -> Hold:
    """Ends a hold; it as it was. reason: why, for the audit."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        hold = holds.release(tx, tenant.id, hold_id)
        audit.record(
            tx, tenant.id, actor=actor, action="hold.release",
            object=_object(tenant.id, hold.mailbox_id, hold.fax_id), hold=hold_id, reason=reason,
        )  # fmt: skip
    return hold


def all_holds(admin: Database, slug: str | None) -> list[tuple[str, Hold]]:
    """With the tenants' short names, of one tenant or of all."""
    with admin.across_tenants() as tx:
        found = []
        for tenant in tenants.everyone(tx) if slug is None else [tenants.by_slug(tx, slug)]:
            tx.enter_tenant(tenant.id)
            found += [(tenant.slug, each) for each in holds.of_tenant(tx, tenant.id)]
        return found


def adopt_store(admin: Database, purger: Database, store: Store, actor: Who) -> tuple[int, int]:
    """Takes the restored database and the store for belonging together; objects that no row names, and their bytes."""
    store.check()
    objects, size = orphans.count(purger, store)
    with admin.across_tenants() as tx:
        why = purge_state.restored(tx, store)
        purge_state.adopt(tx, store)
        audit.record(
            tx, audit.INSTALLATION, actor=actor, action="store.adopt", object="store", because=why, orphans=objects,
            bytes=size,
        )  # fmt: skip
    return objects, size


def _object(tenant_id: int, mailbox_id: int | None, fax_id: int | None) -> str:
    if fax_id is not None:
        return f"fax:{fax_id}"
    return f"tenant:{tenant_id}" if mailbox_id is None else f"mailbox:{mailbox_id}"
