"""Migrations while others are at work: nobody waits long for one, and none runs that takes away what somebody uses."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

import faxplan
from faxplan import cli, migrations, readiness
from faxplan.db import Database
from faxplan.migration_files import MigrationFailed
from faxplan.migrations import DatabaseNewer, MigrationBlocked, OlderReleaseRuns, Patience, TurnTaken
from tests.installations import Installation
from tests.world import World

LEVEL = len(migrations.available())
SOON = Patience(lock_ms=300, tries=3, first_seconds=0.01, longest_seconds=0.02, apart_ms=400)
ADDS = "alter table tenants add column later integer;"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The migrations that there are."""
    made = tmp_path / "migrations"
    made.mkdir()
    for each in migrations.available():
        (made / each.path.name).symlink_to(each.path)
    return made


def add(folder: Path, text: str, name: str = "later") -> None:
    number = len(list(folder.iterdir())) + 1
    (folder / f"{number:04}_{name}.sql").write_text(text)


@contextmanager
def session(installation: Installation, role: str = "postgres", name: str = "") -> Iterator[psycopg2.extensions.cursor]:
    """One whose transaction is open."""
    connection = psycopg2.connect(installation.url(role), application_name=name)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def value(installation: Installation, sql: str) -> object:
    with session(installation) as cursor:
        cursor.execute(sql)
        return (cursor.fetchone() or (None,))[0]


def has_column(installation: Installation) -> bool:
    found = "select count(*) from pg_attribute where attrelid = 'tenants'::regclass and attname = 'later'"
    return value(installation, found) == 1


def test_one_that_waits_for_a_lock_gives_up_says_for_whom_and_holds_up_nobody(
    installation: Installation, folder: Path
) -> None:
    add(folder, ADDS)
    said: list[str] = []
    with session(installation, "faxplan_portal", "some report") as reader:
        reader.execute("select pg_backend_pid(), count(*) from tenants")
        pid = (reader.fetchone() or (0,))[0]
        with pytest.raises(MigrationBlocked, match=rf"process {pid} \(some report, as faxplan_portal\), in a transac"):
            migrations.apply(installation.url("postgres"), folder, told=said.append, patience=SOON)
        # Those who came meanwhile are served, though the reader still has its lock.
        assert value(installation, "set lock_timeout = '5s'; select count(*) from tenants") == 0
    assert not has_column(installation)
    assert value(installation, "select max(number) from schema_migration") == LEVEL
    assert said[0] == f"{LEVEL + 1:04}_later.sql (1 of 1)"
    assert [line for line in said if "waits for process" in line and "again in" in line]


def test_one_that_gave_way_is_tried_again_until_the_others_have_ended(installation: Installation, folder: Path) -> None:
    add(folder, ADDS)
    with session(installation, "faxplan_portal") as reader:
        reader.execute("select count(*) from tenants")
        end = reader.connection.rollback
        told = when("again in", end)
        applied = migrations.apply(installation.url("postgres"), folder, told=told, patience=SOON)
    assert [each.name for each in applied] == ["later"]
    assert has_column(installation)


def when(words: str, then: Callable[[], object]) -> Callable[[str], None]:
    """Does it when that is told."""
    return lambda said: then() and None if words in said else None


def test_in_a_deadlock_it_is_the_migration_that_is_undone(installation: Installation, folder: Path) -> None:
    """Somebody has one table and wants the other; the migration has that one, and wants the first."""
    add(folder, "lock table mailboxes; select pg_sleep(0.3); alter table tenants add column later integer;")
    errors: list[Exception] = []
    with session(installation, "faxplan_portal") as other:
        other.execute("select count(*) from tenants")

        def want() -> None:
            time.sleep(0.15)
            try:
                other.execute("select count(*) from mailboxes")
                other.connection.commit()
            except psycopg2.Error as error:
                errors.append(error)

        wanting = threading.Thread(target=want)
        wanting.start()
        patience = Patience(lock_ms=5000, tries=5, first_seconds=0.5, longest_seconds=0.5)
        migrations.apply(installation.url("postgres"), folder, patience=patience)
        wanting.join()
    assert errors == []
    assert has_column(installation)


def test_statements_by_themselves_make_an_index_and_make_one_again_that_is_invalid(
    installation: Installation, folder: Path
) -> None:
    add(folder, "-- each statement by itself\ncreate index concurrently faxes_later on faxes (created_at, id);\n")
    said: list[str] = []
    with session(installation, "faxplan_portal") as other:
        # Whoever may see the table as it was holds the index up, not those who read and write.
        other.connection.set_session(isolation_level="REPEATABLE READ")
        other.execute("select count(*) from faxes")
        with pytest.raises(MigrationBlocked, match="as faxplan_portal"):
            migrations.apply(installation.url("postgres"), folder, told=said.append, patience=SOON)
        valid = "select indisvalid from pg_index where indexrelid = to_regclass('faxes_later')"
        assert value(installation, valid) is False
    migrations.apply(installation.url("postgres"), folder, told=said.append, patience=SOON)
    assert value(installation, valid) is True
    assert value(installation, "select relowner::regrole::text from pg_class where relname = 'faxes_later'") == (
        "faxplan_owner"
    )
    assert [line for line in said if "left invalid by a run that was interrupted, and is made again" in line]
    assert migrations.apply(installation.url("postgres"), folder) == []


@pytest.mark.parametrize("statement", ["create index faxes_later on faxes (id)", "update faxes set pages = 1"])
def test_what_cannot_be_repeated_does_not_run_by_itself(
    installation: Installation, folder: Path, statement: str
) -> None:
    add(folder, f"-- each statement by itself\n{statement};\n")
    with pytest.raises(MigrationFailed, match="cannot be repeated after an interruption"):
        migrations.apply(installation.url("postgres"), folder)


