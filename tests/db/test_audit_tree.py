"""The tree takes in what is new, and nothing that is not as it was written."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import audit, audit_tree
from faxplan.audit_tree import AuditTampered, Tree
from faxplan.db import Database
from faxplan.merkle import Frontier
from tests.audits import found, shown, tamper, write
from tests.faxes import in_threads
from tests.past_the_gate import WORKING_ROLES, connected
from tests.world import World

WAITING = """
    select exists (select from pg_locks l join pg_database d on d.oid = l.database
                   where d.datname = current_database() and l.locktype = 'advisory' and not l.granted)"""


def grown(world: World) -> Tree:
    return audit_tree.grow(world.admin, lambda _: None)


def hashes_of(world: World, tenant_id: int) -> list[bytes]:
    with world.admin.tenant(tenant_id) as tx:
        rows = tx.rows("select hash from audit where tenant_id = %s order by sequence", (tenant_id,))
    return [bytes.fromhex(row["hash"]) for row in rows]


def test_its_leaves_are_the_rows_as_checkpoints_found_them(world: World) -> None:
    acme, borea = world.acme.tenant.id, world.borea.tenant.id
    # The row about the machine's key.
    assert (grown(world).frontier.size, found(world)) == (1, [])
    write(world, borea, 2)
    write(world, acme, 3)
    first = grown(world)
    write(world, acme, 1)
    write(world, audit.INSTALLATION, 1)
    second = grown(world)
    a, b, installation = (hashes_of(world, each) for each in (acme, borea, 0))
    expected = Frontier()
    for leaf in (installation[0], *a[:3], *b):
        expected.add(leaf)
    assert first.frontier.root() == expected.root()
    for leaf in (installation[1], a[3]):
        expected.add(leaf)
    assert second.frontier.root() == expected.root()
    assert second.chains == {0: (2, installation[1].hex()), acme: (4, a[3].hex()), borea: (2, b[1].hex())}
    assert grown(world).frontier.size == 8
    assert found(world) == []


def test_what_is_in_it_is_not_read_again(world: World) -> None:
    acme = world.acme.tenant.id
    write(world, acme, 5)
    grown(world)
    told: list[int] = []
    write(world, acme, 2)
    audit_tree.grow(world.admin, told.append)
    assert sum(told) == 2


def test_many_rows_are_taken_in_step_by_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, borea = world.acme.tenant.id, world.borea.tenant.id
    grown(world)
    write(world, acme, 5)
    write(world, borea, 4)
    monkeypatch.setattr(audit_tree, "AT_MOST", 3)
    tree = grown(world)
    assert (tree.frontier.size, found(world)) == (10, [])
    with connected(world.installation, "faxplan_backup") as cursor:
        cursor.execute("select tenant_id, first_sequence, last_sequence from audit_leaves order by first_leaf")
        assert cursor.fetchall() == [(0, 1, 1), (acme, 1, 3), (acme, 4, 5), (borea, 1, 1), (borea, 2, 4)]


def test_many_at_once_take_each_row_in_once(world: World) -> None:
    write(world, world.acme.tenant.id, 20)
    in_threads(*(lambda: grown(world) for _ in range(4)))
    assert (grown(world).frontier.size, found(world)) == (21, [])


def test_one_waits_for_another(world: World) -> None:
    write(world, world.acme.tenant.id, 2)
    other = Database(world.installation.url("faxplan_admin"))
    with ThreadPoolExecutor(1) as pool:
        with other.across_tenants() as tx:
            audit_tree.take_turn(tx)
            # A turn is taken with the next statement.
            assert not tx.value(WAITING)
            growing = pool.submit(grown, world)
            while not tx.value(WAITING):
                with pytest.raises(FutureTimeout):
                    growing.result(timeout=0.05)
        assert growing.result().frontier.size == 3
    other.close()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("update audit set actor = 'x' where tenant_id = {} and sequence = 5", (5, "changed")),
        ("delete from audit where tenant_id = {} and sequence = 5", (5, "missing")),
        ("delete from audit where tenant_id = {} and sequence = 6", (6, "tail-missing")),
        ("update audit_heads set sequence = 2 where tenant_id = {}", (3, "tail-missing")),
        ("update audit_heads set hash = '' where tenant_id = {}", (7, "tail-missing")),
    ],
)
def test_nothing_that_was_tampered_with_is_taken_in(world: World, change: str, fault: tuple[int, str]) -> None:
    acme = world.acme.tenant.id
    write(world, acme, 3)
    before = grown(world)
    write(world, acme, 3)
    tamper(world, change.format(acme))
    with pytest.raises(AuditTampered, match="no checkpoint is signed") as refused:
        grown(world)
    assert [shown(each) for each in refused.value.faults] == [(acme, *fault)]
    with world.admin.across_tenants() as tx:
        assert audit_tree.now(tx).frontier.root() == before.frontier.root()


@pytest.mark.parametrize("role", WORKING_ROLES)
def test_nobody_rewrites_the_notes_of_leaves(world: World, role: str) -> None:
    write(world, world.acme.tenant.id, 3)
    grown(world)
    for statement in ("update audit_leaves set first_leaf = 9", "delete from audit_leaves", "truncate audit_leaves"):
        for who in (f"faxplan_{role}", "postgres"):
            with (
                connected(world.installation, who, world.acme.tenant.id) as cursor,
                pytest.raises(InsufficientPrivilege),
            ):
                cursor.execute(statement)
