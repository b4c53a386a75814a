"""Brings a database to the level of `schema.sql` by its migrations (migration_files), in order, while all else runs.

What a database has had stands in its table `schema_migration`. A migration runs as faxplan_owner, so the connection
must be a superuser's or a member's of that role. FORCE ROW LEVEL SECURITY also binds the owner: a migration that
changes rows goes tenant by tenant and asserts how many it changed, or it silently changes none.

Whoever waits for a table's lock makes all others wait who come later, so a migration waits for a moment only, is
undone, and is tried again. The moment is shorter than an incoming call waits for the database (lookup_seconds), and
than PostgreSQL takes to look for a deadlock on behalf of anybody else, who then would be the one whose work is undone.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.errors import DeadlockDetected, LockNotAvailable

import faxplan
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.lock_holders import Holder, Watch, of_turn
from faxplan.migration_files import CONTRACTS, INDEX, MIGRATIONS, Migration, MigrationFailed, available

if TYPE_CHECKING:
    from faxplan.db import Transaction

__all__ = ["MIGRATIONS", "OWNER", "Migration", "MigrationFailed", "apply", "available"]

OWNER = "faxplan_owner"
# Any number, the same in every Faxplan that may meet another one on this server ("fax" in ASCII).
LOCK = 0x666178
Told = Callable[[str], None]
_TURN_SECONDS = 0.2
_TOLD_SECONDS = 30.0
_KNOWS = re.compile(r"faxplan \S+ level (\d+)")
_LOOK_FOR_DEADLOCK = "10ms"


class DatabaseNewer(FaxplanError):
    """The database has had migrations that this Faxplan does not know, and that took away what it uses."""

    error_id = "database-newer"


class MigrationBlocked(FaxplanError):
    """A migration did not get the locks that it needs; the database stands where the one before it left it."""

    error_id = "migration-blocked"
    retryable = True


class TurnTaken(FaxplanError):
    """Somebody else makes, migrates or restores a database of this server, longer than we were to wait."""

    error_id = "migration-runs"
    retryable = True


class OlderReleaseRuns(FaxplanError):
    """A migration takes away what a process that is alive still uses."""

    error_id = "older-release-runs"
    retryable = True


@dataclass(frozen=True)
class Patience:
    """lock_ms: the longest wait for one lock. tries: of each migration, with a pause between them that doubles, up to
    longest_seconds: some five minutes in all. apart_ms: the wait of a statement by itself, whose wait holds up nobody.
    turn_seconds: the longest wait for others who migrate; None: as long as they take.
    """

    lock_ms: int = 800
    tries: int = 36
    first_seconds: float = 0.25
    longest_seconds: float = 10
    apart_ms: int = 120_000
    turn_seconds: float | None = None


PATIENCE = Patience()
"""What is usual."""


@dataclass(frozen=True)
class Standing:
    """Of a database, beside what this Faxplan knows. behind: how many migrations it lacks. ahead: how many it has had
    that are not known here. contracted: those of them that took something away, by name."""

    behind: int
    ahead: int
    contracted: tuple[str, ...]

    @property
    def suits(self) -> bool:
        """Whether this Faxplan works with it: one that is newer by what it has more of, it does."""
        return self.behind == 0 and not self.contracted


HAD = """select coalesce(max(number), 0) as had,
                coalesce(array_agg(name order by number) filter (where number > %(known)s
                         and starts_with(name, %(contracts)s)), '{}') as contracted
         from public.schema_migration"""
"""Whoever may read schema_migration asks it, with `known()`."""


@cache
def _newest() -> int:
    """The level of the release that this process runs, whatever is installed beside it meanwhile."""
    return len(available())


def known() -> dict[str, object]:
    """Parameters of HAD."""
    return {"known": len(available()), "contracts": CONTRACTS}


def standing(had: int, contracted: list[str]) -> Standing:
    """The columns of HAD."""
    missing = len(available()) - had
    return Standing(max(missing, 0), max(-missing, 0), tuple(contracted))


def application_name() -> str:
    """By which PostgreSQL tells our connections, and a migration who is too old for it."""
    return f"faxplan {faxplan.__version__} level {_newest()}"


def level(tx: "Transaction") -> int:
    """The number of the newest migration that the database has had."""
    return int(tx.value("select coalesce(max(number), 0) from schema_migration"))


def contracted_beyond(tx: "Transaction", level: int) -> list[str]:
    """What the database has had of migrations that took something away, and that a release of `level` does not know."""
    rows = tx.rows(
        """select to_char(number, 'FM0000') || '_' || name as file from schema_migration
           where number > %s and starts_with(name, %s) order by number""",
        (level, CONTRACTS),
    )
    return [row["file"] for row in rows]


def apply(
    url: str, folder: Path = MIGRATIONS, *, told: Told = lambda _: None, patience: Patience = PATIENCE
) -> list[Migration]:
    """Applies what the database at this libpq URL has not had; returns that, in order. Several may call it at once.

    told: what goes on, for people. Raises DatabaseUnavailable, MigrationFailed, MigrationBlocked, OlderReleaseRuns,
    TurnTaken and DatabaseNewer.
    """
    chain = available(folder)
    connection = connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            take_turn(cursor, told, patience.turn_seconds)
            applied = _applied(cursor)
            if unknown := {number: name for number, name in applied.items() if number > len(chain)}:
                _refuse_newer(unknown, len(chain))
            due = [each for each in chain if each.number not in applied]
            _make_us_give_way(cursor)
        for count, migration in enumerate(due, 1):
            told(f"{migration.path.name} ({count} of {len(due)})")
            _apply(connection, url, migration, told, patience)
    finally:
        connection.close()
    return due


def connect(url: str, what: str = "migrating") -> psycopg2.extensions.connection:
    """A connection of its own, for changes to the schema. what: as PostgreSQL is to show it. Raises
    DatabaseUnavailable."""
    try:
        return psycopg2.connect(url, connect_timeout=5, application_name=f"{application_name()}, {what}")
    except psycopg2.OperationalError as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise DatabaseUnavailable(
            f"PostgreSQL does not let us in ({reason}). Is it running, and is the URL a superuser's? "
            "Where it knows its superuser by the account: "
            "runuser -u postgres -- faxplan database create --database faxplan"
        ) from error


def take_turn(
    cursor: psycopg2.extensions.cursor,
    told: Told = lambda _: None,
    seconds: float | None = None,
    *,
    shared: bool = False,
) -> None:
    """Among those who make and migrate: until the connection ends, in autocommit. shared: beside others who only read,
    as for a backup, whose schema is not to change meanwhile.

    told: for whom it waits, every half minute. seconds: the longest wait, None for as long as it takes; then TurnTaken.
    Asked again and again: an index that is made beside all else waits for every statement that runs, so for one that
    waits for its turn here, too.
    """
    began, next_told = time.monotonic(), 0.0
    while True:
        cursor.execute(f"select pg_try_advisory_lock{'_shared' if shared else ''}(%s)", (LOCK,))
        if cursor.fetchone() == (True,):
            return
        waited = time.monotonic() - began
        is_over = seconds is not None and waited >= seconds
        if (is_over or waited >= next_told) and (holder := of_turn(cursor, LOCK)) is not None:
            if is_over:
                raise TurnTaken(
                    f"Another one makes, migrates, restores or backs up this database: {holder.words}. Wait for its "
                    f"end; if it does nothing any more: select pg_terminate_backend({holder.pid})"
                )
            told(f"waits for its turn, which {holder.words} has")
            next_told = waited + _TOLD_SECONDS
        time.sleep(_TURN_SECONDS)


def record_all(cursor: psycopg2.extensions.cursor, folder: Path = MIGRATIONS) -> None:
    """Notes every migration as had, in the caller's transaction: `schema.sql`, just loaded, contains them all."""
    for migration in available(folder):
        _record(cursor, migration)


