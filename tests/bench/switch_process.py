"""The bench as a process of its own, that can be killed; and several of them, each a node of one Faxplan."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bench import dialplan
from faxplan.config import Settings
from faxplan.spool import Spool
from tests.bench.whole import DIALPLAN, OUR_NUMBERS, ROOT, SCRIPTS, write_settings
from tests.world import World


class SwitchProcess:
    """Runs in real time, so many times as fast. `numbers`: more of the numbering plan, as TOML.

    Where its settings have a gateway_dir, it has those gateways, and none of `gateways`.
    """

    def __init__(
        self,
        world: World,
        folder: Path,
        *,
        settings: Settings | None = None,
        speed: int = 8,
        numbers: str = "",
        gateways: tuple[str, ...] = ("carrier",),
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.far = folder / "far"
        """What machines outside have received, a TIFF for each call."""
        own = f'[[own]]\nprefix = "{OUR_NUMBERS}"\nfrom_address = "127.0.0.1"\n'
        folder.joinpath("plan.toml").write_text(own + numbers)
        own_folder = (settings or world.settings).gateway_dir
        if own_folder is not None:
            own_folder.mkdir(exist_ok=True)
            gateways = ()
        folder_of_gateways = f'gateway_dir = "{own_folder}"\n' if own_folder else ""
        inbound = dialplan.actions(DIALPLAN, {"faxplan_inbound_cap": "3600"})
        self._config = folder / "bench.toml"
        self._config.write_text(
            f'script_dir = "{SCRIPTS}"\nstartup_scripts = ["fax_queue"]\nnumbering_plan = "plan.toml"\n'
            f'gateways = {list(gateways)}\n{folder_of_gateways}time = "real"\nspeed = {speed}\n'
            'log_file = "bench.log"\nfar_end_dir = "far"\n'
            f"inbound = [{', '.join(repr(action) for action in inbound)}]\n"
        )
        file = write_settings(world, settings)
        self._environment = {**os.environ, "FAXPLAN_CONFIG": str(file)}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench", "--config", str(self._config)], cwd=ROOT, env=self._environment
        )

    def freeze(self) -> None:
        """Nothing moves in it any more, so that what it does can be counted before it is killed."""
        self.process.send_signal(signal.SIGSTOP)

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(60) == 0


def node_settings(world: World, name: str) -> Settings:
    """Those of another node of this world: its own folders, and the same database and document store."""
    state = world.settings.state_dir.parent / name
    here = world.settings
    settings = replace(here, node=name, state_dir=state, store_dir=None if here.store_bucket else here.store)
    Spool(settings.spool).prepare()
    return settings
