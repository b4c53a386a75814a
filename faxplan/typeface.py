"""The fonts for what we set ourselves: plain text documents and header lines."""

from functools import cache
from pathlib import Path

from PIL import ImageFont

from faxplan.errors import RenderingFailed

# Ghostscript's packages bring fontconfig, and that brings DejaVu; the others cover as much where it is missing.
_FOLDER = Path("/usr/share/fonts/truetype")
_MONO = ("dejavu/DejaVuSansMono.ttf", "noto/NotoSansMono-Regular.ttf", "liberation/LiberationMono-Regular.ttf")
_SANS = ("dejavu/DejaVuSans.ttf", "noto/NotoSans-Regular.ttf", "liberation/LiberationSans-Regular.ttf")


@cache
def mono(points: float, dpi: float) -> ImageFont.FreeTypeFont:
    """A fixed-width font with wide coverage. Raises RenderingFailed where none is installed."""
    return _first(_MONO, points, dpi)


@cache
def sans(points: float, dpi: float) -> ImageFont.FreeTypeFont:
    """A proportional font with wide coverage. Raises RenderingFailed where none is installed."""
    return _first(_SANS, points, dpi)


def _first(names: tuple[str, ...], points: float, dpi: float) -> ImageFont.FreeTypeFont:
    for name in names:
        if (_FOLDER / name).exists():
            return ImageFont.truetype(_FOLDER / name, points * dpi / 72)
    raise RenderingFailed("No font to set text with is installed. Install fonts-dejavu-core, and retry.")
