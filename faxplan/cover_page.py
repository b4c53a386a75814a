"""A cover page, drawn: who sends what to whom, a message, and the sender's logo. Drawn in the sandbox.

All of it is laid out in inches before anything is drawn, so that it has as many pages at every resolution. What a user
sees before a fax is sent (`preview`) comes of the same drawing as what is sent (`draw`).
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw

from faxplan import fax_tiff, image_tone, sandbox, tiff_directory, typeface
from faxplan.confinement import Confinement, Workplace
from faxplan.errors import RenderingFailed
from faxplan.fax_tiff import NotFaxReady
from faxplan.files import write_whole
from faxplan.language import _
from faxplan.paper import A4_INCHES, LINE_INCHES, LINE_PIXELS, X_DPI, Resolution, Tone
from faxplan.refusals import CoverTooLong

MOST_PAGES = 2
LETTER_INCHES = 11.0
_LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "CR", "GT", "NI", "PA", "PR", "SV", "VE"})
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.8, LINE_INCHES - 0.8, 0.55, 0.6
_BETWEEN = 0.3
_MIDDLE = (_LEFT + _RIGHT) / 2
_LABEL_INCHES = 0.95
_LOGO_INCHES = (3.4, 0.75)
_BODY, _VALUE, _LABEL, _SMALL = 11.0, 11.0, 9.0, 8.0
_LEADING = 1.36
# Darker than half, so that at 98 lines an inch the thin horizontal strokes survive.
_THRESHOLD = 176
_TAB = 4
_MOST_LINES = 200
_CEILING = sandbox.Ceiling(cpu_seconds=60, wall_seconds=120, memory_bytes=1024**3, file_bytes=64 * 1024**2)
_TIFF, _PNG = "cover.tif", "cover.png"
_ROWS = (
    ("", "to_name", "from_name"), ("", "to_company", "from_company"), ("fax", "to_number", "from_number"),
    ("phone", "", "phone"),
)  # fmt: skip
"""What it is called, and the fields of both sides; the first that is there is called as its side."""
_PARTIES = (("to", _LEFT), ("from", _MIDDLE + _BETWEEN / 2))
_SINGLES = ("date", "pages", "reference")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is to be drawn. heading: who sends it. body, footer: as templates (cover_words). values: of
    cover_words.FIELDS, but pages. labels: what these are called, and `fax`, `to`, `from`, `page` (with {number} and
    {total}), in the sender's language. letter: on letter paper, else on A4.
    """

    heading: str
    body: str
    footer: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    letter: bool = False

    def packed(self) -> bytes:
        """As `of` reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, packed: bytes) -> "Sheet":
        """From what `packed` gave."""
        return cls(**json.loads(packed))


@dataclass(frozen=True, slots=True)
class Job:
    """What is drawn beside the sheet. logo: PNG. body_pages: of the document behind it; None: not known."""

    sheet: Sheet
    logo: bytes | None
    body_pages: int | None


def on_letter(country: str) -> bool:
    """Whether letter is the paper of a country (ISO code)."""
    return country in _LETTER_COUNTRIES


def check_length(sheets: Sequence[Sheet], logo: bytes | None, folder: Path, *, within: Confinement) -> list[int]:
    """How many pages each of these has. logo: PNG; folder: private. Raises CoverTooLong and InvalidCoverText."""
    with within.workplace(folder) as place:
        packed = json.dumps([asdict(each) for each in sheets]).encode()
        names = _handed(place, folder, "sheets.json", packed), _handed(place, folder, "logo.png", logo or b"")
        try:
            said = place.call(_measure, *names, ceiling=_CEILING)
        except CoverTooLong as error:
            raise _too_long() from error
    if not (
        isinstance(said, list) and len(said) == len(sheets) and all(each in range(1, MOST_PAGES + 1) for each in said)
    ):
        raise RenderingFailed(_NOT_DRAWN)
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
            raise RenderingFailed(_NOT_DRAWN) from error
        if len(found.pages) != pages * len(resolutions):
            raise RenderingFailed(_NOT_DRAWN)
        return place.moved(_TIFF, folder / _TIFF), pages


def preview(job: Job, resolution: Resolution, folder: Path, *, within: Confinement) -> tuple[bytes, int]:
    """A PNG of the pages as they will be sent, one below the other; and how many. Raises as `draw`."""
    with within.workplace(folder) as place:
        pages = _called(place, folder, job, [resolution.value], place.at(_PNG))
        return place.taken(_PNG).read_bytes(), pages


_NOT_DRAWN = "The cover page could not be drawn. Try it without the message, and ask who runs this server."


def _handed(place: Workplace, folder: Path, name: str, content: bytes) -> str:
    write_whole(folder / name, content)
    return place.given(folder / name)


def _called(place: Workplace, folder: Path, job: Job, resolutions: list[str], png: str) -> int:
    sheet = _handed(place, folder, "sheet.json", job.sheet.packed())
    logo = _handed(place, folder, "logo.png", job.logo or b"")
    try:
        said = place.call(_make, sheet, logo, job.body_pages, resolutions, place.at(_TIFF), png, ceiling=_CEILING)
    except CoverTooLong as error:
        raise _too_long() from error
    if type(said) is not int or not 1 <= said <= MOST_PAGES:
        raise RenderingFailed(_NOT_DRAWN)
    return said


def _too_long() -> CoverTooLong:
    return CoverTooLong(
        _("The message takes more than {most} cover pages. Make it shorter, or send it as a document.").format(
            most=MOST_PAGES
        )
    )


# ------------------------------------------------------------------------------------------------------- in the child


def _measure(sheets: str, logo: str) -> list[int]:
    picture = _picture(logo)
    # How many pages are behind it changes a digit or two.
    return [len(_pages(Sheet(**each), picture, 1)) for each in json.loads(Path(sheets).read_bytes())]


def _make(sheet: str, logo: str, body_pages: int | None, resolutions: list[str], tiff: str, png: str) -> int:
    picture, given = _picture(logo), Sheet.of(Path(sheet).read_bytes())
    pages = _pages(given, picture, body_pages)
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


@dataclass(frozen=True, slots=True)
class _Text:
    """x, y: where its baseline begins, or ends where it is right."""

    x: float
    y: float
    text: str
    points: float
    is_bold: bool = False
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    y: float
    thick: float


@dataclass(frozen=True, slots=True)
class _Logo:
    y: float
    width: float
    height: float


_Piece = _Text | _Rule | _Logo


def _pages(sheet: Sheet, logo: Image.Image | None, body_pages: int | None) -> list[list[_Piece]]:
    """What stands on each page. Raises CoverTooLong and InvalidCoverText."""
    count = 1
    while True:
        total = "" if body_pages is None else str(body_pages + count)
        found = _laid_out(replace(sheet, values={**sheet.values, "pages": total}), logo)
        if len(found) <= count:
            return found
        count = len(found)


def _laid_out(sheet: Sheet, logo: Image.Image | None) -> list[list[_Piece]]:
    # Here, so that FreeSWITCH's process, which lays nothing out, does without Jinja.
    from faxplan import cover_words  # noqa: PLC0415

    high = LETTER_INCHES if sheet.letter else A4_INCHES
    foot = list(_lines(cover_words.drawn(sheet.footer, sheet.values), _SMALL, _RIGHT - _LEFT))[:12]
    end = high - _BOTTOM - (len(foot) * _step(_SMALL) + 0.12 if any(foot) else 0)
    page, y = _head(sheet, logo)
    pages = [page]
    for line in _lines(cover_words.drawn(sheet.body, sheet.values).strip("\n"), _BODY, _RIGHT - _LEFT):
        y += _step(_BODY)
        if y > end:
            if len(pages) == MOST_PAGES:
                raise _too_long()
            pages.append([])
            y = _TOP + 0.85
        pages[-1].extend(_aligned(line, y, _BODY))
    for number, each in enumerate(pages, 1):
        if number > 1:
            each.extend(_short_head(sheet, number, len(pages)))
        if any(foot):
            each.append(_Rule(end + 0.1, 0.006))
            for place, line in enumerate(foot, 1):
                each.extend(_aligned(line, end + 0.1 + place * _step(_SMALL), _SMALL))
    return pages


def _head(sheet: Sheet, logo: Image.Image | None) -> tuple[list[_Piece], float]:
    """Logo or name, whom it is from and to, and what it is about; and where that ends."""
    page: list[_Piece] = [_Text(_RIGHT, _TOP + 0.55, sheet.labels.get("fax", "Fax"), 34, is_bold=True, is_right=True)]
    y = _TOP
    if logo is not None:
        scale = min(_LOGO_INCHES[0] / logo.width, _LOGO_INCHES[1] / logo.height)
        page.append(_Logo(y, logo.width * scale, logo.height * scale))
        y += logo.height * scale
    size = _BODY if logo is not None else 18.0
    name = list(_lines(sheet.heading, size, 4.6, is_bold=True))[:2]
    if logo is None:
        # Beside what is to the right of it.
        y += max(0.0, 0.55 - len(name) * _step(size))
    for line in name:
        y += _step(size)
        page.append(_Text(_LEFT, y, line, size, is_bold=True))
    y = max(y, _TOP + 0.55) + 0.16
    page.append(_Rule(y, 0.025))
    y = _parties(sheet, page, y)
    y += 0.1
    page.append(_Rule(y, 0.006))
    y = _singles(sheet, page, y)
    if sheet.values.get("subject"):
        page.append(_Rule(y + 0.1, 0.006))
        y += 0.12
        first = True
        for line in _lines(sheet.values["subject"], _VALUE, _RIGHT - _LEFT - _LABEL_INCHES, is_bold=True):
            y += _step(_VALUE)
            if first:
                page.append(_Text(_LEFT, y, sheet.labels.get("subject", ""), _LABEL))
            page.append(_Text(_LEFT + _LABEL_INCHES, y, line, _VALUE, is_bold=True))
            first = False
    y += 0.12
    page.append(_Rule(y, 0.025))
    return page, y + 0.12


def _parties(sheet: Sheet, page: list[_Piece], top: float) -> float:
    ends = []
    for side, (party, left) in enumerate(_PARTIES):
        y = top + 0.06
        room = (_MIDDLE - _BETWEEN / 2 if side == 0 else _RIGHT) - left - _LABEL_INCHES
        is_first = True
        for name, *fields in _ROWS:
            label = sheet.labels.get(party if is_first else name, "")
            value = sheet.values.get(fields[side], "")
            for line in _lines(value, _VALUE, room, is_bold=is_first) if value else ():
                y += _step(_VALUE)
                page.append(_Text(left, y, label, _LABEL))
                page.append(_Text(left + _LABEL_INCHES, y, line, _VALUE, is_bold=is_first))
                label = ""
            is_first = is_first and not value
        ends.append(y)
    return max(ends)


def _singles(sheet: Sheet, page: list[_Piece], top: float) -> float:
    """Date, pages and reference, side by side in the order of the parties above; the reference on a line of its own."""
    y = top + 0.06 + _step(_VALUE)
    places = {"date": _LEFT, "pages": _MIDDLE + _BETWEEN / 2, "reference": _LEFT}
    for name in _SINGLES:
        value = sheet.values.get(name, "")
        if not value:
            continue
        if name == "reference":
            y += _step(_VALUE)
        room = (_RIGHT if name != "date" else _MIDDLE) - places[name] - _LABEL_INCHES
        page.append(_Text(places[name], y, sheet.labels.get(name, ""), _LABEL))
        for number, line in enumerate(_lines(value, _VALUE, room)):
            if number:
                y += _step(_VALUE)
            page.append(_Text(places[name] + _LABEL_INCHES, y, line, _VALUE))
    return y


def _short_head(sheet: Sheet, number: int, total: int) -> Iterator[_Piece]:
    words = sheet.labels.get("page", "{number} / {total}").format(number=number, total=total)
    yield from (
        _Text(_LEFT, _TOP + 0.3, line, _BODY, is_bold=True) for line in list(_lines(sheet.heading, _BODY, 4.6))[:1]
    )
    yield _Text(_RIGHT, _TOP + 0.3, words, _LABEL, is_right=True)
    yield _Rule(_TOP + 0.45, 0.025)


def _aligned(line: str, y: float, points: float) -> Iterator[_Text]:
    """A line of a text, on the side on which its script begins."""
    if line:
        is_right = _is_right_to_left(line)
        yield _Text(_RIGHT if is_right else _LEFT, y, line, points, is_right=is_right)


def _is_right_to_left(text: str) -> bool:
    return next((way != "L" for way in map(unicodedata.bidirectional, text) if way in ("L", "R", "AL")), False)


def _step(points: float) -> float:
    return points * _LEADING / 72


def _lines(text: str, points: float, room: float, *, is_bold: bool = False) -> Iterator[str]:
    """Cut at spaces where there are some, else within words. Raises CoverTooLong."""
    count = 0
    for paragraph in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        for line in _wrapped(_printable(paragraph.expandtabs(_TAB)).rstrip(), points, room, is_bold=is_bold):
            count += 1
            if count > _MOST_LINES:
                raise _too_long()
            yield line


def _printable(line: str) -> str:
    return "".join(character for character in line if unicodedata.category(character) not in ("Cc", "Cs"))


def _wrapped(line: str, points: float, room: float, *, is_bold: bool) -> Iterator[str]:
    rest = line
    while _width(rest, points, is_bold) > room:
        fits = _fitting(rest, points, room, is_bold=is_bold)
        at = rest.rfind(" ", 1, fits + 1)
        if at <= 0 or not rest[:at].strip():
            yield rest[:fits]
            rest = rest[fits:]
        else:
            yield rest[:at]
            rest = rest[at + 1 :]
    yield rest


def _fitting(text: str, points: float, room: float, *, is_bold: bool) -> int:
    """How many characters fit; at least one, and no combining mark is parted from its letter."""
    low, high = 1, len(text)
    # No line has room for more: a very long paragraph is not measured as a whole.
    high = min(high, 2000)
    while low < high:
        middle = (low + high + 1) // 2
        if _width(text[:middle], points, is_bold) <= room:
            low = middle
        else:
            high = middle - 1
    while low > 1 and low < len(text) and unicodedata.combining(text[low]):
        low -= 1
    return low


@lru_cache(maxsize=10_000)
def _width(text: str, points: float, is_bold: bool) -> float:
    """In inches. Of a long text only that it is long."""
    face = typeface.bold if is_bold else typeface.sans
    return sum(font.getlength(piece) for piece, font in typeface.runs(text[:2000], points, X_DPI, face)) / X_DPI


def _drawn(page: Sequence[_Piece], logo: Image.Image | None, resolution: Resolution, *, letter: bool) -> Image.Image:
    """A mode "1" image, black being 0."""
    # Drawn with square pixels, then brought to the fax's: type has no other way to be narrower than it is high.
    dpi = max(X_DPI, resolution.y_dpi)
    inches = LETTER_INCHES if letter else A4_INCHES
    width, rows = round(LINE_PIXELS * dpi / X_DPI), round(inches * resolution.y_dpi)
    sheet = Image.new("L", (width, round(inches * dpi)), 255)
    draw = ImageDraw.Draw(sheet)
    for each in page:
        if isinstance(each, _Text):
            _write(draw, each, dpi)
        elif isinstance(each, _Rule):
            thick = max(round(each.thick * dpi), -(-dpi // resolution.y_dpi))
            draw.rectangle((_LEFT * dpi, each.y * dpi, _RIGHT * dpi, each.y * dpi + thick - 1), fill=0)
    sheet = sheet.resize((LINE_PIXELS, rows), Image.Resampling.BOX)
    bilevel = sheet.point([0 if value < _THRESHOLD else 255 for value in range(256)], "1")
    for each in page:
        if isinstance(each, _Logo) and logo is not None:
            size = max(1, round(each.width * X_DPI)), max(1, round(each.height * resolution.y_dpi))
            small = image_tone.to_bilevel(logo.resize(size, Image.Resampling.LANCZOS), Tone.AUTO)
            bilevel.paste(small, (round(_LEFT * X_DPI), round(each.y * resolution.y_dpi)))
    return bilevel


def _write(draw: ImageDraw.ImageDraw, text: _Text, dpi: float) -> None:
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
