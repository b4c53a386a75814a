"""A text at the foot of a page, in a strip of its own that covers nothing: below what stands there, or above it is made
smaller. In the child that draws the page.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

from faxplan import cover_layout, fax_tiff, tiff_directory, typeface
from faxplan.cover_layout import LEFT, RIGHT
from faxplan.paper import A4_INCHES
from faxplan.tiff_directory import CodedPage

POINTS = 9.5
_STEP_INCHES = POINTS * 1.3 / 72
_ABOVE_INCHES, _BELOW_INCHES, _RULE_INCHES = 0.09, 0.12, 0.012
_MOST_LINES = 8
# As cover_page: darker than half, so that thin horizontal strokes survive.
_THRESHOLD = 176
_HALF = 128


def below(page: CodedPage, text: str, folder: Path) -> CodedPage:
    """The page with the text at its foot, no longer than it was, or than A4. folder: private."""
    file = folder / "first-page.tif"
    tiff_directory.write(file, [page], 1)
    with Image.open(file) as image:
        image.load()
        drawn = _below(image.convert("1"), text, page.x_dpi, page.y_dpi)
    file.unlink()
    return fax_tiff.coded(drawn, page.x_dpi, page.y_dpi)


def _below(page: Image.Image, text: str, x_dpi: float, y_dpi: float) -> Image.Image:
    lines = cover_layout.lines(text, POINTS, RIGHT - LEFT)[:_MOST_LINES]
    strip = _strip(lines, page.width, x_dpi, y_dpi)
    longest = max(page.height, round(A4_INCHES * y_dpi))
    room = longest - strip.height
    used = _used(page)
    if used > room:
        page, used = _smaller(page.crop((0, 0, page.width, used)), room), room
    height = max(used + strip.height, min(page.height, longest))
    whole = Image.new("1", (page.width, height), 255)
    whole.paste(page.crop((0, 0, page.width, min(used, page.height))), (0, 0))
    whole.paste(strip, (0, height - strip.height))
    return whole


def _used(page: Image.Image) -> int:
    """Rows down to the last one with something black."""
    box = ImageChops.invert(page.convert("L")).getbbox()
    return 0 if box is None else box[3]


def _smaller(page: Image.Image, rows: int) -> Image.Image:
    """So many rows high, and narrower by as much, in the middle."""
    scale = rows / page.height
    width = max(1, math.floor(page.width * scale))
    small = page.convert("L").resize((width, rows), Image.Resampling.BOX)
    bilevel = small.point([0 if value < _HALF else 255 for value in range(256)], "1")
    whole = Image.new("1", (page.width, rows), 255)
    whole.paste(bilevel, ((page.width - width) // 2, 0))
    return whole


def _strip(lines: Sequence[str], width: int, x_dpi: float, y_dpi: float) -> Image.Image:
    # Drawn with square pixels, then brought to the fax's: type has no other way to be narrower than it is high.
    dpi = max(x_dpi, y_dpi)
    inches = _ABOVE_INCHES + len(lines) * _STEP_INCHES + _BELOW_INCHES
    sheet = Image.new("L", (round(width * dpi / x_dpi), round(inches * dpi)), 255)
    draw = ImageDraw.Draw(sheet)
    thick = max(round(_RULE_INCHES * dpi), math.ceil(dpi / y_dpi))
    top = round(_ABOVE_INCHES / 2 * dpi)
    draw.rectangle((LEFT * dpi, top, RIGHT * dpi, top + thick - 1), fill=0)
    for number, line in enumerate(lines, 1):
        x, y = LEFT * dpi, (_ABOVE_INCHES + number * _STEP_INCHES) * dpi
        for piece, font in typeface.runs(line, POINTS, dpi, typeface.sans):
            draw.text((x, y), piece, fill=0, font=font, anchor="ls")
            x += font.getlength(piece)
    sheet = sheet.resize((width, max(1, round(inches * y_dpi))), Image.Resampling.BOX)
    return sheet.point([0 if value < _THRESHOLD else 255 for value in range(256)], "1")
