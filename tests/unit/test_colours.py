"""Shades of a brand's colour: legible whatever it is."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import colours

CSS = Path(__file__).parents[2] / "portal" / "static" / "portal.css"
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.0),
        ("#123456", "#123456", 1.0),
    ],
)
def test_contrast_is_wcags(one: str, other: str, ratio: float) -> None:
    assert colours.contrast(one, other) == pytest.approx(ratio, abs=0.01)


@given(COLOURS)
def test_text_of_any_colour_is_legible_on_light_and_on_dark_pages(colour: str) -> None:
    for shades, grounds in (
        (colours.light(colour), colours.LIGHT_GROUNDS),
        (colours.dark(colour), colours.DARK_GROUNDS),
    ):
        for ground in (*grounds, shades.faint):
            assert colours.contrast(shades.brand, ground) >= colours.CONTRAST
        assert colours.contrast(shades.brand, shades.on_brand) >= colours.CONTRAST


@pytest.mark.parametrize("colour", ["#1d5f86", "#0b3d2e", "#7a1f2b"])
def test_what_is_legible_on_light_pages_is_left_as_it_is(colour: str) -> None:
    assert colours.light(colour).brand == colour


def test_texts_on_what_is_chosen_are_legible() -> None:
    """portal.css writes --text and --quiet on --brand-faint, whose lightness is the same for every colour."""
    for colour in ("#ff0000", "#00ff00", "#0000ff", "#ffff00", "#000000", "#ffffff"):
        assert colours.contrast("#1b222d", colours.light(colour).faint) >= colours.CONTRAST
        assert colours.contrast("#e6e8ea", colours.dark(colour).faint) >= colours.CONTRAST


def test_the_grounds_are_those_of_the_stylesheet() -> None:
    """Else the contrast is to something that is not there."""
    found = re.findall(r"--(paper|ground): ([^;]+);", CSS.read_text())
    assert [_hex(value) for name, value in found] == [*colours.LIGHT_GROUNDS, *colours.DARK_GROUNDS]


def _hex(value: str) -> str:
    if value.startswith("#"):
        return value if len(value) == 7 else "#" + "".join(2 * each for each in value[1:])
    hue, saturation, lightness = (float(each) for each in re.findall(r"[\d.]+", value))
    return colours._hex(hue / 360, lightness / 100, saturation / 100)


def test_a_stylesheet_has_the_three_tokens_for_either_kind_of_page() -> None:
    sheet = colours.stylesheet("#aa3300", ".preview")
    assert sheet.count(".preview{--brand:") == 2
    assert sheet.count("prefers-color-scheme: dark") == 1
    assert "#aa3300" in sheet
    assert "{--brand:#1d5f86" in colours.stylesheet("")
