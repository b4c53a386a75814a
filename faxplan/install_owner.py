"""The account that runs FreeSWITCH, of a machine or of a tree."""

import pwd
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from faxplan.install_tree import InstallRefused, Owner, Tree

_UNITS = ("/etc/systemd/system/freeswitch.service", "/lib/systemd/system/freeswitch.service")
_NAMED = (r"^User=(\S+)", r'^Environment="?USER=([\w-]+)', r"^ExecStart=.*\s-u (\w[\w-]*)")


def find(tree: Tree, run_dir: Path, conf_dir: Path, named: str | None) -> Owner:
    """`named`, as user or user:group; else its process's, its unit's, `freeswitch`, or that of its configuration.

    Raises InstallRefused where an account of that name is not there.
    """
    if named is not None:
        user, _, group = named.partition(":")
        if not tree.has_account(user):
            raise InstallRefused(f"There is no account {user} here. --user names the one that FreeSWITCH runs as.")
        return Owner(user, group or _group_of(tree, user))
    for found in (_of_process(tree, run_dir), *_of_units(tree), "freeswitch", _of_folder(tree, conf_dir)):
        if found is not None and tree.has_account(found):
            return Owner(found, _group_of(tree, found))
    return Owner()


def is_alive(tree: Tree, run_dir: Path) -> bool:
    """Whether a FreeSWITCH with that folder runs on this machine, whether or not it answers."""
    return _of_process(tree, run_dir) is not None


def _of_process(tree: Tree, run_dir: Path) -> str | None:
    if tree.is_this_machine:
        with suppress(OSError, ValueError, KeyError):
            process = Path("/proc") / (run_dir / "freeswitch.pid").read_text().strip("\0 \n")
            # Its program: what is on its command line may be a file that somebody looks at.
            if (process / "exe").readlink().name.removesuffix(" (deleted)") == "freeswitch":
                return pwd.getpwuid(process.stat().st_uid).pw_name
    return None


def _of_units(tree: Tree) -> Iterator[str]:
    for path in _UNITS:
        unit = (tree.read(Path(path)) or b"").decode(errors="replace")
        for pattern in _NAMED:
            yield from re.findall(pattern, unit, re.MULTILINE)


def _of_folder(tree: Tree, folder: Path) -> str | None:
    number = str(tree.at(folder).stat().st_uid)
    return next((fields[0] for fields in _entries(tree, "passwd") if fields[2] == number), None)


def _group_of(tree: Tree, user: str) -> str:
    """The user's own group, by name."""
    number = next((fields[3] for fields in _entries(tree, "passwd") if fields[0] == user), None)
    return next((fields[0] for fields in _entries(tree, "group") if fields[2] == number), user)


def _entries(tree: Tree, file: str) -> list[list[str]]:
    lines = (tree.read(Path("/etc") / file) or b"").decode(errors="replace").splitlines()
    return [fields for fields in (line.split(":") for line in lines) if len(fields) > 3]
