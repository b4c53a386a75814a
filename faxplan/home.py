"""The folder that `make run` lives in: `var/` of the checkout, or what FAXPLAN_HOME names. Nothing lies outside it.

(Except where root starts it in a place that PostgreSQL's account cannot reach: see postgres_account.)
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from faxplan.errors import FaxplanError

PROJECT = Path(__file__).resolve().parent.parent


class AlreadyRunning(FaxplanError):
    """Another `make run` uses this folder."""

    error_id = "already-running"


class HomeNotUsable(FaxplanError):
    """The folder cannot be made or written, or is somebody else's."""

    error_id = "home-not-usable"


class Home:
    """Where everything lies. `prepare` makes it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.settings_file = self.root / "faxplan.toml"
        self.pid_file = self.root / "run.json"
        self.postgres = self.root / "postgres"
        self.state = self.root / "state"
        self.logs = self.root / "log"
        self.mail = self.root / "mail"
        self.inbox = self.root / "inbox"
        self.passwords = self.root / "passwords"
        self.bench = self.root / "bench"
        self.freeswitch = self.root / "freeswitch"
        self._lock_file = self.root / "run.lock"
        self._folders = (self.state, self.logs, self.mail, self.inbox, self.passwords, self.bench, self.freeswitch)
        self._files = (self.settings_file, self.pid_file, self._lock_file)

    def prepare(self) -> None:
        """Makes the folders, each private. One that is there already keeps its mode; it must be empty, or one of ours.

        Raises HomeNotUsable.
        """
        try:
            self._make_root()
            for folder in self._folders:
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise HomeNotUsable(
                f"{self.root} cannot be used ({error.strerror}). Name another folder with FAXPLAN_HOME."
            ) from error

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True)
        except FileExistsError:
            found = {path.name for path in self.root.iterdir()}
            # The lock stays in a folder that was ever used; whoever put something beside it since then may do so.
            foreign = found - {path.name for path in (*self._folders, *self._files, self.postgres)}
            if foreign and self._lock_file.name not in found:
                shown = ", ".join(sorted(foreign)[:3])
                raise HomeNotUsable(
                    f"{self.root} holds what is not Faxplan's ({shown}{', ...' if len(foreign) > 3 else ''}). "
                    "Name an empty folder, or one that does not exist yet, with FAXPLAN_HOME."
                ) from None
        else:
            # PostgreSQL's own account passes through it where root starts us; what is inside is private.
            self.root.chmod(0o711)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second one out, until we end in whatever way. Raises AlreadyRunning."""
        with os.fdopen(os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(
                    f"Faxplan runs in {self.root} already (process {lock.read().strip() or 'unknown'}). "
                    "End that one with Ctrl-C in its terminal, or name another folder with FAXPLAN_HOME."
                ) from None
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                yield
            finally:
                lock.seek(0)
                lock.truncate()

    def is_running(self) -> bool:
        """Whether a `make run` is at work here, as far as we may look."""
        try:
            with self._lock_file.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except (BlockingIOError, PermissionError):
            return True
        return False

    def shown(self, path: Path) -> str:
        """A path as short as the reader needs it: relative where it lies below the current folder."""
        here = Path.cwd()
        return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def default(environment: Mapping[str, str] = os.environ) -> Home:
    """The folder of this checkout, or the one that FAXPLAN_HOME names."""
    return Home(Path(environment.get("FAXPLAN_HOME") or PROJECT / "var"))
