"""`make run` as a process, and the command line beside it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faxplan.home import Home

PROJECT = Path(__file__).parents[2]
SPEED = "25"


@pytest.fixture
def home() -> Iterator[Home]:
    # Not pytest's tmp_path: PostgreSQL's own account, for root, cannot pass through its 0700 folders.
    with tempfile.TemporaryDirectory(prefix="faxplan run ") as folder:
        Path(folder).chmod(0o711)
        yield Home(Path(folder) / "var")


@contextmanager
def running(home: Home, *options: str, switch: str = "bench") -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-u", "-m", "faxplan.run", "--home", str(home.root), "--switch", switch]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAXPLAN_")}
    with subprocess.Popen(
        # Others of these run beside it: each takes a port of its own.
        [*command, "--speed", SPEED, "--portal-port", "0", *options],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """Its output up to a line with `text`; fails, showing everything, if it ends before."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    pytest.fail(f"ended without {text!r}:\n{''.join(lines)}")


def rest(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.read()


def faxplan(home: Home, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("faxplan")
    environment = {**os.environ, "FAXPLAN_CONFIG": str(home.settings_file)}
    return subprocess.run(
        [program, *arguments], check=False, cwd=home.root, env=environment, capture_output=True, text=True
    )


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited for: {what}"
        time.sleep(0.05)
