"""What is made of a received fax: in children, in turns, and no fax waits for what cannot be made."""

import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from faxplan import page_images, received, received_copies, received_drawing, sandbox
from faxplan.confinement import LimitsOnly
from faxplan.documents import PAGE_IMAGES, RECEIVED_PDF, THUMBNAIL
from faxplan.namespaces import Namespace
from faxplan.places import Places
from faxplan.received_copies import PAGES_A_TURN
from faxplan.sandbox import DocumentTooExpensive
from tests.unit.test_page_images import spoilt
from tests.unit.test_received import page, saved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir(mode=0o700)
    return made


def made_of(tiff: Path, folder: Path, pages: int) -> dict[str, Path]:
    return dict(received_copies.make(tiff, folder, pages, Places(1), within=LimitsOnly()))


def test_a_pdf_page_images_and_a_thumbnail(tmp_path: Path, folder: Path) -> None:
    count = 2 * PAGES_A_TURN + 1
    found = made_of(saved(tmp_path / "a.tif", *[page(1728, 100)] * count), folder, count)
    assert found.keys() == {RECEIVED_PDF, PAGE_IMAGES, THUMBNAIL}
    with pikepdf.open(found[RECEIVED_PDF]) as pdf:
        assert len(pdf.pages) == count
    with zipfile.ZipFile(found[PAGE_IMAGES]) as archive:
        assert archive.namelist() == [f"{number:04d}.png" for number in range(1, count + 1)]
        assert archive.testzip() is None


def test_of_a_partial_fax_the_pages_that_it_has(tmp_path: Path, folder: Path) -> None:
    whole = saved(tmp_path / "a.tif", page(), page(), page()).read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) * 5 // 6])
    pages = received.complete_pages(tmp_path / "a.tif")
    assert pages == 2
    with zipfile.ZipFile(made_of(tmp_path / "a.tif", folder, pages)[PAGE_IMAGES]) as archive:
        assert len(archive.namelist()) == 2


