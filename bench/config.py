"""The configuration of a bench switch: a dataclass, or the same keys in a TOML file.

script_dir = "fs_scripts"              # relative paths are relative to the file
startup_scripts = ["fax_queue"]        # as startup-script of python.conf.xml: "module[::function] arguments"
numbering_plan = "numbering.toml"      # see numbering_plan.py; without it only the test numbers exist
gateway_dir = "gateways"               # *.xml, one gateway or more in each
gateways = ["carrier"]                 # gateways without a file
profile = "faxplan"                    # the sofia profile's name
inbound = "python fax_in"              # what an inbound call executes; again and again for several: a list
dialplan = "faxplan.xml"               # or the dialplan file whose actions it executes
dialplan_variables = {}                # global variables that the file names as $${name}
time = "virtual"                       # or "real"
speed = 1                              # with "real": seconds on the line per second on the wall
sessions_per_second = 1000             # as in switch.conf.xml (there 30)
max_sessions = 1000
control_socket = "bench.sock"          # for python -m bench.cli
log_file = "bench.log"
far_end_dir = "far"                    # keep what far ends receive; else it is thrown away
freeswitch_stack = true                # 240 KiB stacks and a recursion limit of 240, as in FreeSWITCH
"""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bench import dialplan
from bench.errors import InvalidBenchConfig
from bench.numbering_plan import NumberingPlan

INBOUND_DIALPLAN = (
    "set fax_enable_t38=true",
    "set fax_enable_t38_request=true",
    "set execute_on_fax_result=sched_hangup +3 normal_clearing",
    "sched_hangup +3600 allotted_timeout",
    "python fax_in",
    "hangup NORMAL_TEMPORARY_FAILURE",
)

_PATHS = ("script_dir", "gateway_dir", "control_socket", "log_file", "far_end_dir")


@dataclass
class BenchConfig:
    """How a switch is set up. Only `script_dir` has to be given."""

    script_dir: Path
    startup_scripts: list[str] = field(default_factory=list)
    plan: NumberingPlan = field(default_factory=NumberingPlan)
    gateway_dir: Path | None = None
    gateways: list[str] = field(default_factory=list)
    profile: str = "faxplan"
    inbound: list[str] = field(default_factory=lambda: list(INBOUND_DIALPLAN))
    time: str = "virtual"
    speed: float = 1.0
    sessions_per_second: int = 1000
    max_sessions: int = 1000
    control_socket: Path | None = None
    log_file: Path | None = None
    far_end_dir: Path | None = None
    freeswitch_stack: bool = False
    globals: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.time not in ("virtual", "real"):
            raise InvalidBenchConfig(f'time must be "virtual" or "real", not {self.time!r}')
        if self.speed <= 0:
            raise InvalidBenchConfig(f"speed must be above 0, not {self.speed}")
        if not self.script_dir.is_dir():
            raise InvalidBenchConfig(f"script_dir {self.script_dir} is not a folder")

    @classmethod
    def read(cls, path: Path) -> "BenchConfig":
        """Read a TOML file. Raises InvalidBenchConfig."""
        try:
            table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise InvalidBenchConfig(f"{path}: not TOML: {error}") from error
        folder = path.parent
        if "numbering_plan" in table:
            table["plan"] = NumberingPlan.read(folder / str(table.pop("numbering_plan")))
        if isinstance(table.get("inbound"), str):
            table["inbound"] = [table["inbound"]]
        variables = table.pop("dialplan_variables", {})
        if "dialplan" in table:
            table["inbound"] = dialplan.actions(folder / str(table.pop("dialplan")), variables)
        for name in _PATHS:
            if name in table:
                table[name] = folder / str(table[name])
        unknown = table.keys() - {known.name for known in fields(cls)}
        if unknown or "script_dir" not in table:
            raise InvalidBenchConfig(f"{path}: script_dir is needed; unknown keys: {sorted(unknown)}")
        return cls(**table)
