"""Links that the store's user, FreeSWITCH's, has put into it lead neither a backup nor a restore of root anywhere."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import backups, cli, config, restoring
from faxplan.backups import BackupRefused
from faxplan.config import Settings
from faxplan.database_restore import RestoreRefused
from faxplan.document_store import Store

NAME = "ab" * 16
PATH = f"store/ab/{NAME}"


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Whose state folder belongs to somebody else, where we are root; that account gets as far as there."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        state = Path(place, "state")
        state.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(state, 12345, 12345)
        yield replace(config.load(Path("/dev/null"), {"FAXPLAN_DATABASE_URL": "postgresql:///x"}), state_dir=state)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """What only root reads."""
    file = tmp_path / "shadow"
    file.write_text("root:secret")
    return file


def test_a_backup_takes_what_are_files(settings: Settings, secret: Path, tmp_path: Path) -> None:
    store = settings.store
    (store / "ab").mkdir(parents=True)
    (store / "ab" / NAME).write_bytes(b"sealed")
    (store / ".faxplan-store").write_text("")
    for planted in (store / "ab" / ("0" * 32), store / ".faxplan-other", store / ".faxplan-a\nb"):
        planted.symlink_to(secret)
    (store / ".faxplan-c d").write_text("no line of SHA256SUMS can name it")
    os.mkfifo(store / "ab" / ("1" * 32))
    taken = tmp_path / "taken"
    taken.mkdir()
    digests = backups.take_objects(Store.of(settings), taken, None, {}, lambda _: None)
    assert sorted(digests) == ["store/.faxplan-store", PATH]
    assert sorted(path.name for path in taken.rglob("*") if path.is_file()) == [".faxplan-store", NAME]


def test_a_backup_takes_no_checkpoint_that_is_a_link(settings: Settings, secret: Path, tmp_path: Path) -> None:
    settings.checkpoints.mkdir()
    (settings.checkpoints / "20260101T000000Z-0001-000000000001.checkpoint").write_text("signed")
    (settings.checkpoints / "20990101T000000Z-9999-999999999999.checkpoint").symlink_to(secret)
    backups._take_the_rest(settings, tmp_path, None)
    assert not (tmp_path / "checkpoint").exists()


def a_backup(folder: Path) -> Path:
    (folder / "store" / "ab").mkdir(parents=True)
    (folder / PATH).write_bytes(b"sealed")
    return folder


@pytest.mark.parametrize("where", ["state", "linked", "elsewhere"])
def test_the_store_that_a_restore_makes_is_the_state_folders_owners(
    settings: Settings, tmp_path: Path, where: str
) -> None:
    """linked: the administrator has turned state_dir elsewhere. elsewhere: store_dir is in a folder of root's."""
    state, owner = settings.state_dir, settings.state_dir.stat().st_uid
    if where == "linked":
        state.with_name("link").symlink_to(state)
        settings = replace(settings, state_dir=state.with_name("link"))
    if where == "elsewhere":
        settings = replace(settings, store_dir=state.with_name("store"))
    restoring.bring_documents(settings, a_backup(tmp_path / "backup"), (PATH,), lambda _: None)
    made = settings.store / "ab" / NAME
    assert {path.stat().st_uid for path in (settings.store, made.parent, made)} == {owner}
    assert settings.store.stat().st_mode & 0o777 == 0o700


def test_a_restore_writes_through_no_link(settings: Settings, secret: Path, tmp_path: Path) -> None:
    backup = a_backup(tmp_path / "backup")
    target = settings.store / "ab" / NAME
    target.parent.mkdir(parents=True)
    target.with_name(f".{NAME}.restoring").symlink_to(secret)
    for each in (settings.store, target.parent):
        shutil.chown(each, settings.state_dir.stat().st_uid)
    owner = secret.stat().st_uid
    restoring.bring_documents(settings, backup, (PATH,), lambda _: None)
    assert (secret.read_text(), secret.stat().st_uid) == ("root:secret", owner)
    assert (target.is_symlink(), target.read_bytes(), target.stat().st_mode & 0o777) == (False, b"sealed", 0o600)
    assert target.stat().st_uid == settings.state_dir.stat().st_uid
    assert os.geteuid() == os.getuid()


def test_a_restore_enters_no_folder_that_is_a_link(settings: Settings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings.store.mkdir(mode=0o755)
    (settings.store / "ab").symlink_to(elsewhere)
    with pytest.raises(RestoreRefused, match="is a link"):
        restoring.bring_documents(settings, a_backup(tmp_path / "backup"), (PATH,), lambda _: None)
    assert list(elsewhere.iterdir()) == []
    assert os.geteuid() == os.getuid()


def test_an_unfinished_backup_that_is_a_link_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / ".two.unfinished").symlink_to(tmp_path / "kept")
    with pytest.raises(BackupRefused, match="is a link"), backups.unfinished(tmp_path / "two"):
        pass
    assert (tmp_path / "kept" / "file").exists()


def test_verify_without_a_folder_makes_none_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["backup", "verify"])
    assert ended.value.code == 2
    assert "give one folder" in capsys.readouterr().err
