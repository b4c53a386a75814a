"""Objects that no row names go after 7 days; after a restore nothing goes before an administrator has looked."""

import os
import time
from pathlib import Path

import pytest

from faxplan import audit_restores, doctor_retention, orphans, purge_state, retention_provisioning
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.findings import Finding, Level
from faxplan.key_folder import KeyFolder
from faxplan.object_folder import ObjectFolder
from faxplan.purge_state import Restored
from faxplan.scratch import Scratch
from tests.installations import Installation
from tests.retained import bound, execute, kept, purge, received
from tests.world import World

WEEK = 7 * 86400


def orphan(world: World, *, days_old: float, suffix: str = "") -> Path:
    """An object as a crash leaves it between file and commit."""
    file = world.settings.state_dir.parent / "orphan"
    file.write_bytes(b"pages")
    name = world.store.seal(file, world.acme.tenant.id, "original").stored.object_name
    path = world.store.root / name[:2] / name
    if suffix:
        path = path.rename(path.with_suffix(suffix))
    old = time.time() - days_old * 86400
    os.utime(path, (old, old))
    return path


def aged(world: World, *, days: float) -> None:
    """All objects of the store look so old."""
    for path in world.store.objects():
        old = time.time() - days * 86400
        os.utime(path, (old, old))


def test_what_no_row_names_goes_after_a_week_and_nothing_else(world: World) -> None:
    received(world, world.acme, "a")
    received(world, world.borea, "b")
    aged(world, days=400)
    kept_objects = set(world.store.objects())
    young, old, half = (
        orphan(world, days_old=days, suffix=end) for days, end in ((6.9, ""), (7.1, ""), (8, ".partial"))
    )
    done = purge(world)
    assert (done.orphans, done.failures) == (2, [])
    assert (young.exists(), old.exists(), half.exists()) == (True, False, False)
    assert kept_objects <= set(world.store.objects())
    with world.admin.across_tenants() as tx:
        rows = tx.rows("select actor, object, details from audit where action = 'store.remove-orphans'")
    assert {row["actor"] for row in rows} == {"purge"}
    assert sum(row["details"]["objects"] for row in rows) == 2


def test_once_a_day_is_enough_and_a_round_that_was_stopped_goes_on(world: World) -> None:
    assert orphans.AGE_SECONDS == WEEK
    received(world, world.acme, "a")
    asked = []

    def hundred() -> bool:
        asked.append(1)
        return len(asked) <= 100

    assert not orphans.sweep(world.purge, world.store, hundred).finished
    with world.purge.across_tenants() as tx:
        assert purge_state.get(tx).next_folder == 100
    for _ in range(10):
        orphan(world, days_old=8)
    assert orphans.sweep(world.purge, world.store, lambda: True).finished
    with world.purge.across_tenants() as tx:
        state = purge_state.get(tx)
    assert (state.next_folder, state.swept_at is not None) == (0, True)
    there = len(set(world.store.objects()))
    assert orphans.sweep(world.purge, world.store, lambda: True).objects == 0
    assert len(set(world.store.objects())) == there
    execute(world, "update purge_state set swept_at = swept_at - interval '1 day'")
    orphans.sweep(world.purge, world.store, lambda: True)
    # Of the one fax: TIFF, PDF, page images and thumbnail.
    assert len(set(world.store.objects())) == 4


def restore(world: World, how: str) -> None:
    if how == "a dump":
        execute(world, "update purge_state set database = 'another'")
    elif how == "said so":
        audit_restores.record(world.admin, actor="test", reason="disk", newest=None)
    else:
        execute(world, "update purge_state set runs = runs - 1")


def finding(world: World) -> list[Finding]:
    with world.admin.across_tenants() as tx:
        return doctor_retention.purges(tx, world.settings)


@pytest.mark.parametrize("how", ["a dump", "said so", "the store knows more"])
def test_after_a_restore_nothing_goes_until_an_administrator_has_looked(world: World, how: str) -> None:
    fax_id = received(world, world.acme, "a", days_ago=31)
    purge(world)
    bound(world, None, max_days=30)
    execute(world, "update purge_state set swept_at = null")
    left = orphan(world, days_old=8)
    restore(world, how)
    with pytest.raises(Restored, match=r"faxplan hold set.*faxplan doctor --adopt"):
        purge(world)
    assert (kept(world, world.acme), left.exists()) == ([fax_id], True)
    (found,) = finding(world)
    assert (found.level, "faxplan doctor --adopt" in found.remedy) == (Level.ERROR, True)
    objects, size = retention_provisioning.adopt_store(world.admin, world.purge, world.store, "administrator:root")
    assert (objects, size) == (1, left.stat().st_size)
    with world.admin.across_tenants() as tx:
        row = tx.one("select actor, object, details from audit where action = 'store.adopt'")
    assert (row["actor"], row["details"]["orphans"]) == ("administrator:root", 1)
    assert row["details"]["because"]
    done = purge(world)
    assert (done.faxes, done.orphans, left.exists()) == (1, 1, False)


def test_a_copy_of_the_database_is_another_one(installation: Installation, tmp_path: Path) -> None:
    """As every test's is of its template."""
    store = Store(ObjectFolder(tmp_path / "store"), KeyFolder(tmp_path / "keys"), Scratch(tmp_path / "work"))
    db = Database(installation.url("faxplan_purge"))
    with db.across_tenants() as tx:
        assert "another database" in str(purge_state.restored(tx, store))
    db.close()


def test_an_older_copy_of_the_store_is_no_restore_of_the_database(world: World) -> None:
    received(world, world.acme, "a")
    purge(world)
    note = world.store.root / ".faxplan-purge"
    copy = note.read_bytes()
    purge(world)
    assert note.read_bytes() != copy
    note.write_bytes(copy)
    assert purge(world).finished


def test_the_doctor_says_when_purge_has_not_run(world: World) -> None:
    def levels() -> list[tuple[str, Level]]:
        return [(each.what, each.level) for each in finding(world)]

    assert levels() == [("purge", Level.OK)]
    bound(world, None, max_days=30)
    assert levels() == [("backups", Level.WARNING), ("purge", Level.OK)]
    execute(world, "update schema_migration set applied_at = now() - interval '49 hours'")
    assert ("purge", Level.WARNING) in levels()
    assert "never" in finding(world)[-1].found
    received(world, world.acme, "a")
    purge(world)
    assert ("purge", Level.OK) in levels()
    execute(world, "update purge_state set ended_at = now() - interval '49 hours'")
    assert "last on" in finding(world)[-1].found
    assert "faxplan purge" in finding(world)[-1].remedy


def test_a_store_that_is_not_there_yet_is_well(world: World) -> None:
    assert not world.store.root.exists()
    assert purge(world).finished
    assert not world.store.root.exists()
    assert Store.of(world.settings).root == world.store.root
