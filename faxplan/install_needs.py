"""What Faxplan needs of a machine and what is missing there: all of it at once, each with the package that has it."""

import os
import re
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faxplan.freeswitch_found import NEEDED_MODULES
from faxplan.install_switch import SwitchHere
from faxplan.install_tree import Tree

_BINARIES = (Path("/usr/bin"), Path("/usr/local/bin"), Path("/bin"))
_SOCKET = Path("/var/run/postgresql/.s.PGSQL.5432")
_PACKAGED = Path("/var/lib/dpkg/info/freeswitch.list")
"""What the vendor's package freeswitch has laid, a path a line (dpkg)."""
_PROGRAMS = (
    ("gs", "ghostscript", "Ghostscript, which renders documents"),
    ("bwrap", "bubblewrap", "bubblewrap, which confines what reads documents"),
)
_FILES = (
    (("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",), "fonts-dejavu-core", "a font for header lines and text"),
    (("/usr/lib/*/libfribidi.so.0", "/usr/lib/libfribidi.so.0"), "libfribidi0", "what turns Hebrew and Arabic around"),
    (("/usr/share/zoneinfo/Europe/Berlin",), "tzdata", "the world's time zones"),
    (("/usr/sbin/cron", "/usr/sbin/crond"), "cron", "cron, which runs guard, purge and checkpoints"),
)
PACKAGES = tuple(package for _, package, _ in (*_PROGRAMS, *_FILES))
"""Debian's, without which Faxplan does not work: its own package depends on them."""


@dataclass(frozen=True, slots=True)
class Missing:
    """`what` is missing; `package`: Debian's or the vendor's, '' where no package helps, and `remedy` says more."""

    what: str
    package: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy or f'apt-get install {self.package}'}"


def look(tree: Tree, switch: SwitchHere, python: tuple[int, int], *, database_elsewhere: bool) -> list[Missing]:
    """`python`: the minor version that Faxplan runs with. database_elsewhere: none is needed here."""
    missing = [*_modules(tree, switch), *_python(tree, switch, python)]
    for name, package, what in _PROGRAMS:
        if not _program(tree, name):
            missing.append(Missing(what, package))
    for patterns, package, what in _FILES:
        if not any(any(tree.glob(Path("/"), pattern.lstrip("/"))) for pattern in patterns):
            missing.append(Missing(what, package))
    if not database_elsewhere:
        missing += _postgresql(tree)
    return missing


def _modules(tree: Tree, switch: SwitchHere) -> list[Missing]:
    return [
        _of_switch(tree, switch, f"{module} (there is no {switch.mod_dir}/{module}.so)", module)
        for module in NEEDED_MODULES
        if not tree.exists(switch.mod_dir / f"{module}.so")
    ]


def _of_switch(tree: Tree, switch: SwitchHere, what: str, module: str) -> Missing:
    """From the vendor's package, where FreeSWITCH is from one. FusionPBX's installer builds it from source, in the
    packages' places: a package would put another build's modules, or another FreeSWITCH, over that one."""
    listed = tree.read(_PACKAGED) or b""
    if f"{switch.program}\n".encode() in listed:
        return Missing(what, NEEDED_MODULES[module])
    return Missing(
        what,
        "",
        f"build it: {module} in modules.conf of FreeSWITCH's sources, ./configure as before, make {module}-install",
    )


def _python(tree: Tree, switch: SwitchHere, python: tuple[int, int]) -> list[Missing]:
    minor = ".".join(map(str, python))
    missing = []
    linked = re.search(rb"libpython(3\.\d+)", tree.read(switch.mod_dir / "mod_python3.so") or b"")
    if linked is not None and linked[1].decode() != minor:
        missing.append(
            Missing(
                f"a Faxplan in the Python of mod_python3, which is {linked[1].decode()}: this one runs with {minor}",
                "",
                f"make its environment with python{linked[1].decode()} -m venv, and install it there",
            )
        )
    folders = ("/usr/lib/python3/dist-packages", f"/usr/local/lib/python{minor}/dist-packages")
    if not any(tree.exists(Path(folder) / "freeswitch.py") for folder in folders):
        missing.append(_of_switch(tree, switch, f"freeswitch.py, in {folders[0]} or {folders[1]}", "mod_python3"))
    return missing


def _postgresql(tree: Tree) -> list[Missing]:
    if not any(tree.glob(Path("/usr/lib/postgresql"), "*/bin/postgres")):
        elsewhere = "apt-get install postgresql, or name one elsewhere: --database-url postgresql://db.example/faxplan"
        return [Missing("PostgreSQL", "postgresql", elsewhere)]
    if tree.is_this_machine and not _listens():
        return [Missing(f"a running PostgreSQL: nobody answers at {_SOCKET}", "", "systemctl start postgresql")]
    return []


def _listens() -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(_SOCKET))
        except OSError:
            return False
        return True


def _program(tree: Tree, name: str, which: Callable[[str], str | None] = shutil.which) -> bool:
    if tree.is_this_machine:
        return which(name) is not None
    return any(os.access(tree.at(folder / name), os.X_OK) for folder in _BINARIES)
