import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan.processes import Child, PidFile, ProcessId, end, end_child

SLEEPS = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(600)"]
ECHO = "import sys; print('awake', flush=True); [print(line, end='', flush=True) for line in sys.stdin]"
ECHOES = [sys.executable, "-c", ECHO]
DEAF = [sys.executable, "-c", f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {ECHO}"]


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(DEAF, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.kill()


def identity(process: "subprocess.Popen[bytes]") -> ProcessId:
    found = ProcessId.of("sleeper", process.pid)
    assert found is not None
    return found


def test_a_process_is_told_from_a_later_one_with_its_number(process: "subprocess.Popen[bytes]") -> None:
    here = identity(process)
    assert here.alive()
    assert not replace(here, started=here.started - 1).alive()
    assert not replace(here, boot="another boot").alive()


def test_a_process_that_ignores_sigterm_is_killed(process: "subprocess.Popen[bytes]") -> None:
    end([identity(process)], seconds=0.2)
    assert process.wait(10) == -9


def test_a_child_that_ignores_sigterm_is_killed_and_waited_for(process: "subprocess.Popen[bytes]") -> None:
    end_child(process, seconds=0.2)
    assert process.returncode == -9
    end_child(process)


@pytest.mark.parametrize("command", [ECHOES, DEAF], ids=["that a signal ends", "that ignores SIGTERM"])
def test_nobody_elses_process_is_ended(command: list[str]) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdout.readline()
            end([replace(identity(process), started=1)], seconds=0.2)
            # A signal would reach it before this does.
            process.stdin.write(b"alive\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"alive\n"
        finally:
            process.kill()


def test_the_pid_file_tells_who_still_runs(process: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    file = PidFile(tmp_path / "run.json")
    assert file.alive() == []
    here = identity(process)
    file.write([here, replace(here, started=1)])
    assert file.alive() == [here]


def child(tmp_path: Path, command: list[str]) -> Child:
    return Child("the child", command, log=tmp_path / "child.log", cwd=tmp_path, environment={"FAXPLAN_X": "1"})


def test_a_child_is_started_and_ended(tmp_path: Path) -> None:
    started = child(tmp_path, SLEEPS)
    started.stop()
    started.start()
    known = started.identity()
    assert started.alive()
    assert known is not None
    started.stop()
    started.stop()
    assert not started.alive()
    assert started.identity() is None
    assert not known.alive()


def test_a_dead_child_is_described_by_the_end_of_its_log(tmp_path: Path) -> None:
    script = "import os, sys; print('the reason', os.environ['FAXPLAN_X']); sys.exit(7)"
    dead = child(tmp_path, [sys.executable, "-c", script])
    dead.start()
    while dead.alive():
        pass
    assert "the child ended (exit code 7)" in dead.obituary()
    assert dead.obituary().endswith("    the reason 1")
