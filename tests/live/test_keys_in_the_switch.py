"""What FreeSWITCH's process has while faxes go out and come in: the key of its machine, and nobody else's."""

from pathlib import Path

import pytest

from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.keys_in_a_process import Planted
from tests.live.running import send
from tests.world import World


@pytest.fixture
def planted(world: World, tmp_path: Path) -> Planted:
    return Planted.in_world(world, tmp_path / "root")


def test_freeswitch_has_its_own_key_and_nobody_elses(
    world: World, planted: Planted, faxplan: Instance, letter: Path, tmp_path: Path
) -> None:
    fax_id = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sent", "the fax to be sent", 120)
    wait_for(lambda: planted.received(world), "the fax to be received")
    assert planted.waits_for_mail(world)
    found = planted.sought(faxplan.pid, tmp_path / "fs", world.settings.state_dir)
    assert found == {"memory": {"dispatch"}, "files": {"dispatch"}, "environment": set(), "open files": set()}
