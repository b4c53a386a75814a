"""Where releases lie, which is in force, and what is left of a half one."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from faxplan import release_making
from faxplan.machine_turn import MachineBusy
from faxplan.release_making import ReleaseNotMade, Wheel
from faxplan.releases import NoRelease, Releases

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    made = Releases(tmp_path / "prefix")
    for version in ("0.1.0", "0.1.1"):
        made.of(version).mkdir(parents=True)
    return made


def test_one_is_in_force_and_the_one_before_is_kept_in_mind(releases: Releases) -> None:
    with pytest.raises(NoRelease, match="leads to no release"):
        releases.current()
    releases.put_in_force("0.1.0")
    assert (releases.current(), releases.previous()) == ("0.1.0", None)
    releases.put_in_force("0.1.1")
    assert (releases.current(), releases.previous()) == ("0.1.1", "0.1.0")
    releases.put_in_force("0.1.1")
    assert releases.previous() == "0.1.0"
    assert (releases.prefix / "current").readlink() == Path("releases/0.1.1")
    releases.lead("0.1.0", None)
    assert (releases.current(), releases.previous()) == ("0.1.0", None)


def test_one_that_is_not_there_is_not_put_in_force(releases: Releases) -> None:
    releases.put_in_force("0.1.0")
    with pytest.raises(NoRelease, match=r"the releases are 0\.1\.0, 0\.1\.1"):
        releases.put_in_force("0.1.2")
    for version in ("../0.1.0", "", ".0.1.0.making", "latest"):
        with pytest.raises(NoRelease, match="no version"):
            releases.put_in_force(version)
    assert releases.current() == "0.1.0"


def test_what_was_not_finished_is_no_release_and_goes(releases: Releases) -> None:
    releases.unfinished("0.1.2").mkdir()
    (releases.folder / ".kept").touch()
    assert releases.made() == ["0.1.0", "0.1.1"]
    releases.sweep()
    assert sorted(each.name for each in releases.folder.iterdir()) == [".kept", "0.1.0", "0.1.1"]
    releases.remove("0.1.1")
    assert releases.made() == ["0.1.0"]
    assert not releases.unfinished("0.1.1").exists()


def test_one_upgrade_at_a_time(releases: Releases) -> None:
    with (
        releases.turn("faxplan upgrade 0.1.1"),
        pytest.raises(MachineBusy, match=r"^faxplan upgrade 0\.1\.1, process \d+, since .* UTC, is at work here"),
        releases.turn("faxplan upgrade --back"),
    ):
        pass
    with releases.turn("faxplan upgrade --back"):
        pass


def wheel_of(folder: Path, name: str, **files: str) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for number, (file, text) in enumerate(files.items()):
            archive.writestr(file if "/" in file else f"{number}", text)
    return path


SHARE = "faxplan-0.1.2.data/data/share/faxplan"


def test_a_wheel_tells_its_version_its_lock_and_its_newest_migration(tmp_path: Path) -> None:
    files = {
        f"{SHARE}/requirements.lock": "pillow==11.0.0\n",
        f"{SHARE}/migrations/0001_one.sql": "",
        f"{SHARE}/migrations/0002_two.sql": "",
        f"{SHARE}/migrations/roles.sql": "",
    }
    wheel = release_making.read(wheel_of(tmp_path, "faxplan-0.1.2-py3-none-any.whl", **files))
    assert (wheel.version, wheel.level, wheel.lock) == ("0.1.2", 2, "pillow==11.0.0\n")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("other-0.1.2-py3-none-any.whl", b"", "not named like a wheel"),
        ("faxplan-0.1.2.tar.gz", b"", "not named like a wheel"),
        ("faxplan-0.1.2-py3-none-any.whl", b"no archive", "cannot be read"),
        ("faxplan-0.1.2-py3-none-any.whl", None, "cannot be read"),
    ],
)
def test_what_is_no_wheel_of_ours_is_said(tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ReleaseNotMade, match=why):
        release_making.read(tmp_path / name)


@pytest.mark.parametrize(("place", "value"), [(8, 1), (10, 99)], ids=["encrypted", "unknown compression"])
def test_a_wheel_that_python_cannot_read_is_said(tmp_path: Path, place: int, value: int) -> None:
    file = wheel_of(tmp_path, "faxplan-0.1.2-py3-none-any.whl", **{"share/faxplan/requirements.lock": "x"})
    content = bytearray(file.read_bytes())
    # In the central directory and in the file's own header.
    content[content.find(b"PK\x01\x02") + place] = content[content.find(b"PK\x03\x04") + place - 2] = value
    file.write_bytes(content)
    with pytest.raises(ReleaseNotMade, match="cannot be read"):
        release_making.read(file)


def test_a_wheel_without_a_lock_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(ReleaseNotMade, match="not whole"):
        release_making.read(wheel_of(tmp_path, "faxplan-0.1.2-py3-none-any.whl", other="x"))


def test_nothing_is_left_of_a_release_that_could_not_be_made(
    releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    # An interpreter that makes an environment whose pip fails.
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nmkdir -p "$3/bin" && printf "#!/bin/sh\\necho no such package >&2; exit 1\\n" '
                      '>"$3/bin/python3" && chmod +x "$3/bin/python3"\n')  # fmt: skip
    python.chmod(0o755)
    monkeypatch.setattr(release_making, "_python", lambda: python)
    with pytest.raises(ReleaseNotMade, match=r"packages cannot be installed\.\nno such package"):
        release_making.make(releases, Wheel(tmp_path / "faxplan.whl", "0.1.2", 0, ""), said.append)
    assert said == [f"makes {releases.of('0.1.2')}", "installs its packages"]
    assert sorted(each.name for each in releases.folder.iterdir()) == ["0.1.0", "0.1.1"]


@pytest.mark.parametrize("mask", [0o077, 0o002])
def test_whoever_runs_freeswitch_reads_a_release_that_root_made_and_nobody_else_writes_to_it(
    releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    # Its interpreter looks at it, too, and says what it is.
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin" "$3/lib/inner" && touch "$3/pyvenv.cfg" "$3/lib/inner/module.py" && '
        'printf "#!/bin/sh\\necho \'{\\"version\\": \\"0.1.2\\"}\'\\n" >"$3/bin/python3" && chmod +x "$3/bin/python3"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(release_making, "_python", lambda: python)
    before = os.umask(mask)
    try:
        release_making.make(releases, Wheel(tmp_path / "faxplan.whl", "0.1.2", 0, ""), lambda _: None)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    made = releases.of("0.1.2")
    modes = {path.relative_to(made).as_posix(): f"{path.stat().st_mode & 0o777:o}" for path in (made, *made.rglob("*"))}
    assert modes == {
        ".": "755", "bin": "755", "bin/python3": "755", "lib": "755", "lib/inner": "755", "lib/inner/module.py": "644",
        "pyvenv.cfg": "644",
    }  # fmt: skip


def test_a_process_that_was_started_by_current_goes_on_in_its_release(releases: Releases) -> None:
    releases.put_in_force("0.1.0")
    environment = releases.of("0.1.0")
    (environment / "bin").mkdir()
    (environment / "bin" / "python3").symlink_to(Path(sys.base_prefix, "bin", "python3"))
    (environment / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\n")
    code = "import sys; from faxplan import releases; releases.begin_in_its_folder(); print(sys.prefix, sys.argv[1:])"
    told = subprocess.run(
        [releases.prefix / "current" / "bin" / "python3", "-c", code, "--an-option"],
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == f"{environment} ['--an-option']\n"
