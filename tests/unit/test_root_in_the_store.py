"""Root's commands (purge, by cron; `store accept`; a restore) follow no link that FreeSWITCH's account has put into its
own folders: they would remove, give away or overwrite what is nobody's but root's."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from faxplan import leftovers, object_folder
from faxplan.confinement import Confinement
from faxplan.db import Database
from faxplan.key_folder import KeyFolder
from faxplan.object_folder import ObjectFolder
from faxplan.objects import MARKER, Listed
from faxplan.pending import Pending
from faxplan.spool import Spool

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="who is not root gives nobody's files away: run it as root")
OTHER = 12345


@pytest.fixture
def root() -> Iterator[Path]:
    """The store of another account, which gets as far as there."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        folder = Path(place, "store")
        folder.mkdir(mode=0o700)
        (folder / MARKER).write_text("")
        for each in (folder, folder / MARKER):
            os.chown(each, OTHER, OTHER)
        yield folder


@pytest.fixture
def roots_own(tmp_path: Path) -> Path:
    """A folder of root's, with a file in it."""
    (tmp_path / "passwd").write_text("root")
    return tmp_path


def test_what_is_removed_from_the_store_lies_in_it(root: Path, roots_own: Path) -> None:
    (root / "00").symlink_to(roots_own)
    store = ObjectFolder(root)
    assert list(store.listed(0)) == []
    # It was a folder when it was listed, and is a link now.
    with pytest.raises(PermissionError):
        store.remove(Listed("passwd", 4, 0.0), 0)
    assert (roots_own / "passwd").read_text() == "root"


def test_an_object_that_lies_behind_a_link_is_not_deleted(root: Path, roots_own: Path) -> None:
    (roots_own / ("0" * 32)).write_text("root")
    (root / "00").symlink_to(roots_own)
    with pytest.raises(PermissionError):
        ObjectFolder(root).delete("0" * 32)
    assert (roots_own / ("0" * 32)).read_text() == "root"


@pytest.mark.parametrize("note", [MARKER, ".faxplan-purge"])
def test_what_root_notes_in_the_store_gives_no_file_of_its_own_away(
    root: Path, roots_own: Path, monkeypatch: pytest.MonkeyPatch, note: str
) -> None:
    """The other account turns the name while root writes."""
    store, really = ObjectFolder(root), object_folder.write_durably

    def written(target: Path, content: bytes) -> None:
        really(target, content)
        target.unlink()
        target.symlink_to(roots_own / "passwd")

    monkeypatch.setattr(object_folder, "write_durably", written)
    store.accept() if note == MARKER else store.set_note(note, b"1\n")
    assert (roots_own / "passwd").stat().st_uid == 0


def test_what_root_notes_is_the_other_accounts(root: Path) -> None:
    store = ObjectFolder(root)
    store.set_note(".faxplan-purge", b"1\n")
    (root / MARKER).unlink()
    store.accept()
    assert {(path.stat().st_uid, path.stat().st_mode & 0o777) for path in root.iterdir()} == {(OTHER, 0o600)}
    assert (os.geteuid(), store.note(".faxplan-purge")) == (0, b"1\n")


def test_a_key_that_is_a_link_is_destroyed_and_what_it_leads_to_is_not(root: Path, roots_own: Path) -> None:
    keys = KeyFolder(root)
    key = keys.make().public
    (root / f"{key.raw.hex()}.key").unlink()
    (root / f"{key.raw.hex()}.key").symlink_to(roots_own / "passwd")
    keys.destroy(key)
    assert (roots_own / "passwd").read_text() == "root"
    assert keys.held() == []


def test_a_store_that_root_makes_gives_nothing_of_roots_away(
    root: Path, roots_own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other account turns the new folder's name into a link before root gives it away."""
    really = object_folder.write_durably

    def written(target: Path, content: bytes) -> None:
        really(target, content)
        target.parent.rename(root / "aside")
        target.parent.symlink_to(roots_own)

    monkeypatch.setattr(object_folder, "write_durably", written)
    with suppress(OSError):
        ObjectFolder(root / "new").be_there()
    assert roots_own.stat().st_uid == 0


def test_a_store_that_root_makes_is_of_whose_the_folder_above_is(root: Path, tmp_path: Path) -> None:
    root.parent.joinpath("link").symlink_to(root)
    ObjectFolder(root.parent / "link" / "new").be_there()
    for path in (root / "new", root / "new" / MARKER):
        assert (path.stat().st_uid, path.stat().st_gid) == (OTHER, OTHER)


@pytest.mark.parametrize("way", ["outbound", "inbound"])
def test_what_root_sweeps_of_calls_lies_in_the_spool(
    root: Path, roots_own: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The other account turns a folder's name into a link once root has looked which calls are in it."""
    spool = Spool(root)
    for folder in (spool.outbound, spool.inbound):
        folder.mkdir()
    (roots_own / "7.tif").write_text("root")

    def then_they_turn(*_: object) -> dict[int, str]:
        for folder in (spool.outbound, spool.inbound):
            folder.rename(root / f"{folder.name}-aside")
            folder.symlink_to(roots_own)
            os.chown(folder, OTHER, OTHER, follow_symlinks=False)
        return {7: "channel"}

    there = SimpleNamespace(tenant_id=1, channel_uuid="channel")
    monkeypatch.setattr(spool, f"{way}_attempts", lambda: [7])
    monkeypatch.setattr(spool, "staged" if way == "outbound" else "expected", lambda _: there)
    monkeypatch.setattr(leftovers, "_purged", then_they_turn)
    with suppress(PermissionError):
        leftovers.sweep(cast(Database, None), spool, Pending(root / "pending", cast(Confinement, None)))
    assert (roots_own / "7.tif").read_text() == "root"
