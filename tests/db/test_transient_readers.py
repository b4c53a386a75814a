"""Readers for a while: their keys come, are renewed, shared between machines, and destroyed."""

from pathlib import Path

import pytest

from faxplan import sealed, transient_readers, wraps
from faxplan.db import Transaction
from faxplan.key_folder import KeyFolder
from faxplan.transient_readers import NoDispatch, TransientKey
from tests.past_the_gate import connected
from tests.world import World

DIGEST = b"d" * 32


@pytest.fixture
def here(tmp_path: Path) -> KeyFolder:
    return folder(tmp_path / "here")


def folder(path: Path) -> KeyFolder:
    keys = KeyFolder(path)
    keys.prepare()
    return keys


def currents(world: World) -> list[TransientKey]:
    with world.portal.across_tenants() as tx:
        return transient_readers.current(tx)


def age(world: World, column: str, seconds: float) -> None:
    with connected(world.installation, "postgres") as cursor:
        cursor.execute(f"update transient_keys set {column} = {column} - make_interval(secs => {seconds})")
        cursor.connection.commit()


def a_document(world: World) -> tuple[int, bytes]:
    """A row in documents, and the file key of what it would be."""
    tenant = world.acme.tenant.id
    with world.portal.tenant(tenant) as tx:
        document = tx.value(
            """insert into documents (tenant_id, kind, media_type, bytes, object_name, header_digest)
               values (%s, 'rendering', 'image/tiff', 1, md5(random()::text), %s) returning id""",
            (tenant, DIGEST),
        )
    return int(document), sealed.new_key()


