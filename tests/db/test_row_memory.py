"""Trunks and tenants are read again once they were changed, and only then."""

import pytest

from faxplan import trunks
from faxplan.db import Transaction
from faxplan.row_memory import RowMemory
from faxplan.trunks import Trunk
from faxplan.ways import Ways
from tests.faxes import claim, queued
from tests.routing import change
from tests.world import World


def test_what_is_known_is_not_asked_for_again(world: World) -> None:
    asked: list[set[int]] = []

    def read(tx: Transaction, ids: set[int]) -> list[Trunk]:
        asked.append(ids)
        return trunks.some(tx, ids)

    memory = RowMemory(read)
    with world.switch.across_tenants() as tx:
        (row,) = tx.rows("select id, xmin::text as version from trunks")
        known = {row["id"]: row["version"]}
        first, second = memory.some(tx, known), memory.some(tx, known)
        assert first == second
        assert [trunk.name for trunk in first.values()] == ["carrier"]
        assert memory.some(tx, {}) == {}
        assert memory.some(tx, {row["id"] + 1: "1"}) == {}
    assert asked == [{row["id"]}, {row["id"] + 1}]


def test_a_claim_has_a_trunk_and_a_tenant_as_they_are_now(world: World) -> None:
    ways = Ways()
    queued(world, world.acme)
    (fax,) = claim(world, ways=ways)
    assert fax.trunk is not None
    assert fax.trunk.t38_redundancy == 3
    change(world, "trunks", t38_redundancy=1)
    queued(world, world.acme)
    (fax,) = claim(world, ways=ways)
    assert fax.trunk is not None
    assert fax.trunk.t38_redundancy == 1


@pytest.mark.parametrize(("faxes", "trips"), [(0, 2), (1, 3), (16, 3)])
def test_a_claim_is_two_statements_and_a_commit(
    world: World, monkeypatch: pytest.MonkeyPatch, faxes: int, trips: int
) -> None:
    ways = Ways()
    queued(world, world.acme)
    assert len(claim(world, ways=ways)) == 1
    for _ in range(faxes):
        queued(world, world.acme)
    sent: list[str] = []
    run = Transaction._run

    def counted(self: Transaction, sql: str, parameters: object = None) -> object:
        sent.append(sql)
        return run(self, sql, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(Transaction, "_run", counted)
    assert len(claim(world, ways=ways)) == faxes
    assert len(sent) == trips
