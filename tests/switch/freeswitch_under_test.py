"""FreeSWITCH as a switch under test: our configuration, and tests/live's carrier, which has the same test numbers."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from tests.live.carrier import DIALPLAN, DropAfterPage

NOT_INSTALLED = "live: not run, FreeSWITCH with mod_python3 is not installed; see docs/install-on-freeswitch.md"
SECONDS_UNTIL_DOWN = 60.0


class FreeSwitchUnderTest:
    """See SwitchUnderTest."""

    name = "freeswitch"
    gateway = "carrier"
    down_gateway = "down"
    own_prefix = "15550"

    def __init__(self, ours: Instance) -> None:
        self.script_dir = ours.options.script_dir
        self._ours = ours

    def api(self, command: str) -> str:
        with self._ours.connect() as connection:
            return connection.api(command, 30)


@contextmanager
def freeswitch_under_test(folder: Path) -> Iterator[FreeSwitchUnderTest]:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    scripts = folder / "scripts"
    scripts.mkdir()
    our_port, carrier_port, nobody = free_sip_port(), free_sip_port(), free_sip_port()
    gateways = (Gateway("carrier", "127.0.0.1", carrier_port), Gateway("down", "127.0.0.1", nobody, ping_seconds=5))
    shared = {"script_dir": scripts, "python": Path(sys.executable), "startup_scripts": (), "sessions_per_second": 100}
    ours = Instance(
        found, InstanceOptions(folder / "ours", name="ours", sip_port=our_port, gateways=gateways, **shared)
    )  # type: ignore[arg-type]
    back = (Gateway("ours", "127.0.0.1", our_port),)
    carrier = Instance(
        found,
        InstanceOptions(
            folder / "carrier", name="carrier", sip_port=carrier_port, gateways=back, dialplan=DIALPLAN, **shared
        ),  # type: ignore[arg-type]
    )
    dropper = DropAfterPage(carrier)
    try:
        carrier.start()
        ours.start()
        dropper.start()
        deadline = time.monotonic() + SECONDS_UNTIL_DOWN
        while "DOWN" not in ours.api("sofia status gateway down"):
            assert time.monotonic() < deadline, "the gateway to nobody is still up"
            time.sleep(0.2)
        yield FreeSwitchUnderTest(ours)
    finally:
        dropper.stop()
        ours.stop()
        carrier.stop()
