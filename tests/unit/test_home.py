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
        ("state", "log", "inbox", "mail", "passwords", "bench", "freeswitch"), "0o700"
    )


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeNotUsable, match="FAXPLAN_HOME"):
        Home(tmp_path / "file" / "var").prepare()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_only_a_folder_that_it_made_is_changed(tmp_path: Path) -> None:
    made, given = Home(tmp_path / "made"), Home(tmp_path / "given")
    given.root.mkdir()
    # As /tmp is.
    given.root.chmod(0o1777)
    for here in (made, given):
        here.prepare()
    assert (mode(made.root), mode(given.root)) == (0o711, 0o1777)


def test_a_folder_with_things_of_others_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "letter.pdf").touch()
    before = mode(tmp_path)
    with pytest.raises(HomeNotUsable, match=r"letter\.pdf.*FAXPLAN_HOME"):
        Home(tmp_path).prepare()
    assert mode(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["letter.pdf"]


def test_what_is_put_into_it_later_is_no_hindrance(tmp_path: Path) -> None:
    here = Home(tmp_path / "var")
    here.prepare()
    with here.locked():
        (here.root / "letter.pdf").touch()
    here.prepare()
    assert (here.root / "letter.pdf").is_file()
    with here.locked():
        pass


def test_one_that_was_interrupted_before_it_was_locked_is_gone_on_with(tmp_path: Path) -> None:
    Home(tmp_path / "var").prepare()
    before = sorted((tmp_path / "var").iterdir())
    Home(tmp_path / "var").prepare()
    assert sorted((tmp_path / "var").iterdir()) == before


def test_the_environment_moves_it(tmp_path: Path) -> None:
    assert home.default({"FAXPLAN_HOME": str(tmp_path)}).root == tmp_path
    assert home.default({}).root == home.PROJECT / "var"
