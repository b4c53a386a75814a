"""A carrier beside a DebianMachine: FreeSWITCH of the test's machine, in the network of that one."""

import sys
from pathlib import Path

from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from tests.live.carrier import DIALPLAN
from tests.live.debian import DebianMachine

HERE = Path(__file__).parent
SIP_PORT, _SOCKET_PORT = 5190, 8190
_RTP = (40000, 40399)


class Neighbour(Instance):
    """`api` is asked by fs_cli, from within that network; there is no connection to listen at."""

    def __init__(self, machine: DebianMachine, base: Path, faxplan_port: int = 5090) -> None:
        found = find()
        assert found is not None
        self._machine = machine
        options = InstanceOptions(
            base=base,
            script_dir=HERE / "scripts",
            python=Path(sys.executable),
            name="carrier",
            sip_port=SIP_PORT,
            event_socket_port=_SOCKET_PORT,
            rtp_ports=_RTP,
            startup_scripts=(),
            dialplan=DIALPLAN,
            gateways=(Gateway("faxplan", "127.0.0.1", faxplan_port),),
        )
        super().__init__(found, options)

    def api(self, command: str, timeout_seconds: float = 30.0) -> str:  # noqa: ARG002 - fs_cli waits for the answer
        return self._machine.fs_cli(command, port=self.event_socket_port, password=self.password)

    def fax_to(self, did: str, document: Path) -> None:
        """Begins a call over T.38 that sends this fax-ready TIFF."""
        self.api(f"bgapi originate {{fax_enable_t38=true}}sofia/gateway/faxplan/{did} &txfax({document})")

    def _command(self) -> list[str]:
        return [*self._machine.within_its_network(), *super()._command()]
