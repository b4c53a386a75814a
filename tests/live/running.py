"""Faxplan on a FreeSWITCH of its own, for tests that send whole faxes through the carrier."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faxplan import outbound
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from faxplan.outbound import SendRequest
from tests.bench.whole import SCRIPTS, write_settings
from tests.live.calls import Live
from tests.world import World


@contextmanager
def faxplan_on_freeswitch(world: World, live: Live, base: Path, *trunks: str) -> Iterator[Instance]:
    """With the scripts of fs_scripts, and gateways of these names that all lead to the carrier."""
    found = find()
    assert found is not None
    instance = Instance(
        found,
        InstanceOptions(
            base=base,
            script_dir=SCRIPTS,
            python=Path(sys.executable),
            name="faxplan",
            sip_port=live.faxplan_port,
            environment={"FAXPLAN_CONFIG": str(write_settings(world)), "PYTHONPATH": str(SCRIPTS.parent)},
            gateways=[Gateway(name, "127.0.0.1", live.carrier.sip_port) for name in trunks],
        ),
    )
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()


def send(world: World, letter: Path, number: str) -> int:
    """The id of a rendered fax to that number."""
    fax = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, letter.name))
    world.render_all()
    return fax.fax_id


def settled(world: World, fax_id: int, calls: int = 1) -> Callable[[], bool]:
    """Whether it had so many calls, and all have ended."""
    return lambda: (
        len(world.attempts(world.acme, fax_id)) >= calls
        and all(a["outcome"] for a in world.attempts(world.acme, fax_id))
    )


def due_now(world: World) -> None:
    """Lets a queued retry be dialled at once."""
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now()")
        tx.notify("faxplan_queue")
