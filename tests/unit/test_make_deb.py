"""install/make_deb.py packs what it is given, and the package's scripts: here of wheels without any content.

tests/run/test_deb.py has the whole of it, in a Debian.
"""

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest

from faxplan import install_needs, install_switch
from faxplan.install_tree import Tree
from faxplan.machine_turn import machine_turn
from tests.making_deb import make_deb
from tests.switch_trees import vendor

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="packages are made on Debian only")
RELEASES = "usr/local/lib/faxplan/releases"


def wheel(folder: Path, name: str, version: str, licence: str = "License-Expression: MIT", text: str = "") -> Path:
    made = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with ZipFile(made, "w") as archive:
        said = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{licence}\n"
        archive.writestr(ZipInfo(f"{info}/METADATA"), said)
        if text:
            archive.writestr(ZipInfo(f"{info}/licenses/LICENSE"), text)
    return made


def packed(folder: Path, version: str = "0.1.0") -> Path:
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    ours = wheel(wheels, "faxplan", version)
    wheel(wheels, "peewee", "4.5.3", "Summary: it says nothing", "Permission is granted to Peewee's users")
    wheel(wheels, "six", "1.17.0", "License: MIT\nClassifier: License :: OSI Approved :: MIT License", "As is.")
    made: Path = make_deb.pack(ours, wheels, folder)
    return made


def field(package: Path, name: str) -> str:
    asked = ["dpkg-deb", "--field", str(package), name]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The package's files and scripts in a tree, as installed."""
    package, tree = packed(tmp_path / "made"), tmp_path / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    return tree


