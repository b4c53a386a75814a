"""Plain text: every character on paper, pages where the author wanted them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from faxplan import render_text, typeface
from faxplan.confinement import LimitsOnly
from faxplan.rendering import Resolution, render
from faxplan.source import EmptyDocument, Limits, TooManyPages
from tests.forks import forks

__all__ = ["forks"]


def sheets(text: str) -> list[list[str]]:
    return list(render_text._sheets(text, Limits()))


def pages(folder: Path, content: bytes, resolution: Resolution = Resolution.FINE) -> list[Image.Image]:
    (folder / "a.txt").write_bytes(content)
    render(folder / "a.txt", folder / "a.tif", resolution=resolution, within=LimitsOnly())
    with Image.open(folder / "a.tif") as image:
        return [frame.copy() for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("resolution", list(Resolution))
def test_text_lies_within_the_margins(tmp_path: Path, resolution: Resolution) -> None:
    # Two sheets full to the last line.
    found = pages(tmp_path, ("W" * 300 + "\n" + "gjpqy\n" * 200).encode(), resolution)[:2]
    assert len(found) == 2
    for page in found:
        assert page.size == (1728, 11 * resolution.y_dpi)
        box = page.convert("L").point(lambda value: 255 - value).getbbox()
        assert box is not None
        assert box[0] >= 100
        assert box[2] <= 1728 - 100
        assert box[1] >= 0.55 * resolution.y_dpi
        assert box[3] <= (11 - 0.55) * resolution.y_dpi


def test_eighty_columns_fit_on_a_line() -> None:
    assert render_text._columns() >= 80


def test_a_form_feed_starts_a_page_and_a_last_one_does_not() -> None:
    assert sheets("one\ftwo\f") == [["one"], ["two"]]
    assert sheets("one\f\fthree") == [["one"], [""], ["three"]]


def test_long_text_goes_on_on_the_next_page() -> None:
    lines = [f"line {number}" for number in range(200)]
    found = sheets("\n".join(lines))
    assert [line for sheet in found for line in sheet] == lines
    assert len(found) == 4


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_line(end: str) -> None:
    assert sheets(end.join(["a", "b", "", "c"])) == [["a", "b", "", "c"]]


def test_words_wrap_and_a_word_that_is_too_long_is_broken() -> None:
    columns = render_text._columns()
    (lines,) = sheets("word " * 40 + "x" * (columns + 5))
    assert all(len(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == "word" * 40 + "x" * (columns + 5)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=400))
def test_no_character_is_lost(text: str) -> None:
    kept = "".join(line for sheet in sheets(text) for line in sheet)
    assert "".join(kept.split()) == "".join(text.split())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_encodings_show_the_same(tmp_path: Path, encoding: str) -> None:
    text = "Grüße aus Köln, façade, £5\n" * 3
    assert pages(tmp_path, text.encode(encoding))[0].tobytes() == pages(tmp_path, text.encode())[0].tobytes()


def test_scripts_of_the_world_do_not_fail(tmp_path: Path) -> None:
    text = "Ελληνικά Кириллица עברית العربية 日本語 한국어 ไทย हिन्दी 🙂 e\u0301 \u202eabc\u202c\t|\n"
    (page,) = pages(tmp_path, text.encode())
    assert page.convert("L").getextrema() == (0, 255)


def test_a_script_that_the_fixed_width_font_lacks_is_shown_by_another(tmp_path: Path) -> None:
    hebrew, missing = pages(tmp_path, "שלום".encode())[0], pages(tmp_path, "\U000f0000".encode() * 4)[0]
    assert hebrew.tobytes() != missing.tobytes()
    ((text, font),) = typeface.runs("שלום", 10, 204)
    assert text == "שלום"
    assert font is not typeface.mono(10, 204)


def test_a_line_in_a_wider_font_stays_within_the_margins(tmp_path: Path) -> None:
    (page,) = pages(tmp_path, ("ש" + "W" * 79).encode())
    box = page.convert("L").point(lambda value: 255 - value).getbbox()
    assert box is not None
    assert box[2] <= 1728 - 100


def test_hebrew_is_set_from_right_to_left(tmp_path: Path) -> None:
    first, word = pages(tmp_path, "ש".encode())[0], pages(tmp_path, "שו".encode())[0]
    box = first.convert("L").point(lambda value: 255 - value).getbbox()
    assert box is not None
    # At the left margin stands the word's last letter (libfribidi0 is installed).
    assert word.crop(box).tobytes() != first.crop(box).tobytes()


def test_nothing_but_white_space_is_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument):
        pages(tmp_path, b" \n\f \n")


def test_too_many_pages(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x\f" * 20)
    limits = Limits(max_pages=10)
    with pytest.raises(TooManyPages):
        render(tmp_path / "a.txt", tmp_path / "a.tif", resolution=Resolution.FINE, within=LimitsOnly(), limits=limits)
