"""What the switch's process has: the key of its machine, and nobody else's."""

from pathlib import Path

from faxplan import audit_key, outbound
from faxplan.outbound import SendRequest
from tests.bench.switch_process import SwitchProcess
from tests.bench.whole import wait_for
from tests.keys_in_a_process import Planted
from tests.world import World


def test_the_switch_has_its_own_key_and_nobody_elses(world: World, tmp_path: Path) -> None:
    audit_key.load_or_make(world.settings.audit_key)
    planted = Planted.in_world(world, tmp_path / "root")
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    switch = SwitchProcess(world, tmp_path / "bench")
    try:
        request = SendRequest(world.borea.did, letter, letter.name)
        fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
        world.render_all()
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sent", "the fax to be sent")
        wait_for(lambda: planted.received(world), "the fax to be received")
        found = planted.sought(switch.process.pid, tmp_path / "bench", world.settings.state_dir)
        assert planted.waits_for_mail(world)
    finally:
        switch.stop()
    assert found == {"memory": {"dispatch"}, "files": {"dispatch"}, "environment": set(), "open files": set()}
