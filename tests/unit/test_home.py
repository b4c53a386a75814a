import os
from pathlib import Path

import pytest

from faxplan import home
from faxplan.home import AlreadyRunning, Home, HomeNotUsable


def test_a_second_run_is_told_who_runs_already(tmp_path: Path) -> None:
    first, second = Home(tmp_path / "var"), Home(tmp_path / "var")
    first.prepare()
    with first.locked(), pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), second.locked():
        pass
    with second.locked():
        pass


def test_the_folders_are_private(tmp_path: Path) -> None:
    here = Home(tmp_path / "with space" / "var")
    here.prepare()
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in here.root.iterdir()} == dict.fromkeys(
        ("state", "log", "inbox", "bench", "freeswitch"), "0o700"
    )


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeNotUsable, match="FAXPLAN_HOME"):
        Home(tmp_path / "file" / "var").prepare()


def test_the_environment_moves_it(tmp_path: Path) -> None:
    assert home.default({"FAXPLAN_HOME": str(tmp_path)}).root == tmp_path
    assert home.default({}).root == home.PROJECT / "var"
