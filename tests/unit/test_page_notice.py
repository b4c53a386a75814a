"""A text at the foot of a page: it covers nothing, and the page is no longer than it was, or than A4."""

from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from faxplan import fax_tiff, page_notice, tiff_directory
from faxplan.paper import A4_INCHES, LINE_PIXELS, X_DPI, Resolution
from faxplan.tiff_directory import CodedPage

TEXT = "To get no more faxes: acme.fax.example/stop, code ABCD-EFGH, or fax to +1 978 555 0126, at any time. " * 3


def a_page(rows: int, marks: list[tuple[int, int]], resolution: Resolution) -> CodedPage:
    """marks: rows that are black from .. to, over the whole width."""
    image = Image.new("1", (LINE_PIXELS, rows), 255)
    for first, last in marks:
        image.paste(0, (0, first, LINE_PIXELS, last))
    return fax_tiff.coded(image, X_DPI, resolution.y_dpi)


def seen(page: CodedPage, folder: Path) -> Image.Image:
    tiff_directory.write(folder / "seen.tif", [page], 1)
    with Image.open(folder / "seen.tif") as image:
        return image.convert("1")


@pytest.mark.parametrize("resolution", [Resolution.STANDARD, Resolution.FINE, Resolution.SUPERFINE])
def test_it_stands_below_what_there_is(tmp_path: Path, resolution: Resolution) -> None:
    dpi = resolution.y_dpi
    letter, a4 = 11 * dpi, round(A4_INCHES * dpi)
    page = a_page(letter, [(0, 10), (letter - 2 * dpi, letter - 2 * dpi + 10)], resolution)
    found = page_notice.below(page, TEXT, tmp_path)
    drawn, before = seen(found, tmp_path), seen(page, tmp_path)
    assert (found.rows, found.width, found.y_dpi) == (letter, LINE_PIXELS, dpi)
    kept = letter - 2 * dpi + 10
    assert drawn.crop((0, 0, LINE_PIXELS, kept)).tobytes() == before.crop((0, 0, LINE_PIXELS, kept)).tobytes()
    box = ImageChops.invert(drawn.crop((0, kept, LINE_PIXELS, letter)).convert("L")).getbbox()
    assert box is not None
    assert box[1] > 0
    # A full one on shorter paper goes on to the end of A4, and nothing of it is covered.
    full = page_notice.below(a_page(letter, [(0, letter)], resolution), TEXT, tmp_path)
    assert letter < full.rows <= a4
    assert not list(tmp_path.glob("first-page*"))


def test_a_page_that_is_full_is_made_smaller(tmp_path: Path) -> None:
    rows = round(A4_INCHES * 196)
    marks = [(at, at + 20) for at in range(0, rows, 100)]
    page = a_page(rows, [*marks, (rows - 20, rows)], Resolution.FINE)
    found = page_notice.below(page, "No more? acme.fax.example/stop", tmp_path)
    assert found.rows == rows
    drawn = seen(found, tmp_path)
    column = drawn.crop((LINE_PIXELS // 2, 0, LINE_PIXELS // 2 + 1, rows - 76)).convert("L").tobytes()
    # All that was there is there: as many lines, some rows thinner.
    edges = sum(1 for before, after in pairwise(column) if before and not after)
    assert edges + (not column[0]) == len(marks) + 1


def test_a_text_without_end_has_an_end(tmp_path: Path) -> None:
    page = a_page(2000, [(0, 1)], Resolution.FINE)
    assert page_notice.below(page, "x " * 5000, tmp_path).rows == 2000
