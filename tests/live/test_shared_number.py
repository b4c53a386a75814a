"""A number for voice and fax on a PBX's own profile: a fax is handed over in mid-call, a person is not."""

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faxplan import mailboxes, trunk_provisioning
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import InstanceOptions
from tests.bench.whole import SCRIPTS, wait_for, write_settings
from tests.live.calls import Live
from tests.live.shared_pbx import SharedPbx
from tests.routing import add_trunk
from tests.world import World


@pytest.fixture
def pbx(world: World, live: Live, tmp_path: Path) -> Iterator[SharedPbx]:
    found = find()
    assert found is not None
    if not (found.mod_dir / "mod_loopback.so").is_file():
        pytest.skip("the PBX of this test needs mod_loopback: apt-get install freeswitch-mod-loopback")
    # No call comes from where a trunk is: what counts is the dialplan's word.
    trunk_provisioning.change_trunk(world.admin, "test", "carrier", {"source_networks": ["192.0.2.0/24"]})
    add_trunk(world, "pstn")
    instance = SharedPbx(
        found,
        InstanceOptions(
            base=tmp_path / "fs",
            script_dir=SCRIPTS,
            python=Path(sys.executable),
            name="faxplan",
            environment={"FAXPLAN_CONFIG": str(write_settings(world)), "PYTHONPATH": str(SCRIPTS.parent)},
            log_level="debug",
        ),
    )
    instance.start()
    yield instance
    instance.stop()


def call(live: Live, pbx: SharedPbx, number: str, application: str) -> str:
    """The carrier calls the PBX, and does something in the call; its channel."""
    channel = str(uuid.uuid4())
    variables = f"origination_uuid={channel},origination_caller_id_number=+493099001,fax_enable_t38=true,fax_ident=1234"
    told = live.carrier.api(
        f"originate {{{variables}}}sofia/faxplan/{number}@127.0.0.1:{pbx.pbx_port} '&{application}'"
    )
    assert told.startswith("+OK"), told
    return channel


def inbox(world: World) -> list[mailboxes.Entry]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return mailboxes.entries(tx, world.acme.tenant.id, world.acme.user.id)


def ended(live: Live, channel: str) -> Callable[[], bool]:
    return lambda: live.carrier.api(f"uuid_exists {channel}") == "false"


def test_a_fax_is_handed_over_out_of_a_voice_call(world: World, live: Live, pbx: SharedPbx, three_pages: Path) -> None:
    call(live, pbx, world.acme.did, f"txfax({three_pages})")
    wait_for(lambda: bool(inbox(world)), "the fax to lie in the mailbox", 120)
    (entry,) = inbox(world)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 3, "+493099001")
    (attempt,) = world.attempts(world.acme, entry.fax_id)
    assert (attempt["trunk"], attempt["t38_status"], attempt["called_from"]) == ("pstn", "negotiated", "request")
    # It was a call of voice: somebody had answered it.
    log = pbx.log_path.read_text(errors="replace")
    assert "Fax Tone Detected" in log
    assert "loopback/reception" in log
    wait_for(lambda: "0 total" in pbx.api("show channels count"), "the talk to be over")


def test_a_person_stays_with_the_pbx(world: World, live: Live, pbx: SharedPbx) -> None:
    channel = call(live, pbx, world.acme.did, "playback(silence_stream://15000)")
    wait_for(ended(live, channel), "the caller to hang up", 60)
    log = pbx.log_path.read_text(errors="replace")
    assert "Enabling fax detection" in log
    assert "Fax Tone Detected" not in log
    assert inbox(world) == []
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from calls") == 0


def test_a_call_that_no_trunk_is_named_for_is_not_taken(
    world: World, live: Live, pbx: SharedPbx, three_pages: Path
) -> None:
    channel = call(live, pbx, world.borea.did, f"txfax({three_pages})")
    wait_for(ended(live, channel), "the call to be refused", 60)
    assert "Fax Tone Detected" in pbx.log_path.read_text(errors="replace")
    assert "no trunk sends from '127.0.0.1'" in pbx.log_path.read_text(errors="replace")
    assert world.spool.inbound_attempts() == []
