"""A plugin of pytest: writes how each test ended, a line each, into the file that the environment names."""

import os
from pathlib import Path

import pytest

import faxplan

FILE = "FAXPLAN_TESTS_OUTCOMES"
TREE = "FAXPLAN_TESTS_TREE"


def pytest_configure(config: pytest.Config) -> None:
    """Only of the tree that was asked for: an installed Faxplan may be another one."""
    tree = Path(faxplan.__file__).parents[1]
    if tree != Path(os.environ[TREE]):
        raise pytest.UsageError(f"the tests would look at {tree}, and not at {os.environ[TREE]}")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Outcomes(Path(os.environ[FILE])))


class _Outcomes:
    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each test has three: of its set-up, its call and its tear-down."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{report.when} {report.outcome} {report.nodeid}\n")
