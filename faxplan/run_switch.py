"""The switch of `make run`: a FreeSWITCH of its own where one is installed, else the bench, and why."""

import sys
from dataclasses import dataclass
from pathlib import Path

from faxplan import demo, doctor_switch, freeswitch_found, shipped
from faxplan.config import CALL_CAP_SECONDS, to_toml
from faxplan.errors import SwitchUnavailable
from faxplan.freeswitch_found import INSTALL_PAGE, FreeSwitchFound
from faxplan.freeswitch_instance import PROFILE, Instance, InstanceOptions
from faxplan.gateways import Gateway, write_gateways
from faxplan.home import PROJECT, Home
from faxplan.processes import Child, ProcessId, tail

SCRIPTS = shipped.folder() / "fs_scripts"
BENCH, FREESWITCH = "bench", "freeswitch"


@dataclass(frozen=True, slots=True)
class Choice:
    """found None: the bench. why: what was found, and how to get the other."""

    found: FreeSwitchFound | None
    why: str


def choose(wanted: str | None) -> Choice:
    """The switch that is there, or the `wanted` one (BENCH, FREESWITCH). Raises SwitchUnavailable."""
    found = freeswitch_found.find()
    if wanted == BENCH:
        return Choice(None, "the bench, as you asked: real T.30 and T.38 by libspandsp, but no SIP.")
    lack = _lack(found)
    if found is not None and lack is None:
        return Choice(
            found,
            f"{found.binary}, in an instance of its own on 127.0.0.1.\n"
            'No other FreeSWITCH is touched. make run ARGS="--switch bench" takes the bench instead.',
        )
    if wanted == FREESWITCH:
        raise SwitchUnavailable(f"There is no FreeSWITCH to run ({lack}). {INSTALL_PAGE} says how to get one.")
    return Choice(
        None,
        f"the bench (real T.30 and T.38 by libspandsp, but no SIP), because {lack}.\n"
        f"{INSTALL_PAGE} says how to get a FreeSWITCH; it is then used by itself.",
    )


def _lack(found: FreeSwitchFound | None) -> str | None:
    """Why this FreeSWITCH cannot be used; None if it can."""
    if found is None:
        return "no FreeSWITCH is installed"
    if found.missing:
        return f"{found.binary} cannot be used: {'; '.join(found.missing)}"
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    theirs = doctor_switch.linked_python(found.mod_dir / "mod_python3.so")
    if theirs not in (None, ours):
        return f"{found.binary} cannot be used: its mod_python3 runs Python {theirs}, and Faxplan is on {ours}"
    return None


class OwnFreeSwitch:
    """A processes.Service: FreeSWITCH in an instance of its own, whose trunk leads back to itself by SIP."""

    name = "FreeSWITCH"

    def __init__(self, home: Home, found: FreeSwitchFound, sip_port: int, gateways: list[Gateway]) -> None:
        options = InstanceOptions(
            base=home.freeswitch,
            script_dir=SCRIPTS,
            python=Path(sys.executable),
            sip_port=sip_port,
            environment={"FAXPLAN_CONFIG": str(home.settings_file)},
            gateways=gateways,
            max_sessions=200,
            inbound_cap_seconds=CALL_CAP_SECONDS,
        )
        self._instance = Instance(found, options)
        self.password_file = home.freeswitch / "event_socket_password"

    def settings(self) -> dict[str, str | float | Path]:
        """What the settings file says about this switch."""
        return {
            "sip_profile": PROFILE,
            "call_cap_seconds": CALL_CAP_SECONDS,
            "gateway_dir": self._instance.gateways_folder,
            "acl_file": self._instance.acl_path,
            "event_socket": f"127.0.0.1:{self._instance.event_socket_port}",
            "event_socket_password_file": self.password_file,
        }

    def start(self) -> None:
        """See processes.Service."""
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self._instance.password)
        self._instance.start()

    def alive(self) -> bool:
        """See processes.Service."""
        return self.identity() is not None

    def stop(self) -> None:
        """See processes.Service."""
        self._instance.stop()

    def identity(self) -> ProcessId | None:
        """See processes.Service."""
        try:
            return ProcessId.of(self.name, self._instance.pid)
        except SwitchUnavailable:
            return None

    def obituary(self) -> str:
        """See processes.Service."""
        return f"{self.name} ended. {tail(self._instance.log_path)}"


class Bench(Child):
    """The bench as a process, in real time times `speed`, with our own DIDs behind the trunk."""

    def __init__(self, home: Home, speed: float, gateways: list[Gateway]) -> None:
        self._home = home
        self._speed = speed
        self._gateways = gateways
        self._file = home.bench / "bench.toml"
        super().__init__(
            "the bench",
            [sys.executable, "-m", "bench", "--config", str(self._file)],
            log=home.logs / "bench.log",
            cwd=PROJECT,
            environment={"FAXPLAN_CONFIG": str(home.settings_file)},
        )

    def settings(self) -> dict[str, str | float | Path]:
        """What the settings file says about this switch."""
        return {
            "sip_profile": PROFILE,
            "call_cap_seconds": CALL_CAP_SECONDS,
            "gateway_dir": self._home.bench / "gateways",
        }

    def start(self) -> None:
        """See processes.Service."""
        write_gateways(self._home.bench / "gateways", self._gateways)
        own = [f'[[own]]\nprefix = "{number}"\nfrom_address = "127.0.0.1"\n' for number in demo.DIDS]
        (self._home.bench / "numbering.toml").write_text("\n".join(own))
        self._file.write_text(
            to_toml(
                {
                    "script_dir": SCRIPTS,
                    "startup_scripts": ["fax_queue"],
                    "numbering_plan": "numbering.toml",
                    "gateway_dir": "gateways",
                    "profile": PROFILE,
                    "dialplan": shipped.folder() / "conf" / "dialplan" / "faxplan.xml",
                    "time": "real",
                    "speed": self._speed,
                    "sessions_per_second": 30,
                    "control_socket": "bench.sock",
                    "freeswitch_stack": True,
                }
            )
            # The dialplan's own variable: conf/faxplan/vars.xml has it for FreeSWITCH.
            + f'\n[dialplan_variables]\nfaxplan_inbound_cap = "{CALL_CAP_SECONDS}"\n'
        )
        super().start()
