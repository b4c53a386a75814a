"""A document leaves room for others: here a file system of 64 MB is told of, and what is in the folder fills it."""

import errno
from pathlib import Path

import pytest

from faxplan import room
from faxplan.confinement import Confinement, LimitsOnly
from faxplan.namespaces import Namespace
from faxplan.room import DocumentTakesTheDisk, Room, RoomTaken
from faxplan.sandbox import Ceiling

SIZE = 64 * 1024**2
CEILING = Ceiling(cpu_seconds=20, wall_seconds=60)
FILLS = """
import time
for number in range(4 * 64):
    with open(f"{folder}/{number}", "wb") as file:
        file.write(bytes(2**18))
    time.sleep(0.005)
answer = "all written"
"""


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_free", lambda folder: (SIZE - room._used(folder), 1000))


@pytest.fixture(params=["limits", "namespace"])
def confined(request: pytest.FixtureRequest) -> Confinement:
    if request.param == "limits":
        return LimitsOnly()
    request.getfixturevalue("namespaces_work")
    return Namespace()


def filled(confined: Confinement, tmp_path: Path) -> int:
    """What was left when it was stopped."""
    with confined.workplace(tmp_path) as place:
        code = f"folder = {place.at('')!r}\n{FILLS}"
        try:
            place.call(eval, "(exec(code, names := {}), names['answer'])[1]", {"code": code}, ceiling=CEILING)
        finally:
            left = SIZE - room._used(place.folder)
            assert left > 0, "it filled the disk"
            assert left < SIZE * 3 // 4, "it was stopped too early"
    return left


@pytest.mark.usefixtures("small_disk")
def test_a_document_that_fills_a_disk_is_stopped_and_is_not_at_fault(confined: Confinement, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="was stopped") as stopped:
        filled(confined, tmp_path)
    assert stopped.value.errno == errno.ENOSPC


@pytest.mark.usefixtures("small_disk")
def test_one_that_takes_more_than_any_needs_is_refused(
    confined: Confinement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "NEEDED_BYTES", SIZE // 4)
    with pytest.raises(DocumentTakesTheDisk):
        filled(confined, tmp_path)


@pytest.mark.parametrize("taken", [(600, 0), (0, 60)])
def test_what_others_take_is_no_document_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: tuple[int, int]
) -> None:
    free = [1000, 100]
    monkeypatch.setattr(room, "_free", lambda _: tuple(free))
    watched = Room(tmp_path)
    watched.check()
    free[:] = [before - gone for before, gone in zip(free, taken, strict=True)]
    with pytest.raises(RoomTaken):
        watched.check()
    assert isinstance(watched.verdict(), OSError)


def test_on_a_large_disk_it_takes_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [100 * room.MOST_BYTES]
    monkeypatch.setattr(room, "_free", lambda _: (free[0], 0))
    watched = Room(tmp_path)
    free[0] -= room.MOST_BYTES
    watched.check()
    free[0] -= 1
    with pytest.raises(RoomTaken):
        watched.check()


def test_it_takes_no_million_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_FILES", 100)
    free = [10**9]
    monkeypatch.setattr(room, "_free", lambda _: (0, free[0]))
    watched = Room(tmp_path)
    free[0] -= 100
    watched.check()
    # As XFS and ZFS reckon it from bytes, of which the document, or somebody else, has taken some.
    free[0] -= 1000
    watched.check()
    (tmp_path / "below").mkdir()
    for number in range(98):
        (tmp_path / "below" / f"{number}").touch()
    free[0] -= 101
    watched.check()
    (tmp_path / "one-more").touch()
    watched.check()
    free[0] -= 101
    with pytest.raises(RoomTaken):
        watched.check()


def test_what_is_nested_or_linked_counts_once_and_ends(tmp_path: Path) -> None:
    before = room._used(tmp_path)
    deep = tmp_path
    for _ in range(200):
        deep = deep / "d"
        deep.mkdir()
    (deep / "file").write_bytes(bytes(2**20))
    (tmp_path / "link").symlink_to("/")
    assert 2**20 <= room._used(tmp_path) - before < 2**20 + 300 * 4096
