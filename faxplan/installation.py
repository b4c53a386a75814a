"""Faxplan's roles and database on a PostgreSQL server: made once, then brought up to date."""

from pathlib import Path

import psycopg2
from psycopg2 import sql

from faxplan import migrations

SCHEMA = migrations.PROJECT / "schema.sql"
ROLES = migrations.MIGRATIONS / "roles.sql"
LOGINS = ("faxplan_admin", "faxplan_portal", "faxplan_switch", "faxplan_worker", "faxplan_backup")


def create_installation(superuser_url: str, database: str, *, schema: Path = SCHEMA) -> None:
    """Makes roles and database and loads `schema.sql`; applies migrations to a database that is there already.

    `superuser_url` is any database of the server (libpq URL). Safe to repeat, to interrupt and to call twice at once:
    the database gets its name only when it is complete.
    """
    server = psycopg2.connect(superuser_url)
    server.autocommit = True
    try:
        with server.cursor() as cursor:
            # Held until this connection ends. Such a lock belongs to a database, and all callers come by the same one.
            cursor.execute("select pg_advisory_lock(%s)", (migrations.LOCK,))
            cursor.execute(ROLES.read_text())
            cursor.execute("select exists (select from pg_database where datname = %s)", (database,))
            found = cursor.fetchone() == (True,)
        if found:
            migrations.apply(psycopg2.extensions.make_dsn(superuser_url, dbname=database))
        else:
            _create(server, superuser_url, database, schema)
    finally:
        server.close()


def grant_connect(server: psycopg2.extensions.connection, database: str) -> None:
    """Lets our roles and nobody else connect. Not copied from a template, so due after each `create database`."""
    with server.cursor() as cursor:
        name = sql.Identifier(database)
        cursor.execute(sql.SQL("revoke connect, temporary on database {} from public").format(name))
        roles = sql.SQL(", ").join(map(sql.Identifier, LOGINS))
        cursor.execute(sql.SQL("grant connect on database {} to {}").format(name, roles))


def _create(server: psycopg2.extensions.connection, superuser_url: str, database: str, schema: Path) -> None:
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
    _load(psycopg2.extensions.make_dsn(superuser_url, dbname=unfinished), schema)
    grant_connect(server, unfinished)
    with server.cursor() as cursor:
        cursor.execute(sql.SQL("alter database {} rename to {}").format(name, sql.Identifier(database)))


def _load(url: str, schema: Path) -> None:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(f"set local role {migrations.OWNER}")
            cursor.execute(schema.read_text())
            migrations.record_all(cursor)
    finally:
        connection.close()
