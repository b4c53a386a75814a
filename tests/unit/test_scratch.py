import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faxplan.scratch import Scratch

IN_WORK = """
import sys, time
from pathlib import Path
from faxplan.scratch import Scratch
with Scratch(Path(sys.argv[1])).folder() as folder:
    (folder / "unlocked.pdf").write_bytes(b"%PDF-")
    print(folder, flush=True)
    time.sleep(300)
"""


def test_it_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with Scratch(tmp_path / "scratch").folder() as folder:
        (folder / "document").touch()
        for each in (folder, folder.parent):
            assert stat.S_IMODE(each.stat().st_mode) == 0o700
    assert not list((tmp_path / "scratch").iterdir())


def test_it_is_gone_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Scratch(tmp_path / "scratch").folder():
        _ = 1 / 0
    assert not list((tmp_path / "scratch").iterdir())


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_works_on_is_not(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    with subprocess.Popen([sys.executable, "-c", IN_WORK, str(tmp_path / "scratch")], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            left = Path(child.stdout.readline().decode().strip())
            scratch.sweep()
            assert (left / "unlocked.pdf").exists()
        finally:
            os.kill(child.pid, signal.SIGKILL)
    assert (left / "unlocked.pdf").exists()
    with scratch.folder() as mine:
        scratch.sweep()
        assert list((tmp_path / "scratch").iterdir()) == [mine]


def test_what_cannot_be_removed_keeps_nobody_from_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "scratch"
    for name in ("of-root", "gone"):
        (root / name).mkdir(parents=True)
    (root / "a-file").touch()
    real = os.open

    def of_somebody_else(path: Path, *how: Any, **more: Any) -> int:
        if Path(path).name == "of-root":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *how, **more)

    monkeypatch.setattr(os, "open", of_somebody_else)
    with Scratch(root).folder() as folder:
        assert {each.name for each in root.iterdir()} == {"of-root", "a-file", folder.name}
    assert caplog.text.count("cannot be removed") == 2
