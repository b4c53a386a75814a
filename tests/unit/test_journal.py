import contextlib
import dataclasses
import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from faxplan import files
from faxplan.call_result import CallResult, without_channel
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


NO_CHANNEL = Outcome(1, 2, 17, without_channel("USER_BUSY", ended_at=5.0))
OF_THE_HOOK = Outcome(1, 2, 17, CallResult("USER_BUSY", sip_code=486, q850_cause=17, ended_at=5.5))


@pytest.mark.parametrize("order", [(NO_CHANNEL, OF_THE_HOOK), (OF_THE_HOOK, NO_CHANNEL)])
def test_the_record_of_the_hook_stays_whoever_comes_first(journal: Journal, order: tuple[Outcome, Outcome]) -> None:
    for each in order:
        journal.write(each)
    assert journal.read(17) == OF_THE_HOOK


def test_a_record_of_another_call_with_the_same_id_gives_way(journal: Journal) -> None:
    """A restored database gives ids out again."""
    journal.write(dataclasses.replace(outcome(17), channel_uuid="before"))
    after = dataclasses.replace(outcome(17, "NONE", 0), channel_uuid="after")
    journal.write(after)
    assert journal.read(17) == after


def test_a_record_of_a_version_that_noted_no_channel_is_read(journal: Journal) -> None:
    journal.write(outcome(17))
    path = journal.folder / "17.json"
    content = json.loads(path.read_text())
    del content["channel_uuid"]
    path.write_text(json.dumps(content))
    assert journal.read(17) == outcome(17)


def test_hook_and_runtime_may_write_one_outcome_at_the_same_moment(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, both_have_written = os.fsync, threading.Barrier(2)

    def meeting(descriptor: int) -> None:
        real(descriptor)
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            with contextlib.suppress(threading.BrokenBarrierError):
                both_have_written.wait(30)
                both_have_written.abort()

    monkeypatch.setattr(os, "fsync", meeting)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(journal.write, each) for each in (NO_CHANNEL, OF_THE_HOOK)]:
            done.result()
    assert journal.read(17) == OF_THE_HOOK
    assert [path.name for path in journal.folder.iterdir()] == ["17.json"]


def test_what_killed_processes_were_writing_is_swept(journal: Journal) -> None:
    dead, living, old = (journal.folder / f".17.json.{each}.partial" for each in ("0-a", f"{os.getpid()}-b", "1-c"))
    for partial in (dead, living, old):
        partial.touch()
    os.utime(old, (0, 0))
    journal.prepare()
    assert list(journal.folder.iterdir()) == [living]


def test_the_oldest_attempt_comes_first(journal: Journal) -> None:
    for attempt_id in (100, 9, 20):
        journal.write(outcome(attempt_id))
    assert [each.attempt_id for each in journal.waiting()] == [9, 20, 100]


def test_an_outcome_that_the_disk_does_not_give_holds_up_no_other(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for attempt_id in (17, 18):
        journal.write(outcome(attempt_id))
    real = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "17.json":
            raise OSError(5, "Input/output error")
        return real(path)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "read_bytes", read_bytes)
        assert list(journal.waiting()) == [outcome(18)]
    assert list(journal.waiting()) == [outcome(17), outcome(18)]


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


@pytest.mark.parametrize("step", ["before the first byte", "half written", "before it has its name"])
def test_a_crash_while_writing_leaves_nothing_that_is_read(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise Crash

    with monkeypatch.context() as crashing:
        # A process that dies cleans nothing up.
        crashing.setattr(Path, "unlink", lambda *_, **__: None)
        if step == "before the first byte":
            crashing.setattr(os, "fdopen", crash)
        elif step == "half written":
            crashing.setattr(os, "fsync", crash)
        else:
            crashing.setattr(os, "link", crash)
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
