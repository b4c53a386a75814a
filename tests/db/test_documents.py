"""The document store: written whole, read unchanged, private, and one tenant's only."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faxplan import documents
from faxplan.config import Settings
from faxplan.documents import DocumentLost, Store, StoredObject, StoreUnavailable
from faxplan.errors import NotFound
from tests.world import World

CONTENT = os.urandom(3 * (1 << 20) + 17)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "document"
    path.write_bytes(CONTENT)
    return path


def objects(store: Store) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file() and path != store.marker]


def test_what_is_put_is_read(store: Store, file: Path, tmp_path: Path) -> None:
    stored = store.put(file)
    with store.open(stored) as reader:
        assert reader.read() == CONTENT
    store.copy_to(stored, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert stored.bytes == len(CONTENT)


def test_a_name_says_nothing_and_is_never_used_twice(store: Store, file: Path) -> None:
    names = {store.put(file).object_name for _ in range(5)}
    assert len(names) == 5
    assert not any(file.name in name for name in names)


def test_it_is_private(store: Store, file: Path, tmp_path: Path) -> None:
    stored = store.put(file)
    store.copy_to(stored, tmp_path / "copy")
    for path in (*objects(store), tmp_path / "copy"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.root.stat().st_mode) & 0o077 == 0
    assert all(
        stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600) for each in store.root.iterdir()
    )


def test_its_name_and_its_folders_name_are_made_durable(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(file)  # which makes the store
    synced: list[Path] = []
    monkeypatch.setattr(documents, "fsync_folder", synced.append)
    name = store.put(file).object_name
    assert synced == [store.root / name[:2], store.root]


def test_a_full_disk_leaves_nothing(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as out_of_space:
        out_of_space.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            store.put(file)
    assert objects(store) == []


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:]], ids=["", "-", "+", "x"])
def test_a_changed_object_is_not_passed_on(store: Store, file: Path, tmp_path: Path, damage: bytes) -> None:
    stored = store.put(file)
    (path,) = objects(store)
    path.write_bytes(damage)
    with pytest.raises(DocumentLost, match="backup"):
        store.copy_to(stored, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_missing_object_is_lost(store: Store, file: Path, tmp_path: Path) -> None:
    stored = store.put(file)
    store.delete(stored.object_name)
    store.delete(stored.object_name)
    with pytest.raises(DocumentLost), store.open(stored):
        pytest.fail("it was opened")
    with pytest.raises(DocumentLost):
        store.copy_to(stored, tmp_path / "copy")
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
    stored = store.put(file)
    with unmounted(store):
        with pytest.raises(StoreUnavailable, match="accept"):
            store.check()
        with pytest.raises(StoreUnavailable):
            store.put(file)
        with pytest.raises(StoreUnavailable), store.scratch.folder():
            pytest.fail("there was a folder")
        with pytest.raises(StoreUnavailable), store.open(stored):
            pytest.fail("it was opened")
        with pytest.raises(StoreUnavailable):
            store.copy_to(stored, tmp_path / "copy")
    store.check()
    store.copy_to(stored, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_a_store_of_before_there_were_markers_is_read_and_not_written(store: Store, file: Path, tmp_path: Path) -> None:
    stored = store.put(file)
    store.marker.unlink()
    store.copy_to(stored, tmp_path / "copy")
    with pytest.raises(StoreUnavailable):
        store.put(file)
    store.accept()
    store.put(file)


def test_a_folder_that_is_gone_loses_no_document_as_long_as_nobody_puts_one(store: Store, file: Path) -> None:
    stored = store.put(file)
    shutil.rmtree(store.root)
    store.check()
    with pytest.raises(StoreUnavailable), store.open(stored):
        pytest.fail("it was opened")
    assert not store.root.exists()


def test_a_store_on_a_disk_of_its_own_does_not_make_itself(tmp_path: Path, file: Path) -> None:
    store = Store(tmp_path / "mount" / "store", makes_itself=False)
    for use in (store.check, lambda: store.put(file), lambda: store.scratch):
        with pytest.raises(StoreUnavailable):
            use()
    with pytest.raises(StoreUnavailable, match="install -d"):
        store.accept()
    assert not store.root.parent.exists()
    store.root.mkdir(parents=True)
    store.accept()
    assert store.put(file)


def test_what_settings_say_decides_whether_it_makes_itself(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path)
    Store.of(settings).check()
    with pytest.raises(StoreUnavailable):
        Store.of(replace(settings, store_dir=tmp_path / "elsewhere")).check()


def test_of_two_that_make_it_at_once_both_have_it(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, other = tempfile.mkdtemp, Store(store.root)

    def while_the_other_makes_it(**where: Any) -> str:
        monkeypatch.setattr(tempfile, "mkdtemp", real)
        other.put(file)
        return real(**where)

    monkeypatch.setattr(tempfile, "mkdtemp", while_the_other_makes_it)
    store.put(file)
    assert len(objects(store)) == 2
    assert [path for path in store.root.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "name", ["", "..", "../" * 8 + "etc/passwd", "g" * 32, "A" * 32, "0" * 31, "0" * 33, "0" * 31 + "\n"]
)
def test_a_name_that_the_store_never_gave_reaches_no_file(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="not an object name"):
        store.delete(name)
    with pytest.raises(ValueError, match="not an object name"), store.open(StoredObject(name, 0, "")):
        pytest.fail("it was opened")


def test_another_tenants_document_is_not_found(world: World, file: Path) -> None:
    stored = world.store.put(file)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        document_id = documents.record(
            tx,
            world.acme.tenant.id,
            stored,
            kind=documents.ORIGINAL,
            media_type="application/pdf",
            pages=1,
            file_name="../a'b\r\n.pdf",
        )
        assert documents.get(tx, world.acme.tenant.id, document_id) == stored
    with world.portal.tenant(world.borea.tenant.id) as tx:
        for tenant_id in (world.borea.tenant.id, world.acme.tenant.id):
            with pytest.raises(NotFound):
                documents.get(tx, tenant_id, document_id)
