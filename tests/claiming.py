"""What claims take, as tests ask it."""

from typing import Any

from faxplan import queue, tenants
from faxplan.claims import ClaimedFax
from tests.faxes import claim
from tests.world import Office, World

BULK = 1000


def taken(world: World, most: int = 16, **limits: Any) -> list[int]:
    return [fax.fax_id for fax in claim(world, most, **limits)]


def trunk_names(faxes: list[ClaimedFax]) -> list[str | None]:
    return [fax.trunk.name if fax.trunk else None for fax in faxes]


def ends(world: World, *faxes: ClaimedFax) -> None:
    """Their calls are over; whatever follows."""
    for fax in faxes:
        with world.switch.tenant(fax.tenant_id) as tx:
            assert queue.take_call(tx, fax.tenant_id, fax.attempt_id)


def limit_tenant(world: World, office: Office, **values: Any) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, office.tenant.id, values)
