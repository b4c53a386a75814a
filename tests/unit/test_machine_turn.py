"""One at a time changes what is installed on a machine: in Python and in shell, by one lock."""

import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from faxplan import machine_turn
from faxplan.machine_turn import MachineBusy
from faxplan.releases import Releases

PROJECT = Path(__file__).parents[2]
RELEASE_SH = PROJECT / "install" / "release.sh"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    made = tmp_path / "faxplan-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("faxplan/__init__.py", "")
    return made


def test_who_comes_later_is_told_who_is_at_work_and_since_when(tmp_path: Path) -> None:
    told = rf"^faxplan restore, process {os.getpid()}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC, is at work here"
    with (
        machine_turn.machine_turn(tmp_path, "faxplan restore"),
        pytest.raises(MachineBusy, match=told),
        machine_turn.machine_turn(tmp_path, "faxplan install"),
    ):
        pass
    assert (tmp_path / ".lock").read_text() == ""
    assert (tmp_path / ".lock").stat().st_mode & 0o777 == 0o600


def test_who_may_wait_says_for_whom_and_comes_next(tmp_path: Path) -> None:
    said: list[str] = []
    turn = machine_turn.machine_turn(tmp_path, "faxplan upgrade 0.2.0")
    turn.__enter__()

    def told(words: str) -> None:
        said.append(words)
        turn.__exit__(None, None, None)

    with machine_turn.machine_turn(tmp_path, "faxplan backup", wait_seconds=60, told=told):
        assert (tmp_path / ".lock").read_text().startswith("faxplan backup, process ")
    assert len(said) == 1
    assert said[0].startswith("waits: faxplan upgrade 0.2.0, process ")


def test_the_folder_is_made_for_all_to_read_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with machine_turn.machine_turn(tmp_path / "lib" / "faxplan", "faxplan install"):
            pass
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "lib", tmp_path / "lib" / "faxplan")] == [0o755, 0o755]


def test_the_shell_waits_for_python(tmp_path: Path, wheel: Path) -> None:
    with machine_turn.machine_turn(tmp_path / "prefix", "faxplan upgrade --back"):
        done = subprocess.run(
            [RELEASE_SH, wheel, "--prefix", tmp_path / "prefix"], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"faxplan upgrade --back, process {os.getpid()}, since " in done.stderr
    assert not list((tmp_path / "prefix" / "releases").iterdir())


def test_python_waits_for_the_shell_and_for_what_it_has_started(tmp_path: Path, wheel: Path) -> None:
    prefix = tmp_path / "prefix"
    lock = prefix / machine_turn.NAME
    with subprocess.Popen(
        [RELEASE_SH, wheel, "--prefix", prefix], stderr=subprocess.DEVNULL, start_new_session=True
    ) as shell:
        until(lambda: lock.exists() and lock.read_text() != "" and any((prefix / "releases").iterdir()))
        with pytest.raises(
            MachineBusy, match=rf"^install/release\.sh 0\.1\.0, process {shell.pid}, since .* is at work"
        ):
            machine_turn.machine_turn(prefix, "faxplan install").__enter__()
        # With the program that makes the environment: stopped, it is still there.
        (child,) = Path(f"/proc/{shell.pid}/task/{shell.pid}/children").read_text().split()[:1]
        os.kill(int(child), signal.SIGSTOP)
        shell.kill()
        shell.wait()
        with pytest.raises(MachineBusy, match=rf"{shell.pid}, since .* was killed, .*process {child} \(python3\)"):
            machine_turn.machine_turn(prefix, "faxplan install").__enter__()
        # What is half made is no release, and the next one removes it.
        releases = Releases(prefix)
        assert (releases.made(), releases.unfinished("0.1.0").exists()) == ([], True)
        os.killpg(shell.pid, signal.SIGKILL)
    until(lambda: is_free(prefix))
    with releases.turn("faxplan upgrade"):
        releases.sweep()
    assert not list(releases.folder.iterdir())


def is_free(prefix: Path) -> bool:
    try:
        with machine_turn.machine_turn(prefix, "a test"):
            return True
    except MachineBusy:
        return False


def test_the_shell_gives_its_turn_back_and_leaves_nothing_of_what_it_could_not_make(
    tmp_path: Path, wheel: Path
) -> None:
    prefix = tmp_path / "prefix"
    kept = prefix / "releases" / "0.0.9"
    kept.mkdir(parents=True)
    # As the next run of it does: a killed one has left this.
    (prefix / "releases" / ".0.1.0.making" / "bin").mkdir(parents=True)
    wheel.write_bytes(b"no archive")
    done = subprocess.run(
        [RELEASE_SH, wheel, "--prefix", prefix], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, "cannot be read. Download it again" in done.stderr) == (1, True)
    assert [each.name for each in (prefix / "releases").iterdir()] == ["0.0.9"]
    assert (prefix / ".lock").read_text() == ""