def test_a_page_that_cannot_be_drawn_costs_itself(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = made_of(spoilt(tmp_path / "a.tif"), folder, 3)
    assert found.keys() >= {PAGE_IMAGES, THUMBNAIL}
    assert "2 of 3 pages could be drawn" in caplog.text


def ended(*_: object) -> None:
    os._exit(1)


def test_where_the_images_end_the_child_there_is_a_pdf(
    tmp_path: Path, folder: Path, forked: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(page_images, "draw", ended)
    assert made_of(saved(tmp_path / "a.tif", page()), folder, 1).keys() == {RECEIVED_PDF}
    assert "crashed" in caplog.text


def test_a_child_that_names_other_files_gives_nothing_away(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("another fax")

    def call(_function: object, _tiff: str, names: dict[str, str], *_: object, **__: object) -> list[Any]:
        Path(names["pages.zip"]).symlink_to(tmp_path / "secret")
        return [1, ["../../secret", str(tmp_path / "secret"), "pages.zip"], None]

    monkeypatch.setattr(sandbox, "call", call)
    assert made_of(saved(tmp_path / "a.tif", page()), folder, 1) == {}


@pytest.mark.parametrize(
    "answer",
    [None, {"pages": 1}, [1, []], [True, ["pages.zip"], None], [-1, ["pages.zip"], None], [2, ["pages.zip"], None],
     [1, "pages.zip", None], [1, ["pages.zip"], ["problem"] * 1000]],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_gives_nothing_and_ends_nobody(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    def call(_function: object, _tiff: str, names: dict[str, str], *_: object, **__: object) -> object:
        Path(names["pages.zip"]).touch()
        return answer

    monkeypatch.setattr(sandbox, "call", call)
    assert made_of(saved(tmp_path / "a.tif", page()), folder, 1) == {}
    assert "made no sense" in caplog.text


def test_what_a_child_says_is_one_line_of_the_log(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = "no PDF\n2026-01-01 faxplan CRITICAL \x1b[2J" + "x" * 10**6
    monkeypatch.setattr(sandbox, "call", lambda *_, **__: [0, [], said])
    made_of(saved(tmp_path / "a.tif", page()), folder, 1)
    lines = [record.getMessage() for record in caplog.records if "no PDF" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert len(lines[0]) < 1100


def test_where_the_pdf_fails_there_are_images(
    tmp_path: Path, folder: Path, forked: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such tag")

    monkeypatch.setattr(received, "to_pdf", broken)
    assert made_of(saved(tmp_path / "a.tif", page()), folder, 1).keys() == {PAGE_IMAGES, THUMBNAIL}
    assert "no such tag" in caplog.text


def test_too_long_a_fax_has_no_half_of_its_images(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = sandbox.call, []

    def call(*arguments: Any, **values: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise DocumentTooExpensive("too much time")
        return real(*arguments, **values)

    monkeypatch.setattr(sandbox, "call", call)
    count = PAGES_A_TURN + 1
    found = made_of(saved(tmp_path / "a.tif", *[page(1728, 100)] * count), folder, count)
    assert found.keys() == {RECEIVED_PDF, THUMBNAIL}


@pytest.mark.parametrize("is_free", [True, False])
def test_what_takes_too_long_is_left(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_free: bool
) -> None:
    monkeypatch.setattr(received_copies, "LONGEST_SECONDS", 0.0)
    tiff, places = saved(tmp_path / "a.tif", page()), Places(1)
    if is_free:
        assert not received_copies.make(tiff, folder, 1, places, within=LimitsOnly())
    else:
        with places.one(0):
            assert not received_copies.make(tiff, folder, 1, places, within=LimitsOnly())
    assert "TimeoutError" in caplog.text


def test_a_long_fax_lets_others_in_between(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places, order, short_waits = Places(1), [], threading.Event()

    def call(_: object, tiff: str, _names: object, first: int, most: int, **__: object) -> list[Any]:
        order.append((Path(tiff).name, first))
        if len(order) == 1:
            assert short_waits.wait(60)
            while not places._waiting:
                threading.Event().wait(0.001)
        return [0, [], None]

    monkeypatch.setattr(sandbox, "call", call)
    long = threading.Thread(
        target=received_copies.make,
        args=(tmp_path / "long.tif", folder, 3 * PAGES_A_TURN, places),
        kwargs={"within": LimitsOnly()},
    )
    long.start()
    while not order:
        threading.Event().wait(0.001)
    other = folder / "other"
    other.mkdir()
    short = threading.Thread(
        target=received_copies.make,
        args=(tmp_path / "short.tif", other, 1, places),
        kwargs={"within": LimitsOnly()},
    )
    short.start()
    short_waits.set()
    long.join()
    short.join()
    assert order == [("long.tif", 0), ("short.tif", 0), ("long.tif", PAGES_A_TURN), ("long.tif", 2 * PAGES_A_TURN)]


def _priority(*_: object) -> dict[str, Any]:
    received_drawing.step_back()
    return {"nice": os.getpriority(os.PRIO_PROCESS, 0), "policy": os.sched_getscheduler(0)}


def test_a_child_works_behind_the_calls() -> None:
    given = sandbox.call(_priority, ceiling=received_copies._CEILING)
    assert given["nice"] >= max(received_drawing.NICE, os.getpriority(os.PRIO_PROCESS, 0))
    assert given["policy"] == os.SCHED_BATCH


def test_inside_a_namespace_it_is_the_same(tmp_path: Path, folder: Path, namespaces_work: None) -> None:
    count = PAGES_A_TURN + 1
    tiff = saved(tmp_path / "a.tif", *[page(1728, 100)] * count)
    found = received_copies.make(tiff, folder, count, Places(1), within=Namespace())
    assert found.keys() == {RECEIVED_PDF, PAGE_IMAGES, THUMBNAIL}
    with zipfile.ZipFile(found[PAGE_IMAGES]) as archive:
        assert len(archive.namelist()) == count
    outside = tmp_path / "outside"
    outside.mkdir()
    limits = received_copies.make(tiff, outside, count, Places(1), within=LimitsOnly())
    for kind in (PAGE_IMAGES, THUMBNAIL):
        assert found[kind].read_bytes() == limits[kind].read_bytes()
