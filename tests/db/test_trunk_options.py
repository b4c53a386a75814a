"""What a trunk's row says reaches the call: from the table through claim and staging into the dial string."""

import re

from faxplan import tenants
from faxplan.staging import Stager
from tests.faxes import claim, queued
from tests.routing import change
from tests.world import World


def dialled(world: World, **columns: object) -> dict[str, str]:
    """The variables of a call through the trunk with these columns."""
    if columns:
        change(world, "trunks", **columns)
    queued(world, world.acme)
    (fax,) = claim(world)
    with world.switch.across_tenants() as tx:
        tenant = tenants.get(tx, fax.tenant_id)
    stager = Stager(world.store, world.spool, world.settings)
    staged = stager.take(fax, tenant)
    assert staged is not None
    argument = staged.argument()
    stager.close()
    found = re.fullmatch(r"uuid:\S+ originate \{([^}]*)\}sofia/gateway/carrier/\S+ '&python\(fax_out \d+\)'", argument)
    assert found, argument
    return dict(pair.split("=", 1) for pair in found[1].split(","))


def test_the_number_stands_where_the_trunk_wants_it(world: World) -> None:
    assert dialled(world)["sip_cid_type"] == "pid"
    private = dialled(world, caller_id_in="rpid", privacy=True)
    assert (private["sip_cid_type"], private["sip_from_display"]) == ("rpid", "Anonymous")
