"""The Debian package, and the wheel by itself, in a fresh Debian 12: installed, brought up to date, taken away.

What the pages say is run there. FreeSWITCH is one of files only (tests/switch_trees.py): the package touches none.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import faxplan
from faxplan.install_needs import PACKAGES
from tests.documented import claimed
from tests.making_deb import make_deb
from tests.run import debian_tree
from tests.run.debian_tree import within
from tests.switch_trees import vendor

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), *debian_tree.NEEDED]
VERSION, NEXT = faxplan.__version__, "99.1.0rc1"
RELEASES = "usr/local/lib/faxplan/releases"
PAGE = "docs/install-on-freeswitch.md"
ELSEWHERE = "--yes --no-start --database-url postgresql://db.example/faxplan"


def ran(tree: Path, command: str, *, network: bool = False) -> str:
    done = within(tree, f"cd /root && {command}", network=network)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def wheel_of(version: str, folder: Path) -> Path:
    """The checkout's, as of that version."""
    source = folder / version
    debian_tree.lay_checkout(source)
    init = source / "faxplan" / "__init__.py"
    init.write_text(init.read_text().replace(f'"{VERSION}"', f'"{version}"'))
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"})
    return folder / f"faxplan-{version}-py3-none-any.whl"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In /root both versions' packages, and the wheel; Debian's packages that they need are there already."""
    folder, made = tmp_path_factory.mktemp("debian"), tmp_path_factory.mktemp("packages")
    debian_tree.made(folder, "ca-certificates")
    wheels = made / "wheels"
    wheels.mkdir()
    first, second = wheel_of(VERSION, made), wheel_of(NEXT, made)
    make_deb.gather(first, wheels)
    one = make_deb.pack(first, wheels, made)
    (wheels / first.name).unlink()
    shutil.copy(second, wheels)
    two = make_deb.pack(second, wheels, made)
    for each in (one, two, first):
        shutil.copy(each, folder / "root")
    # PostgreSQL is recommended, and would be fetched.
    (folder / "etc/apt/apt.conf.d/90recommended").write_text('APT::Install-Recommends "false";\n')
    packages = f"python3-venv libpq5 {' '.join(PACKAGES)}"
    install = f"apt-get update -qq && apt-get install -qq --no-install-recommends {packages}"
    ran(folder, install, network=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def with_switch(tree: Path, files: Path) -> None:
    """A FreeSWITCH as the vendor's packages lay it, and nothing that is there already."""
    for path in sorted(vendor(files).root.rglob("*")):
        target = tree / path.relative_to(files)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif not target.exists() and "faxplan" not in path.parts:
            shutil.copy(path, target)
    ran(tree, "useradd --system freeswitch && chown -R freeswitch: /etc/freeswitch && rm -r /usr/local/lib/faxplan")


def picture(tree: Path) -> set[str]:
    """All that lies there, but for what apt, dpkg and Python note of their own."""
    own = ("var/lib/dpkg/", "var/lib/apt/", "var/cache/", "var/log/", "root/", "tmp/", "etc/ld.so.cache")
    found = {str(path.relative_to(tree)) for path in tree.rglob("*")}
    return {each for each in found if not each.startswith(own) and "__pycache__" not in each}


def released(tree: Path) -> set[str]:
    return {path.name for path in (tree / RELEASES).iterdir()} if (tree / RELEASES).is_dir() else set()


def deb_of(version: str) -> str:
    return f"./faxplan_{make_deb.debian_version(version)}_amd64.deb"


def test_installed_brought_up_to_date_and_taken_away(tree: Path, tmp_path: Path) -> None:
    with_switch(tree, tmp_path)
    before = picture(tree)
    (block,) = [each for each in claimed(__file__, PAGE) if ".deb" in each]
    install, dry, real = block.strip().splitlines()
    assert install == f"apt-get install {deb_of(VERSION)}"
    # Without a network: nothing is fetched, by whomever.
    told = ran(tree, install)
    assert "Next, as root: `faxplan install --dry-run`" in told
    assert (tree / RELEASES / VERSION / "lib/python3.11/site-packages/psycopg2").is_dir()
    assert not (tree / "usr/bin/gcc").exists()
    assert ran(tree, "faxplan --version") == f"faxplan {VERSION}\n"
    assert "sip_profiles/faxplan.xml" in ran(tree, f"{dry} --database-url postgresql://db.example/faxplan")
    # So far FreeSWITCH knows of nothing.
    assert {each for each in picture(tree) - before if each.startswith("etc/")} == set()
    ran(tree, f"{real} {ELSEWHERE}")

    told = ran(tree, f"apt-get install {deb_of(NEXT)}")
    assert f"Release {VERSION} is in force and goes on. Next, as root: `faxplan upgrade {NEXT}`" in told
    assert released(tree) == {VERSION, NEXT}
    assert ran(tree, "faxplan --version") == f"faxplan {VERSION}\n"
    assert ran(tree, f"/{RELEASES}/{NEXT}/bin/faxplan --version") == f"faxplan {NEXT}\n"
    refused = within(tree, "apt-get remove --yes faxplan")
    assert refused.returncode != 0
    assert "faxplan uninstall" in refused.stdout + refused.stderr
    assert ran(tree, "faxplan --version && dpkg --audit") == f"faxplan {VERSION}\n"

    assert "apt-get remove faxplan" in ran(tree, "faxplan uninstall --yes")
    ran(tree, "apt-get remove --yes faxplan")
    left = {each for each in picture(tree) - before if not each.startswith("var/lib/faxplan")}
    assert left == set()
    # Faxes outlive it, and it says so.
    assert "stay in /var/lib/faxplan" in ran(tree, "apt-get purge --yes faxplan")
    ran(tree, "rm -r /var/lib/faxplan")
    assert before - picture(tree) == set()


def test_a_newer_package_before_anything_was_installed_takes_the_old_ones_place(tree: Path) -> None:
    before = picture(tree)
    ran(tree, f"apt-get install {deb_of(VERSION)}")
    # As after a power cut: whole by its name, and without what makes it work.
    shutil.rmtree(tree / RELEASES / VERSION / "lib")
    ran(tree, "dpkg-reconfigure faxplan")
    assert ran(tree, "faxplan --version") == f"faxplan {VERSION}\n"
    ran(tree, f"apt-get install {deb_of(NEXT)}")
    assert released(tree) == {NEXT}
    assert ran(tree, "faxplan --version") == f"faxplan {NEXT}\n"
    ran(tree, "apt-get purge --yes faxplan")
    assert picture(tree) - before == set()


def test_a_release_of_the_wheel_alone(tree: Path, tmp_path: Path) -> None:
    (packages,) = [each.strip() for each in claimed(__file__, PAGE) if "gcc" in each]
    (block,) = [each for each in claimed(__file__, PAGE) if "zipfile" in each]
    *release, dry, real = block.strip().splitlines()
    ran(tree, f"{packages} --yes", network=True)
    for line in release:
        ran(tree, line, network=True)
    assert "sip_profiles/faxplan.xml" in ran(tree, f"{dry} --database-url postgresql://db.example/faxplan")
    ran(tree, f"{real} {ELSEWHERE}")
    # Made by hand, not by a package: `current` was there before the installation.
    assert f"rm -r /{Path(RELEASES).parent}" in ran(tree, "faxplan uninstall --yes")
