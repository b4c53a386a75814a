"""The scripts are loaded once in a process, however often the switch reloads them."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent.parent / "fs_scripts"
SCRIPT = "runs = globals().get('runs', 0) + 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """On the path, with a script of ours and one of somebody else's."""
    finders = list(sys.meta_path)
    for name in ("fax_out", "other_script"):
        tmp_path.joinpath(f"{name}.py").write_text(SCRIPT)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("load_once").install()
    yield tmp_path
    sys.meta_path[:] = finders
    for name in ("fax_out", "other_script", "load_once"):
        sys.modules.pop(name, None)


def runs_after_a_reload(name: str) -> int:
    return int(importlib.reload(importlib.import_module(name)).runs)


def test_a_script_of_ours_stays_as_it_is_at_a_reload(folder: Path) -> None:
    assert [runs_after_a_reload("fax_out") for _ in range(3)] == [1, 1, 1]
    assert importlib.import_module("fax_out").__file__ == str(folder / "fax_out.py")


@pytest.mark.usefixtures("folder")
def test_a_script_of_somebody_else_is_reloaded_as_ever() -> None:
    assert [runs_after_a_reload("other_script") for _ in range(2)] == [2, 3]


def test_a_script_that_could_not_be_loaded_is_loaded_at_the_next_call(folder: Path) -> None:
    folder.joinpath("fax_out.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("fax_out")
    folder.joinpath("fax_out.py").write_text(SCRIPT + "# now it can\n")
    assert runs_after_a_reload("fax_out") == 1


@pytest.mark.usefixtures("folder")
def test_installing_it_again_leaves_one_finder() -> None:
    for _ in range(3):
        importlib.reload(importlib.import_module("load_once")).install()
    assert [type(finder).__module__ for finder in sys.meta_path].count("load_once") == 1