def script(tree: Path, name: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [tree / "DEBIAN" / name, *arguments],
        env={"DPKG_ROOT": str(tree), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def release(tree: Path, version: str, *, by_package: bool = True) -> Path:
    made = tree / RELEASES / version
    (made / "bin").mkdir(parents=True)
    program = made / "bin" / "faxplan"
    program.write_text(f"#!/bin/sh\necho faxplan {version}\n")
    program.chmod(0o755)
    if by_package:
        (made / ".made-by-the-package").touch()
    return made


def test_it_depends_on_all_that_the_installer_looks_for(tmp_path: Path) -> None:
    depends = field(packed(tmp_path), "Depends")
    tree = vendor(tmp_path / "machine")
    for path in ("/usr/bin", "/usr/sbin", "/usr/share", "/usr/lib/x86_64-linux-gnu"):
        shutil.rmtree(tree.at(path))
    tree.write("/usr/bin/freeswitch", "")
    tree.at("/usr/bin/freeswitch").chmod(0o755)
    here = Tree(tree.root)
    missing = install_needs.look(here, install_switch.find(here), sys.version_info[:2], database_elsewhere=True)
    named = {each.package for each in missing}
    assert named == set(install_needs.PACKAGES) >= {"ghostscript", "bubblewrap"}
    assert named <= {each.split()[0] for each in depends.split(", ")}
    minor = sys.version_info.minor
    assert f"python3 (>= 3.{minor}~), python3 (<< 3.{minor + 1}~), python3-venv" in depends


def test_the_same_wheels_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    one, two = packed(tmp_path / "one"), packed(tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()


def test_licences_of_all_come_along_and_what_says_nothing_is_not_packed(unpacked: Path, tmp_path: Path) -> None:
    told = (unpacked / "usr/share/doc/faxplan/copyright").read_text()
    for words in (
        "faxplan 0.1.0: MIT",
        "peewee 4.5.3: see the text below",
        "granted to Peewee's users",
        "six 1.17.0: MIT",
    ):
        assert words in told
    wheel(tmp_path, "silent", "1.0", "Summary: nothing")
    with pytest.raises(make_deb.NotMade, match="does not say which licence"):
        make_deb.bundled(tmp_path)


@pytest.mark.parametrize(
    ("python", "debian"), [("0.2.0", "0.2.0"), ("0.2.0rc1", "0.2.0~rc1"), ("0.2.0.dev3", "0.2.0~dev3")]
)
def test_a_version_before_a_release_is_before_it_in_debian(tmp_path: Path, python: str, debian: str) -> None:
    package = packed(tmp_path, python)
    assert (field(package, "Version"), package.name.split("_")[1]) == (debian, debian)
    older = ["dpkg", "--compare-versions", debian, "le", "0.2.0"]
    assert subprocess.run(older, check=False).returncode == 0


def test_another_wheel_is_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(make_deb.NotMade, match="is no wheel of Faxplan"):
        make_deb.pack(wheel(tmp_path, "six", "1.17.0"), tmp_path, tmp_path)


@pytest.mark.parametrize("used", ["install.json", "current"])
def test_while_faxplan_is_installed_the_package_is_not_removed(unpacked: Path, used: str) -> None:
    kept = release(unpacked, "0.1.0")
    prefix = kept.parents[1]
    if used == "current":
        (prefix / used).symlink_to("releases/0.1.0")
    else:
        (prefix / used).write_text("{}")
    ended, told = script(unpacked, "prerm", "remove")
    assert (ended, kept.is_dir()) == (1, True)
    assert ("faxplan uninstall" if used == "install.json" else "current leads to release 0.1.0") in told
    # The next version's package may come all the same.
    assert script(unpacked, "prerm", "upgrade", "0.2.0") == (0, "")


def test_removed_it_leaves_nothing_but_what_others_made(unpacked: Path) -> None:
    release(unpacked, "0.1.0")
    by_hand = release(unpacked, "0.0.9", by_package=False)
    assert script(unpacked, "prerm", "remove") == (0, "")
    assert [*(unpacked / RELEASES).iterdir()] == [by_hand]
    shutil.rmtree(by_hand)
    assert script(unpacked, "postrm", "remove") == (0, "")
    assert not (unpacked / "usr/local/lib/faxplan").exists()
    (unpacked / "var/lib/faxplan").mkdir(parents=True)
    ended, told = script(unpacked, "postrm", "purge")
    assert (ended, "faxes and keys stay in" in told) == (0, True)
    assert (unpacked / "var/lib/faxplan").is_dir()


def test_a_newer_one_sweeps_what_nobody_took(unpacked: Path) -> None:
    for version in ("0.0.7", "0.0.8", "0.0.9", "0.1.0"):
        release(unpacked, version)
    release(unpacked, "0.0.6", by_package=False)
    prefix = unpacked / "usr/local/lib/faxplan"
    (prefix / "current").symlink_to("releases/0.0.9")
    (prefix / "previous").symlink_to("releases/0.0.8")
    (prefix / ".half-taken").write_text("0.0.7")
    assert script(unpacked, "postinst", "configure", "0.0.9")[0] == 0
    assert (unpacked / RELEASES / "0.0.7").is_dir()
    (prefix / ".half-taken").unlink()
    ended, told = script(unpacked, "postinst", "configure", "0.0.9")
    assert (ended, "Release 0.0.9 is in force and goes on" in told, "faxplan upgrade 0.1.0" in told) == (0, True, True)
    assert {each.name for each in (unpacked / RELEASES).iterdir()} == {"0.0.6", "0.0.8", "0.0.9", "0.1.0"}


@pytest.mark.parametrize("by_link", [False, True])
def test_what_a_process_has_in_memory_stays(unpacked: Path, tmp_path: Path, *, by_link: bool) -> None:
    if by_link:
        prefix, disk = unpacked / "usr/local/lib/faxplan", tmp_path / "disk"
        disk.mkdir()
        prefix.parent.mkdir(parents=True)
        prefix.symlink_to(disk)
    loaded = release(unpacked, "0.0.9")
    release(unpacked, "0.1.0")
    library = loaded / "library.so"
    library.write_bytes(b"\0" * 4096)
    holds = f"import mmap; f = open({str(library)!r}, 'r+b'); m = mmap.mmap(f.fileno(), 0); print(); input()"
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert script(unpacked, "postinst", "configure", "0.0.9")[0] == 0
        assert loaded.is_dir()
    assert script(unpacked, "postinst", "configure", "0.0.9")[0] == 0
    assert not loaded.exists()


def test_while_somebody_changes_what_is_installed_nothing_is_swept_or_removed(unpacked: Path) -> None:
    release(unpacked, "0.0.9")
    release(unpacked, "0.1.0")
    with machine_turn(unpacked / "usr/local/lib/faxplan", "faxplan upgrade 0.0.9"):
        assert script(unpacked, "postinst", "configure", "0.0.9")[0] == 0
        ended, told = script(unpacked, "prerm", "remove")
        assert (ended, "faxplan upgrade 0.0.9, process" in told) == (1, True)
        assert {each.name for each in (unpacked / RELEASES).iterdir()} == {"0.0.9", "0.1.0"}
    assert script(unpacked, "prerm", "remove") == (0, "")
    assert script(unpacked, "postrm", "remove") == (0, "")
    assert not (unpacked / "usr/local/lib/faxplan").exists()


def test_a_backup_that_runs_is_waited_for_before_a_release_is_made(unpacked: Path, tmp_path: Path) -> None:
    prefix = unpacked / "usr/local/lib/faxplan"
    # In the place of release.sh, which refuses while somebody else has the turn.
    postinst = unpacked / "DEBIAN" / "postinst"
    made = f'made() {{ flock -n "{prefix}/.lock" mkdir -p "{prefix}/releases/0.1.0"; }}; made'
    postinst.write_text(postinst.read_text().replace("sh /usr/lib/faxplan/release.sh", made))
    with machine_turn(prefix, "faxplan backup"):
        waiting = subprocess.Popen(
            [postinst, "configure", ""], env={"DPKG_ROOT": str(unpacked), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert waiting.stdout is not None
        kill = threading.Timer(60, waiting.kill)
        kill.start()
        said = waiting.stdout.readline()
        assert "faxplan backup, process" in said, said
    told, _ = waiting.communicate()
    kill.cancel()
    assert waiting.returncode == 0, told
    assert (prefix / "releases/0.1.0/.made-by-the-package").exists()


def test_what_a_killed_one_left_keeps_no_release_from_being_taken_away(unpacked: Path) -> None:
    release(unpacked, "0.1.0")
    half = unpacked / RELEASES / ".0.1.0.making"
    (half / "lib").mkdir(parents=True)
    assert script(unpacked, "prerm", "remove") == (0, "")
    assert [*(unpacked / RELEASES).iterdir()] == []


def test_a_prefix_that_is_a_link_of_the_administrators_stays_and_keeps_nothing_from_being_removed(
    unpacked: Path, tmp_path: Path
) -> None:
    disk, prefix = tmp_path / "disk", unpacked / "usr/local/lib/faxplan"
    disk.mkdir()
    prefix.parent.mkdir(parents=True)
    prefix.symlink_to(disk)
    release(unpacked, "0.1.0")
    assert script(unpacked, "prerm", "remove") == (0, "")
    assert script(unpacked, "postrm", "remove") == (0, "")
    assert (prefix.is_symlink(), [*disk.iterdir()]) == (True, [])
