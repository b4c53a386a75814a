"""The band above each page: true numbers, legible, and the page beneath it untouched."""

import tempfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageSequence

from faxplan import fax_tiff, header_line, page_strips, tiff_directory
from faxplan.header_line import HeaderLine, _joined, _stamped, stamp
from faxplan.tiff_directory import CodedPage

WHEN = datetime(2026, 7, 1, 9, 5, tzinfo=ZoneInfo("Europe/Berlin"))


def header(name: str = "Nordwind GmbH", first_page: int = 1, total_pages: int | None = 3) -> HeaderLine:
    return HeaderLine(WHEN, name, "+49 30 5550123", first_page, total_pages)


def page(rows: int = 400, y_dpi: float = 196, width: int = 1728) -> Image.Image:
    image = Image.new("1", (width, rows), 255)
    draw = ImageDraw.Draw(image)
    # Ink in the first row: its coding depends on the row above it.
    draw.rectangle((100, 0, 500, 60), fill=0)
    draw.line((0, 0, width, rows), fill=0, width=3)
    return image


def frames(path: Path) -> list[Image.Image]:
    with Image.open(path) as image:
        return [frame.copy() for frame in ImageSequence.Iterator(image)]


def band(page: CodedPage, header: HeaderLine, number: int) -> Image.Image:
    """As it is drawn above a page."""
    return header_line._band(*header_line.texts(header, number), page.width, page.x_dpi, page.y_dpi)


def rows(path: Path) -> list[int]:
    """Of each page of a file that txfax would take."""
    return [each.rows for each in fax_tiff.read(path).pages]


@pytest.mark.parametrize("y_dpi", [98, 196, 391])
@pytest.mark.parametrize("width", [1728, 2048, 2432])
def test_the_page_below_the_band_is_the_source_s(tmp_path: Path, width: int, y_dpi: int) -> None:
    images = [page(400, y_dpi, width), page(333, y_dpi, width), Image.new("1", (width, 50), 255)]
    tiff_directory.write(tmp_path / "a.tif", [fax_tiff.coded(image, 204, y_dpi) for image in images], 3)
    stamp((tmp_path / "a.tif").read_bytes(), tmp_path / "b.tif", header())
    band = round(0.18 * y_dpi)
    assert rows(tmp_path / "b.tif") == [image.height + band for image in images]
    for stamped, image in zip(frames(tmp_path / "b.tif"), images, strict=True):
        assert stamped.crop((0, band, width, stamped.height)).tobytes() == image.tobytes()
        assert stamped.crop((0, 0, width, band)).convert("L").getextrema() == (0, 255)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_tiff_of_others_is_stamped_too(tmp_path: Path, compression: str) -> None:
    page().save(tmp_path / "a.tif", "TIFF", compression=compression, dpi=(204, 196))
    stamp((tmp_path / "a.tif").read_bytes(), tmp_path / "b.tif", header())
    (stamped,) = frames(tmp_path / "b.tif")
    assert stamped.crop((0, 35, 1728, 435)).tobytes() == page().tobytes()


def test_pages_that_went_before_stay_as_they_were(tmp_path: Path) -> None:
    coded = fax_tiff.coded(page(), 204, 196)
    tiff_directory.write(tmp_path / "a.tif", [coded] * 4, 4)
    stamp((tmp_path / "a.tif").read_bytes(), tmp_path / "b.tif", header(total_pages=4), start_page=2)
    assert rows(tmp_path / "b.tif") == [400, 400, 435, 435]
    assert frames(tmp_path / "b.tif")[1].tobytes() == page().tobytes()


def test_the_number_counts_in_the_whole_fax(tmp_path: Path) -> None:
    coded = fax_tiff.coded(page(), 204, 196)
    tiff_directory.write(tmp_path / "a.tif", [coded] * 2, 2)
    stamp((tmp_path / "a.tif").read_bytes(), tmp_path / "b.tif", header(first_page=2, total_pages=3))
    bands = [frame.crop((0, 0, 1728, 35)).tobytes() for frame in frames(tmp_path / "b.tif")]
    assert bands == [band(coded, header(), number).tobytes() for number in (2, 3)]
    assert bands[0] != bands[1]