def _apply(
    connection: psycopg2.extensions.connection, url: str, migration: Migration, told: Told, patience: Patience
) -> None:
    pause = patience.first_seconds
    for tries in range(1, patience.tries + 1):
        with Watch(url, connection.get_backend_pid(), lambda words: told(f"{migration.path.name}: {words}")) as watch:
            try:
                with connection.cursor() as cursor:
                    _refuse_while_older_run(cursor, migration)
                if migration.is_apart:
                    _each_by_itself(connection, migration, told, patience)
                else:
                    _in_one(connection, migration, patience)
                return
            except (LockNotAvailable, DeadlockDetected):
                pass
            except psycopg2.Error as error:
                left = "was not finished, and goes on when it is run again" if migration.is_apart else "was undone"
                raise MigrationFailed(f"{migration.path.name} {left}: {str(_first(error)).strip()}") from error
        if tries < patience.tries:
            told(f"{migration.path.name} waits for {watch.words}; again in {pause:.3g} s")
            time.sleep(pause)
            pause = min(2 * pause, patience.longest_seconds)
    raise MigrationBlocked(
        f"{migration.path.name} did not get its locks in {patience.tries} tries, and was undone each time. They are "
        f"held by {watch.words}. End it (select pg_terminate_backend(PROCESS)) or wait for its end; then migrate again."
    )


