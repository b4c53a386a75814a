"""A cover page as it is drawn: within its margins, the same bytes each time, as many pages at each resolution."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from faxplan import cover_layout, cover_page, fax_tiff
from faxplan.confinement import LimitsOnly
from faxplan.cover_layout import Sheet
from faxplan.cover_page import Job
from faxplan.cover_words import FIELDS
from faxplan.paper import CHOICES, Resolution
from faxplan.refusals import CoverTooLong
from tests.forks import forks
from tests.hostile import TEXTS

__all__ = ["forks"]

LABELS = {name: name.title() for name in ("fax", "phone", "to", "from", "date", "pages", "reference", "subject")}
LABELS["page"] = "Page {number} of {total}"
VALUES = {
    "to_name": "Erika Mustermann", "to_company": "Borea", "to_number": "+49 30 23125009", "from_name": "Ann",
    "from_company": "Acme", "from_number": "+49 30 901820", "subject": "Figures", "message": "Look at page two.",
    "date": "1 May 2026",
}  # fmt: skip


def sheet(message: str = VALUES["message"], **values: str) -> Sheet:
    return Sheet("Acme", "{{ message }}", "Confidential.", {**VALUES, "message": message, **values}, LABELS)


def drawn(folder: Path, of: Sheet, *resolutions: Resolution, logo: bytes | None = None) -> list[Image.Image]:
    folder.mkdir(exist_ok=True)
    tiff, pages = cover_page.draw(Job(of, logo, 3), resolutions or [Resolution.FINE], folder, within=LimitsOnly())
    with Image.open(tiff) as image:
        found = [frame.copy() for frame in ImageSequence.Iterator(image)]
    assert len(found) == pages * max(1, len(resolutions))
    return found


def ink(image: Image.Image) -> tuple[int, int, int, int]:
    box = image.convert("L").point(lambda value: 255 - value).getbbox()
    assert box is not None
    return box


def a_logo(width: int = 400, height: int = 100) -> bytes:
    packed = io.BytesIO()
    Image.new("RGBA", (width, height), (200, 80, 0, 255)).save(packed, "PNG")
    return packed.getvalue()


def words(of: Sheet) -> list[list[str]]:
    """What stands on each page."""
    found = cover_layout.pages_of(of, None, 3)
    return [[each.text for each in page if isinstance(each, cover_layout.Text)] for page in found]


@pytest.mark.parametrize("resolution", CHOICES)
@pytest.mark.parametrize("letter", [False, True])
def test_it_is_a_page_that_txfax_takes_within_its_margins(tmp_path: Path, resolution: Resolution, letter: bool) -> None:
    of = Sheet("Acme", "{{ message }}", "x " * 300, {**VALUES, "message": "W" * 900}, LABELS, letter)
    (page,) = drawn(tmp_path, of, resolution)
    assert page.size == (1728, round((11 if letter else 297 / 25.4) * resolution.y_dpi))
    (found,) = fax_tiff.read(tmp_path / "cover.tif", coded_by_us=True).pages
    assert (found.x_dpi, found.y_dpi) == (204, resolution.y_dpi)
    left, top, right, bottom = ink(page)
    assert 0.75 * 204 <= left < right <= 1728 - 0.75 * 204
    assert 0.5 * resolution.y_dpi <= top
    assert bottom <= page.height - 0.5 * resolution.y_dpi


def test_all_that_is_known_stands_on_it() -> None:
    (page,) = words(sheet(reference="A-17", phone="030 1"))
    for each in (*VALUES.values(), "A-17", "030 1", "Confidential.", "Acme", "4"):
        assert each in page


def test_what_there_is_not_has_no_label() -> None:
    (page,) = words(Sheet("Acme", "{{ message }}", labels=LABELS))
    assert [each for each in page if each] == ["Fax", "Acme", "Pages", "4"]


def test_a_text_is_where_its_words_are(tmp_path: Path) -> None:
    """By what differs: between a page with the message and one without."""
    plain, with_message = (drawn(tmp_path / name, sheet(text))[0] for name, text in (("a", ""), ("b", "Look here")))
    left, top, right, bottom = ink(Image.eval(_different(plain, with_message), lambda value: 255 - value))
    assert (left, right - left < 400) == (pytest.approx(0.8 * 204, abs=8), True)
    assert 2 * 196 < top < bottom < 4.5 * 196


def _different(one: Image.Image, other: Image.Image) -> Image.Image:
    pairs = zip(one.convert("L").tobytes(), other.convert("L").tobytes(), strict=True)
    return Image.frombytes("L", one.size, bytes(255 if a != b else 0 for a, b in pairs))


def test_arabic_and_hebrew_begin_on_the_right(tmp_path: Path) -> None:
    plain, hebrew = (
        drawn(tmp_path / name, sheet(text))[0] for name, text in (("a", ""), ("b", "\u05e9\u05dc\u05d5\u05dd"))
    )
    assert ink(Image.eval(_different(plain, hebrew), lambda value: 255 - value))[0] > 1728 / 2


def test_the_same_is_drawn_each_time_and_at_each_resolution(tmp_path: Path) -> None:
    both = drawn(tmp_path / "a", sheet(), Resolution.STANDARD, Resolution.FINE, logo=a_logo())
    assert [each.info["dpi"][1] for each in both] == [98, 196]
    again = drawn(tmp_path / "b", sheet(), Resolution.STANDARD, Resolution.FINE, logo=a_logo())
    assert (tmp_path / "a" / "cover.tif").read_bytes() == (tmp_path / "b" / "cover.tif").read_bytes()
    assert both[1].tobytes() == drawn(tmp_path / "c", sheet(), logo=a_logo())[0].tobytes() == again[1].tobytes()


def test_what_is_seen_before_is_what_is_sent(tmp_path: Path) -> None:
    (page,) = drawn(tmp_path, sheet(), logo=a_logo())
    png, count = cover_page.preview(Job(sheet(), a_logo(), 3), Resolution.FINE, tmp_path, within=LimitsOnly())
    shown = Image.open(io.BytesIO(png))
    assert (shown.mode, shown.size, count) == ("1", (1728, round(page.height * 204 / 196)), 1)
    assert shown.resize(page.size, Image.Resampling.NEAREST).tobytes() == page.tobytes()


def test_a_long_message_takes_a_second_page_and_no_third(tmp_path: Path) -> None:
    lines = "\n".join(f"line {number}" for number in range(60))
    first, second = words(sheet(lines))
    assert [each for each in (*first, *second) if each.startswith("line ")] == lines.split("\n")
    assert {"Page 2 of 2", "Confidential.", "Acme"} <= set(second)
    assert "5" in first  # pages: the document's three, and two
    for resolution in CHOICES:
        assert len(drawn(tmp_path, sheet(lines), resolution)) == 2
    with pytest.raises(CoverTooLong, match="2 cover pages"):
        cover_page.check_length([sheet(), sheet("\n".join("x" * 110))], None, tmp_path, within=LimitsOnly())
    assert cover_page.check_length([sheet(), sheet(lines)], a_logo(), tmp_path, within=LimitsOnly()) == [1, 2]


@pytest.mark.parametrize("logo", [b"", b"no picture", a_logo()[:60], b"\x89PNG\r\n\x1a\n"])
def test_a_logo_that_cannot_be_read_is_left_out(tmp_path: Path, logo: bytes) -> None:
    assert drawn(tmp_path / "a", sheet(), logo=logo)[0].tobytes() == drawn(tmp_path / "b", sheet())[0].tobytes()


@pytest.mark.parametrize(("width", "height"), [(1024, 256), (1, 256), (1024, 1), (20, 20)])
def test_a_logo_of_any_form_stays_in_its_place(tmp_path: Path, width: int, height: int) -> None:
    (page,) = drawn(tmp_path, sheet(), logo=a_logo(width, height))
    left, top, right, _bottom = ink(page)
    assert (left, top >= 0.5 * 196, right <= 1728 - 150) == (pytest.approx(0.8 * 204, abs=8), True, True)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:30])
def test_whatever_stands_there_is_drawn(tmp_path: Path, text: str) -> None:
    drawn(tmp_path, Sheet(text[:200], "{{ message }}", "", dict.fromkeys(FIELDS, text[:200]), LABELS))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60), st.text(max_size=200))
def test_no_text_breaks_the_layout(name: str, message: str) -> None:
    assert 1 <= len(words(sheet(message, to_name=name, subject=name, reference=name))) <= 2
