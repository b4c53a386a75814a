"""A FreeSWITCH of our own: it ends with its launcher, and a second start on the same folder is clean."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faxplan.freeswitch_found import FreeSwitchFound, find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from tests.live.calls import wait_for
from tests.live.conftest import NOT_INSTALLED

LAUNCHER = """
import sys, time
from pathlib import Path
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
base = Path(sys.argv[1])
instance = Instance(find(), InstanceOptions(base, base, Path(sys.executable), startup_scripts=()))
instance.start()
print(instance.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def found() -> FreeSwitchFound:
    freeswitch = find()
    if freeswitch is None or freeswitch.missing:
        pytest.skip(NOT_INSTALLED)
    return freeswitch


def test_the_switch_ends_with_a_launcher_that_was_killed(found: FreeSwitchFound, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        pid = int(launcher.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        launcher.send_signal(signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 30, "end of the switch")


def test_it_starts_again_on_the_same_folder_after_a_crash(found: FreeSwitchFound, tmp_path: Path) -> None:
    instance = Instance(found, InstanceOptions(tmp_path, tmp_path, Path(sys.executable), startup_scripts=()))
    try:
        instance.start()
        first = instance.core_uuid()
        instance.kill9()
        instance.start()
        assert instance.core_uuid() not in ("", first)
    finally:
        instance.stop()
    # Passwords are below it.
    assert tmp_path.stat().st_mode & 0o777 == 0o700
