"""`faxplan trunk test` on the bench, which has no SIP: the page goes, and what could not be asked is said."""

import json

import pytest

from faxplan import cli
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.world import World


def test_a_page_goes_through_the_trunk(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reported() -> bool:
        with world.admin.across_tenants() as tx:
            return bool(tx.value("select count(*) from nodes"))

    with world.admin.across_tenants() as tx:
        tx.execute("delete from routes")
    monkeypatch.setenv("FAXPLAN_USER", "user@acme.example")
    with faxplan_on_bench(world, monkeypatch) as switch:
        wait_for(reported, "the runtime to report")
        assert cli.main(["trunk", "test", "carrier", "--to", "+493099009900000"]) == 0
        told = capsys.readouterr().out
        assert "FreeSWITCH was not asked, and no OPTIONS sent: event_socket is not set" in told
        assert "The page arrived." in told
        assert cli.main(["trunk", "test", "carrier", "--to", "+493099009900404", "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert (found["fax"]["state"], found["attempts"][0]["sip_code"]) == ("failed", 404)
        assert cli.main(["trunk", "test", "carrier"]) == 1
        assert not switch.complaints
