"""Faxplan's roles and database on a PostgreSQL server: made once, then brought up to date."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.errors import InsufficientPrivilege, RaiseException

from faxplan import migrations, shipped
from faxplan.errors import FaxplanError, InvalidSetting
from faxplan.migrations import PATIENCE, Migration, Patience, Told

SCHEMA = shipped.folder() / "schema.sql"
ROLES = migrations.MIGRATIONS / "roles.sql"
LOGINS = (
    "faxplan_admin", "faxplan_portal", "faxplan_switch", "faxplan_worker", "faxplan_purge", "faxplan_metrics",
    "faxplan_backup",
)  # fmt: skip


class InstallationRefused(FaxplanError):
    """The server does not let this account make an installation, or has roles of ours with too much power."""

    error_id = "installation-refused"


@dataclass(frozen=True, slots=True)
class Installed:
    """What was done: the database made, and migrations applied to one that was there."""

    created: bool
    applied: tuple[Migration, ...]


def create_installation(
    superuser_url: str,
    database: str,
    *,
    schema: Path = SCHEMA,
    told: Told = lambda _: None,
    patience: Patience = PATIENCE,
) -> Installed:
    """Makes roles and database and loads `schema.sql`; applies migrations to a database that is there already.

    `superuser_url` is any database of the server (libpq URL). Safe to repeat, to interrupt and to call twice at once:
    the database gets its name only when it is complete. Raises DatabaseUnavailable, InstallationRefused and what
    migrations.apply raises.
    """
    server = migrations.connect(superuser_url)
    server.autocommit = True
    try:
        with server.cursor() as cursor:
            # Held until this connection ends. Such a lock belongs to a database, and all callers come by the same one.
            migrations.take_turn(cursor, told, patience.turn_seconds)
            cursor.execute(ROLES.read_text())
            cursor.execute("select exists (select from pg_database where datname = %s)", (database,))
            found = cursor.fetchone() == (True,)
        if found:
            return _migrate(server, superuser_url, database, told, patience)
        _create(server, superuser_url, database, schema)
        return Installed(created=True, applied=())
    except (InsufficientPrivilege, RaiseException) as error:
        raise _refused(error) from error
    finally:
        server.close()


def migrate_installation(
    superuser_url: str, database: str, *, told: Told = lambda _: None, patience: Patience = PATIENCE
) -> Installed:
    """Brings a database that is there to the newest level, with roles that have come since. Errors as above."""
    url_of(superuser_url, database)
    server = migrations.connect(superuser_url)
    server.autocommit = True
    try:
        with server.cursor() as cursor:
            migrations.take_turn(cursor, told, patience.turn_seconds)
            cursor.execute(ROLES.read_text())
        return _migrate(server, superuser_url, database, told, patience)
    except (InsufficientPrivilege, RaiseException) as error:
        raise _refused(error) from error
    finally:
        server.close()


def url_of(url: str, database: str) -> str:
    """A libpq URL with another database in it. Raises InvalidSetting where it is no URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise InvalidSetting("The server is given as a libpq URL, such as postgresql://postgres@db.example/postgres.")
    # Not urlunsplit, which drops the slashes of a URL without a host.
    return f"{parts.scheme}://{parts.netloc}/{quote(database, safe='')}{'?' if parts.query else ''}{parts.query}"


def make_unfinished(server: psycopg2.extensions.connection, database: str) -> str:
    """An empty database of the owner's; its name, which it has until it is complete. One of an earlier run goes."""
    unfinished = f"{database}_unfinished"
    name = sql.Identifier(unfinished)
    with server.cursor() as cursor:
        cursor.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        # libc's C.UTF-8, not the builtin provider's: the latter needs PostgreSQL 17.
        cursor.execute(
            sql.SQL(
                "create database {} owner {} encoding 'UTF8' locale_provider libc locale 'C.UTF-8' template template0"
            ).format(name, sql.Identifier(migrations.OWNER))
        )
    return unfinished


def rename(server: psycopg2.extensions.connection, database: str, to: str) -> None:
    """Gives a database another name; nobody may be connected to it."""
    with server.cursor() as cursor:
        cursor.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(database), sql.Identifier(to)))


def grant_connect(server: psycopg2.extensions.connection, database: str) -> None:
    """Lets our roles and nobody else connect. Not copied from a template, so due after each `create database`."""
    with server.cursor() as cursor:
        name = sql.Identifier(database)
        cursor.execute(sql.SQL("revoke connect, temporary on database {} from public").format(name))
        roles = sql.SQL(", ").join(map(sql.Identifier, LOGINS))
        cursor.execute(sql.SQL("grant connect on database {} to {}").format(name, roles))


def _migrate(
    server: psycopg2.extensions.connection, superuser_url: str, database: str, told: Told, patience: Patience
) -> Installed:
    applied = tuple(migrations.apply(url_of(superuser_url, database), told=told, patience=patience))
    grant_connect(server, database)
    return Installed(created=False, applied=applied)


def _refused(error: psycopg2.Error) -> InstallationRefused:
    """RaiseException is roles.sql's own, about the powers of a role."""
    return InstallationRefused(
        f"PostgreSQL refused: {error.diag.message_primary}. Give the URL of a superuser, such as postgres."
    )


def _create(server: psycopg2.extensions.connection, superuser_url: str, database: str, schema: Path) -> None:
    unfinished = make_unfinished(server, database)
    _load(url_of(superuser_url, unfinished), schema)
    grant_connect(server, unfinished)
    rename(server, unfinished, database)


def _load(url: str, schema: Path) -> None:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(f"set local role {migrations.OWNER}")
            cursor.execute(schema.read_text())
            migrations.record_all(cursor)
    finally:
        connection.close()
