"""What every test shares: the throw-away PostgreSQL of this run, and that it ends with the run.

The pytest process that the user started owns a directory and holds a lock in it; its pytest-xdist workers get the path.
The first test that needs the cluster starts it there. The owner stops it at the end. A run that was killed cannot, but
the kernel has released its lock, so the next run finds it and cleans up after it.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import installations
from tests.installations import Installation, Installations
from tests.world import world

__all__ = ["world"]

RUN_PREFIX = "faxplan-tests-"
LOCK_NAME = "owner.lock"
RUN_DIRECTORY = pytest.StashKey[Path]()
OWNER_LOCK = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """In the owner: cleans up after killed runs, makes this run's directory. In a worker: takes it over."""
    if (given := getattr(config, "workerinput", None)) is not None:
        config.stash[RUN_DIRECTORY] = Path(given["faxplan_run_directory"])
        return
    for directory in Path(tempfile.gettempdir()).glob(f"{RUN_PREFIX}*"):
        if directory.stat().st_uid == os.geteuid():
            _remove_if_abandoned(directory)
    config.stash[RUN_DIRECTORY], config.stash[OWNER_LOCK] = _make_run_directory()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """In the owner, for each worker that pytest-xdist starts."""
    node.workerinput["faxplan_run_directory"] = str(node.config.stash[RUN_DIRECTORY])  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """In the owner, when all workers have ended."""
    if OWNER_LOCK in config.stash:
        installations.remove(config.stash[RUN_DIRECTORY])
        os.close(config.stash[OWNER_LOCK])


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


def _make_run_directory() -> tuple[Path, int]:
    starting = Path(tempfile.mkdtemp(prefix="faxplan-starting-"))
    # The account that runs PostgreSQL for root passes through; the data inside are its own, 0700.
    starting.chmod(0o711)
    lock = os.open(starting / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Renamed once it is locked: another run must not take it for an abandoned one.
    directory = starting.with_name(starting.name.replace("faxplan-starting-", RUN_PREFIX))
    starting.rename(directory)
    return directory, lock


def _remove_if_abandoned(directory: Path) -> None:
    try:
        lock = os.open(directory / LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:
        # Another run is just removing it.
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        installations.remove(directory)
    except BlockingIOError:
        # Its owner is alive.
        return
    finally:
        os.close(lock)
