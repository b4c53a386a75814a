"""Where everything on a cover page stands: its pieces, in inches, before anything is drawn (cover_page).

So it has as many pages at every resolution.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

from PIL import Image

from faxplan import typeface
from faxplan.language import _
from faxplan.paper import A4_INCHES, LINE_INCHES, X_DPI
from faxplan.refusals import CoverTooLong

MOST_PAGES = 2
LETTER_INCHES = 11.0
_LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "CR", "GT", "NI", "PA", "PR", "SV", "VE"})
LEFT, RIGHT = 0.8, LINE_INCHES - 0.8
"""Between them stands all that there is."""
_TOP, _BOTTOM = 0.55, 0.6
_BETWEEN = 0.3
_MIDDLE = (LEFT + RIGHT) / 2
_LABEL_INCHES = 0.95
_LOGO_INCHES = (3.4, 0.75)
_BODY, _VALUE, _LABEL, _SMALL, _NOTICE = 11.0, 11.0, 9.0, 8.0, 9.5
_LEADING = 1.36
_TAB = 4
_MOST_LINES = 200
_ROWS = (
    ("", "to_name", "from_name"), ("", "to_company", "from_company"), ("fax", "to_number", "from_number"),
    ("phone", "", "phone"),
)  # fmt: skip
"""What it is called, and the fields of both sides; the first that is there is called as its side."""
_PARTIES = (("to", LEFT), ("from", _MIDDLE + _BETWEEN / 2))
_SINGLES = ("date", "pages", "reference")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is to be drawn. heading: who sends it. body, footer: as templates (cover_words). values: of
    cover_words.FIELDS, but pages. labels: what these are called, and `fax`, `to`, `from`, `page` (with {number} and
    {total}), in the sender's language. letter: on letter paper, else on A4.
    notice: of how to get no more faxes, at the foot of the first page.
    """

    heading: str
    body: str
    footer: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    letter: bool = False
    notice: str = ""

    def packed(self) -> bytes:
        """As `of` reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, packed: bytes) -> "Sheet":
        """From what `packed` gave."""
        return cls(**json.loads(packed))


def on_letter(country: str) -> bool:
    """Whether letter is the paper of a country (ISO code)."""
    return country in _LETTER_COUNTRIES


def too_long() -> CoverTooLong:
    """In the language that is spoken: not in the sandbox, whose caller raises it anew."""
    return CoverTooLong(
        _("The message takes more than {most} cover pages. Make it shorter, or send it as a document.").format(
            most=MOST_PAGES
        )
    )


@dataclass(frozen=True, slots=True)
class Text:
    """x, y: where its baseline begins, or ends where it is right."""

    x: float
    y: float
    text: str
    points: float
    is_bold: bool = False
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A line from LEFT to RIGHT."""

    y: float
    thick: float


@dataclass(frozen=True, slots=True)
class Logo:
    """It begins at LEFT."""

    y: float
    width: float
    height: float


Piece = Text | Rule | Logo


def pages_of(sheet: Sheet, logo: Image.Image | None, body_pages: int | None) -> list[list[Piece]]:
    """What stands on each page of a cover. body_pages: of the document behind it; None: not known.

    Raises CoverTooLong and InvalidCoverText.
    """
    count = 1
    while True:
        total = "" if body_pages is None else str(body_pages + count)
        found = _laid_out(replace(sheet, values={**sheet.values, "pages": total}), logo)
        if len(found) <= count:
            return found
        count = len(found)


def _laid_out(sheet: Sheet, logo: Image.Image | None) -> list[list[Piece]]:
    # Here, so that FreeSWITCH's process, which lays nothing out, does without Jinja.
    from faxplan import cover_words  # noqa: PLC0415

    high = LETTER_INCHES if sheet.letter else A4_INCHES
    foot = list(_lines(cover_words.drawn(sheet.footer, sheet.values), _SMALL, RIGHT - LEFT))[:12]
    said = list(_lines(sheet.notice, _NOTICE, RIGHT - LEFT))[:8] if sheet.notice else []
    bottom = high - _BOTTOM - (len(said) * _step(_NOTICE) + 0.16 if said else 0)
    end = bottom - (len(foot) * _step(_SMALL) + 0.12 if any(foot) else 0)
    page, y = _head(sheet, logo)
    pages = [page]
    for line in _lines(cover_words.drawn(sheet.body, sheet.values).strip("\n"), _BODY, RIGHT - LEFT):
        y += _step(_BODY)
        if y > end:
            if len(pages) == MOST_PAGES:
                raise too_long()
            pages.append([])
            y = _TOP + 0.85
        pages[-1].extend(_aligned(line, y, _BODY))
    for number, each in enumerate(pages, 1):
        if number > 1:
            each.extend(_short_head(sheet, number, len(pages)))
        if any(foot):
            each.append(Rule(end + 0.1, 0.006))
            for place, line in enumerate(foot, 1):
                each.extend(_aligned(line, end + 0.1 + place * _step(_SMALL), _SMALL))
    if said:
        pages[0].append(Rule(bottom + 0.12, 0.025))
        for place, line in enumerate(said, 1):
            pages[0].extend(_aligned(line, bottom + 0.14 + place * _step(_NOTICE), _NOTICE))
    return pages


