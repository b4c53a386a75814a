"""Brings a database to the level of `schema.sql` by migrations/NNNN_name.sql, in order, each in its own transaction.

What a database has had stands in its table `schema_migration`. A migration runs as faxplan_owner, so the connection
must be a superuser's or a member's of that role. FORCE ROW LEVEL SECURITY also binds the owner: a migration that
changes rows goes tenant by tenant and asserts how many it changed, or it silently changes none.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from faxplan import shipped
from faxplan.db import Transaction
from faxplan.errors import DatabaseUnavailable, FaxplanError

MIGRATIONS = shipped.folder() / "migrations"
OWNER = "faxplan_owner"
# Any number, the same in every Faxplan that may meet another one on this server ("fax" in ASCII).
LOCK = 0x666178
FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")


class MigrationFailed(FaxplanError):
    """A migration could not be applied; the database stands where the one before it left it."""

    error_id = "migration-failed"


class DatabaseNewer(FaxplanError):
    """The database has had migrations that this Faxplan does not know."""

    error_id = "database-newer"


@dataclass(frozen=True)
class Migration:
    """One file; `number` counts from 1 without gaps."""

    number: int
    name: str
    path: Path


def available(folder: Path = MIGRATIONS) -> list[Migration]:
    """Every migration in the folder, in order. Raises MigrationFailed for a gap or a number used twice."""
    found = []
    for path in sorted(folder.glob("[0-9]*.sql")):
        if (parts := FILE_NAME.fullmatch(path.name)) is None:
            raise MigrationFailed(f"{path} is not called NNNN_some_name.sql; rename it.")
        found.append(Migration(int(parts["number"]), parts["name"], path))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationFailed(
            f"The numbers in {folder} have a gap or stand twice; number the files from 0001 without gaps."
        )
    return found


def missing(had: int) -> int:
    """How many migrations a database lacks whose newest has this number; below 0: it is of a newer Faxplan."""
    return len(available()) - had


def level(tx: Transaction) -> int:
    """The number of the newest migration that the database has had."""
    return int(tx.value("select coalesce(max(number), 0) from schema_migration"))


def apply(url: str, folder: Path = MIGRATIONS) -> list[Migration]:
    """Applies what the database at this libpq URL has not had; returns that, in order. Several may call it at once.

    Raises DatabaseUnavailable, MigrationFailed and DatabaseNewer.
    """
    chain = available(folder)
    done = []
    connection = connect(url)
    try:
        while (migration := _apply_next(connection, chain)) is not None:
            done.append(migration)
    finally:
        connection.close()
    return done


def connect(url: str) -> psycopg2.extensions.connection:
    """A connection of its own, for changes to the schema. Raises DatabaseUnavailable."""
    try:
        return psycopg2.connect(url, connect_timeout=5)
    except psycopg2.OperationalError as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise DatabaseUnavailable(
            f"PostgreSQL does not let us in ({reason}). Is it running, and is the URL a superuser's? "
            "Where it knows its superuser by the account: "
            "runuser -u postgres -- faxplan database create --database faxplan"
        ) from error


def record_all(cursor: psycopg2.extensions.cursor, folder: Path = MIGRATIONS) -> None:
    """Notes every migration as had, in the caller's transaction: `schema.sql`, just loaded, contains them all."""
    for migration in available(folder):
        _record(cursor, migration)


def _apply_next(connection: psycopg2.extensions.connection, chain: list[Migration]) -> Migration | None:
    with connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        cursor.execute(f"set local role {OWNER}")
        applied = _applied(cursor)
        if unknown := applied - {migration.number for migration in chain}:
            raise DatabaseNewer(
                f"The database has had migration {max(unknown)}, this Faxplan knows {len(chain)}: "
                "install the Faxplan that made it, or a newer one."
            )
        migration = next((each for each in chain if each.number not in applied), None)
        if migration is not None:
            try:
                cursor.execute(migration.path.read_text())
            except psycopg2.Error as error:
                raise MigrationFailed(f"{migration.path.name} was undone: {str(error).strip()}") from error
            _record(cursor, migration)
        return migration


def _applied(cursor: psycopg2.extensions.cursor) -> set[int]:
    cursor.execute("select to_regclass('public.schema_migration') is not null")
    if cursor.fetchone() == (False,):
        return set()
    cursor.execute("select number from public.schema_migration")
    return {number for (number,) in cursor.fetchall()}


def _record(cursor: psycopg2.extensions.cursor, migration: Migration) -> None:
    cursor.execute(
        "insert into public.schema_migration (number, name) values (%s, %s)", (migration.number, migration.name)
    )
