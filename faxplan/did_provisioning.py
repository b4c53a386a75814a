"""What the administrator gives DIDs: mailbox and settings, and lists of callers.

Each function is one transaction (role admin) with its audit row in the tenant's chain. `slug` is a tenant's short name,
`actor` as audit.record takes it; `number`: E.164, or as it is dialled in the tenant's country. Errors are those of the
nouns: NotFound, ConstraintViolated, InvalidNumber, InvalidCaller, MayNotReceive.
"""

import re
from collections.abc import Mapping
from typing import Any

from faxplan import audit, did_callers, dids, mailboxes, numbers, tenants, vault
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.dids import Did
from faxplan.errors import FaxplanError
from faxplan.language import _

_PREFIX = re.compile(r"\+[0-9]{0,15}")
_SEPARATORS = str.maketrans("", "", " -.()/")


class InvalidCaller(FaxplanError):
    """What was given says no callers."""

    error_id = "invalid-caller"


def add(admin: Database, actor: Who, slug: str, number: str, *, mailbox: str, station_ident: str) -> Did:
    """Gives a number to a tenant's mailbox."""
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        mailbox_id = mailboxes.by_name(tx, tenant_id, mailbox)
        mailboxes.check_may_receive(tx, tenant_id, mailbox_id)
        did = dids.assign(tx, tenant_id, e164, mailbox_id, station_ident)
        _record(tx, tenant_id, actor, "did.add", e164, mailbox=f"mailbox:{mailbox_id}")
    return did


def keys_for(admin: Database, slug: str, did: Did) -> str | None:
    """The mailbox, by its name, where a DID's faxes are laid now: its own where that has a key (vault.mailbox_for).

    None: nor is an administrator of the tenant enrolled, so that calls to it are answered with 480.
    """
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        key = vault.mailbox_for(tx, tenant.id, did.mailbox_id)
        return None if key is None else mailboxes.name_of(tx, tenant.id, key.mailbox_id)


def reached(admin: Database, slug: str, number: str) -> str | None:
    """As keys_for, of a number."""
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        key = vault.mailbox_for(tx, tenant_id, dids.mailbox_of(tx, tenant_id, e164))
        return None if key is None else mailboxes.name_of(tx, tenant_id, key.mailbox_id)


def change(
    admin: Database, actor: Who, slug: str, number: str, values: Mapping[str, Any], *, mailbox: str | None = None
) -> str:
    """values: of dids.CHANGEABLE, at least one, or a mailbox, by its name. The number in E.164."""
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        moved = {} if mailbox is None else {"mailbox_id": mailboxes.by_name(tx, tenant_id, mailbox)}
        for mailbox_id in moved.values():
            mailboxes.check_may_receive(tx, tenant_id, mailbox_id)
        dids.change(tx, tenant_id, e164, {**values, **moved})
        _record(tx, tenant_id, actor, "did.change", e164, **values, **moved)
    return e164


def remove(admin: Database, actor: Who, slug: str, number: str) -> str:
    """The number in E.164. Calls to it get 404 from then on."""
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        dids.remove(tx, tenant_id, e164)
        _record(tx, tenant_id, actor, "did.remove", e164)
    return e164


def everything(admin: Database, slug: str, number: str) -> dict[str, Any]:
    """A DID as dids.of_tenant has it, with `callers` (did_callers.of_did) and `refusals` (dids.refusals)."""
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        dids.check_there(tx, tenant_id, e164)
        (row,) = [each for each in dids.of_tenant(tx, tenant_id) if each["number"] == e164]
        return {
            **row,
            "callers": did_callers.of_did(tx, tenant_id, e164),
            "refusals": dids.refusals(tx, tenant_id, e164),
        }


def add_caller(admin: Database, actor: Who, slug: str, number: str, caller: str, rule: str) -> str:
    """caller: + and leading digits of numbers, or anonymous; as it was entered. rule: of did_callers.RULES."""
    entered = _caller(caller)
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        dids.check_there(tx, tenant_id, e164)
        did_callers.add(tx, tenant_id, e164, entered, rule)
        _record(tx, tenant_id, actor, "did.caller.add", e164, caller=entered, rule=rule)
    return entered


def remove_caller(admin: Database, actor: Who, slug: str, number: str, caller: str) -> str:
    """As it was entered."""
    entered = _caller(caller)
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        did_callers.remove(tx, tenant_id, e164, entered)
        _record(tx, tenant_id, actor, "did.caller.remove", e164, caller=entered)
    return entered


def callers(admin: Database, slug: str, number: str) -> list[Row]:
    """See did_callers.of_did."""
    with admin.across_tenants() as tx:
        tenant_id, e164 = _enter(tx, slug, number)
        dids.check_there(tx, tenant_id, e164)
        return did_callers.of_did(tx, tenant_id, e164)


def _caller(text: str) -> str:
    bare = text.translate(_SEPARATORS).lower()
    if bare != did_callers.ANONYMOUS and not _PREFIX.fullmatch(bare):
        raise InvalidCaller(
            _(
                "{text} says no callers. Write + and the leading digits of their numbers, as +4930, or anonymous."
            ).format(text=repr(text[:40]))
        )
    return bare


def _enter(tx: Transaction, slug: str, number: str) -> tuple[int, str]:
    tenant = tenants.by_slug(tx, slug)
    tx.enter_tenant(tenant.id)
    return tenant.id, numbers.normalise(number, tenant.country)


def _record(tx: Transaction, tenant_id: int, actor: Who, action: str, number: str, **details: Any) -> None:
    audit.record(tx, tenant_id, actor=actor, action=action, object=f"did:{number}", **details)