def test_a_long_name_is_shortened_and_covers_nothing() -> None:
    coded = CodedPage(b"", 1728, 1, 204, 98)
    short, long = band(coded, header("A"), 1), band(coded, header("A" + " long name" * 40), 1)
    from_number_on = (1190, 0, 1728, short.height)
    assert long.crop(from_number_on).tobytes() == short.crop(from_number_on).tobytes()
    assert long.tobytes() != short.tobytes()


def test_control_characters_in_a_name_do_not_break_the_line() -> None:
    coded = CodedPage(b"", 1728, 1, 204, 98)
    assert band(coded, header("A\nB\x00C"), 1).tobytes() == band(coded, header("A B C"), 1).tobytes()


def test_the_time_needs_a_zone(tmp_path: Path) -> None:
    tiff_directory.write(tmp_path / "a.tif", [fax_tiff.coded(page(), 204, 196)], 1)
    naive = HeaderLine(WHEN.replace(tzinfo=None), "A", "1", 1, 1)
    with pytest.raises(ValueError, match="time zone"):
        stamp((tmp_path / "a.tif").read_bytes(), tmp_path / "b.tif", naive)


@given(st.binary(min_size=8, max_size=8 * 40), st.integers(1, 30))
def test_any_two_images_are_joined_without_a_changed_pixel(noise: bytes, white_rows: int) -> None:
    rows = len(noise) // 8
    above = Image.frombytes("1", (64, rows), noise[: rows * 8])
    band = Image.new("1", (64, rows + white_rows), 255)
    band.paste(above, (0, 0))
    first, second = fax_tiff.coded(band, 204, 196), fax_tiff.coded(above, 204, 196)
    joined = CodedPage(_joined(first.data, second.data), 64, band.height + rows, 204, 196)
    with tempfile.NamedTemporaryFile(suffix=".tif") as file:
        tiff_directory.write(Path(file.name), [joined], 1)
        (result,) = frames(Path(file.name))
    assert result.crop((0, 0, 64, band.height)).tobytes() == band.tobytes()
    assert result.crop((0, band.height, 64, band.height + rows)).tobytes() == above.tobytes()


def test_stamping_twice_is_possible() -> None:
    # What the first stamp wrote is Group 4 like any other.
    coded = fax_tiff.coded(page(), 204, 196)
    once = _stamped(coded, header(), 1)
    assert _stamped(once, header(), 1).rows == 400 + 35 + 35


def test_the_pages_from_one_on_are_left_as_they_are(tmp_path: Path) -> None:
    coded = fax_tiff.coded(page(), 204, 196)
    tiff_directory.write(tmp_path / "a.tif", [coded] * 3, 3)
    stamp((tmp_path / "a.tif").read_bytes(), tmp_path / "b.tif", header(), start_page=2)
    page_strips.write(page_strips.of((tmp_path / "b.tif").read_bytes()).since(2), tmp_path / "c.tif")
    assert rows(tmp_path / "c.tif") == [435]
    assert frames(tmp_path / "c.tif")[0].tobytes() == frames(tmp_path / "b.tif")[2].tobytes()
    page(300).save(tmp_path / "others.tif", "TIFF", compression="group3", dpi=(204, 196))
    page_strips.write(page_strips.of((tmp_path / "others.tif").read_bytes()), tmp_path / "d.tif")
    assert rows(tmp_path / "d.tif") == [300]


def test_a_line_may_leave_open_how_many_pages_there_are() -> None:
    coded = CodedPage(b"", 1728, 1, 204, 196)
    assert band(coded, header(total_pages=None), 2).tobytes() != band(coded, header(), 2).tobytes()
    assert band(coded, header(total_pages=None), 2).tobytes() != band(coded, header(total_pages=None), 3).tobytes()