def hand_in(world: World) -> tuple[int, bytes]:
    """As submitting does: wrapped to every current key."""
    document, file_key = a_document(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        wrapped = {each.id: each.public.wrap(file_key, DIGEST) for each in transient_readers.current(tx)}
        transient_readers.wrap(tx, world.acme.tenant.id, document, DIGEST, wrapped)
    return document, file_key


def opened(world: World, keys: KeyFolder, document: int) -> bytes | None:
    with world.switch.across_tenants() as tx:
        return transient_readers.file_key(keys, wraps_of(tx, document), DIGEST)


def wraps_of(tx: Transaction, document: int) -> dict[bytes, bytes]:
    rows = tx.rows(
        """select k.public_key, w.wrap from transient_wraps w join transient_keys k on k.id = w.key_id
           where w.document_id = %s""",
        (document,),
    )
    return {bytes(row["public_key"]): bytes(row["wrap"]) for row in rows}


def test_before_any_machine_has_run_nothing_can_be_handed_in(world: World) -> None:
    with world.switch.across_tenants() as tx:
        tx.execute("delete from transient_keys")
    with pytest.raises(NoDispatch, match="faxplan worker"):
        currents(world)


def test_a_machines_processes_share_one_key(world: World, here: KeyFolder) -> None:
    for db, keys in ((world.switch, here), (world.worker, KeyFolder(here.root)), (world.switch, here)):
        transient_readers.ensure(db, keys, "node1")
    (key,) = currents(world)
    assert key.node == "node1"
    assert here.held() == [key.public]
    assert here.private(key.public) == KeyFolder(here.root).private(key.public)


def machine_rows(world: World) -> list[dict[str, object]]:
    """What the installation's audit has of machines' keys."""
    with world.admin.across_tenants() as tx:
        return tx.rows(
            "select actor, object, result, details from audit where action = 'key.machine' order by sequence"
        )


def test_each_key_of_a_machine_stands_in_the_audit_with_its_public_half(world: World, here: KeyFolder) -> None:
    before = len(machine_rows(world))
    for db, purpose in ((world.switch, "dispatch"), (world.worker, "mailer"), (world.worker, "mailer")):
        transient_readers.ensure(db, here, "node7", purpose)
    with world.admin.across_tenants() as tx:
        keys = tx.rows("select purpose, encode(public_key, 'hex') as public from transient_keys where node = 'node7'")
    assert machine_rows(world)[before:] == [
        {
            "actor": "node:node7",
            "object": "node:node7",
            "result": "done",
            "details": {"purpose": each["purpose"], "public_key": each["public"]},
        }
        for each in sorted(keys, key=lambda each: str(each["purpose"]))
    ]


def test_what_is_handed_in_opens_on_its_machines_and_nowhere_else(
    world: World, here: KeyFolder, tmp_path: Path
) -> None:
    there, elsewhere = folder(tmp_path / "there"), folder(tmp_path / "elsewhere")
    transient_readers.ensure(world.switch, here, "node1")
    transient_readers.ensure(world.switch, there, "node2")
    document, file_key = hand_in(world)
    assert opened(world, here, document) == opened(world, there, document) == file_key
    assert opened(world, elsewhere, document) is None


def test_a_key_that_is_lost_is_replaced(world: World, here: KeyFolder) -> None:
    transient_readers.ensure(world.switch, here, "node1")
    (lost,) = currents(world)
    fresh = folder(here.root.parent / "fresh")
    transient_readers.ensure(world.switch, fresh, "node1")
    (found,) = currents(world)
    assert found.public != lost.public
    assert fresh.private(found.public) is not None


def test_after_a_day_what_waits_moves_to_a_new_key_and_the_old_one_is_destroyed(world: World, here: KeyFolder) -> None:
    transient_readers.renew(world.switch, here, "node1")
    (old,) = currents(world)
    document, file_key = hand_in(world)
    private = here.private(old.public)
    assert private is not None
    with world.switch.across_tenants() as tx:
        copied = wraps_of(tx, document)  # a dump that somebody took meanwhile

    age(world, "created_at", transient_readers.LIFETIME_SECONDS)
    transient_readers.renew(world.switch, here, "node1")
    (new,) = currents(world)
    assert new.public != old.public
    assert opened(world, here, document) == file_key
    # Not at once: somebody may have read it a moment ago.
    assert {each.raw for each in here.held()} == {old.public.raw, new.public.raw}

    age(world, "retired_at", transient_readers.GRACE_SECONDS)
    transient_readers.renew(world.switch, here, "node1")
    assert here.held() == [new.public]
    assert opened(world, here, document) == file_key
    assert transient_readers.file_key(here, copied, DIGEST) is None
    assert private.unwrap(copied[old.public.raw], DIGEST) == file_key  # the control: it is the key that is gone


def test_what_is_wrapped_to_a_retired_key_at_the_last_moment_still_moves(world: World, here: KeyFolder) -> None:
    transient_readers.renew(world.switch, here, "node1")
    (old,) = currents(world)
    age(world, "created_at", transient_readers.LIFETIME_SECONDS)
    transient_readers.renew(world.switch, here, "node1")
    document, file_key = a_document(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        late = {old.id: old.public.wrap(file_key, DIGEST)}
        transient_readers.wrap(tx, world.acme.tenant.id, document, DIGEST, late)
    age(world, "retired_at", transient_readers.GRACE_SECONDS)
    transient_readers.renew(world.switch, here, "node1")
    assert old.public not in here.held()
    assert opened(world, here, document) == file_key


def test_a_machine_that_comes_later_is_given_what_waits(world: World, here: KeyFolder, tmp_path: Path) -> None:
    transient_readers.renew(world.switch, here, "node1")
    document, file_key = hand_in(world)
    there = folder(tmp_path / "there")
    transient_readers.renew(world.switch, there, "node2")
    assert opened(world, there, document) is None
    assert not transient_readers.renew(world.switch, here, "node1")
    assert opened(world, there, document) == file_key


def test_much_is_done_in_parts(world: World, here: KeyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transient_readers, "MOST_AT_ONCE", 2)
    transient_readers.renew(world.switch, here, "node1")
    waiting = [hand_in(world) for _ in range(5)]
    age(world, "created_at", transient_readers.LIFETIME_SECONDS)
    rounds = 1
    while transient_readers.renew(world.switch, here, "node1"):
        rounds += 1
    assert rounds == 3
    age(world, "retired_at", transient_readers.GRACE_SECONDS)
    transient_readers.renew(world.switch, here, "node1")
    assert len(here.held()) == 1
    assert [opened(world, here, document) for document, _ in waiting] == [file_key for _, file_key in waiting]


def test_what_nobody_waits_for_any_more_no_machine_opens(world: World, here: KeyFolder) -> None:
    transient_readers.renew(world.switch, here, "node1")
    document, _ = hand_in(world)
    other, other_key = hand_in(world)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        transient_readers.forget(tx, world.acme.tenant.id, [document])
    assert opened(world, here, document) is None
    assert opened(world, here, other) == other_key


def test_a_dead_machines_key_is_passed_over(world: World, here: KeyFolder) -> None:
    transient_readers.ensure(world.switch, here, "node1")
    age(world, "created_at", transient_readers.LOST_SECONDS)
    with pytest.raises(NoDispatch):
        currents(world)


def test_a_key_file_that_was_cut_off_is_no_key(here: KeyFolder) -> None:
    key = here.make()
    file = here.root / f"{key.public.raw.hex()}.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(key.raw[:31])
    assert here.private(key.public) is None
    file.write_bytes(wraps.new_key_pair().raw)
    assert here.private(key.public) is None


def test_a_destroyed_key_is_gone_from_memory_too(here: KeyFolder) -> None:
    key = here.make()
    assert here.private(key.public) == key
    here.destroy(key.public)
    here.destroy(key.public)
    assert here.private(key.public) is None
    assert here.held() == []


def test_a_key_that_the_worker_has_destroyed_the_switch_forgets_at_its_next_look(world: World, here: KeyFolder) -> None:
    transient_readers.ensure(world.worker, here, "node")
    switchs = KeyFolder(here.root)
    (public,) = here.held()
    assert switchs.private(public) is not None
    here.destroy(public)
    assert switchs.private(public) is not None
    transient_readers.renew(world.switch, switchs, "node")
    assert switchs.private(public) is None


def test_a_destroyed_key_is_overwritten_before_it_is_deleted(here: KeyFolder) -> None:
    key = here.make()
    with (here.root / f"{key.public.raw.hex()}.key").open("rb") as still_open:
        here.destroy(key.public)
        assert still_open.read() == bytes(32)


def test_a_damaged_wrap_keeps_no_other_document_from_a_new_key(world: World, here: KeyFolder) -> None:
    transient_readers.renew(world.switch, here, "node1")
    damaged, _ = hand_in(world)
    whole, file_key = hand_in(world)
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("update transient_wraps set wrap = %s where document_id = %s", (bytes(80), damaged))
        cursor.connection.commit()
    # Another machine, to whose key both are to be wrapped; then a new key of our own.
    transient_readers.ensure(world.switch, folder(here.root.parent / "there"), "node2")
    assert not transient_readers.renew(world.switch, here, "node1")
    age(world, "created_at", transient_readers.LIFETIME_SECONDS)
    assert not transient_readers.renew(world.switch, here, "node1")
    assert opened(world, here, whole) == file_key
    assert opened(world, here, damaged) is None


def test_what_is_no_key_in_the_folder_is_passed_over(here: KeyFolder) -> None:
    (here.root / f"{'x' * 64}.key").touch()
    (here.root / "note.key").touch()
    (here.root / f"{'a' * 64}.key").symlink_to(here.root / "gone")
    key = here.make()
    assert here.held() == [key.public]
