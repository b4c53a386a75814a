"""The absolute cap of a call, and what else ends it from outside, on a real FreeSWITCH."""

from pathlib import Path
from typing import Any

from faxplan.freeswitch_instance import Instance
from faxplan.gateways import Gateway
from tests.bench.whole import DIALPLAN, wait_for
from tests.live.calls import Live
from tests.live.raw_sip import RawCall
from tests.live.running import TEST_NUMBER, faxplan_at, send, settled
from tests.world import World

CAP_SECONDS = 6


def received(world: World) -> list[dict[str, Any]]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return tx.rows("select outcome, hangup_cause, hung_up_by, answered_at, channel_uuid from attempts order by id")


def silent_call(live: Live, world: World) -> None:
    """The carrier calls one of our DIDs, and says nothing."""
    caller = "ignore_early_media=true,origination_caller_id_number=+493099001234"
    silence = "playback(silence_stream://60000)"
    live.carrier.api(f"bgapi originate {{{caller}}}sofia/gateway/faxplan/{world.borea.did} &{silence}")


def test_it_ends_a_call_that_we_made(world: World, live: Live, letter: Path, tmp_path: Path) -> None:
    """Of somebody who answers, and says nothing: txfax would wait for a minute."""
    carrier = Gateway("carrier", "127.0.0.1", live.carrier.sip_port)
    environment = {"FAXPLAN_CALL_CAP_SECONDS": str(CAP_SECONDS)}
    with faxplan_at(world, live.faxplan_port, tmp_path / "fs", carrier, environment=environment) as faxplan:
        fax_id = send(world, letter, TEST_NUMBER + "011")
        wait_for(settled(world, fax_id), "the attempt to be settled")
        wait_for(lambda: faxplan.api("show channels count").strip() == "0 total.", "the channel to go")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["answered_at"] is not None
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["hung_up_by"]) == (
        "not-sent",
        "ALLOTTED_TIMEOUT",
        "us",
    )
    assert attempt["rule"] == "dropped"
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_it_ends_a_received_call(world: World, live: Live, tmp_path: Path) -> None:
    with faxplan_at(world, live.faxplan_port, tmp_path / "fs", inbound_cap_seconds=CAP_SECONDS) as faxplan:
        silent_call(live, world)
        wait_for(lambda: any(each["outcome"] for each in received(world)), "the call to end")
        wait_for(lambda: faxplan.api("show channels count").strip() == "0 total.", "the channel to go")
    (attempt,) = received(world)
    assert attempt["answered_at"] is not None
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["hung_up_by"]) == (
        "failed",
        "ALLOTTED_TIMEOUT",
        "us",
    )


def test_a_received_call_that_an_administrator_ends_says_so(world: World, live: Live, faxplan: Instance) -> None:
    silent_call(live, world)
    wait_for(lambda: ",rxfax," in faxplan.api("show channels"), "the call to be answered")
    faxplan.api(f"uuid_kill {received(world)[0]['channel_uuid']} MANAGER_REQUEST")
    wait_for(lambda: any(each["outcome"] for each in received(world)), "the call to end")
    (attempt,) = received(world)
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["hung_up_by"]) == ("failed", "MANAGER_REQUEST", "us")


def test_so_does_one_without_a_packet_of_audio(world: World, live: Live, tmp_path: Path) -> None:
    dialplan = tmp_path / "faxplan.xml"
    ours = DIALPLAN.read_text()
    assert ours.count("media_timeout=120000") == 1
    dialplan.write_text(ours.replace("media_timeout=120000", "media_timeout=4000"))
    headers = [("From", "<sip:+493099001234@carrier.example>;tag=1"), ("To", f"<sip:{world.borea.did}@127.0.0.1>")]
    with (
        faxplan_at(world, live.faxplan_port, tmp_path / "fs", dialplan=dialplan) as faxplan,
        RawCall(faxplan.sip_port, "mute") as raw,
    ):
        assert raw.invite(world.borea.did, headers) == 200
        wait_for(lambda: any(each["outcome"] for each in received(world)), "the call to end")
    (attempt,) = received(world)
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["hung_up_by"]) == ("failed", "MEDIA_TIMEOUT", "us")
