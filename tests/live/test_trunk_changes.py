"""Trunks that change on a real FreeSWITCH while calls go through them: killgw, startgw, reloadacl; calls go on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import trunk_directory, trunks
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live.calls import Live
from tests.live.running import faxplan_at, send
from tests.routing import change
from tests.world import World

PAGES = 6


@pytest.fixture
def faxplan(world: World, live: Live, tmp_path: Path) -> Iterator[Instance]:
    """Whose gateways and access list the runtime keeps as the trunk table says."""
    change(world, "trunks", port=live.carrier.sip_port)
    with world.admin.across_tenants() as tx:
        gateways = trunks.gateways(tx)
    base = tmp_path / "fs"
    environment = {
        "FAXPLAN_GATEWAY_DIR": str(base / "conf" / "sip_profiles" / "faxplan"),
        "FAXPLAN_ACL_FILE": str(base / "conf" / "faxplan" / "trunks_acl.xml"),
    }
    with faxplan_at(world, live.faxplan_port, base, *gateways, environment=environment) as instance:
        yield instance


def channels(faxplan: Instance) -> set[str]:
    """UUIDs of those that are up."""
    return {row["uuid"] for row in json.loads(faxplan.api("show channels as json")).get("rows", [])}


def test_a_trunk_changes_while_a_call_goes_out_and_comes_in_through_it(
    world: World, faxplan: Instance, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("\f".join(f"Page {number} of six.\n" * 40 for number in range(1, PAGES + 1)))
    wait_for(lambda: faxplan.api("acl 127.0.0.77 faxplan-trunks") == "true", "the runtime's first look")
    fax_id = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sending", "pages to be on their way")
    before = channels(faxplan)
    assert len(before) == 2
    # To where nobody is, so that whatever of the calls still went by the gateway would go astray.
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, "carrier", {"port": 5999, "source_networks": ["127.0.0.0/8", "192.0.2.0/24"]})
    wait_for(lambda: "127.0.0.1:5999" in faxplan.api("sofia status gateway carrier"), "the gateway to be changed")
    wait_for(lambda: faxplan.api("acl 192.0.2.7 faxplan-trunks") == "true", "the access list to be changed")
    assert channels(faxplan) == before
    wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final", 180)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"], attempt["t38_status"]) == ("sent", PAGES, "negotiated")

    def received() -> list[dict[str, object]]:
        with world.portal.tenant(world.borea.tenant.id) as tx:
            return tx.rows("select outcome, pages from attempts where outcome is not null")

    wait_for(lambda: bool(received()), "the fax to be received")
    assert received() == [{"outcome": "received", "pages": PAGES}]
