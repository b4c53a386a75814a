"""The database in a backup: a dump of it, of a schema that stays meanwhile."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from faxplan import migrations
from faxplan.backup_manifest import Told
from faxplan.config import Settings
from faxplan.errors import FaxplanError
from faxplan.postgres_programs import client_program

TOLD_SECONDS = 0.5
"""Between two looks at how far it is."""


class BackupRefused(FaxplanError):
    """A backup cannot be taken so."""

    error_id = "backup-refused"


class BackupFailed(FaxplanError):
    """A backup was not finished; nothing has its name."""

    error_id = "backup-failed"


@contextmanager
def schema_stays(url: str, told: Told) -> Iterator[None]:
    """While it lasts nobody migrates: the manifest says of which schema the dump is."""
    connection = migrations.connect(url, "backing up")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            migrations.take_turn(cursor, told, shared=True)
        yield
    finally:
        connection.close()


def dump(settings: Settings, target: Path, server: int, told: Told) -> None:
    """By pg_dump, into a new file of ours alone. server: the major version that is dumped. Raises NoClientProgram
    and BackupFailed."""
    url, environment = client_environment(settings.database_url_for("backup"))
    program = str(client_program("pg_dump", server))
    command = [program, "--no-password", "--format", "custom", "--file", str(target), "--dbname", url]
    told("database")
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as dumping:
        while True:
            try:
                _, said = dumping.communicate(timeout=TOLD_SECONDS)
                break
            except subprocess.TimeoutExpired:
                told(f"database: {shown_bytes(target.stat().st_size if target.exists() else 0)}")
            except BaseException:
                dumping.terminate()
                raise
    if dumping.returncode:
        raise BackupFailed(
            f"pg_dump did not finish: {said.strip() or dumping.returncode}. It logs in as faxplan_backup, for which "
            "pg_hba.conf and pg_ident.conf have lines (docs/install-on-freeswitch.md)."
        )
    target.chmod(0o600)


def client_environment(url: str) -> tuple[str, dict[str, str]]:
    """A URL for the command line of a program of PostgreSQL, and its environment, which has the password: everybody on
    this machine sees what is on a command line."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    password = query.pop("password", None) or (unquote(parts.password) if parts.password else None)
    who = f"{parts.username}@" if parts.username else ""
    bare = parts._replace(netloc=f"{who}{parts.netloc.rpartition('@')[2]}", query=urlencode(query))
    # urlunsplit drops the slashes of a URL without a host.
    plain = urlunsplit(bare) if bare.netloc else f"{bare.scheme}://{bare.path}{'?' if bare.query else ''}{bare.query}"
    return plain, dict(os.environ) | ({"PGPASSWORD": password} if password else {})


def shown_bytes(size: int) -> str:
    """For people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
