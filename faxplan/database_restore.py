"""Makes the database of a dump: on a server that has none of that name, or in place of one that is put aside."""

import subprocess
import time
from collections.abc import Set
from dataclasses import dataclass
from typing import IO

import psycopg2
from psycopg2 import sql
from psycopg2.errors import InsufficientPrivilege, ObjectInUse, RaiseException

from faxplan import audit_restores, installation, migrations
from faxplan.backup_dump import client_environment
from faxplan.errors import FaxplanError
from faxplan.installation import ROLES, InstallationRefused
from faxplan.migrations import PATIENCE, Patience, Told
from faxplan.postgres_programs import client_program

_SHOWN = 4
_LEAVES_SECONDS = 1.0
_MARK = "faxplan restore "
"""Begins the comment of a database that was made of a backup."""


class RestoreRefused(FaxplanError):
    """A backup is not restored here and now; nothing was changed."""

    error_id = "restore-refused"


class RestoreFailed(FaxplanError):
    """A backup was not restored to the end. What was there before is as it was, but for documents that came back."""

    error_id = "restore-failed"


@dataclass(frozen=True, slots=True)
class Found:
    """A database that has the name already. tenants: how many are in it. connected: who is, for people. made: by a
    restore of this very backup that was cut off afterwards: what is left of that is to be done, and the database is not
    made again."""

    tenants: int
    connected: tuple[str, ...]
    made: bool = False


def examine(superuser_url: str, database: str, replace_as: str | None, of: str | None = None) -> Found | None:
    """What is there; None: nothing. of: as of `restore`. Raises RestoreRefused, DatabaseUnavailable and
    InstallationRefused."""
    server = migrations.connect(superuser_url)
    server.autocommit = True
    try:
        return _examined(server, superuser_url, database, replace_as, of)
    finally:
        server.close()


def restore(
    superuser_url: str,
    database: str,
    dump: IO[bytes],
    *,
    replace_as: str | None,
    of: str | None = None,
    told: Told = lambda _: None,
    patience: Patience = PATIENCE,
) -> None:
    """dump: of pg_dump, in its custom format, open as a file of the system. The database has its name when it is
    complete and at the level of this Faxplan.

    replace_as: the name that a database with tenants gets which is there; None: it is refused. One without any tenant
    goes. of: which backup it is, as its manifest has it in `sums`; a database that was made of that one stays, until
    the audit says that the restore has come to its end. Raises RestoreRefused, RestoreFailed, NoClientProgram,
    DatabaseUnavailable, InstallationRefused, and as migrations.apply.
    """
    server = migrations.connect(superuser_url)
    server.autocommit = True
    try:
        with server.cursor() as cursor:
            migrations.take_turn(cursor, told, patience.turn_seconds)
            cursor.execute(ROLES.read_text())
        found = _examined(server, superuser_url, database, replace_as, of)
        if found is not None and found.made:
            told("database: a restore of this backup that was cut off has made it")
            if not _in_use(superuser_url, f"{database}_empty", names=_names(server)):
                _drop(server, f"{database}_empty")
            return
        unfinished = installation.make_unfinished(server, database)
        url = installation.url_of(superuser_url, unfinished)
        told("database")
        _load(url, dump, server.server_version // 10000)
        migrations.apply(url, told=told, patience=patience)
        installation.grant_connect(server, unfinished)
        # Again: that took its time.
        found = _examined(server, superuser_url, database, replace_as, of)
        _mark(server, unfinished, of)
        if found is None:
            installation.rename(server, unfinished, database)
        else:
            aside = replace_as if replace_as and found.tenants else f"{database}_empty"
            _replace(server, unfinished, database, aside, goes=not found.tenants)
    except ObjectInUse as error:
        raise RestoreFailed(
            "Somebody came to the database in this moment, and what was there is as it was: "
            f"{error.diag.message_primary}. {error.diag.message_detail} Stop FreeSWITCH and Faxplan's services on "
            "all machines, and do this again."
        ) from error
    except (InsufficientPrivilege, RaiseException) as error:
        raise InstallationRefused(
            f"PostgreSQL refused: {error.diag.message_primary}. Give the URL of a superuser, such as postgres."
        ) from error
    finally:
        server.close()


def _replace(server: psycopg2.extensions.connection, unfinished: str, database: str, aside: str, *, goes: bool) -> None:
    """aside: the name that the database gets which is there. goes: it has no tenant, and is dropped then."""
    if goes:
        _drop(server, aside)
    # Both names at once: somebody who comes to either in this moment leaves all as it was.
    _swap(server, unfinished, database, aside)
    if goes:
        _drop(server, aside)


def _swap(server: psycopg2.extensions.connection, unfinished: str, database: str, aside: str) -> None:
    """In one transaction, which several statements are that are sent as one."""
    renames = [
        sql.SQL("alter database {} rename to {}").format(sql.Identifier(each), sql.Identifier(to))
        for each, to in ((database, aside), (unfinished, database))
    ]
    with server.cursor() as cursor:
        cursor.execute(sql.SQL("; ").join(renames))


def _mark(server: psycopg2.extensions.connection, database: str, of: str | None) -> None:
    """By which a restore that is said again knows what it has made: with the name it comes in the same moment."""
    with server.cursor() as cursor:
        said = None if of is None else f"{_MARK}{of}"
        cursor.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(database), sql.Literal(said)))