def test_what_others_use_is_taken_away_when_they_are_gone(installation: Installation, folder: Path) -> None:
    add(folder, f"-- suits releases that know {LEVEL + 1:04}\ndrop table labels cascade;\n", "contract_labels")
    apply = migrations.apply
    ours = f"faxplan {faxplan.__version__} level"
    for name, role in ((migrations.application_name(), "faxplan_portal"), ("", "faxplan_switch")):
        # This release knows one less than it asks for; and who says nothing is of one from before.
        with session(installation, role, name), pytest.raises(OlderReleaseRuns, match=f"as {role}, since") as refused:
            apply(installation.url("postgres"), folder, patience=SOON)
        assert (f"{ours} {LEVEL}" in str(refused.value)) is (role == "faxplan_portal")
    assert value(installation, "select to_regclass('labels') is not null") is True
    with session(installation, "faxplan_portal", f"{ours} {LEVEL + 1}"), session(installation, "faxplan_backup"):
        apply(installation.url("postgres"), folder, patience=SOON)
    assert value(installation, "select to_regclass('labels') is null") is True


def test_a_contraction_says_whom_it_suits(installation: Installation, folder: Path) -> None:
    add(folder, "drop table labels cascade;", "contract_labels")
    with pytest.raises(MigrationFailed, match="suits releases that know 0095"):
        migrations.apply(installation.url("postgres"), folder)


def test_every_connection_of_ours_says_of_which_release_it_is(installation: Installation) -> None:
    db = Database(installation.url("faxplan_portal"), max_connections=1)
    try:
        with db.across_tenants() as tx:
            name = tx.value("select application_name from pg_stat_activity where pid = pg_backend_pid()")
    finally:
        db.close()
    assert name == f"faxplan {faxplan.__version__} level {LEVEL}"


def test_a_database_that_is_newer_by_what_it_has_more_of_is_worked_with(world: World, folder: Path) -> None:
    url = world.installation.url("postgres")
    add(folder, ADDS)
    migrations.apply(url, folder)
    assert migrations.apply(url) == []
    assert not [each for each in readiness.missing(world.metrics, world.store) if "newer" in each or "behind" in each]
    add(folder, f"-- suits releases that know {LEVEL:04}\nselect 1;", "contract_it")
    migrations.apply(url, folder)
    with pytest.raises(DatabaseNewer, match=f"migration {LEVEL + 2}, which took away"):
        migrations.apply(url)
    assert any("newer" in each for each in readiness.missing(world.metrics, world.store))


def test_a_connection_that_ends_is_told_as_that(installation: Installation, folder: Path) -> None:
    add(folder, f"reset role; {ADDS} select pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(MigrationFailed, match=r"0\d+_later.sql was undone: (server closed|terminating)"):
        migrations.apply(installation.url("postgres"), folder, patience=SOON)
    assert not has_column(installation)


def test_a_connection_that_ends_between_statements_has_left_what_the_next_run_goes_on_from(
    installation: Installation, folder: Path
) -> None:
    # The first statement waits for a writer; meanwhile somebody ends the connection of the migration.
    first, second = (
        "create index concurrently if not exists later on faxes (id);",
        "drop index concurrently if exists x;",
    )
    add(folder, f"-- each statement by itself\n{first}\n{second}")
    ended: list[object] = []

    def end() -> None:
        found = """select count(pg_terminate_backend(pid)) from pg_stat_activity
                   where application_name like '%migrating' and query like 'create index%'"""
        while not any(ended):
            ended.append(value(installation, found))

    with session(installation) as writer:
        writer.execute("lock table faxes in row exclusive mode")
        killer = threading.Thread(target=end)
        killer.start()
        with pytest.raises(
            MigrationFailed, match=r"was not finished, and goes on when it is run again: (server closed|terminating)"
        ):
            migrations.apply(installation.url("postgres"), folder, patience=Patience(apart_ms=20_000))
        killer.join()
    assert [each.number for each in migrations.apply(installation.url("postgres"), folder, patience=SOON)] == [
        LEVEL + 1
    ]


def test_who_waits_for_another_one_s_turn_is_told_whose_it_is_and_waits_as_long_as_is_said(
    installation: Installation,
) -> None:
    said: list[str] = []
    url = installation.cluster.superuser_url()
    with session(installation, name="somebody's upgrade") as other:
        other.connection.autocommit = True
        migrations.take_turn(other)
        other.execute("select pg_backend_pid()")
        whose = rf"process {(other.fetchone() or (0,))[0]} \(somebody's upgrade, as postgres\), connected since 20\d\d-"
        for seconds in (0, 0.5):
            with pytest.raises(TurnTaken, match=whose):
                migrations.apply(
                    installation.url("postgres"), told=said.append, patience=Patience(turn_seconds=seconds)
                )
        assert [bool(re.match(rf"waits for its turn, which {whose}", line)) for line in said] == [True]
        # Whoever waits for as long as it takes goes on when the other one has ended.
        told = when("waits for its turn", other.connection.close)
        assert migrations.apply(installation.url("postgres"), told=told) == []
    # The commands say it with 3: it may be tried again.
    with psycopg2.connect(url) as server, server.cursor() as other:
        migrations.take_turn(other)
        for command in ("create", "migrate"):
            for how in (["--no-wait"], ["--wait", "0"]):
                words = ["database", command, "--superuser-url", url, "--database", installation.database, *how]
                assert cli.main(words) == 3
    server.close()
