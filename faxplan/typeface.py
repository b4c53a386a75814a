"""The fonts for what we set ourselves: plain text documents and header lines."""

import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import ImageFont

from faxplan.errors import RenderingFailed

# Ghostscript's packages bring fontconfig, and that brings DejaVu; the others cover as much where it is missing.
_FOLDER = Path("/usr/share/fonts/truetype")
_MONO = ("dejavu/DejaVuSansMono.ttf", "noto/NotoSansMono-Regular.ttf", "liberation/LiberationMono-Regular.ttf")
_SANS = ("dejavu/DejaVuSans.ttf", "noto/NotoSans-Regular.ttf", "liberation/LiberationSans-Regular.ttf")
_BOLD = ("dejavu/DejaVuSans-Bold.ttf", "noto/NotoSans-Bold.ttf", "liberation/LiberationSans-Bold.ttf")
_UNASSIGNED = "\U0010fffd"
# What DejaVu has not: Ghostscript's own fall-back for Chinese, Japanese and Korean comes with it.
_CJK = ("droid/DroidSansFallbackFull.ttf", "droid/DroidSansFallback.ttf", "wqy/wqy-zenhei.ttc")


@cache
def mono(points: float, dpi: float) -> ImageFont.FreeTypeFont:
    """A fixed-width font with wide coverage. Raises RenderingFailed where none is installed."""
    return _required(_MONO, points, dpi)


@cache
def sans(points: float, dpi: float) -> ImageFont.FreeTypeFont:
    """A proportional font with wide coverage. Raises RenderingFailed where none is installed."""
    return _required(_SANS, points, dpi)


@cache
def bold(points: float, dpi: float) -> ImageFont.FreeTypeFont:
    """The same, bold; as it is where there is none. Raises RenderingFailed where no font is installed."""
    return _first(_BOLD, points, dpi) or sans(points, dpi)


def runs(
    text: str, points: float, dpi: float, face: Callable[[float, float], ImageFont.FreeTypeFont] = mono
) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """`text` in pieces, each with a font that can show it: one piece wherever one font has it all, so that what is
    written from right to left keeps its order. A character that no font has is left to the first, which shows a box.

    face: of this module, the one that is tried first.
    """
    fonts = _fonts(face, points, dpi)
    for font in fonts:
        if all(_has(font, character) for character in set(text)):
            return [(text, font)]
    pieces: list[tuple[str, ImageFont.FreeTypeFont]] = []
    for character in text:
        last = pieces[-1][1] if pieces else fonts[0]
        able = [font for font in (last, *fonts) if _has(font, character)] or [fonts[0]]
        if pieces and able[0] is last:
            pieces[-1] = (pieces[-1][0] + character, last)
        else:
            pieces.append((character, able[0]))
    return pieces


@cache
def _fonts(
    face: Callable[[float, float], ImageFont.FreeTypeFont], points: float, dpi: float
) -> list[ImageFont.FreeTypeFont]:
    others = (_SANS, _CJK) if face is mono else (_SANS, _MONO, _CJK)
    return [face(points, dpi), *filter(None, (_first(names, points, dpi) for names in others))]


@cache
def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    if unicodedata.category(character) in ("Cf", "Mn", "Zs"):
        return True  # has no shape of its own to miss
    return _shape(font, character) != _shape(font, _UNASSIGNED)


def _shape(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _required(names: tuple[str, ...], points: float, dpi: float) -> ImageFont.FreeTypeFont:
    font = _first(names, points, dpi)
    if font is None:
        raise RenderingFailed("No font to set text with is installed. Install fonts-dejavu-core, and retry.")
    return font


def _first(names: tuple[str, ...], points: float, dpi: float) -> ImageFont.FreeTypeFont | None:
    for name in names:
        if (_FOLDER / name).exists():
            return ImageFont.truetype(_FOLDER / name, points * dpi / 72)
    return None
