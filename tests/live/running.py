"""Faxplan on a FreeSWITCH of its own, for tests that send whole faxes through the carrier."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faxplan import outbound
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from faxplan.outbound import SendRequest
from tests.bench.whole import SCRIPTS, write_settings
from tests.live.calls import Live
from tests.world import World

TEST_NUMBER = "+493099009900"
"""And three digits: see docs/bench.md."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@contextmanager
def faxplan_on_freeswitch(
    world: World, live: Live, base: Path, *trunks: str, port: int | None = None
) -> Iterator[Instance]:
    """With the scripts of fs_scripts, and gateways of these names that all lead to the carrier, or to that port."""
    gateways = [Gateway(name, "127.0.0.1", port or live.carrier.sip_port) for name in trunks]
    with faxplan_at(world, live.faxplan_port, base, *gateways) as instance:
        yield instance


@contextmanager
def faxplan_at(
    world: World, port: int, base: Path, *gateways: Gateway, environment: Mapping[str, str] = NOTHING, **options: Any
) -> Iterator[Instance]:
    """The same on that port. environment: of FreeSWITCH, besides what is needed. options: more of InstanceOptions."""
    found = find()
    assert found is not None
    needed = {"FAXPLAN_CONFIG": str(write_settings(world)), "PYTHONPATH": str(SCRIPTS.parent)}
    instance = Instance(
        found,
        InstanceOptions(
            base=base,
            script_dir=SCRIPTS,
            python=Path(sys.executable),
            name="faxplan",
            sip_port=port,
            environment={**needed, **environment},
            gateways=gateways,
            **options,
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
