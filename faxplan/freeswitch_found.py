"""The FreeSWITCH that is installed on this machine, and what it lacks for Faxplan."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

INSTALL_PAGE = "docs/install-on-freeswitch.md"

NEEDED_MODULES = {
    "mod_python3": "freeswitch-mod-python3",
    "mod_spandsp": "freeswitch-mod-spandsp",
    "mod_sofia": "freeswitch-mod-sofia",
    "mod_event_socket": "freeswitch-mod-event-socket",
    "mod_commands": "freeswitch-mod-commands",
    "mod_dptools": "freeswitch-mod-dptools",
    "mod_dialplan_xml": "freeswitch-mod-dialplan-xml",
    "mod_tone_stream": "freeswitch-mod-tone-stream",
    "mod_logfile": "freeswitch-mod-logfile",
}
"""Module and the vendor's Debian package that holds it."""


@dataclass(frozen=True, slots=True)
class FreeSwitchFound:
    """`conf_dir` is the installed FreeSWITCH's configuration folder, if there is one. `python_module` is freeswitch.py,
    without which no script can be imported. `missing`: a sentence for each thing that is missing, and how to get it.
    """

    binary: Path
    mod_dir: Path
    conf_dir: Path | None
    python_module: Path | None
    missing: tuple[str, ...]


def find(environment: Mapping[str, str] = os.environ) -> FreeSwitchFound | None:
    """The installed FreeSWITCH, or None.

    The one that FAXPLAN_FREESWITCH names (the program, or its installation's folder), else the one on PATH, else the
    vendor's package, else /usr/local/freeswitch.
    """
    for binary in _candidates(environment):
        if binary.is_file() and os.access(binary, os.X_OK):
            return _described(binary)
    return None


def _candidates(environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("FAXPLAN_FREESWITCH")
    if named:
        # Only that one: falling back to another would hide a mistyped name.
        path = Path(named)
        return [path / "bin" / "freeswitch"] if path.is_dir() else [path]
    on_path = shutil.which("freeswitch", path=environment.get("PATH"))
    installed = [Path("/usr/bin/freeswitch"), Path("/usr/local/freeswitch/bin/freeswitch")]
    return [Path(on_path), *installed] if on_path else installed


def _described(binary: Path) -> FreeSwitchFound:
    prefix = binary.resolve().parent.parent
    # The vendor's package splits the tree; an installation from source has all in one folder.
    mod_dirs = [prefix / "mod", prefix / "lib" / "freeswitch" / "mod", Path("/usr/lib/freeswitch/mod")]
    mod_dir = next((folder for folder in mod_dirs if (folder / "mod_commands.so").is_file()), mod_dirs[0])
    conf_dirs = [prefix / "conf", Path("/etc/freeswitch")]
    conf_dir = next((folder for folder in conf_dirs if (folder / "freeswitch.xml").is_file()), None)
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # Not sys.path: the bench has a module of that name, for scripts without FreeSWITCH.
    module_dirs = ["/usr/lib/python3/dist-packages", f"/usr/local/lib/{minor}/dist-packages"]
    modules = [Path(folder) / "freeswitch.py" for folder in module_dirs]
    python_module = next((path for path in modules if path.is_file()), None)
    missing = [
        f"{module} is not in {mod_dir}: install the package {package}, or build the module; see {INSTALL_PAGE}"
        for module, package in NEEDED_MODULES.items()
        if not (mod_dir / f"{module}.so").is_file()
    ]
    if python_module is None:
        missing.append(f"freeswitch.py is not installed: it comes with mod_python3; see {INSTALL_PAGE}")
    return FreeSwitchFound(binary, mod_dir, conf_dir, python_module, tuple(missing))
