"""Render plain text to fax pages: DejaVu Sans Mono, 80 columns and more, wrapped and never cut. Runs in the sandbox."""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from faxplan import fax_tiff
from faxplan.language import _
from faxplan.paper import LINE_PIXELS, X_DPI, Resolution
from faxplan.refusals import EmptyDocument, Limits, TooManyPages
from faxplan.source import encoding_of
from faxplan.tiff_directory import CodedPage
from faxplan.typeface import mono, runs

_FONT_POINTS = 10.0
_LINE_POINTS = 12.0
_MARGIN_INCHES = 0.6
_PAGE_INCHES = 11.0  # letter, the shorter of the two papers: fits both
_TAB = 8
_MOST_SHRINKINGS = 8
_HEAD_BYTES = 64 * 1024
# Darker than half, so that at 98 lines an inch the thin horizontal strokes survive.
_THRESHOLD = 176


def render(
    source: Path, resolution: Resolution, limits: Limits, progress: Callable[[int, int], None]
) -> Iterator[CodedPage]:
    """The pages in order. Raises EmptyDocument, TooManyPages, and RenderingFailed where no font is installed."""
    sheets = list(_sheets(_decoded(source.read_bytes()), limits))
    if not sheets:
        raise EmptyDocument(_("The text is empty. Send one that has something in it."))
    for number, lines in enumerate(sheets, 1):
        yield _drawn(lines, resolution)
        progress(number, len(sheets))


def _decoded(data: bytes) -> str:
    encoding = encoding_of(data[:_HEAD_BYTES]) or "cp1252"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252" if encoding == "utf-8-sig" else encoding, errors="replace")


def _sheets(text: str, limits: Limits) -> Iterator[list[str]]:
    """The lines of each page. A form feed starts a new page, and one at the very end does not add an empty one."""
    per_page = int((_PAGE_INCHES - 2 * _MARGIN_INCHES) * 72 / _LINE_POINTS)
    count = 0
    if not text.strip():
        return
    for part in text.rstrip("\f\r\n\x1a ").split("\f"):
        lines = [
            wrapped for line in part.replace("\r\n", "\n").replace("\r", "\n").split("\n") for wrapped in _wrap(line)
        ]
        for start in range(0, max(len(lines), 1), per_page):
            count += 1
            if count > limits.max_pages:
                raise TooManyPages(
                    _("The text has more than {max_pages} pages. Send it in several parts.").format(
                        max_pages=limits.max_pages
                    )
                )
            yield lines[start : start + per_page]


def _wrap(line: str) -> Iterator[str]:
    """Cut at a space where there is one, else in mid-word; nothing is dropped but the space at the cut."""
    rest = _printable(line.expandtabs(_TAB)).rstrip()
    columns = _columns()
    while _width(rest) > columns:
        fits = _prefix(rest, columns)
        at = rest.rfind(" ", 1, fits + 1)
        if at <= 0 or not rest[:at].strip():
            yield rest[:fits]
            rest = rest[fits:]
        else:
            yield rest[:at]
            rest = rest[at + 1 :]
    yield rest


def _printable(line: str) -> str:
    return "".join(character for character in line if unicodedata.category(character) not in ("Cc", "Cs"))


def _width(text: str) -> int:
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _prefix(text: str, columns: int) -> int:
    """How many characters fit on a line; at least one, and no combining mark is parted from its letter."""
    used = 0
    for number, character in enumerate(text):
        used += _cells(character)
        if used > columns and number:
            return number
    return len(text)


def _columns() -> int:
    return int((LINE_PIXELS - 2 * _MARGIN_INCHES * X_DPI) / mono(_FONT_POINTS, X_DPI).getlength("M"))


def _drawn(lines: list[str], resolution: Resolution) -> CodedPage:
    # Drawn with square pixels, then brought to the fax's: type has no other way to be narrower than it is high.
    dpi = max(X_DPI, resolution.y_dpi)
    width, height = round(LINE_PIXELS * dpi / X_DPI), round(_PAGE_INCHES * dpi)
    sheet = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(sheet)
    margin = _MARGIN_INCHES * dpi
    for number, line in enumerate(lines):
        if line:
            _draw_line(draw, line, (margin, margin + number * _LINE_POINTS * dpi / 72), dpi)
    rows = round(_PAGE_INCHES * resolution.y_dpi)
    if (width, height) != (LINE_PIXELS, rows):
        sheet = sheet.resize((LINE_PIXELS, rows), Image.Resampling.BOX)
    bilevel = sheet.point([0 if value < _THRESHOLD else 255 for value in range(256)], "1")
    return fax_tiff.coded(bilevel, X_DPI, resolution.y_dpi)


def _draw_line(draw: ImageDraw.ImageDraw, line: str, at: tuple[float, float], dpi: float) -> None:
    room = LINE_PIXELS * dpi / X_DPI - 2 * at[0]
    points = _FONT_POINTS
    pieces = runs(line, points, dpi)
    for _each in range(_MOST_SHRINKINGS):
        length = sum(font.getlength(text) for text, font in pieces)
        if length <= room:
            break
        # Columns were counted for the fixed-width font; another may need more than its share. Letters may be as wide as
        # whole pixels only, so that once is not always enough.
        points *= room / length
        pieces = runs(line, points, dpi)
    x, y = at
    baseline = y + mono(_FONT_POINTS, dpi).getmetrics()[0]
    for text, font in pieces:
        draw.text((x, baseline), text, fill=0, font=font, anchor="ls")
        x += font.getlength(text)
