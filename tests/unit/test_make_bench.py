"""`make bench` measures what can be measured here: a benchmark without its FreeSWITCH says so, and others run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def make_bench(folder: Path, **benchmarks: str) -> "subprocess.CompletedProcess[str]":
    """Runs this project's target where there are these benchmarks, and an environment that is ready."""
    for name in ("benchmarks", "install", ".venv/bin"):
        folder.joinpath(name).mkdir(parents=True)
    for name in ("install/setup.sh", "pyproject.toml", "requirements.lock", ".venv/.installed"):
        folder.joinpath(name).touch()
    folder.joinpath(".venv/bin/python").symlink_to(sys.executable)
    for name, text in benchmarks.items():
        folder.joinpath("benchmarks", f"{name}.py").write_text(text)
    # Not as a part of the `make test` that runs this: it would say so on its output.
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(
        ["make", "--file", PROJECT / "Makefile", "bench"],
        cwd=folder,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_that_cannot_run_here_does_not_end_the_others(tmp_path: Path) -> None:
    ran = make_bench(
        tmp_path, a="print('first')", b="raise SystemExit(77)", c="print('last')", _d="print('no benchmark')"
    )
    assert (ran.returncode, ran.stdout.split()) == (0, ["first", "last"])


def test_one_that_breaks_ends_it(tmp_path: Path) -> None:
    ran = make_bench(tmp_path, a="raise SystemExit(1)", b="print('not reached')")
    assert (ran.returncode, ran.stdout) == (2, "")


@pytest.mark.parametrize("path", sorted(PROJECT.glob("benchmarks/live_*.py")), ids=lambda path: path.stem)
def test_those_that_need_freeswitch_say_so_where_there_is_none(path: Path, tmp_path: Path) -> None:
    without = {**os.environ, "FAXPLAN_FREESWITCH": str(tmp_path / "nothing")}
    ran = subprocess.run([sys.executable, path], env=without, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (77, ""), ran.stderr
    assert (
        ran.stderr
        == f"{path.stem}: not run, it needs a FreeSWITCH: it is not installed. See docs/install-on-freeswitch.md.\n"
    )
