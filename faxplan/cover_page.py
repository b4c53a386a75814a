"""A cover page, drawn: who sends what to whom, a message, and the sender's logo. Drawn in the sandbox.

What a user sees before a fax is sent (`preview`) comes of the same drawing as what is sent (`draw`); where what stands
is said by cover_layout.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from faxplan import fax_tiff, image_tone, sandbox, tiff_directory, typeface
from faxplan.confinement import Confinement, Workplace
from faxplan.cover_layout import (
    LEFT,
    LETTER_INCHES,
    MOST_PAGES,
    RIGHT,
    Logo,
    Piece,
    Rule,
    Sheet,
    Text,
    pages_of,
    too_long,
)
from faxplan.errors import RenderingFailed
from faxplan.fax_tiff import NotFaxReady
from faxplan.files import write_whole
from faxplan.language import _, marked
from faxplan.paper import A4_INCHES, LINE_PIXELS, X_DPI, Resolution, Tone
from faxplan.refusals import CoverTooLong

# Darker than half, so that at 98 lines an inch the thin horizontal strokes survive.
_THRESHOLD = 176
_CEILING = sandbox.Ceiling(cpu_seconds=60, wall_seconds=120, memory_bytes=1024**3, file_bytes=64 * 1024**2)
_TIFF, _PNG = "cover.tif", "cover.png"


@dataclass(frozen=True, slots=True)
class Job:
    """What is drawn beside the sheet. logo: PNG. body_pages: of the document behind it; None: not known."""

    sheet: Sheet
    logo: bytes | None
    body_pages: int | None


def check_length(sheets: Sequence[Sheet], logo: bytes | None, folder: Path, *, within: Confinement) -> list[int]:
    """How many pages each of these has. logo: PNG; folder: private. Raises CoverTooLong and InvalidCoverText."""
    with within.workplace(folder) as place:
        packed = json.dumps([asdict(each) for each in sheets]).encode()
        names = _handed(place, folder, "sheets.json", packed), _handed(place, folder, "logo.png", logo or b"")
        try:
            said = place.call(_measure, *names, ceiling=_CEILING)
        except CoverTooLong as error:
            raise too_long() from error
    if not (
        isinstance(said, list) and len(said) == len(sheets) and all(each in range(1, MOST_PAGES + 1) for each in said)
    ):
        raise RenderingFailed(_(_NOT_DRAWN))
    return said


def draw(job: Job, resolutions: Sequence[Resolution], folder: Path, *, within: Confinement) -> tuple[Path, int]:
    """A fax TIFF in a private folder, with the cover's pages once for each of these resolutions; and how many pages
    that is each time. Raises CoverTooLong, InvalidCoverText, RenderingFailed.
    """
    with within.workplace(folder) as place:
        pages = _called(place, folder, job, [each.value for each in resolutions], "")
        drawn = place.taken(_TIFF)
        try:
            found = fax_tiff.read(drawn, coded_by_us=True)
        except NotFaxReady as error:
            raise RenderingFailed(_(_NOT_DRAWN)) from error
        if len(found.pages) != pages * len(resolutions):
            raise RenderingFailed(_(_NOT_DRAWN))
        return place.moved(_TIFF, folder / _TIFF), pages


def preview(job: Job, resolution: Resolution, folder: Path, *, within: Confinement) -> tuple[bytes, int]:
    """A PNG of the pages as they will be sent, one below the other; and how many. Raises as `draw`."""
    with within.workplace(folder) as place:
        pages = _called(place, folder, job, [resolution.value], place.at(_PNG))
        return place.taken(_PNG).read_bytes(), pages


_NOT_DRAWN = marked("The cover page could not be drawn. Try it without the message, and ask who runs this server.")


def _handed(place: Workplace, folder: Path, name: str, content: bytes) -> str:
    write_whole(folder / name, content)
    return place.given(folder / name)


def _called(place: Workplace, folder: Path, job: Job, resolutions: list[str], png: str) -> int:
    sheet = _handed(place, folder, "sheet.json", job.sheet.packed())
    logo = _handed(place, folder, "logo.png", job.logo or b"")
    try:
        said = place.call(_make, sheet, logo, job.body_pages, resolutions, place.at(_TIFF), png, ceiling=_CEILING)
    except CoverTooLong as error:
        raise too_long() from error
    if type(said) is not int or not 1 <= said <= MOST_PAGES:
        raise RenderingFailed(_(_NOT_DRAWN))
    return said


# ------------------------------------------------------------------------------------------------------- in the child


def _measure(sheets: str, logo: str) -> list[int]:
    picture = _picture(logo)
    # How many pages are behind it changes a digit or two.
    return [len(pages_of(Sheet(**each), picture, 1)) for each in json.loads(Path(sheets).read_bytes())]


def _make(sheet: str, logo: str, body_pages: int | None, resolutions: list[str], tiff: str, png: str) -> int:
    picture, given = _picture(logo), Sheet.of(Path(sheet).read_bytes())
    pages = pages_of(given, picture, body_pages)
    chosen = [Resolution(each) for each in resolutions]
    drawn = [(_drawn(page, picture, each, letter=given.letter), each) for each in chosen for page in pages]
    if png:
        _stacked([image for image, _resolution in drawn], chosen[0]).save(png, "PNG")
        return len(pages)
    coded = (fax_tiff.coded(image, X_DPI, each.y_dpi) for image, each in drawn)
    tiff_directory.write(Path(tiff), coded, len(drawn))
    return len(pages)


def _picture(file: str) -> Image.Image | None:
    """In greys, on white; None where there is none, or none that can be read: a fax goes out without a logo."""
    try:
        with Image.open(file, formats=["PNG"]) as found:
            found.load()
            coloured = found.convert("RGBA")
    except (OSError, ValueError, SyntaxError, MemoryError):
        return None
    paper = Image.new("RGBA", coloured.size, "white")
    paper.alpha_composite(coloured)
    return paper.convert("L")


def _drawn(page: Sequence[Piece], logo: Image.Image | None, resolution: Resolution, *, letter: bool) -> Image.Image:
    """A mode "1" image, black being 0."""
    # Drawn with square pixels, then brought to the fax's: type has no other way to be narrower than it is high.
    dpi = max(X_DPI, resolution.y_dpi)
    inches = LETTER_INCHES if letter else A4_INCHES
    width, rows = round(LINE_PIXELS * dpi / X_DPI), round(inches * resolution.y_dpi)
    sheet = Image.new("L", (width, round(inches * dpi)), 255)
    draw = ImageDraw.Draw(sheet)
    for each in page:
        if isinstance(each, Text):
            _write(draw, each, dpi)
        elif isinstance(each, Rule):
            thick = max(round(each.thick * dpi), -(-dpi // resolution.y_dpi))
            draw.rectangle((LEFT * dpi, each.y * dpi, RIGHT * dpi, each.y * dpi + thick - 1), fill=0)
    sheet = sheet.resize((LINE_PIXELS, rows), Image.Resampling.BOX)
    bilevel = sheet.point([0 if value < _THRESHOLD else 255 for value in range(256)], "1")
    for each in page:
        if isinstance(each, Logo) and logo is not None:
            size = max(1, round(each.width * X_DPI)), max(1, round(each.height * resolution.y_dpi))
            small = image_tone.to_bilevel(logo.resize(size, Image.Resampling.LANCZOS), Tone.AUTO)
            bilevel.paste(small, (round(LEFT * X_DPI), round(each.y * resolution.y_dpi)))
    return bilevel


def _write(draw: ImageDraw.ImageDraw, text: Text, dpi: float) -> None:
    pieces = typeface.runs(text.text, text.points, dpi, typeface.bold if text.is_bold else typeface.sans)
    x = text.x * dpi
    if text.is_right:
        x -= sum(font.getlength(piece) for piece, font in pieces)
    for piece, font in pieces:
        draw.text((x, text.y * dpi), piece, fill=0, font=font, anchor="ls")
        x += font.getlength(piece)


def _stacked(images: Sequence[Image.Image], resolution: Resolution) -> Image.Image:
    """With square pixels, one below the other, and a line between."""
    high = [round(each.height * X_DPI / resolution.y_dpi) for each in images]
    whole = Image.new("1", (LINE_PIXELS, sum(high) + 4 * (len(images) - 1)), 0)
    y = 0
    for each, rows in zip(images, high, strict=True):
        whole.paste(each.resize((LINE_PIXELS, rows), Image.Resampling.NEAREST), (0, y))
        y += rows + 4
    return whole
