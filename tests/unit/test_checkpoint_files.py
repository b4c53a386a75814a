import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faxplan.checkpoint_files import CheckpointFolder, CheckpointFolderMissing, outlived
from faxplan.checkpoints import Checkpoint

NOW = datetime(2026, 11, 26, 4, 30, tzinfo=UTC)
CHECKPOINT = Checkpoint("fax.example.com/audit", 1, 7, b"r" * 32, NOW, {})


def name(at: datetime, size: int = 7, generation: int = 1) -> Path:
    return Path(f"{at:%Y%m%dT%H%M%SZ}-{generation:04}-{size:012}.checkpoint")


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    made = CheckpointFolder(tmp_path / "state" / "checkpoints", made=True)
    made.prepare()
    return made


def test_each_is_a_private_file_of_its_own(folder: CheckpointFolder) -> None:
    first = folder.write(CHECKPOINT, "one")
    second = folder.write(replace(CHECKPOINT, size=9, at=NOW + timedelta(minutes=5)), "two")
    assert [first.read_text(), second.read_text()] == ["one", "two"]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_the_newest_is_the_largest_of_the_last_generation_whatever_the_clock_says(folder: CheckpointFolder) -> None:
    assert folder.newest() is None
    folder.write(replace(CHECKPOINT, size=99), "")
    folder.write(replace(CHECKPOINT, generation=2, size=12, at=NOW - timedelta(hours=1)), "")
    folder.write(replace(CHECKPOINT, generation=2, size=8), "")
    (folder.path / "20991231T000000Z-9999-000000000001.checkpoint.bak").touch()
    newest = folder.newest()
    assert newest is not None
    assert newest.name.endswith("-0002-000000000012.checkpoint")


def test_all_of_a_week_are_kept() -> None:
    assert outlived([name(NOW - timedelta(minutes=5 * number)) for number in range(2000)], NOW) == []


def test_then_one_a_day_then_one_a_month() -> None:
    every_six_hours = [name(NOW - timedelta(hours=6 * number), 10_000 - number) for number in range(4 * 800)]
    kept = set(every_six_hours) - set(outlived(every_six_hours, NOW))
    old = sorted(path for path in kept if path.name < f"{NOW - timedelta(days=7):%Y%m%d}")
    daily = [path.name for path in old if path.name > f"{NOW - timedelta(days=399):%Y%m%d}"]
    assert len(daily) == len({each[:8] for each in daily}) > 380
    # The last of the day.
    assert {each[9:11] for each in daily} == {"22"}
    months = [path.name[:6] for path in old if path.name < f"{NOW - timedelta(days=440):%Y%m%d}"]
    assert len(months) == len(set(months)) > 10


def test_the_last_of_a_log_that_a_restore_ended_is_kept() -> None:
    day = NOW - timedelta(days=30)
    before, after = name(day, 90), name(day + timedelta(hours=1), 60, generation=2)
    assert outlived([before, after], NOW) == []


def test_what_is_old_goes_when_a_new_one_comes(folder: CheckpointFolder) -> None:
    old = [folder.write(replace(CHECKPOINT, at=NOW - timedelta(days=9, hours=each)), "") for each in (2, 1)]
    folder.write(CHECKPOINT, "")
    assert [path.exists() for path in old] == [False, True]


def test_a_folder_of_ones_own_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CheckpointFolderMissing, match="mount"):
        CheckpointFolder(tmp_path / "share", made=False).prepare()
    (tmp_path / "share").mkdir()
    CheckpointFolder(tmp_path / "share", made=False).prepare()
