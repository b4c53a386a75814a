"""Page images: each page in its true shape, nothing lost that was black or white, and read back one by one."""

import io
import itertools
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faxplan import fax_tiff, page_images, sandbox, tiff_directory
from faxplan.confinement import LimitsOnly
from faxplan.errors import RenderingFailed
from faxplan.page_images import BrokenPageImages
from faxplan.sealed import SealedReader
from tests.forks import forks
from tests.unit.test_received import page, saved

__all__ = ["forks"]

PROJECT = Path(__file__).parents[2]


def images(folder: Path, tiff: Path, **values: Any) -> list[Image.Image]:
    made = page_images.make(tiff, folder, within=LimitsOnly(), **values)
    with made.archive.open("rb") as source:
        pages = list(page_images.read(source))
    assert [number for number, _ in pages] == list(range(1, made.count + 1))
    return [Image.open(io.BytesIO(png)) for _, png in pages]


@pytest.mark.parametrize(
    ("width", "dpi", "size", "bits"),
    [
        (1728, (204, 98), (1728, 2081), 1),
        (1728, (204, 196), (1728, 1041), 1),
        (1728, (204, 391), (1728, 522), 2),
        (2048, (204, 196), (2048, 1041), 1),
        (2432, (204, 98), (2432, 2082), 1),
        (2592, (300, 300), (1763, 680), 2),
        (3456, (408, 391), (1728, 522), 2),
        (3456, (400, 400), (1763, 510), 2),
        (1728, (200, 100), (1728, 2000), 1),
    ],
)
def test_a_page_has_square_pixels_at_any_resolution(
    tmp_path: Path, width: int, dpi: tuple[int, int], size: tuple[int, int], bits: int
) -> None:
    (image,) = images(tmp_path, saved(tmp_path / "a.tif", page(width, 1000), dpi=dpi))
    assert abs(image.width - size[0]) <= 1
    assert abs(image.height - size[1]) <= 2
    assert image.width / image.height == pytest.approx((width / dpi[0]) / (1000 / dpi[1]), rel=0.01)
    # 8 bytes of signature, 4 and 4 of the first chunk's length and name, 4 and 4 of width and height.
    png = zipfile.ZipFile(tmp_path / "pages.zip").read("0001.png")
    assert png[24] == bits
    assert image.convert("L").getextrema() == (0, 255)


def test_where_rows_are_repeated_no_pixel_is_lost(tmp_path: Path) -> None:
    (image,) = images(tmp_path, saved(tmp_path / "a.tif", page(), dpi=(204, 98)))
    rows = [image.crop((0, y, 1728, y + 1)).tobytes() for y in range(image.height)]
    kept = [rows[0], *(after for before, after in itertools.pairwise(rows) if after != before)]
    original = [page().crop((0, y, 1728, y + 1)).tobytes() for y in range(500)]
    assert kept == [original[0], *(b for a, b in itertools.pairwise(original) if a != b)]


def test_pages_may_differ_and_keep_their_order(tmp_path: Path) -> None:
    pages = [fax_tiff.coded(page(1728, 196), 204, 196), fax_tiff.coded(page(2048, 98), 204, 98)]
    tiff_directory.write(tmp_path / "a.tif", pages, 2)
    assert [image.size for image in images(tmp_path, tmp_path / "a.tif")] == [(1728, 204), (2048, 204)]


def test_a_page_without_end_is_shown_smaller(tmp_path: Path) -> None:
    (image,) = images(tmp_path, saved(tmp_path / "a.tif", page(1728, 20000), dpi=(204, 98)))
    assert image.height == page_images._LONGEST_PIXELS
    assert image.width / image.height == pytest.approx(1728 / (20000 * 204 / 98), rel=0.01)


@pytest.mark.parametrize("dpi", [(1, 1), (204, 5000)])
def test_a_resolution_that_is_none_is_taken_for_fine(tmp_path: Path, dpi: tuple[int, int]) -> None:
    (image,) = images(tmp_path, saved(tmp_path / "a.tif", page(), dpi=dpi))
    assert image.size == (1728, 520)


def test_grey_and_colour_are_drawn_too(tmp_path: Path) -> None:
    grey = Image.linear_gradient("L").resize((1728, 500))
    (image,) = images(tmp_path, saved(tmp_path / "a.tif", grey, compression="tiff_lzw"))
    assert len(set(image.convert("L").tobytes())) == 16


def test_the_thumbnail_is_the_first_page_in_small(tmp_path: Path) -> None:
    top = Image.new("1", (1728, 2287), 255)
    top.paste(0, (0, 0, 1728, 1100))
    made = page_images.make(saved(tmp_path / "a.tif", top, page()), tmp_path, within=LimitsOnly())
    assert made.thumbnail is not None
    with Image.open(made.thumbnail) as image:
        assert image.size == (200, round(2287 * 204 / 196 * 200 / 1728))
        grey = image.convert("L")
        assert (grey.getpixel((100, 20)), grey.getpixel((100, 250))) == (0, 255)


def test_the_thumbnail_of_a_page_without_end_shows_its_top(tmp_path: Path) -> None:
    made = page_images.make(saved(tmp_path / "a.tif", page(1728, 20000), dpi=(204, 98)), tmp_path, within=LimitsOnly())
    assert made.thumbnail is not None
    with Image.open(made.thumbnail) as image:
        assert image.size == (200, 400)


