"""Makes a release out of a wheel: a virtual environment with our packages, and others' in the versions of its lock.

Made under another name, looked at, and renamed when it is whole.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faxplan import migration_files, migrations
from faxplan.errors import FaxplanError
from faxplan.releases import VERSION, Releases

WHEEL = re.compile(r"faxplan-(?P<version>[^-]+)(-[^-]+)?-py3-none-any\.whl")
_LOCK = "share/faxplan/requirements.lock"
_SECONDS = 1800
# What must be importable, in the new environment's own Python, and what it says about itself.
_LOOK = """
import importlib.metadata, json, sys
import faxplan.cli, faxplan.runtime, faxplan.worker_process, faxplan.shipped, faxplan.migrations, portal.app
folder = faxplan.shipped.folder()
for name in ("fax_in", "fax_out", "fax_queue", "faxplan_switch"):
    file = folder / "fs_scripts" / (name + ".py")
    compile(file.read_text(), str(file), "exec")
print(json.dumps({"version": importlib.metadata.version("faxplan"), "level": len(faxplan.migrations.available())}))
"""

Say = Callable[[str], None]


class ReleaseNotMade(FaxplanError):
    """It was not made, and what there is of it was removed."""

    error_id = "release-not-made"


@dataclass(frozen=True, slots=True)
class Wheel:
    """version: as its name has it. level: the newest migration in it. lock: the versions that it was tried with."""

    file: Path
    version: str
    level: int
    lock: str


def read(file: Path) -> Wheel:
    """Raises ReleaseNotMade for what is no wheel of Faxplan's."""
    named = WHEEL.fullmatch(file.name)
    if named is None or not VERSION.fullmatch(named["version"]):
        raise ReleaseNotMade(f"{file.name} is not named like a wheel of Faxplan: faxplan-0.1.0-py3-none-any.whl.")
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            locks = [name for name in names if name.endswith(_LOCK)]
            lock = archive.read(locks[0]).decode() if locks else None
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, UnicodeDecodeError) as error:
        raise ReleaseNotMade(f"{file} cannot be read ({error}). Download it again.") from error
    if lock is None:
        raise ReleaseNotMade(f"{file} has no {_LOCK}: it is not whole. Build it again, or download it.")
    chain = [name for name in names if migration_files.FILE_NAME.fullmatch(Path(name).name) and "/migrations/" in name]
    return Wheel(file, named["version"], len(chain), lock)


def fetched(version: str, folder: Path) -> Path:
    """The wheel of a version, from where pip gets its packages, in this folder. Raises ReleaseNotMade."""
    _run("pip cannot fetch it", _pip(sys.executable, "download", "--no-deps", "--dest", folder, f"faxplan=={version}"))
    found = sorted(folder.glob("faxplan-*.whl"))
    if not found:
        raise ReleaseNotMade(f"Version {version} is not published as a wheel. Name a wheel's file.")
    return found[0]


def make(releases: Releases, wheel: Wheel, say: Say) -> None:
    """Makes it, whole or not at all; nothing where it is there. Raises ReleaseNotMade."""
    final, making = releases.of(wheel.version), releases.unfinished(wheel.version)
    if final.is_dir():
        say(f"release {wheel.version} is made already: {final}")
        return
    try:
        say(f"makes {final}")
        _run("no environment can be made; apt-get install python3-venv", [_python(), "-m", "venv", making])
        inside = making / "bin" / "python3"
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
            constraints.write(wheel.lock)
            constraints.flush()
            say("installs its packages")
            install = _pip(inside, "install", "--no-compile", "--constraint", constraints.name, wheel.file.resolve())
            _run("its packages cannot be installed", install)
        # FreeSWITCH's user may not write compiled files, and would compile everything anew at each start.
        compiled = [making / "lib", making / "share"]
        _run(
            "it cannot be compiled",
            [inside, "-m", "compileall", "-q", "-j", "0", "-s", making, "-p", final, *compiled],
            codes=(0, 1),  # 1: packages bring files for other Pythons, too
        )
        say("looks whether it can be imported")
        look = _run("it cannot be imported", [inside, "-I", "-c", _LOOK])
        told = json.loads(look.splitlines()[-1])
        if told["version"] != wheel.version:
            raise ReleaseNotMade(f"The wheel {wheel.file.name} holds version {told['version']}. Build it again.")
        _move(making, final)
        making.rename(final)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def level_of(releases: Releases, version: str) -> int:
    """The newest migration that a release knows. Raises MigrationFailed."""
    return len(migrations.available(releases.of(version) / "share" / "faxplan" / "migrations"))


def _move(making: Path, final: Path) -> None:
    """Programs name their interpreter, and are to name it where it will be."""
    for file in [making / "pyvenv.cfg", *(making / "bin").iterdir()]:
        if not file.is_file() or file.is_symlink():
            continue
        content = file.read_bytes()
        changed = content.replace(bytes(making), bytes(final))
        if changed != content:
            file.write_bytes(changed)


def _python() -> Path:
    """The one that this environment was made of: FreeSWITCH runs the same."""
    return Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")


def _pip(python: Path | str, *arguments: Path | str) -> list[Path | str]:
    command, *options = arguments
    return [python, "-m", "pip", "--disable-pip-version-check", "--no-input", command, "--quiet", *options]


def _run(trouble: str, command: list[Path | str], codes: tuple[int, ...] = (0,)) -> str:
    """Its output. Raises ReleaseNotMade with the end of what it said."""
    try:
        done = subprocess.run(
            [str(each) for each in command],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            # FreeSWITCH's account is to read it, and nobody else to write it, whatever root's own is.
            umask=0o022,
            # With the turn (machine_turn): should we be killed, it is not over before this is.
            close_fds=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseNotMade(f"The new release was not made: {trouble} ({error}).") from error
    if done.returncode not in codes:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
        raise ReleaseNotMade(f"The new release was not made: {trouble}.\n{said}")
    return done.stdout
