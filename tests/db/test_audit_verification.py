"""What only a checkpoint shows that left the machine: a cut tail, a full rewrite; and what a restore explains."""

import subprocess
from pathlib import Path

import pytest
from psycopg2 import sql

from faxplan import audit, audit_restores, audit_tree, checkpointing, migrations
from faxplan.audit_chain import CHANGED, TAIL
from faxplan.audit_verification import REWRITTEN, TREE, total, verify
from faxplan.checkpointing import CheckpointAhead
from faxplan.checkpoints import Checkpoint
from faxplan.db import Database
from faxplan.installation import grant_connect
from tests.audits import found, rewrite, tamper, verified, write
from tests.installations import Installations, server
from tests.world import World


def checkpoint(world: World) -> Checkpoint:
    return checkpointing.make(world.settings, world.admin).checkpoint


@pytest.fixture
def acme(world: World) -> int:
    write(world, audit.INSTALLATION, 2)
    write(world, world.borea.tenant.id, 4)
    write(world, world.acme.tenant.id, 6)
    return world.acme.tenant.id


def cut(world: World, tenant_id: int, last: int) -> None:
    """The tail, with a head that is mended: the chain itself is whole."""
    tamper(
        world,
        f"delete from audit where tenant_id = {tenant_id} and sequence > {last}",
        f"""update audit_heads h set sequence = a.sequence, hash = a.hash from audit a
            where h.tenant_id = {tenant_id} and a.tenant_id = {tenant_id} and a.sequence = {last}""",
    )


def forget_the_tree(world: World) -> None:
    """As whoever tampers with all that is in the database would."""
    tamper(world, "delete from audit_leaves", "update audit_tree set size = 0, frontier = '{}'")


def test_what_grew_since_is_consistent(world: World, acme: int) -> None:
    first = checkpoint(world)
    write(world, acme, 3)
    write(world, audit.INSTALLATION, 1)
    second = checkpoint(world)
    write(world, acme, 1)
    assert (first.size, second.size) == (13, 17)
    result = verified(world, first, second)
    assert (result.faults, result.lost, result.rows) == ([], [], 18)
    assert total(world.admin, None) == 18
    assert total(world.admin, acme) == 10


