"""What was done to a chain shows, and where; and the hash is one that anybody can reckon."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from faxplan import audit, audit_chain, audit_export, audit_form, migrations
from faxplan.audit_chain import CHANGED, HEAD, MISSING, OUT_OF_PLACE, TAIL
from faxplan.db import Database
from tests.audits import found, tamper, write
from tests.faxes import in_threads
from tests.installations import Installation, Installations, server
from tests.world import World

VERIFY_EXPORT = Path(__file__).parents[2] / "docs" / "audit" / "verify_export.py"


@pytest.fixture
def acme(world: World) -> int:
    """Its chain has nine rows, and another tenant's and the installation's have some."""
    write(world, audit.INSTALLATION, 2)
    write(world, world.borea.tenant.id, 3)
    write(world, world.acme.tenant.id, 9)
    return world.acme.tenant.id


def rows_of(world: World, tenant_id: int) -> list[dict[str, object]]:
    with world.admin.tenant(tenant_id) as tx:
        return list(audit_chain.rows(tx, tenant_id))


def test_a_chain_that_nobody_touched_is_whole(world: World, acme: int) -> None:
    assert found(world) == []
    told: list[int] = []
    with world.admin.tenant(acme) as tx:
        checked = audit_chain.check(tx, acme, {4, 9, 10}, told.append)
    rows = rows_of(world, acme)
    assert (checked.rows, checked.last_hash, checked.fault) == (9, rows[-1]["hash"], None)
    assert checked.marks == {4: rows[3]["hash"], 9: rows[8]["hash"]}
    assert sum(told) == 9


def test_a_hash_is_reckoned_by_hand(world: World) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        audit.record(
            tx, world.acme.tenant.id, actor="user:1", action="fax.view", object="fax:ü", address="192.0.2.1", n=1
        )
    (row,) = rows_of(world, world.acme.tenant.id)
    details = hashlib.sha256(b'{"n": 1}').hexdigest()
    tenant = str(world.acme.tenant.id)
    text = (
        f"15:faxplan-audit-2,{len(tenant)}:{tenant},1:1,27:{row['at']},6:user:1,0:,9:192.0.2.1,8:fax.view,6:fax:ü,"
        f"4:done,64:{details},0:,"
    )
    assert row["hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert row["form"] == audit_form.FORM


def test_an_administrator_is_authenticated_by_his_account(world: World) -> None:
    for actor in ("administrator:root", "switch:node1"):
        with world.admin.across_tenants() as tx:
            audit.record(tx, audit.INSTALLATION, actor=actor, action="a.b", object="c")
    assert [row["authenticated"] for row in rows_of(world, 0)][-2:] == ["machine-account", ""]


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'user:18'",
        "at = at + interval '1 microsecond'",
        "authenticated = ''",
        "address = '2001:db8::8'",
        "action = action || ' '",
        "object = 'fax:1'",
        "result = 'failed'",
        "details = details || '{\"ratio\": 1.50000}'",
        "details = details - 'nothing'",
        # Moved from one column into the next: the whole text is the same.
        "actor = actor || authenticated, authenticated = ''",
        "form = 1",
        "form = 3",
        "hash = repeat('0', 64)",
    ],
)
def test_a_changed_row_is_named(world: World, acme: int, change: str) -> None:
    tamper(world, f"update audit set {change} where tenant_id = {acme} and sequence = 5")
    assert found(world) == [(acme, 5, CHANGED)]
    assert found(world, tenant_id=world.borea.tenant.id) == []


def test_a_row_that_was_taken_out_is_named(world: World, acme: int) -> None:
    tamper(world, f"delete from audit where tenant_id = {acme} and sequence in (4, 5)")
    assert found(world) == [(acme, 4, MISSING)]


def test_the_first_row_too(world: World, acme: int) -> None:
    tamper(world, f"delete from audit where tenant_id = {acme} and sequence = 1")
    assert found(world) == [(acme, 1, MISSING)]


def test_numbers_moved_up_after_a_deletion_hide_nothing(world: World, acme: int) -> None:
    tamper(
        world,
        f"delete from audit where tenant_id = {acme} and sequence = 5",
        # One by one, since the key is unique at each moment.
        *(f"update audit set sequence = {n - 1} where tenant_id = {acme} and sequence = {n}" for n in range(6, 10)),
        f"update audit_heads set sequence = 8 where tenant_id = {acme}",
    )
    assert found(world) == [(acme, 5, OUT_OF_PLACE)]


def test_a_row_that_was_put_in_is_named(world: World, acme: int) -> None:
    tamper(
        world,
        *(f"update audit set sequence = {n + 1} where tenant_id = {acme} and sequence = {n}" for n in range(9, 4, -1)),
        f"""insert into audit select tenant_id, 5, at, actor, action, object, result, details, previous_hash, hash,
                                     authenticated, address, form
            from audit where tenant_id = {acme} and sequence = 4""",
        f"update audit_heads set sequence = 10 where tenant_id = {acme}",
    )
    assert found(world) == [(acme, 5, OUT_OF_PLACE)]


@pytest.mark.parametrize("sequence", [0, -3])
def test_a_row_that_was_put_in_before_the_first_is_named(world: World, acme: int, sequence: int) -> None:
    tamper(
        world,
        f"""insert into audit select tenant_id, {sequence}, at, actor, action, object, result, details, '', hash
            from audit where tenant_id = {acme} and sequence = 1""",
    )
    assert found(world) == [(acme, sequence, OUT_OF_PLACE)]


def test_two_rows_that_changed_places_are_named(world: World, acme: int) -> None:
    tamper(
        world,
        f"update audit set sequence = -1 where tenant_id = {acme} and sequence = 4",
        f"update audit set sequence = 4 where tenant_id = {acme} and sequence = 7",
        f"update audit set sequence = 7 where tenant_id = {acme} and sequence = -1",
    )
    assert found(world) == [(acme, 4, OUT_OF_PLACE)]


def test_a_row_of_another_chain_in_the_place_of_ones_own_is_named(world: World, acme: int) -> None:
    tamper(
        world,
        f"delete from audit where tenant_id = {acme} and sequence = 1",
        f"update audit set tenant_id = {acme} where tenant_id = {world.borea.tenant.id} and sequence = 1",
    )
    assert found(world, tenant_id=acme) == [(acme, 1, CHANGED)]


def test_a_tail_that_is_missing_is_named(world: World, acme: int) -> None:
    tamper(world, f"delete from audit where tenant_id = {acme} and sequence > 7")
    assert found(world) == [(acme, 8, TAIL)]


def test_a_chain_that_is_gone_but_for_its_head_is_named(world: World, acme: int) -> None:
    tamper(world, f"delete from audit where tenant_id = {acme}")
    assert found(world) == [(acme, 1, TAIL)]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("delete from audit_heads where tenant_id = {}", (10, HEAD)),
        ("update audit_heads set hash = repeat('0', 64) where tenant_id = {}", (9, HEAD)),
        ("update audit_heads set sequence = 8 where tenant_id = {}", (9, OUT_OF_PLACE)),
    ],
)
def test_a_head_that_is_wrong_is_named(world: World, acme: int, change: str, fault: tuple[int, str]) -> None:
    tamper(world, change.format(acme))
    assert found(world) == [(acme, *fault)]


def test_only_the_first_fault_of_a_chain_is_told_and_each_chains(world: World, acme: int) -> None:
    tamper(world, "update audit set actor = 'nobody' where sequence in (2, 3)")
    assert found(world) == [(each, 2, CHANGED) for each in sorted((0, acme, world.borea.tenant.id))]


def test_a_tenant_verifies_its_own_chain_and_sees_no_other(world: World, acme: int) -> None:
    with world.portal.tenant(acme) as tx:
        assert audit_chain.check(tx, acme, (), lambda _: None).rows == 9
    for other in (0, world.borea.tenant.id):
        with world.portal.tenant(acme) as tx:
            assert audit_chain.check(tx, other, (), lambda _: None).rows == 0


def test_many_writers_at_once_keep_a_chain_whole(world: World) -> None:
    acme = world.acme.tenant.id
    roles = (world.admin, world.portal, world.switch, world.worker)

    def some(db: Database) -> None:
        for number in range(25):
            with db.tenant(acme) as tx:
                audit.record(tx, acme, actor="worker", action="a.b", object=f"fax:{number}")
                if number % 5 == 0:
                    audit.record(tx, acme, actor="worker", action="a.c", object=f"fax:{number}")

    in_threads(*(lambda db=db: some(db) for db in roles))
    rows = rows_of(world, acme)
    assert len(rows) == 4 * 30
    assert found(world) == []
    # Rows stand in the order of their times.
    assert [row["at"] for row in rows] == sorted(str(row["at"]) for row in rows)


def test_a_transaction_that_is_rolled_back_leaves_no_gap(world: World) -> None:
    acme = world.acme.tenant.id
    write(world, acme, 1)
    with suppress(ZeroDivisionError), world.admin.tenant(acme) as tx:
        audit.record(tx, acme, actor="worker", action="a.b", object="c")
        assert tx.value("select max(sequence) from audit") == 2
        raise ZeroDivisionError
    write(world, acme, 1)
    assert (len(rows_of(world, acme)), found(world)) == (2, [])


def write_as_the_database_does(made: Installation, count: int) -> None:
    """Rows of tenant 1, with the columns that there always were."""
    with closing(psycopg2.connect(made.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("select set_config('app.tenant', '1', true)")
        for _ in range(count):
            cursor.execute(
                """insert into audit
                       (tenant_id, sequence, at, actor, action, object, result, details, previous_hash, hash)
                   values (1, 0, now(), 'user:1', 'fax.send', 'fax:ü', 'done',
                           '{"b": 1.50, "aa": "x\\n", "a": null}', '', '')"""
            )


class TestOldRows:
    """Of form 1: written before the migration audit_checkpoints, and verified for ever."""

    @pytest.fixture
    def migrated(
        self, all_installations: Installations, tmp_path: Path
    ) -> Iterator[tuple[Installation, Database, int]]:
        """Three rows of form 1, then two of form 2, of tenant 1."""
        made = all_installations.unused()
        with server(all_installations.cluster) as cursor:
            cursor.execute(
                sql.SQL("create database {} owner {} template template0").format(
                    sql.Identifier(made.database), sql.Identifier(migrations.OWNER)
                )
            )
        for migration in migrations.available():
            if migration.name != "audit_checkpoints":
                (tmp_path / migration.path.name).write_text(migration.path.read_text())
            else:
                break
        migrations.apply(made.url("postgres"), tmp_path)
        write_as_the_database_does(made, 3)
        migrations.apply(made.url("postgres"))
        write_as_the_database_does(made, 2)
        db = Database(made.url("postgres"))
        yield made, db, 1
        db.close()
        made.dispose()

    def check(self, db: Database) -> audit_chain.Checked:
        with db.tenant(1) as tx:
            return audit_chain.check(tx, 1, (), lambda _: None)

    def test_they_still_verify(self, migrated: tuple[Installation, Database, int]) -> None:
        _, db, tenant_id = migrated
        checked = self.check(db)
        assert (checked.rows, checked.fault) == (5, None)
        with db.tenant(tenant_id) as tx:
            assert [row["form"] for row in audit_chain.rows(tx, tenant_id)] == [1, 1, 1, 2, 2]

    @pytest.mark.parametrize("change", ["object = 'fax:2'", "details = '{}'", "authenticated = 'x'", "address = 'x'",
                                        "form = 2"])  # fmt: skip
    def test_a_changed_one_is_named(self, migrated: tuple[Installation, Database, int], change: str) -> None:
        made, db, _ = migrated
        with closing(psycopg2.connect(made.url("postgres"))) as connection, connection, connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
            cursor.execute(f"update audit set {change} where sequence = 2")
        fault = self.check(db).fault
        assert fault is not None
        assert (fault.sequence, fault.kind) == (2, CHANGED)

    def test_a_stranger_verifies_them(self, migrated: tuple[Installation, Database, int], tmp_path: Path) -> None:
        _, db, _ = migrated
        file = tmp_path / "export"
        with db.tenant(1) as tx:
            rows = list(audit_export.rows(tx, 1, since=None, until=None))
        for change, code in (({}, 0), ({"object": "fax:2"}, 1), ({"details": "{}"}, 1), ({"at": rows[2]["at"]}, 1)):
            broken = {**rows[1], **change}
            broken["details_hash"] = audit_form.details_hash(broken)
            file.write_text(json.dumps([rows[0], broken, *rows[2:]]))
            done = subprocess.run([sys.executable, "-I", str(VERIFY_EXPORT), str(file)], check=False)
            assert done.returncode == code

    def test_none_is_taken_after_a_new_one(self, migrated: tuple[Installation, Database, int]) -> None:
        """Whoever could write one there could fill the columns that it does not cover."""
        made, db, _ = migrated
        with closing(psycopg2.connect(made.url("postgres"))) as connection, connection, connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
            cursor.execute("update audit set form = 1 where sequence = 5")
            cursor.execute(f"select old_form from ({audit_form.SELECT} where sequence = 5) c")
            ((text,),) = cursor.fetchall()
            hashed = hashlib.sha256(text.encode()).hexdigest()
            cursor.execute("update audit set hash = %s where sequence = 5", (hashed,))
            cursor.execute("update audit_heads set hash = %s", (hashed,))
        fault = self.check(db).fault
        assert fault is not None
        assert (fault.sequence, fault.kind) == (5, CHANGED)
