"""What `make dist` gives: nothing of the checkout is forgotten, and the wheel works where no checkout is."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import faxplan

PROJECT = Path(__file__).parents[2]
PACKAGES = ("faxplan/", "faxplan_client/", "portal/")
SHIPPED = (
    "conf/",
    "docs/",
    "fs_scripts/",
    "migrations/",
    "CHANGELOG.md",
    "install/release.sh",
    "requirements.lock",
    "schema.sql",
)
CHECKOUT_ONLY = {"faxplan_client/pyproject.toml"}
"""Of the folders of packages: what makes the client's own distribution."""
MADE = {".venv", "var", "build", "dist", "__pycache__", "faxplan.egg-info", "PKG-INFO", "setup.cfg"}
"""What make, the tests and setuptools leave in a folder, by name."""


def checkout() -> set[str]:
    """All that the repository has; where an sdist was unpacked, all that lies here but what was made since."""
    if (PROJECT / ".git").exists():
        asked = ["git", "-C", str(PROJECT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        return {name for name in listed.split("\0") if name and (PROJECT / name).is_file()}
    files = (path.relative_to(PROJECT) for path in PROJECT.rglob("*") if path.is_file())
    return {str(path) for path in files if not MADE & {*path.parts} and not re.match(r"\.\w+_cache$", path.parts[0])}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both: made of a copy, for setuptools leaves files of its own beside what it packs."""
    source, folder = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in checkout():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, source / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(made: Path) -> Path:
    (found,) = made.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the wheel is installed. What it depends on it borrows of ours, for the time."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    # Not as a .pth file's own folder: so the .pth file there, which leads to this checkout, is not read.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)]
    done = subprocess.run([*pip, *install], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def run(environment: Path, *command: str) -> str:
    """What a program of it prints, started where no checkout is."""
    done = subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=environment, env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_sdist_has_all_that_the_repository_has(made: Path) -> None:
    (sdist,) = made.glob("*.tar.gz")
    with tarfile.open(sdist) as opened:
        files = {member.name.partition("/")[2] for member in opened if member.isfile()}
    written = {name for name in files if name in {"PKG-INFO", "setup.cfg"} or name.startswith("faxplan.egg-info/")}
    assert files - written == checkout()


def test_the_wheel_has_every_file_of_the_packages_and_all_that_is_shipped_beside_them(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        files = {name for name in opened.namelist() if not name.endswith("/")}
    beside = {name.partition(".data/data/share/faxplan/")[2] for name in files if ".data/data/" in name}
    inside = {name for name in files if not re.match(r"faxplan-[^/]+\.(data|dist-info)/", name)}
    assert inside == {name for name in checkout() if name.startswith(PACKAGES)} - CHECKOUT_ONLY
    assert beside == {name for name in checkout() if name.startswith(SHIPPED)}
    assert {"conf/systemd/freeswitch.service.d/faxplan.conf", "migrations/0001_first.sql"} <= beside


def test_the_licences_of_what_others_wrote_come_along(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        licences = {name.partition(".dist-info/licenses/")[2] for name in opened.namelist() if "/licenses/" in name}
    ours = {name for name in checkout() if re.search(r"(^|/)(LICENSE(\.\w+)?|VENDORED\.md)$", name)}
    assert len(ours) >= 6
    assert licences == {name for name in ours if not name.startswith("tests/")}


def test_the_version_stands_in_one_place_and_the_clients_is_the_same() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "faxplan.__version__"}
    client = tomllib.loads((PROJECT / "faxplan_client" / "pyproject.toml").read_text())
    assert client["project"]["version"] == faxplan.__version__


def test_installed_it_works_without_the_checkout(environment: Path) -> None:
    assert "usage: faxplan remote" in run(environment, "faxplan", "remote", "--help")
    assert run(environment, "faxplan", "--version") == f"faxplan {faxplan.__version__}\n"
    program = (
        "import faxplan, portal.routes, portal.templates, portal.app, faxplan_client\n"
        "from faxplan import common_passwords, demo, installation, language, migrations, shipped\n"
        "print(shipped.folder(), faxplan.__file__, portal.app.__file__)\n"
        "assert common_passwords.is_common('passwordpassword') and demo.DOCUMENT.is_file()\n"
        "assert list(language.FOLDER.glob('de.po')) and installation.SCHEMA.is_file()\n"
        "assert migrations.MIGRATIONS.is_dir()\n"
    )
    places = run(environment, "python", "-c", program).split()
    assert places[0] == str(environment / "share" / "faxplan")
    assert all(Path(place).is_relative_to(environment) for place in places)
