"""How the administrator connects the installation: trunks and routes.

Each function is one transaction (role admin) with its audit row in the installation's chain; a password never stands
there. Errors are those of the nouns: NotFound, ConstraintViolated, InvalidTrunk, InvalidGateway, InvalidNumber.
The switches take a change up within seconds (gateway_sync).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from faxplan import audit, node_trunks, queue, registrations, routes, tenants, trunk_directory, trunk_health
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction


def add_trunk(admin: Database, actor: Who, name: str, values: Mapping[str, Any]) -> int:
    """values: as _stored takes them, at least host and inbound_country; the trunk's id."""
    with admin.across_tenants() as tx:
        trunk_id = trunk_directory.add(tx, name, _stored(tx, values))
        _record(tx, actor, "trunk.add", f"trunk:{name}", _open_values(values))
    return trunk_id


def change_trunk(admin: Database, actor: Who, name: str, values: Mapping[str, Any]) -> None:
    """values: as _stored takes them, at least one."""
    with admin.across_tenants() as tx:
        trunk_directory.change(tx, name, _stored(tx, values))
        _record(tx, actor, "trunk.change", f"trunk:{name}", _open_values(values))


def remove_trunk(admin: Database, actor: Who, name: str) -> None:
    """Refused (ConstraintViolated) while a route leads to it."""
    with admin.across_tenants() as tx:
        trunk_directory.remove(tx, name)
        _record(tx, actor, "trunk.remove", f"trunk:{name}", {})


def wake_trunk(admin: Database, actor: Who, name: str) -> None:
    """Ends a trunk's rest and forgets its failures; faxes that wait for it are dialled at once."""
    with admin.across_tenants() as tx:
        trunk_health.wake(tx, name)
        tx.notify(queue.QUEUE_CHANNEL)
        _record(tx, actor, "trunk.wake", f"trunk:{name}", {})


def states(admin: Database) -> list[Row]:
    """See trunk_health.everyone."""
    with admin.across_tenants() as tx:
        return trunk_health.everyone(tx)


def all_trunks(admin: Database) -> list[Row]:
    """See trunk_directory.everyone."""
    with admin.across_tenants() as tx:
        return trunk_directory.everyone(tx)


def trunks_on_nodes(admin: Database) -> tuple[list[Row], list[Row]]:
    """Which nodes have an old version of a trunk (node_trunks.behind), and which one registers it (holders)."""
    with admin.across_tenants() as tx:
        return node_trunks.behind(tx), registrations.holders(tx)


def add_route(
    admin: Database,
    actor: Who,
    prefix: str,
    trunk: str | None,
    *,
    position: int = 100,
    weight: int = 1,
    cost: Decimal | None = None,
    only_for: str | None = None,
    in_clear: bool = False,
    enabled: bool = True,
) -> None:
    """prefix: + and leading digits, + alone for all numbers. trunk None: they are barred.

    only_for: a tenant's short name; None: all. in_clear, enabled: as in schema.sql.
    """
    with admin.across_tenants() as tx:
        tenant_id = None if only_for is None else tenants.by_slug(tx, only_for).id
        routes.add(
            tx, prefix, _trunk_id(tx, trunk),
            position=position, weight=weight, cost=cost, only_for=tenant_id, in_clear=in_clear,
            enabled=enabled,
        )  # fmt: skip
        details = {
            "trunk": trunk, "position": position, "weight": weight, "only_for": tenant_id, "in_clear": in_clear,
            "enabled": enabled,
        }  # fmt: skip
        _record(tx, actor, "route.add", f"route:{prefix}", details if cost is None else {**details, "cost": str(cost)})


def change_route(
    admin: Database, actor: Who, prefix: str, trunk: str | None, values: Mapping[str, Any], *, only_for: str | None
) -> None:
    """The route that was entered with these values. values: of routes.CHANGEABLE, at least one."""
    with admin.across_tenants() as tx:
        tenant_id = None if only_for is None else tenants.by_slug(tx, only_for).id
        routes.change(tx, prefix, _trunk_id(tx, trunk), values, only_for=tenant_id)
        told = {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}
        _record(tx, actor, "route.change", f"route:{prefix}", {"trunk": trunk, "only_for": tenant_id, **told})


def remove_route(admin: Database, actor: Who, prefix: str, trunk: str | None, *, only_for: str | None) -> None:
    """The route that was entered with these values."""
    with admin.across_tenants() as tx:
        tenant_id = None if only_for is None else tenants.by_slug(tx, only_for).id
        routes.remove(tx, prefix, _trunk_id(tx, trunk), only_for=tenant_id)
        _record(tx, actor, "route.remove", f"route:{prefix}", {"trunk": trunk, "only_for": tenant_id})


def all_routes(admin: Database) -> list[Row]:
    """See routes.everyone."""
    with admin.across_tenants() as tx:
        return routes.everyone(tx)


def _trunk_id(tx: Transaction, name: str | None) -> int | None:
    return None if name is None else trunk_directory.id_of(tx, name)


def _stored(tx: Transaction, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of trunk_directory.COLUMNS, but dedicated_to, which may be a tenant's short name (None: nobody's alone)."""
    slug = values.get("dedicated_to")
    return values if slug is None else {**values, "dedicated_to": tenants.by_slug(tx, slug).id}


def _open_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: "changed" if key == "password" else value for key, value in values.items()}


def _record(tx: Transaction, actor: Who, action: str, what: str, details: Mapping[str, Any]) -> None:
    audit.record(tx, audit.INSTALLATION, actor=actor, action=action, object=what, **details)
