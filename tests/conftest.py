"""What every test shares: the throw-away PostgreSQL of this run, and that it ends with the run.

The pytest process that the user started owns the run's directory; its pytest-xdist workers get the path. The first test
that needs the cluster starts it there. The owner stops it at the end (run_directory.py).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import installations
from tests import run_directory as directories
from tests.installations import Installation, Installations
from tests.world import founded, world

__all__ = ["founded", "world"]

RUN_DIRECTORY = pytest.StashKey[Path]()
OWNER_LOCK = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """In the owner: makes this run's directory. In a worker, and where others own it: takes it over."""
    if (given := getattr(config, "workerinput", None)) is not None:
        config.stash[RUN_DIRECTORY] = Path(given["faxplan_run_directory"])
    elif directories.GIVEN in os.environ:
        config.stash[RUN_DIRECTORY] = Path(os.environ[directories.GIVEN])
    else:
        config.stash[RUN_DIRECTORY], config.stash[OWNER_LOCK] = directories.make()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """In the owner, for each worker that pytest-xdist starts."""
    node.workerinput["faxplan_run_directory"] = str(node.config.stash[RUN_DIRECTORY])  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """In the owner, when all workers have ended."""
    if OWNER_LOCK in config.stash:
        directories.remove(config.stash[RUN_DIRECTORY], config.stash[OWNER_LOCK])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was left out by choice says so as well."""
    if "not live" in config.option.markexpr:
        terminalreporter.write_line("live: not run. `make live` calls a real FreeSWITCH, where there is one.")


@pytest.fixture(scope="session")
def run_directory(pytestconfig: pytest.Config) -> Path:
    """Of all workers of this run; goes with it, or with the next run if this one is killed."""
    return pytestconfig.stash[RUN_DIRECTORY]


@pytest.fixture(scope="session")
def all_installations(run_directory: Path) -> Installations:
    """Makes installations, for fixtures that need several or keep one longer than a test. Starts the cluster."""
    return installations.prepare(run_directory)


@pytest.fixture
def installation(all_installations: Installations) -> Iterator[Installation]:
    """A fresh database for one test: `installation.url("faxplan_switch")`."""
    made = all_installations.create()
    yield made
    made.dispose()
