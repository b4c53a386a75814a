import os
import stat
from pathlib import Path
from typing import Any

import pytest

from faxplan import files
from faxplan.call_result import CallResult
from faxplan.journal import Journal, Outcome


class Crash(BaseException):
    """Stands for the end of the process: nothing of ours runs after it."""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "journal")
    made.prepare()
    return made


def outcome(attempt_id: int, cause: str = "NORMAL_CLEARING", pages: int = 2) -> Outcome:
    return Outcome(1, 2, attempt_id, CallResult(cause, pages=pages, remote_station_id="+49 30 ü", ended_at=5.5))


def test_what_is_written_is_read(journal: Journal) -> None:
    journal.write(outcome(17))
    assert journal.read(17) == outcome(17)
    assert list(journal.waiting()) == [outcome(17)]


def test_the_first_record_of_an_attempt_stays(journal: Journal) -> None:
    journal.write(outcome(17))
    journal.write(outcome(17, "NONE", 0))
    assert journal.read(17) == outcome(17)


def test_the_oldest_attempt_comes_first(journal: Journal) -> None:
    for attempt_id in (100, 9, 20):
        journal.write(outcome(attempt_id))
    assert [each.attempt_id for each in journal.waiting()] == [9, 20, 100]


def test_what_the_database_has_taken_is_forgotten(journal: Journal) -> None:
    journal.write(outcome(17))
    journal.remove(17)
    journal.remove(17)
    assert journal.read(17) is None
    assert not list(journal.waiting())


def test_it_is_private(journal: Journal) -> None:
    journal.write(outcome(17))
    (file,) = journal.folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("step", ["before the first byte", "half written", "before the rename"])
def test_a_crash_while_writing_leaves_nothing_that_is_read(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as crashing:
        # A process that dies cleans nothing up.
        crashing.setattr(Path, "unlink", lambda *_, **__: None)
        if step == "before the first byte":
            crashing.setattr(os, "fdopen", crash)
        elif step == "half written":
            crashing.setattr(os, "fsync", crash)
        else:
            crashing.setattr(Path, "replace", crash)
        with pytest.raises(Crash):
            journal.write(outcome(17))
    assert list(journal.folder.iterdir())
    assert journal.read(17) is None
    assert not list(journal.waiting())
    journal.write(outcome(17))
    assert list(journal.waiting()) == [outcome(17)]


def test_a_full_disk_leaves_nothing_behind(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as out_of_space:
        out_of_space.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            journal.write(outcome(17))
    assert not list(journal.folder.iterdir())


def test_the_folder_is_made_durable_with_the_file(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "fsync_folder", synced.append)
    journal.write(outcome(17))
    assert synced == [journal.folder]