def _head(sheet: Sheet, logo: Image.Image | None) -> tuple[list[Piece], float]:
    """Logo or name, whom it is from and to, and what it is about; and where that ends."""
    page: list[Piece] = [Text(RIGHT, _TOP + 0.55, sheet.labels.get("fax", "Fax"), 34, is_bold=True, is_right=True)]
    y = _TOP
    if logo is not None:
        scale = min(_LOGO_INCHES[0] / logo.width, _LOGO_INCHES[1] / logo.height)
        page.append(Logo(y, logo.width * scale, logo.height * scale))
        y += logo.height * scale
    size = _BODY if logo is not None else 18.0
    name = list(_lines(sheet.heading, size, 4.6, is_bold=True))[:2]
    if logo is None:
        # Beside what is to the right of it.
        y += max(0.0, 0.55 - len(name) * _step(size))
    for line in name:
        y += _step(size)
        page.append(Text(LEFT, y, line, size, is_bold=True))
    y = max(y, _TOP + 0.55) + 0.16
    page.append(Rule(y, 0.025))
    y = _parties(sheet, page, y)
    y += 0.1
    page.append(Rule(y, 0.006))
    y = _singles(sheet, page, y)
    if sheet.values.get("subject"):
        page.append(Rule(y + 0.1, 0.006))
        y += 0.12
        first = True
        for line in _lines(sheet.values["subject"], _VALUE, RIGHT - LEFT - _LABEL_INCHES, is_bold=True):
            y += _step(_VALUE)
            if first:
                page.append(Text(LEFT, y, sheet.labels.get("subject", ""), _LABEL))
            page.append(Text(LEFT + _LABEL_INCHES, y, line, _VALUE, is_bold=True))
            first = False
    y += 0.12
    page.append(Rule(y, 0.025))
    return page, y + 0.12


def _parties(sheet: Sheet, page: list[Piece], top: float) -> float:
    ends = []
    for side, (party, left) in enumerate(_PARTIES):
        y = top + 0.06
        room = (_MIDDLE - _BETWEEN / 2 if side == 0 else RIGHT) - left - _LABEL_INCHES
        is_first = True
        for name, *fields in _ROWS:
            label = sheet.labels.get(party if is_first else name, "")
            value = sheet.values.get(fields[side], "")
            for line in _lines(value, _VALUE, room, is_bold=is_first) if value else ():
                y += _step(_VALUE)
                page.append(Text(left, y, label, _LABEL))
                page.append(Text(left + _LABEL_INCHES, y, line, _VALUE, is_bold=is_first))
                label = ""
            is_first = is_first and not value
        ends.append(y)
    return max(ends)


def _singles(sheet: Sheet, page: list[Piece], top: float) -> float:
    """Date, pages and reference, side by side in the order of the parties above; the reference on a line of its own."""
    y = top + 0.06 + _step(_VALUE)
    places = {"date": LEFT, "pages": _MIDDLE + _BETWEEN / 2, "reference": LEFT}
    for name in _SINGLES:
        value = sheet.values.get(name, "")
        if not value:
            continue
        if name == "reference":
            y += _step(_VALUE)
        room = (RIGHT if name != "date" else _MIDDLE) - places[name] - _LABEL_INCHES
        page.append(Text(places[name], y, sheet.labels.get(name, ""), _LABEL))
        for number, line in enumerate(_lines(value, _VALUE, room)):
            if number:
                y += _step(_VALUE)
            page.append(Text(places[name] + _LABEL_INCHES, y, line, _VALUE))
    return y


def _short_head(sheet: Sheet, number: int, total: int) -> Iterator[Piece]:
    words = sheet.labels.get("page", "{number} / {total}").format(number=number, total=total)
    yield from (
        Text(LEFT, _TOP + 0.3, line, _BODY, is_bold=True) for line in list(_lines(sheet.heading, _BODY, 4.6))[:1]
    )
    yield Text(RIGHT, _TOP + 0.3, words, _LABEL, is_right=True)
    yield Rule(_TOP + 0.45, 0.025)


def _aligned(line: str, y: float, points: float) -> Iterator[Text]:
    """A line of a text, on the side on which its script begins."""
    if line:
        is_right = _is_right_to_left(line)
        yield Text(RIGHT if is_right else LEFT, y, line, points, is_right=is_right)


def _is_right_to_left(text: str) -> bool:
    return next((way != "L" for way in map(unicodedata.bidirectional, text) if way in ("L", "R", "AL")), False)


def _step(points: float) -> float:
    return points * _LEADING / 72


def lines(text: str, points: float, room: float) -> list[str]:
    """A text that is not drawn here. Raises CoverTooLong."""
    return list(_lines(text, points, room))


def _lines(text: str, points: float, room: float, *, is_bold: bool = False) -> Iterator[str]:
    """Cut at spaces where there are some, else within words. Raises CoverTooLong."""
    count = 0
    for paragraph in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        for line in _wrapped(_printable(paragraph.expandtabs(_TAB)).rstrip(), points, room, is_bold=is_bold):
            count += 1
            if count > _MOST_LINES:
                raise too_long()
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
