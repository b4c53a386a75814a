"""Trunks that change while calls go through them, on the bench: gateways are killed and started, calls go on."""

from pathlib import Path

import pytest

from faxplan import gateway_sync, trunk_directory
from tests.bench.test_failing_calls import submit
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.world import World


def test_a_trunk_changes_while_a_call_goes_out_and_comes_in_through_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("\f".join(f"Page {number} of five.\n" * 40 for number in range(1, 6)))
    folder, acl = tmp_path / "gateways", tmp_path / "trunks_acl.xml"
    monkeypatch.setenv("FAXPLAN_GATEWAY_DIR", str(folder))
    monkeypatch.setenv("FAXPLAN_ACL_FILE", str(acl))
    monkeypatch.setattr(gateway_sync, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(gateway_sync, "START_AFTER_SECONDS", 0.1)
    folder.mkdir()
    with faxplan_on_bench(world, monkeypatch, gateways=[], gateway_dir=folder, time="real", speed=5) as switch:
        wait_for(lambda: switch.gateways.find("carrier") is not None, "the gateway")
        before = switch.gateways.find("carrier")
        fax_id = submit(world, letter, world.borea.did)
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sending", "pages to be on their way")
        channels = {channel.uuid for channel in switch.channels.all()}
        assert len(channels) == 2
        with world.admin.across_tenants() as tx:
            trunk_directory.change(tx, "carrier", {"port": 5099, "source_networks": ["127.0.0.0/8", "192.0.2.0/24"]})

        def taken_up() -> bool:
            gateway = switch.gateways.find("carrier")
            return gateway is not None and gateway is not before and "192.0.2.0/24" in acl.read_text()

        wait_for(taken_up, "the change to be taken up")
        assert {channel.uuid for channel in switch.channels.all()} == channels
        wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final")
        gateway = switch.gateways.find("carrier")
        assert gateway is not None
        assert ":5099" in gateway.parameters["proxy"]
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"]) == ("sent", 5)
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert tx.one("select outcome, pages from attempts") == {"outcome": "received", "pages": 5}
