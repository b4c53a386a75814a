"""The document store: written whole, read unchanged, private, and one tenant's only."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faxplan import (
    document_store,
    documents,
    mailboxes,
    membership,
    object_folder,
    sealed,
    transient_readers,
    vault,
    wraps,
)
from faxplan.config import Settings
from faxplan.document_store import DocumentLost, KeyElsewhere, Store, StoreUnavailable
from faxplan.documents import Locked, Sealed, StoredObject, ToSend, Wrapped
from faxplan.errors import NotFound
from faxplan.key_folder import KeyFolder
from faxplan.keyring import Keyring
from faxplan.object_folder import ObjectFolder
from faxplan.scratch import Scratch
from faxplan.transient_readers import KeyGone
from tests.past_the_gate import connected
from tests.world import World

CONTENT = os.urandom(3 * (1 << 20) + 17)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(ObjectFolder(tmp_path / "store"), KeyFolder(tmp_path / "keys"), Scratch(tmp_path / "work"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "document"
    path.write_bytes(CONTENT)
    return path


def put(store: Store, file: Path) -> Sealed:
    return store.seal(file, 7, documents.ORIGINAL)


def objects(store: Store) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file() and path != store.marker]


def test_what_is_sealed_is_read_with_its_key_and_not_without(store: Store, file: Path, tmp_path: Path) -> None:
    made = put(store, file)
    with store.open(made.stored, made.key) as reader:
        assert reader.read() == CONTENT
    store.copy_to(made.stored, tmp_path / "copy", made.key)
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert made.stored.size == len(CONTENT)
    with pytest.raises(Locked):
        store.copy_to(made.stored, tmp_path / "other", None)
    with pytest.raises(DocumentLost):
        store.copy_to(made.stored, tmp_path / "other", sealed.new_key())
    assert not (tmp_path / "other").exists()


def test_nothing_of_a_document_lies_in_the_store(store: Store, file: Path) -> None:
    put(store, file)
    (path,) = objects(store)
    content = path.read_bytes()
    assert not any(CONTENT[at : at + 16] in content for at in range(0, len(CONTENT), 4096))


def test_a_key_is_in_no_text_about_a_document(store: Store, file: Path) -> None:
    made = put(store, file)
    assert made.key.hex() not in repr(made)
    assert repr(made.key)[2:-1] not in repr(made)


def test_another_document_in_its_place_is_not_passed_on(store: Store, file: Path, tmp_path: Path) -> None:
    """Whoever may write to the store cannot lay one document of a tenant where another is asked for."""
    one, other = put(store, file), put(store, file)
    places = {path.name: path for path in objects(store)}
    shutil.copyfile(places[other.stored.object_name], places[one.stored.object_name])
    for key in (one.key, other.key):
        with pytest.raises(DocumentLost):
            store.copy_to(one.stored, tmp_path / "copy", key)


def test_what_was_sealed_elsewhere_is_taken_in_once_or_twice(store: Store, file: Path, tmp_path: Path) -> None:
    made = document_store.seal_file(file, tmp_path / "there", 7, documents.RECEIVED_TIFF)
    for _ in range(2):
        store.take_in(tmp_path / "there", made.stored)
    assert len(objects(store)) == 1
    with store.open(made.stored, made.key) as reader:
        assert reader.read() == CONTENT
    assert stat.S_IMODE(objects(store)[0].stat().st_mode) == 0o600


def test_what_is_taken_in_is_under_its_name_whole_or_not_at_all(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = document_store.seal_file(file, tmp_path / "there", 7, documents.RECEIVED_TIFF)
    seen: list[bool] = []

    def looked(descriptor: int) -> None:
        seen.append(any(len(path.name) == 32 for path in objects(store)))

    monkeypatch.setattr(os, "fsync", looked)
    store.take_in(tmp_path / "there", made.stored)
    assert seen[-1] is True
    # The first of the object's own, when it is written and not yet under its name.
    assert seen[-3:] == [False, True, True]


def old_object(store: Store, content: bytes) -> StoredObject:
    """As documents were stored before they were sealed."""
    if not store.root.exists():
        store.root.mkdir(mode=0o700)
        store.accept()
    name = os.urandom(16).hex()
    (store.root / name[:2]).mkdir(mode=0o700, exist_ok=True)
    (store.root / name[:2] / name).write_bytes(content)
    return StoredObject(7, documents.ORIGINAL, name, len(content), None, hashlib.sha256(content).hexdigest())


def test_a_document_of_before_they_were_sealed_is_read(store: Store, tmp_path: Path) -> None:
    old = old_object(store, CONTENT)
    store.copy_to(old, tmp_path / "copy", None)
    assert (tmp_path / "copy").read_bytes() == CONTENT
    store.copy_to_send(ToSend(old, {}), tmp_path / "copy")
    for damage in DAMAGE:
        objects(store)[0].write_bytes(damage)
        with pytest.raises(DocumentLost):
            store.copy_to(old, tmp_path / "copy", None)


class TestToSend:
    def test_this_machines_key_opens_it(self, store: Store, file: Path, tmp_path: Path) -> None:
        store.keys.prepare()
        made, mine, other = put(store, file), store.keys.make(), wraps.new_key_pair()
        wrapped = {key.public.raw: key.public.wrap(made.key, made.header.digest) for key in (other, mine)}
        store.copy_to_send(ToSend(made.stored, wrapped), tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == CONTENT

    def test_another_machines_key_is_waited_for_and_none_is_the_end(
        self, store: Store, file: Path, tmp_path: Path
    ) -> None:
        made, other = put(store, file), wraps.new_key_pair()
        wrapped = {other.public.raw: other.public.wrap(made.key, made.header.digest)}
        with pytest.raises(KeyElsewhere):
            store.copy_to_send(ToSend(made.stored, wrapped), tmp_path / "copy")
        with pytest.raises(KeyGone, match="send it again"):
            store.copy_to_send(ToSend(made.stored, {}), tmp_path / "copy")


def test_a_name_says_nothing_and_is_never_used_twice(store: Store, file: Path) -> None:
    names = {put(store, file).stored.object_name for _ in range(5)}
    assert len(names) == 5
    assert not any(file.name in name for name in names)


def test_it_is_private(store: Store, file: Path, tmp_path: Path) -> None:
    made = put(store, file)
    store.copy_to(made.stored, tmp_path / "copy", made.key)
    for path in (*objects(store), tmp_path / "copy"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.root.stat().st_mode) & 0o077 == 0
    assert all(
        stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600) for each in store.root.iterdir()
    )


def test_its_name_and_its_folders_name_are_made_durable(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, file)  # which makes the store
    synced: list[Path] = []
    monkeypatch.setattr(object_folder, "fsync_folder", synced.append)
    name = put(store, file).stored.object_name
    assert synced == [store.root / name[:2], store.root]


def test_a_full_disk_leaves_nothing(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as out_of_space:
        out_of_space.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            put(store, file)
    assert objects(store) == []


DAMAGE = (b"", CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:])


@pytest.mark.parametrize("damage", [lambda _: b"", lambda c: c[:-1], lambda c: c + b"x", lambda c: b"x" + c[1:],
                                    lambda c: c[:-1] + bytes([c[-1] ^ 1])], ids=["", "-", "+", "x", "bit"])  # fmt: skip
def test_a_changed_object_is_not_passed_on(
    store: Store, file: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    made = put(store, file)
    (path,) = objects(store)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DocumentLost, match="backup"):
        store.copy_to(made.stored, tmp_path / "copy", made.key)
    assert not (tmp_path / "copy").exists()


def test_a_missing_object_is_lost(store: Store, file: Path, tmp_path: Path) -> None:
    made = put(store, file)
    store.delete(made.stored.object_name)
    store.delete(made.stored.object_name)
    with pytest.raises(DocumentLost), store.open(made.stored, made.key):
        pytest.fail("it was opened")
    with pytest.raises(DocumentLost):
        store.copy_to(made.stored, tmp_path / "copy", made.key)
    assert not (tmp_path / "copy").exists()


@contextmanager
def unmounted(store: Store) -> Iterator[None]:
    """In its place is the empty folder that its disk is mounted on."""
    disk = store.root.with_name("the disk")
    store.root.rename(disk)
    store.root.mkdir(mode=0o700)
    yield
    store.root.rmdir()
    disk.rename(store.root)


def test_without_its_disk_nothing_is_lost_and_nothing_is_written(store: Store, file: Path, tmp_path: Path) -> None:
    made = put(store, file)
    with unmounted(store):
        with pytest.raises(StoreUnavailable, match="accept"):
            store.check()
        with pytest.raises(StoreUnavailable):
            put(store, file)
        with pytest.raises(StoreUnavailable), store.scratch.folder():
            pytest.fail("there was a folder")
        with pytest.raises(StoreUnavailable), store.open(made.stored, made.key):
            pytest.fail("it was opened")
        with pytest.raises(StoreUnavailable):
            store.copy_to(made.stored, tmp_path / "copy", made.key)
    store.check()
    store.copy_to(made.stored, tmp_path / "copy", made.key)
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_a_mount_that_has_gone_stale_is_a_missing_disk(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    put(store, file)
    monkeypatch.setattr(Path, "stat", stale)
    with pytest.raises(StoreUnavailable, match="Stale"):
        store.check()


def test_a_store_of_before_there_were_markers_is_read_and_not_written(store: Store, file: Path, tmp_path: Path) -> None:
    made = put(store, file)
    store.marker.unlink()
    store.copy_to(made.stored, tmp_path / "copy", made.key)
    with pytest.raises(StoreUnavailable):
        put(store, file)
    store.accept()
    put(store, file)


def test_a_folder_that_is_gone_loses_no_document_as_long_as_nobody_puts_one(store: Store, file: Path) -> None:
    made = put(store, file)
    shutil.rmtree(store.root)
    store.check()
    with pytest.raises(StoreUnavailable), store.open(made.stored, made.key):
        pytest.fail("it was opened")
    assert not store.root.exists()


def test_a_store_on_a_disk_of_its_own_does_not_make_itself(tmp_path: Path, file: Path) -> None:
    there = ObjectFolder(tmp_path / "mount" / "store", makes_itself=False)
    store = Store(there, KeyFolder(tmp_path / "keys"), Scratch(tmp_path / "work"))
    for use in (store.check, lambda: put(store, file), lambda: store.scratch):
        with pytest.raises(StoreUnavailable):
            use()
    with pytest.raises(StoreUnavailable, match="install -d"):
        store.accept()
    assert not store.root.parent.exists()
    store.root.mkdir(parents=True)
    store.accept()
    assert put(store, file)


def test_what_settings_say_decides_whether_it_makes_itself(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path)
    Store.of(settings).check()
    with pytest.raises(StoreUnavailable):
        Store.of(replace(settings, store_dir=tmp_path / "elsewhere")).check()


def test_of_two_that_make_it_at_once_both_have_it(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, other = tempfile.mkdtemp, Store(ObjectFolder(store.root), store.keys, Scratch(tmp_path / "work"))

    def while_the_other_makes_it(**where: Any) -> str:
        monkeypatch.setattr(tempfile, "mkdtemp", real)
        put(other, file)
        return real(**where)

    monkeypatch.setattr(tempfile, "mkdtemp", while_the_other_makes_it)
    put(store, file)
    assert len(objects(store)) == 2
    assert [path for path in store.root.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "name", ["", "..", "../" * 8 + "etc/passwd", "g" * 32, "A" * 32, "0" * 31, "0" * 33, "0" * 31 + "\n"]
)
def test_a_name_that_the_store_never_gave_reaches_no_file(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="not an object name"):
        store.delete(name)
    with (
        pytest.raises(ValueError, match="not an object name"),
        store.open(StoredObject(7, "original", name, 0, None, ""), None),
    ):
        pytest.fail("it was opened")


def recorded(world: World, file: Path) -> tuple[int, Wrapped]:
    made = world.seal(file, world.acme, documents.ORIGINAL)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        document = world.to_send(tx, made)
        return documents.record(tx, document, media_type="application/pdf", pages=1), document


def test_another_tenants_document_is_not_found(world: World, file: Path) -> None:
    document_id, document = recorded(world, file)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert documents.get(tx, world.acme.tenant.id, document_id) == document.stored
    with world.portal.tenant(world.borea.tenant.id) as tx:
        for tenant_id in (world.borea.tenant.id, world.acme.tenant.id):
            with pytest.raises(NotFound):
                documents.get(tx, tenant_id, document_id)


def test_its_reader_and_this_machine_open_it_and_nobody_else(world: World, file: Path, tmp_path: Path) -> None:
    document_id, document = recorded(world, file)
    assert world.opened(document.stored) == CONTENT
    with world.switch.tenant(world.acme.tenant.id) as tx:
        to_send = documents.get_to_send(tx, world.acme.tenant.id, document_id)
    world.store.copy_to_send(to_send, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT
    with world.portal.tenant(world.acme.tenant.id) as tx, pytest.raises(Locked, match="faxplan recover"):
        documents.opened(tx, world.acme.tenant.id, document_id, Keyring({}, []))
    with world.switch.tenant(world.acme.tenant.id) as tx:
        transient_readers.forget(tx, world.acme.tenant.id, [document_id])
    with world.switch.tenant(world.acme.tenant.id) as tx:
        gone = documents.get_to_send(tx, world.acme.tenant.id, document_id)
    with pytest.raises(KeyGone):
        world.store.copy_to_send(gone, tmp_path / "copy")
    assert world.opened(document.stored) == CONTENT


def test_a_damaged_wrap_to_one_mailbox_does_not_stand_before_a_whole_one(world: World, file: Path) -> None:
    """As in a browser (keyring.js). Where none is whole it says that, and not that somebody has to unlock."""
    tenant_id, made = world.acme.tenant.id, world.seal(file, world.acme, documents.ORIGINAL)
    with world.admin.tenant(tenant_id) as tx:
        office = mailboxes.create_group(tx, tenant_id, "Office")
        membership.join(tx, tenant_id, office, world.acme.user)
    with world.portal.tenant(tenant_id) as tx:
        both = vault.keys_of_mailboxes(tx, tenant_id, [office, world.acme.user.mailbox_id])
        documents.record(tx, made.wrapped(both), media_type="application/pdf", pages=1)
    whole = dict(made.wrapped(both).mailboxes)
    for damaged in (*whole, None):
        with connected(world.installation, "postgres") as cursor:
            for place, wrap in whole.items():
                kept = bytes(80) if damaged in (place, None) else wrap
                cursor.execute("update mailbox_wraps set wrap = %s where mailbox_id = %s", (kept, place[0]))
            cursor.connection.commit()
        if damaged is None:
            with pytest.raises(sealed.SealBroken, match="backup"):
                world.opened(made.stored)
        else:
            assert world.opened(made.stored) == CONTENT


@pytest.mark.parametrize("name", ["brief.pdf", "../a'b\r\n.pdf", "Größe.pdf", "\N{PILE OF POO}"])
def test_a_documents_name_is_sealed(world: World, file: Path, name: str) -> None:
    made = world.seal(file, world.acme, documents.ORIGINAL)
    document = made.wrapped([], file_name=name)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        document_id = documents.record(tx, document, media_type="application/pdf", pages=1)
        row = tx.one("select file_name, sealed_name from documents where id = %s", (document_id,))
    assert row["file_name"] == ""
    assert name.encode() not in bytes(row["sealed_name"])
    assert sealed.open_name(bytes(row["sealed_name"]), made.key, made.header) == name
    with pytest.raises(sealed.SealBroken):
        sealed.open_name(bytes(row["sealed_name"]), sealed.new_key(), made.header)
