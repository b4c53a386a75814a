"""Releases of Faxplan as an installation has them, made from the checkout: for tests of conf/scripts."""

import shutil
import sys
import sysconfig
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parents[1]
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENTRY_FILES = ROOT / "conf" / "scripts"
NOTHING: Mapping[str, tuple[str, str]] = MappingProxyType({})


def prefix_with_scripts(folder: Path) -> tuple[Path, Path]:
    """A prefix for releases, and a script_dir whose loader looks there."""
    prefix, scripts = folder / "prefix", folder / "scripts"
    (prefix / "releases").mkdir(parents=True)
    shutil.copytree(ENTRY_FILES, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "faxplan_prefix").write_text(f"{prefix}\n")
    return prefix, scripts


def site_of(release: Path) -> Path:
    """Where a release has its packages."""
    return release / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def put_in_force(release: Path) -> None:
    """`current` leads to it."""
    link = release.parents[1] / "current"
    link.with_name("new").symlink_to(release)
    link.with_name("new").replace(link)


def of_checkout(prefix: Path, version: str, changes: Mapping[str, tuple[str, str]] = NOTHING) -> Path:
    """The checkout's code as this release. changes: by a file's path in the checkout, what stands there and what then
    stands in its place. What others have written is that of the environment that the tests run in."""
    release = prefix / "releases" / version
    site, share = site_of(release), release / "share" / "faxplan"
    site.mkdir(parents=True)
    share.mkdir(parents=True)
    # With times and compiled files, which are the checkout's own.
    shutil.copytree(ROOT / "faxplan", site / "faxplan")
    shutil.copytree(ROOT / "fs_scripts", share / "fs_scripts")
    for name in ("conf", "migrations", "schema.sql"):
        (share / name).symlink_to(ROOT / name)
    # As `python3 -m venv` makes it: what is started with its Python has its packages.
    (release / "bin").mkdir()
    (release / "bin" / "python3").symlink_to(Path(sys.base_prefix, "bin", "python3"))
    (release / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\ninclude-system-site-packages = false\n")
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if "faxplan" not in package.name and package.name != "__pycache__":
            (site / package.name).symlink_to(package)
    required = "".join(f"Requires-Dist: {each}\n" for each in _PROJECT["project"]["dependencies"])
    info = site / f"faxplan-{version}.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: faxplan\nVersion: {version}\n{required}")
    for name, (old, new) in changes.items():
        file = (site if name.startswith("faxplan/") else share) / name
        text = file.read_text()
        assert text.count(old) == 1, f"{old!r} stands in {name} {text.count(old)} times"
        file.write_text(text.replace(old, new))
    return release


def telling(version: str) -> Mapping[str, tuple[str, str]]:
    """Changes by which the scripts, and a module that one of them imports only when it is called, tell who runs."""
    told, delivers = "faxplan_switch.announce_journalled(attempt_id)", "inbound.deliver(here.db"
    telling = f'faxplan_switch.log("notice", f"{version} settles, {{p.__name__}}")'
    return {
        "fs_scripts/fax_out.py": (told, f"{told}; from faxplan import post_dial as p; {telling}"),
        "fs_scripts/fax_in.py": (delivers, f'faxplan_switch.log("notice", "{version} delivers"); {delivers}'),
    }