def spoilt(path: Path) -> Path:
    """Three pages, of which the second cannot be decoded."""
    saved(path, page(), page(), page(), compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    second = list(tiff_directory.directories(bytes(content)))[1]
    for offset, count, _ in second.strips():
        content[offset : offset + count] = b"\xff" * count
    path.write_bytes(content)
    return path


def test_a_page_that_cannot_be_decoded_is_left_out_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    made = page_images.make(spoilt(tmp_path / "a.tif"), tmp_path, within=LimitsOnly())
    assert made.count == 2
    with made.archive.open("rb") as source:
        assert [number for number, _ in page_images.read(source)] == [1, 3]


def test_a_page_that_is_too_large_is_not_decoded(tmp_path: Path, forked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_images, "MOST_PIXELS", 1728 * 600)
    tiff = saved(tmp_path / "a.tif", page(), page(1728, 700))
    assert len(images(tmp_path, tiff)) == 1
    monkeypatch.setattr(page_images, "MOST_PIXELS", 1)
    with pytest.raises(RenderingFailed, match="No page"):
        page_images.make(tiff, tmp_path, within=LimitsOnly())


@pytest.mark.parametrize("answer", [None, {}, [1], ["1", True], [1, "yes"], [-1, False], [10**9, False], [True, True]])
def test_an_answer_that_makes_no_sense_is_the_document_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setattr(sandbox, "call", lambda *_, **__: answer)
    with pytest.raises(RenderingFailed, match="could not be drawn"):
        page_images.make(saved(tmp_path / "a.tif", page()), tmp_path, within=LimitsOnly())


def test_no_more_pages_are_drawn_than_were_asked_for(tmp_path: Path) -> None:
    assert len(images(tmp_path, saved(tmp_path / "a.tif", page(), page(), page()), pages=2)) == 2


def test_in_parts_it_is_the_same_as_at_once(tmp_path: Path) -> None:
    tiff = str(saved(tmp_path / "a.tif", *(page(1728, 300 + number) for number in range(5))))
    assert page_images.draw(tiff, str(tmp_path / "whole.zip"), 0, 5) == 5
    parts = [tmp_path / f"part-{first}.zip" for first in (0, 2, 4)]
    drawn = [page_images.draw(tiff, str(part), first, 2) for part, first in zip(parts, (0, 2, 4), strict=True)]
    assert drawn == [2, 2, 1]
    page_images.join(parts, tmp_path / "parts.zip")
    assert (tmp_path / "parts.zip").read_bytes() == (tmp_path / "whole.zip").read_bytes()


def test_nothing_tells_when_or_by_whom_it_was_made(tmp_path: Path) -> None:
    tiff = saved(tmp_path / "a.tif", page())
    page_images.make(tiff, tmp_path, within=LimitsOnly())
    with zipfile.ZipFile(tmp_path / "pages.zip") as archive:
        (member,) = archive.infolist()
        assert (member.date_time, member.compress_type, archive.comment) == ((1980, 1, 1, 0, 0, 0), 0, b"")
        assert "software" not in Image.open(io.BytesIO(archive.read(member))).info


def zipped(*pngs: bytes) -> bytearray:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, png in enumerate(pngs, 1):
            page_images.pack(archive, number, png)
    return bytearray(packed.getvalue())


class Watched(io.BytesIO):
    """most: bytes that were read at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.most = max(self.most, len(found))
        return found


def test_a_directory_without_end_is_not_read(tmp_path: Path) -> None:
    """As a converter may leave it that was taken over: FreeSWITCH's own process reads it."""
    directory = 64 * 2**20
    far = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**6, 10**6, directory, 0)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, directory, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    source = Watched(bytes(directory) + far + locator + end)
    with pytest.raises(BrokenPageImages):
        list(page_images.read(source))
    assert source.most < 4 * 2**20


def test_pages_that_share_their_bytes_are_refused() -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    archive = zipped(png, png)
    assert len(list(page_images.read(io.BytesIO(archive)))) == 2
    second = archive.rindex(b"PK\1\2")
    archive[second + 42 : second + 46] = bytes(4)
    with pytest.raises(BrokenPageImages):
        list(page_images.read(io.BytesIO(archive)))


def test_a_page_that_has_changed_is_refused() -> None:
    archive = zipped(b"\x89PNG\r\n\x1a\n" + bytes(100))
    archive[60] ^= 1
    with pytest.raises(BrokenPageImages):
        list(page_images.read(io.BytesIO(archive)))


class TestVectors:
    """What is published, and what a browser reads as well."""

    VECTORS = json.loads((PROJECT / "docs" / "sealed-files" / "vectors.json").read_text())

    @pytest.mark.parametrize("vector", VECTORS["page_images"], ids=lambda vector: vector["about"])
    def test_pages(self, vector: dict[str, Any]) -> None:
        pages = {int(number): bytes.fromhex(png) for number, png in vector["pages"].items()}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for number, png in pages.items():
                page_images.pack(archive, number, png)
        assert packed.getvalue() == bytes.fromhex(vector["zip"])
        content = SealedReader(io.BytesIO(bytes.fromhex(vector["sealed"])), bytes.fromhex(vector["key"]))
        assert content.header.context.artefact == "page-images"
        assert dict(page_images.read(io.BufferedReader(content))) == pages

    @pytest.mark.parametrize("vector", VECTORS["refused_page_images"], ids=lambda vector: vector["about"])
    def test_what_must_be_refused(self, vector: dict[str, str]) -> None:
        with pytest.raises(BrokenPageImages):
            list(page_images.read(io.BytesIO(bytes.fromhex(vector["zip"]))))


def test_a_child_that_leaves_a_link_gives_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("another fax")

    def linked(_function: object, _tiff: str, archive: str, *_: object, **__: object) -> dict[str, object]:
        Path(archive).symlink_to(secret)
        return {"pages": 1, "thumbnail": False}

    monkeypatch.setattr(sandbox, "call", linked)
    with pytest.raises(RenderingFailed):
        page_images.make(saved(tmp_path / "a.tif", page()), tmp_path, within=LimitsOnly())
    assert secret.read_text() == "another fax"
