"""Trunks and routes for tests of which trunk takes a call."""

from typing import Any

from faxplan import routes, trunk_directory
from tests.world import World


def add_trunk(world: World, name: str, **values: Any) -> int:
    """A trunk to which no route leads yet; its id."""
    with world.admin.across_tenants() as tx:
        return trunk_directory.add(tx, name, {"host": f"{name}.example", "inbound_country": "DE", **values})


def add_encrypted_trunk(world: World, name: str, **values: Any) -> int:
    """One that demands SRTP."""
    return add_trunk(world, name, transport="tls", t38=False, encrypted_media=True, **values)


def add_route(world: World, prefix: str, trunk: int | None, **values: Any) -> None:
    with world.admin.across_tenants() as tx:
        routes.add(tx, prefix, trunk, **values)


def carrier(world: World) -> int:
    """The trunk that every world has, with a route for all numbers."""
    with world.admin.across_tenants() as tx:
        return trunk_directory.id_of(tx, "carrier")


def change(world: World, table: str, **values: Any) -> None:
    """Sets columns of every row of trunks, routes or tenants."""
    assignments = ", ".join(f"{column} = %s" for column in values)
    with world.admin.across_tenants() as tx:
        tx.execute(f"update {table} set {assignments}", tuple(values.values()))