def _first(error: BaseException) -> BaseException:
    """What came before all that failed because of it, such as a rollback where the connection is gone."""
    while isinstance(error.__context__, psycopg2.Error):
        error = error.__context__
    return error


def _in_one(connection: psycopg2.extensions.connection, migration: Migration, patience: Patience) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(f"set local role {OWNER}")
        cursor.execute("select set_config('lock_timeout', %s, true)", (f"{patience.lock_ms}ms",))
        cursor.execute(migration.text)
        _record(cursor, migration)


def _each_by_itself(
    connection: psycopg2.extensions.connection, migration: Migration, told: Told, patience: Patience
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"set role {OWNER}")
        cursor.execute("select set_config('lock_timeout', %s, false)", (f"{patience.apart_ms}ms",))
        try:
            for statement in migration.statements:
                index = INDEX.match(statement.lower())
                if index is None or not _is_there(cursor, index["name"], migration, told):
                    cursor.execute(statement)
            _record(cursor, migration)
        finally:
            cursor.execute("reset role; reset lock_timeout")


def _is_there(cursor: psycopg2.extensions.cursor, index: str, migration: Migration, told: Told) -> bool:
    """Whether an index is there and whole. What an interrupted run has left of it is removed: no query uses it, and
    every change pays for it."""
    cursor.execute("select indisvalid from pg_index where indexrelid = to_regclass(%s)", (f"public.{index}",))
    found = cursor.fetchone()
    if found != (False,):
        return found is not None
    told(f"{migration.path.name}: {index} was left invalid by a run that was interrupted, and is made again")
    cursor.execute(f"drop index concurrently public.{index}")
    return False


def _make_us_give_way(cursor: psycopg2.extensions.cursor) -> None:
    """In a deadlock it is the migration that is undone: it can be repeated, and whoever it meets need not be."""
    cursor.execute("select current_setting('is_superuser')")
    if cursor.fetchone() == ("on",):
        cursor.execute(f"set deadlock_timeout = '{_LOOK_FOR_DEADLOCK}'")
    # Should we be killed, a statement of ours ends, too.
    cursor.execute("set client_connection_check_interval = '5s'")


def _refuse_newer(unknown: dict[int, str], level: int) -> None:
    took_away = [number for number, name in unknown.items() if name.startswith(CONTRACTS)]
    if took_away:
        raise DatabaseNewer(
            f"The database has had migration {max(took_away)}, which took away what this Faxplan uses (it knows "
            f"{level}): install the Faxplan that made it, or a newer one."
        )


def _refuse_while_older_run(cursor: psycopg2.extensions.cursor, migration: Migration) -> None:
    """Processes without our name are of a release that did not give it yet, or a person's; those are named, too."""
    if not (needed := migration.suits):
        return
    cursor.execute(
        """select pid, usename, application_name, to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                  coalesce(state, '')
           from pg_stat_activity
           where datname = current_database() and starts_with(usename, 'faxplan_') and pid <> pg_backend_pid()
             and usename <> 'faxplan_backup'"""
    )
    older = [each for each in (Holder(*row) for row in cursor.fetchall()) if _level_of(each.application) < needed]
    if older:
        shown = "; ".join(
            f"process {each.pid} ({each.application or 'without a name'}, as {each.role}, since {each.since} UTC)"
            for each in older
        )
        raise OlderReleaseRuns(
            f"{migration.path.name} takes away what releases use that do not know migration {needed}, and of these "
            f"run: {shown}. Bring each machine to this release and start its processes again, then migrate again."
        )


def _level_of(application: str) -> int:
    found = _KNOWS.match(application)
    return int(found[1]) if found else 0


def _applied(cursor: psycopg2.extensions.cursor) -> dict[int, str]:
    cursor.execute("select to_regclass('public.schema_migration') is not null")
    if cursor.fetchone() == (False,):
        return {}
    cursor.execute("select number, name from public.schema_migration")
    return dict(cursor.fetchall())


def _record(cursor: psycopg2.extensions.cursor, migration: Migration) -> None:
    cursor.execute(
        "insert into public.schema_migration (number, name) values (%s, %s)", (migration.number, migration.name)
    )
