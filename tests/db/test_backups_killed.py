"""`faxplan backup`, `restore` and `import`, killed before each change that they make, and said again."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import psycopg2
import pytest

from faxplan import backup_manifest, backups, cli, import_entering, migrations, restoring
from faxplan.backup_manifest import NotABackup
from faxplan.db import Database, Transaction
from faxplan.installation import url_of
from faxplan.key_folder import KeyFolder
from faxplan.migrations import TurnTaken
from tests.db.test_backups import backed_up, objects, said
from tests.db.test_import import GERMANY, NEW
from tests.installations import Installation, Installations, server
from tests.killed import HOW_MANY, STEP, changes, chosen, kill_before
from tests.world import World

__all__ = ["backed_up"]


class Counted(psycopg2.extensions.cursor):
    """Each statement is a step."""

    def execute(self, *given: Any) -> None:
        sys.audit(STEP, str(given[0])[:60])
        super().execute(*given)


def counted(work: Callable[[], object]) -> Callable[[], None]:
    """With a step before each statement to PostgreSQL; for a fork."""

    def done() -> None:
        connect, run = migrations.connect, Transaction._send

        def connected(*given: str) -> Any:
            made = connect(*given)
            made.cursor_factory = Counted
            return made

        def sent(self: Transaction, statements: list[bytes]) -> Any:
            sys.audit(STEP, str(statements[-1])[:60])
            return run(self, statements)

        migrations.connect = connected
        Transaction._send = sent  # type: ignore[method-assign]
        assert work() == 0

    return done


@HOW_MANY
def test_a_backup_killed_anywhere_has_no_name_and_is_taken_by_the_next(
    backed_up: tuple[World, Path], capfd: pytest.CaptureFixture[str], some: int | None
) -> None:
    _, one = backed_up
    two, half = one.with_name("two"), one.with_name(".two.unfinished")
    words = ["backup", str(two), "--link-dest", str(one)]
    count = len(changes(counted(lambda: cli.main(words))))
    names = {path.relative_to(two) for path in two.rglob("*")}
    assert count > 10
    for number in chosen(count, some, 3):
        shutil.rmtree(two, ignore_errors=True)
        assert kill_before(counted(lambda: cli.main(words)), number)
        if two.exists():
            # The audit alone does not say so.
            assert "is whole" in said(capfd, "backup", "verify", two)
            continue
        if half.exists():
            assert "never finished" in said(capfd, "backup", "verify", half, code=1)
            with pytest.raises(NotABackup):
                backup_manifest.read(half)
        said(capfd, *words)
        assert "is whole" in said(capfd, "backup", "verify", two)
        assert {path.relative_to(two) for path in two.rglob("*")} == names
        assert not half.exists()


class Place:
    """Where a backup is restored: a database that is not there yet, and a machine with a key of a day."""

    def __init__(self, on: Installation, folder: Path, backup: Path) -> None:
        self.on, self.state, self.backup = on, folder / on.database, backup
        self.keys = KeyFolder(self.state / "keys")
        (self.state / "keys" / "mailer").mkdir(parents=True)
        self.keys.make()

    @property
    def words(self) -> list[str]:
        url = self.on.cluster.superuser_url()
        return ["restore", str(self.backup), "--reason", "a test", "--superuser-url", url]

    @contextmanager
    def here(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FAXPLAN_DATABASE_URL", self.on.url(""))
            patch.setenv("FAXPLAN_STATE_DIR", str(self.state))
            yield

    def databases(self) -> list[str]:
        with server(self.on.cluster) as cursor:
            cursor.execute(
                "select datname from pg_database where starts_with(datname, %s) order by 1", (self.on.database,)
            )
            return [name.removeprefix(self.on.database) for (name,) in cursor.fetchall()]

    def is_restored(self, audited: int = 1) -> None:
        """To the end, and once."""
        assert {path.name for path in objects(self.backup)} == {
            path.name for path in (self.state / "store").rglob("*") if len(path.name) == 32
        }
        assert (self.state / "store" / ".faxplan-store").exists()
        assert not (self.state / "store" / ".restoring").exists()
        assert self.keys.held() == []
        with psycopg2.connect(self.on.url("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("select (select count(*) from tenants), count(*) from audit where action = 'audit.restored'")
            assert cursor.fetchone() == (2, audited)
        connection.close()


@pytest.fixture
def places(
    backed_up: tuple[World, Path], all_installations: Installations, tmp_path: Path
) -> Iterator[Callable[[], Place]]:
    made: list[Installation] = []

    def place() -> Place:
        made.append(all_installations.unused())
        return Place(made[-1], tmp_path, backed_up[1])

    yield place
    for each in made:
        each.dispose()
        for more in ("_unfinished", "_empty", "_before"):
            Installation(each.cluster, f"{each.database}{more}").dispose()


@HOW_MANY
def test_a_restore_killed_anywhere_is_brought_to_its_end_by_the_same_command(
    places: Callable[[], Place], capfd: pytest.CaptureFixture[str], some: int | None
) -> None:
    place = places()
    with place.here():
        count = len(changes(counted(lambda: cli.main(place.words))))
    place.is_restored()
    assert count > 30
    for number in chosen(count, some and 1, 5):
        place = places()
        with place.here():
            assert kill_before(counted(partial(cli.main, place.words)), number)
            # Where the audit says so already nothing was left to do.
            if is_over(place):
                assert "has 2 tenants" in said(capfd, *place.words, code=1)
            else:
                assert "faxplan doctor --adopt" in said(capfd, *place.words), number
            place.is_restored()
            assert place.databases() == [""], number


def is_over(place: Place) -> bool:
    if "" not in place.databases():
        return False
    with psycopg2.connect(place.on.url("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from audit where action = 'audit.restored'")
        found = cursor.fetchone() == (1,)
    connection.close()
    return found


def test_a_restore_killed_as_documents_come_back_goes_on(
    places: Callable[[], Place], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the marker is there, by which a folder is known to be the store."""
    place = places()
    brought = restoring._bring

    def bring(reader: BinaryIO, target: Path) -> None:
        brought(reader, target)
        if len(list(target.parents[1].rglob("*"))) > 3:
            os.kill(os.getpid(), signal.SIGKILL)

    with place.here():
        with monkeypatch.context() as patch:
            patch.setattr(restoring, "_bring", bring)
            assert kill_before(partial(cli.main, place.words), 1_000_000)
        assert (place.databases(), (place.state / "store" / ".faxplan-store").exists()) == ([], False)
        assert any(len(path.name) == 32 for path in (place.state / "store").rglob("*"))
        said(capfd, *place.words)
    place.is_restored()


