"""What the switch's operator types at fs_cli, in FreeSWITCH's own client, while faxes are sent."""

import subprocess
from pathlib import Path

import pytest

from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live.running import send
from tests.world import World


def typed(instance: Instance, command: str) -> str:
    found = find()
    assert found is not None
    client = found.binary.parent / "fs_cli"
    if not client.exists():
        pytest.skip(f"{client} is missing: install it beside FreeSWITCH")
    done = subprocess.run(
        [client, "-H", "127.0.0.1", "-P", str(instance.event_socket_port), "-p", instance.password, "-x", command],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout


def test_an_operator_watches_a_call_pauses_the_node_and_lets_it_go_on(
    world: World, faxplan: Instance, letter: Path
) -> None:
    wait_for(lambda: "Runtime    at work" in typed(faxplan, "python fax_queue::status"), "the runtime to be at work")
    assert "Runtime    at work" in typed(faxplan, "python fax_queue status")
    running = send(world, letter, world.borea.did)
    wait_for(lambda: "  out  " in typed(faxplan, "python fax_queue::calls"), "the call to be shown")
    said = typed(faxplan, f"python fax_queue::fax {running}")
    assert f"Fax        {running} of acme, outbound, to {world.borea.did}" in said
    assert "through carrier, channel " in said
    assert "+OK This node dials nothing new" in typed(faxplan, "python fax_queue::pause")
    waiting = send(world, letter, world.borea.did)
    # The call goes on to its end, and the other fax is not touched meanwhile.
    wait_for(lambda: world.fax(world.acme, running)["state"] == "sent", "the call to end", 120)
    wait_for(lambda: "No call runs on this node." in typed(faxplan, "python fax_queue::calls"), "both legs to end", 60)
    assert world.attempts(world.acme, waiting) == []
    assert "paused: dials nothing new" in typed(faxplan, "python fax_queue::status")
    assert "+OK This node dials again." in typed(faxplan, "python fax_queue::resume")
    wait_for(lambda: world.fax(world.acme, waiting)["state"] == "sent", "the other fax to be sent", 120)
    assert "carrier  up" in typed(faxplan, "python fax_queue::trunks")


def test_what_is_mistyped_is_answered_with_what_to_type(faxplan: Instance) -> None:
    assert "`python fax_queue::help` lists all." in typed(faxplan, "python fax_queue::stauts")
    assert "-ERR Which fax?" in typed(faxplan, "python fax_queue::fax")
    assert "python fax_queue::pause" in typed(faxplan, "python fax_queue::help")