def _drop(server: psycopg2.extensions.connection, database: str) -> None:
    with server.cursor() as cursor:
        cursor.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(database)))


def _examined(
    server: psycopg2.extensions.connection,
    superuser_url: str,
    database: str,
    replace_as: str | None,
    of: str | None,
) -> Found | None:
    with server.cursor() as cursor:
        cursor.execute(
            "select datname, shobj_description(oid, 'pg_database') from pg_database where datname in (%s, %s)",
            (database, replace_as),
        )
        names = dict(cursor.fetchall())
        connected = _connected(cursor, database)
    made = of is not None and names.get(database) == f"{_MARK}{of}" and not _is_over(superuser_url, database, of)
    if replace_as in names and not made:
        raise RestoreRefused(f"There is a database {replace_as} already: name another one with --replace-as.")
    if database not in names:
        return None
    found = Found(_tenants(superuser_url, database), connected, made)
    if not found.tenants and not made:
        # What has no tenant goes, and is first called so.
        for each in (database, f"{database}_empty"):
            if _in_use(superuser_url, each, names=_names(server)):
                raise RestoreRefused(
                    f"Database {each} has tables that are not Faxplan's, or tenants: it would be destroyed. Give it "
                    "another name (alter database ... rename to ...), or correct database_url."
                )
    if found.tenants and replace_as is None and not made:
        raise RestoreRefused(
            f"Database {database} has {found.tenants} {'tenant' if found.tenants == 1 else 'tenants'}, and knows what "
            f"came after the backup. To put it aside under another name: --replace-as {database}_before"
        )
    if found.connected:
        more = f" and {len(found.connected) - _SHOWN} more" if len(found.connected) > _SHOWN else ""
        raise RestoreRefused(
            f"Somebody works with database {database}: {'; '.join(found.connected[:_SHOWN])}{more}. Stop FreeSWITCH "
            "and Faxplan's services on all machines, and move /etc/cron.d/faxplan away."
        )
    return found


def _connected(cursor: psycopg2.extensions.cursor, database: str) -> tuple[str, ...]:
    """Who is. We looked into it ourselves a moment ago, and PostgreSQL ends what is closed in its own time."""
    deadline = time.monotonic() + _LEAVES_SECONDS
    while True:
        cursor.execute(
            """select format('process %%s (%%s, as %%s)', pid, coalesce(nullif(application_name, ''), 'without a name'),
                             usename)
               from pg_stat_activity where datname = %s and pid <> pg_backend_pid() order by pid""",
            (database,),
        )
        found = tuple(said for (said,) in cursor.fetchall())
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _names(server: psycopg2.extensions.connection) -> set[str]:
    with server.cursor() as cursor:
        cursor.execute("select datname from pg_database")
        return {name for (name,) in cursor.fetchall()}


def _in_use(superuser_url: str, database: str, *, names: Set[str]) -> bool:
    """Whether somebody would miss it: it has tenants, or tables of another program's. names: of all that are there."""
    if database not in names:
        return False
    if _tenants(superuser_url, database):
        return True
    if _count(superuser_url, database, "schema_migration", "select 1"):
        return False
    tables = """select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"""
    return _count(superuser_url, database, None, tables) > 0


def _tenants(superuser_url: str, database: str) -> int:
    """0 where it is no database of ours."""
    return _count(superuser_url, database, "tenants", "select count(*) from public.tenants")


def _is_over(superuser_url: str, database: str, of: str) -> bool:
    """Whether the restore of this backup that has made the database has said so in its audit: its last step."""
    said = sql.SQL(
        "select count(*) from public.audit where tenant_id = 0 and action = {} and details->>'backup' = {}"
    ).format(sql.Literal(audit_restores.ACTION), sql.Literal(of))
    return _count(superuser_url, database, "audit", said) > 0


def _count(superuser_url: str, database: str, table: str | None, question: str | sql.Composed) -> int:
    """0 where there is no such table. None: it needs none of ours."""
    connection = migrations.connect(installation.url_of(superuser_url, database))
    try:
        with connection.cursor() as cursor:
            cursor.execute("select to_regclass(%s) is not null", (f"public.{table}",))
            if table is not None and cursor.fetchone() == (False,):
                return 0
            cursor.execute(question)
            return int((cursor.fetchone() or (0,))[0])
    finally:
        connection.close()


def _load(url: str, dump: IO[bytes], server: int) -> None:
    """server: its major version."""
    plain, environment = client_environment(url)
    command = [str(client_program("pg_restore", server)), "--no-password", "--exit-on-error", "--dbname", plain]
    done = subprocess.run(
        command, env=environment, stdin=dump, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RestoreFailed(f"pg_restore did not finish: {done.stderr.strip() or done.returncode}")