def test_memory_holds_a_few_rows_at_once(world: World, acme: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("audit_chain", "audit_tree"):
        monkeypatch.setattr(f"faxplan.{module}.AT_ONCE", 2)
    outside = checkpoint(world)
    write(world, acme, 3)
    told: list[int] = []
    result = verify(world.admin, None, [outside, checkpoint(world)], told.append)
    assert (result.faults, result.rows, sum(told), max(told)) == ([], 16, 16, 2)
    tamper(world, f"update audit set actor = 'x' where tenant_id = {acme} and sequence = 9")
    assert found(world, outside) == [(acme, 9, CHANGED)]


def test_a_cut_tail_is_found_by_a_checkpoint_alone(world: World, acme: int) -> None:
    outside = checkpoint(world)
    cut(world, acme, 4)
    forget_the_tree(world)
    assert found(world) == []
    assert found(world, outside, tenant_id=acme) == [(acme, 5, TAIL)]
    assert found(world, outside) == [(acme, 5, TAIL), (0, 0, TREE)]
    assert found(world, outside, tenant_id=world.borea.tenant.id) == []


def test_a_cut_tail_that_grew_again_is_found(world: World, acme: int) -> None:
    outside = checkpoint(world)
    cut(world, acme, 4)
    forget_the_tree(world)
    write(world, acme, 9)
    assert found(world) == []
    assert found(world, outside, tenant_id=acme) == [(acme, 6, REWRITTEN)]


def test_a_full_rewrite_is_found_by_a_checkpoint_alone(world: World, acme: int) -> None:
    outside = checkpoint(world)
    rewrite(world, acme, "actor = 'user:99'")
    forget_the_tree(world)
    audit_tree.grow(world.admin, lambda _: None)
    assert found(world) == []
    assert found(world, outside) == [(acme, 6, REWRITTEN), (0, 0, TREE)]


def test_a_chain_that_is_gone_without_a_trace_is_found(world: World, acme: int) -> None:
    outside = checkpoint(world)
    tamper(world, f"delete from audit where tenant_id = {acme}", f"delete from audit_heads where tenant_id = {acme}")
    assert found(world, outside)[0] == (acme, 1, TAIL)


def test_the_tree_alone_finds_what_was_cut_after_it_took_it_in(world: World, acme: int) -> None:
    checkpoint(world)
    cut(world, acme, 4)
    assert found(world) == [(acme, 1, TREE)]


@pytest.mark.parametrize(
    "change",
    [
        "update audit_tree set frontier[1] = repeat('0', 64)",
        "delete from audit_leaves where tenant_id = 0",
        "update audit_leaves set first_leaf = 100 - first_leaf",
        "update audit_leaves set last_sequence = last_sequence - 1 where tenant_id = 0",
    ],
)
def test_a_tree_that_is_not_that_of_the_rows_is_found(world: World, acme: int, change: str) -> None:
    outside = checkpoint(world)
    tamper(world, change)
    assert {kind for _, _, kind in found(world, outside)} == {TREE}


def test_a_fault_within_a_chain_is_not_told_twice(world: World, acme: int) -> None:
    outside = checkpoint(world)
    tamper(world, f"update audit set actor = 'x' where tenant_id = {acme} and sequence = 2")
    assert found(world, outside) == [(acme, 2, CHANGED)]


class TestRestores:
    """A backup from before: rows that a checkpoint knows are missing for good, and a row says so."""

    def restore(self, world: World, acme: int) -> Checkpoint:
        """A checkpoint of twelve rows is in the backup; then came four, and another one; then the backup again."""
        checkpoint(world)
        write(world, acme, 3)
        write(world, world.borea.tenant.id, 1)
        last = checkpoint(world)
        cut(world, acme, 6)
        cut(world, world.borea.tenant.id, 4)
        # The tree as it was in the backup, too.
        forget_the_tree(world)
        audit_tree.grow(world.admin, lambda _: None)
        return last

    def test_until_somebody_says_so_it_is_a_fault(self, world: World, acme: int) -> None:
        last = self.restore(world, acme)
        assert (acme, 7, TAIL) in found(world, last)
        with pytest.raises(CheckpointAhead):
            checkpoint(world)

    def test_a_row_says_so_and_what_is_lost_is_told(self, world: World, acme: int) -> None:
        last = self.restore(world, acme)
        generation = audit_restores.record(
            world.admin, actor="administrator:root", reason="disk of the 25th", newest=last
        )
        write(world, acme, 5)
        after = checkpoint(world)
        assert (generation, after.generation, after.origin) == (2, 2, f"{after.name}/2")
        result = verified(world, last, after)
        assert result.faults == []
        borea = world.borea.tenant.id
        assert [each.partition(":")[0] for each in result.lost] == [f"chain {acme}", f"chain {borea}"]
        (restore,) = result.restores
        assert (restore.reason, restore.size, restore.kept) == ("disk of the 25th", 13, {0: 3, acme: 6, borea: 4})
        assert "disk of the 25th" in restore.shown

    def test_it_explains_nothing_that_was_in_the_backup(self, world: World, acme: int) -> None:
        before = checkpoint(world)
        last = self.restore(world, acme)
        audit_restores.record(world.admin, actor="administrator:root", reason="disk", newest=last)
        assert found(world, before, last) == []
        rewrite(world, acme, "actor = 'user:99'")
        assert (acme, 6, REWRITTEN) in found(world, before, last)

    def test_it_explains_nothing_that_came_after(self, world: World, acme: int) -> None:
        last = self.restore(world, acme)
        audit_restores.record(world.admin, actor="administrator:root", reason="disk", newest=last)
        write(world, acme, 5)
        after = checkpoint(world)
        cut(world, acme, 9)
        assert (acme, 10, TAIL) in found(world, after)

    def test_a_row_that_only_looks_like_one_explains_nothing(self, world: World, acme: int) -> None:
        last = self.restore(world, acme)
        for details in ({}, {"reason": "x", "generation": "many", "size": 0, "kept": {}}, {"kept": [1]}):
            with world.switch.across_tenants() as tx:
                audit.record(tx, 0, actor="switch:node1", action=audit_restores.ACTION, object="database", **details)
        result = verified(world, last)
        assert (acme, 7, TAIL) in [(each.tenant_id, each.sequence, each.kind) for each in result.faults]
        assert len(result.restores) == 3

    def test_two_restores_explain_what_either_lost(self, world: World, acme: int) -> None:
        last = self.restore(world, acme)
        for reason in ("one", "two"):
            audit_restores.record(world.admin, actor="administrator:root", reason=reason, newest=last)
        write(world, acme, 1)
        assert checkpoint(world).generation == 3
        assert found(world, last) == []

    def test_a_dump_that_is_restored_is_whole_and_goes_on(
        self, world: World, acme: int, all_installations: Installations, tmp_path: Path
    ) -> None:
        before = checkpoint(world)
        dump = tmp_path / "dump.sql"
        programs = world.installation.cluster.programs
        with dump.open("w") as file:
            subprocess.run([programs / "pg_dump", world.installation.url("faxplan_backup")], stdout=file, check=True)
        write(world, acme, 3)
        last = checkpoint(world)
        copy = all_installations.unused()
        with server(all_installations.cluster) as cursor:
            cursor.execute(
                sql.SQL("create database {} owner {} template template0").format(
                    sql.Identifier(copy.database), sql.Identifier(migrations.OWNER)
                )
            )
        psql = [programs / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", copy.url("postgres")]
        with dump.open() as file:
            subprocess.run(psql, stdin=file, stdout=subprocess.DEVNULL, check=True)
        with server(all_installations.cluster) as cursor:
            grant_connect(cursor.connection, copy.database)
        db = Database(copy.url("faxplan_admin"))
        assert verify(db, None, [before]).faults == []
        assert (acme, 7, TAIL) in [
            (each.tenant_id, each.sequence, each.kind) for each in verify(db, None, [last]).faults
        ]
        with pytest.raises(CheckpointAhead):
            checkpointing.make(world.settings, db)
        audit_restores.record(db, actor="administrator:root", reason="the dump", newest=last)
        with db.tenant(acme) as tx:
            audit.record(tx, acme, actor="user:1", action="fax.view", object="fax:1")
        after = checkpointing.make(world.settings, db).checkpoint
        result = verify(db, None, [before, last, after])
        assert (after.generation, result.faults, len(result.lost), result.rows) == (2, [], 1, 15)
        db.close()
        copy.dispose()
