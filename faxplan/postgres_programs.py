"""PostgreSQL's client programs on this machine: which pg_dump or pg_restore suits a server.

Several releases may be installed side by side. None dumps a server that is newer than itself, and a newer pg_restore
may set what an older server does not know: the oldest one that is not older than the server is right.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from faxplan.errors import FaxplanError
from faxplan.postgres_account import INSTALLATION, PACKAGE

DEBIAN = Path("/usr/lib/postgresql")
"""Where its packages have them, each release in a folder of its own."""
_SECONDS = 20.0


class NoClientProgram(FaxplanError):
    """This machine has no such program, or none that is new enough. The message says what to install."""

    error_id = "no-client-program"


def client_program(name: str, server: int) -> Path:
    """name: pg_dump or pg_restore. server: the major version of the server that it is for. Looked for in PATH, among
    Debian's packages, and in the embedded PostgreSQL, if it is installed. Raises NoClientProgram."""
    found: dict[int, Path] = {}
    for program in _candidates(name):
        version = _major(program)
        if version is not None:
            found.setdefault(version, program)
    fitting = [version for version in found if version >= server]
    if fitting:
        return found[min(fitting)]
    if found:
        raise NoClientProgram(
            f"{name} is of PostgreSQL {max(found)}, and the server of {server}, which is newer. Install "
            f"postgresql-client-{server}."
        )
    raise NoClientProgram(f"{name} is not installed. apt-get install postgresql-client")


def _candidates(name: str) -> list[Path]:
    folders = [Path(each) for each in os.get_exec_path()]
    folders += sorted(DEBIAN.glob("*/bin"))
    package = importlib.util.find_spec(PACKAGE)
    if package is not None and package.origin is not None:
        folders.append(Path(package.origin).parent / INSTALLATION / "bin")
    return [Path(found) for folder in folders if (found := shutil.which(name, path=str(folder)))]


def _major(program: Path) -> int | None:
    """Of what it says: `pg_dump (PostgreSQL) 15.18 (Debian ...)`. None: it does not run, or says something else."""
    try:
        said = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=_SECONDS
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(version[1]) if version else None