def test_one_killed_between_database_and_keys_is_said_again_with_what_was_put_aside(
    places: Callable[[], Place], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = places()
    with place.here():
        said(capfd, *place.words)
        place.keys.make()
        before = f"{place.on.database}_before"
        words = [*place.words, "--replace-as", before]
        # Its first change to a key.
        with monkeypatch.context() as patch:
            patch.setattr(KeyFolder, "destroy", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            assert kill_before(counted(lambda: cli.main(words)), 1_000_000)
        assert (place.databases(), len(place.keys.held())) == (["", "_before"], 1)
        assert "stays: a restore of this backup that was cut off" in said(capfd, *words, "--dry-run")
        said(capfd, *words)
        place.is_restored()
        # It has come to its end: the next one would be another.
        assert f"There is a database {before} already" in said(capfd, *words, code=1)
        assert "has 2 tenants" in said(capfd, *place.words, code=1)
    with psycopg2.connect(url_of(place.on.url("postgres"), before)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from tenants")
        assert cursor.fetchone() == (2,)
    connection.close()


@HOW_MANY
def test_an_import_killed_anywhere_is_finished_by_the_next(world: World, some: int | None) -> None:
    url = world.settings.database_url_for

    def entered() -> import_entering.Outcome:
        admin, portal = Database(url("admin")), Database(url("portal"))
        try:
            return import_entering.enter(admin, portal, "administrator:root", "ictfax", NEW, GERMANY)
        finally:
            admin.close()
            portal.close()

    def there() -> bool:
        with world.admin.across_tenants() as tx:
            return tx.row("select 1 from tenants where slug = 'new'") is not None

    stride, killed = (1, 0) if some is None else (20, 0)
    for phase in (lambda: not there(), there):
        # The organisation is one transaction, contacts are others.
        number = 0
        while phase() and kill_before(counted(lambda: 0 if entered() else 1), number):
            number, killed = number + stride, killed + 1
    assert killed > 2
    again = entered()
    assert again.new == dict.fromkeys(import_entering.KINDS, 0)
    assert again.there == {"tenant": 1, "user": 2, "mailbox": 1, "reader": 2, "number": 2, "contact": 2}


def test_a_backup_and_a_migration_take_turns(
    backed_up: tuple[World, Path], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the dump is of, its manifest says."""
    world, one = backed_up
    dump, turns = backups.dump, []

    def dumped(*given: Any) -> None:
        with pytest.raises(TurnTaken, match=r"process \d+ \(faxplan \S+ level \d+, backing up, as faxplan_backup"):
            migrations.apply(world.installation.url("postgres"), patience=migrations.Patience(turn_seconds=0))
        turns.append(True)
        dump(*given)

    monkeypatch.setattr(backups, "dump", dumped)
    said(capfd, "backup", one.with_name("two"))
    assert turns == [True]
    assert migrations.apply(world.installation.url("postgres")) == []
