"""Stamp the sender's header line above each page of a copy that is about to be sent.

It says `page 1 of 3`, or `page 1` alone, and stays true when a fax is resumed. 47 CFR 68.318(d) asks for
date, time, the sender's name and number on every page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from faxplan import fax_tiff, page_strips, tiff_directory
from faxplan.page_strips import Pages
from faxplan.tiff_directory import CodedPage, Data
from faxplan.typeface import sans

_BAND_INCHES = 0.18
_POINTS = 10.0
_MARGIN_INCHES = 0.3
_GAP_INCHES = 0.25
# Darker than half, so that at 98 lines an inch the thin horizontal strokes survive.
_THRESHOLD = 170
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_EOFB, _EOFB_BITS = 0x001001, 24  # T.6, 2.4.1.1


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """`when`: aware, in the tenant's time zone. `first_page`: the number of the file's first page in the whole fax,
    which has `total_pages`; None: the line does not say how many."""

    when: datetime
    name: str
    number: str
    first_page: int
    total_pages: int | None


def stamp(source: Data | Pages, target: Path, header: HeaderLine, *, start_page: int = 0) -> None:
    """Write to `target` a copy of the fax TIFF `source` with a band of rows above each page, the page unchanged.

    Pages before `start_page` (0-based, as `fax_start_page`) were sent by an earlier call: they stay in the file, as
    they are. Raises NotFaxReady. Not synced: a staged copy is made anew after a crash.
    """
    if header.when.tzinfo is None:
        raise ValueError("the header line's time needs its time zone")
    pages = source if isinstance(source, Pages) else page_strips.of(source)

    def stamped() -> Iterator[CodedPage]:
        for index, page in enumerate(pages):
            yield page if index < start_page else _stamped(page, header, header.first_page + index)

    tiff_directory.write(target, stamped(), len(pages))


def _stamped(page: CodedPage, header: HeaderLine, number: int) -> CodedPage:
    band = _coded_band(*texts(header, number), page.width, page.x_dpi, page.y_dpi)
    return CodedPage(_joined(band.data, page.data), page.width, page.rows + band.rows, page.x_dpi, page.y_dpi)


def _joined(above: bytes, below: bytes) -> bytes:
    """Two Group 4 images as one, without decoding: a row is coded against the row before it, and an image's first row
    against a white one, which is what the band ends with."""
    bits = int.from_bytes(above)
    length = len(above) * 8
    padding = (bits & -bits).bit_length() - 1  # the end-of-block code ends in a one
    bits, length = bits >> padding, length - padding
    if bits & ((1 << _EOFB_BITS) - 1) != _EOFB:
        raise AssertionError("the band was coded without an end of block")
    bits, length = bits >> _EOFB_BITS, length - _EOFB_BITS
    bits, length = bits << len(below) * 8 | int.from_bytes(below), length + len(below) * 8
    spare = -length % 8
    return (bits << spare).to_bytes((length + spare) // 8)


def texts(header: HeaderLine, number: int) -> tuple[str, str, str, str]:
    """What stands in the line of a page with that number, from left to right."""
    page = f"page {number}" if header.total_pages is None else f"page {number} of {header.total_pages}"
    return f"{header.when:%Y-%m-%d %H:%M}", header.name, header.number, page


@lru_cache(maxsize=256)
def _coded_band(left: str, name: str, number: str, right: str, width: int, x_dpi: float, y_dpi: float) -> CodedPage:
    """Kept, since an office sends many first pages in a minute."""
    return fax_tiff.coded(_band(left, name, number, right, width, x_dpi, y_dpi), x_dpi, y_dpi)


def _band(left: str, name: str, number: str, right: str, width: int, x_dpi: float, y_dpi: float) -> Image.Image:
    # Drawn with square pixels, then brought to the fax's: type has no other way to be narrower than it is high.
    dpi = x_dpi
    height = round(_BAND_INCHES * dpi)
    sheet = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(sheet)
    font = sans(_POINTS, dpi)
    margin, gap = _MARGIN_INCHES * dpi, _GAP_INCHES * dpi
    draw.text((margin, 0), left, fill=0, font=font)
    right_at = width - margin - font.getlength(right)
    draw.text((right_at, 0), right, fill=0, font=font)
    name_at = margin + font.getlength(left) + gap
    number_at = right_at - gap - font.getlength(number)
    draw.text((name_at, 0), _fitted(name, number_at - gap - name_at, font), fill=0, font=font)
    draw.text((number_at, 0), number, fill=0, font=font)
    rows = round(_BAND_INCHES * y_dpi)
    sheet = sheet.resize((width, rows), Image.Resampling.BOX)
    band = sheet.point([0 if value < _THRESHOLD else 255 for value in range(256)], "1")
    # `_joined` depends on the last row being white, whatever a font's descenders reach.
    band.paste(255, (0, rows - 1, width, rows))
    return band


def _fitted(text: str, room: float, font: ImageFont.FreeTypeFont) -> str:
    """As much of `text` as fits, with an ellipsis where it was shortened."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    if font.getlength(printable) <= room:
        return printable
    while printable and font.getlength(printable + _ELLIPSIS) > room:
        printable = printable[:-1]
    return printable.rstrip() + _ELLIPSIS
