"""Read and write the page directories (IFD) of a TIFF file, without decoding any image. TIFF 6.0, section 2.

Pillow hides the strips, and cannot say where a file that was cut short stops being whole; both are needed here.
"""

import mmap
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, ClassVar

from faxplan.errors import FaxplanError
from faxplan.language import _

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS = 273, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, T4_OPTIONS, T6_OPTIONS, RESOLUTION_UNIT, PAGE_NUMBER = 282, 283, 292, 293, 296, 297
_TAGS = frozenset({WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP})
_TAGS |= {STRIP_COUNTS, X_RESOLUTION, Y_RESOLUTION, T4_OPTIONS, T6_OPTIONS, RESOLUTION_UNIT, PAGE_NUMBER}
G3, G4 = 3, 4
_ASCII = 2

# type code: size in bytes, struct letter. Rationals (5) are pairs. Nothing of a page is below zero, or no number.
_KINDS = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 5: (8, "I"), 13: (4, "I"), 16: (8, "Q"), 18: (8, "Q")}
_MAX_VALUES = 1_000_000
"""Of all tags of a page together: their strips may say the same bytes a thousand times over."""
_MOST_WORK = 20_000_000
"""Tags and values of a whole file: some seconds' reading, where pages share them too."""
_MAX_DIRECTORIES = 100_000
_ASSUMED_DPI = (204.0, 196.0)
"""Of a page without a plausible resolution: fine."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


Data = mmap.mmap | bytes | bytearray
"""A whole TIFF file."""


class BrokenTiff(FaxplanError):
    """The directories cannot be read, or lead in a circle, or point outside the file."""

    error_id: ClassVar[str] = "broken-tiff"


@dataclass(frozen=True, slots=True)
class Directory:
    """One page's tags, those that are named here."""

    tags: dict[int, tuple[int | float, ...]]

    def number(self, tag: int, default: int) -> int:
        """The tag's first value as a whole number."""
        values = self.tags.get(tag)
        return int(values[0]) if values else default

    def dpi(self) -> tuple[float, float]:
        """Resolution across and down, in dots an inch; zero where the file does not say."""
        unit = {2: 1.0, 3: 2.54}.get(self.number(RESOLUTION_UNIT, 2), 0.0)
        x, y = (self.tags.get(tag, (0,))[0] for tag in (X_RESOLUTION, Y_RESOLUTION))
        return float(x) * unit, float(y) * unit

    def strips(self) -> list[tuple[int, int, int]]:
        """Offset, bytes and rows of each strip, from the top."""
        offsets, counts = self.tags.get(STRIP_OFFSETS, ()), self.tags.get(STRIP_COUNTS, ())
        rows = self.number(LENGTH, 0)
        each = min(self.number(ROWS_PER_STRIP, rows) or rows, rows)
        if each == 0 or len(offsets) != len(counts) or len(offsets) != -(-rows // each):
            raise BrokenTiff(_("The TIFF's strips do not match its height."))
        pairs = zip(offsets, counts, strict=True)
        return [(int(o), int(c), min(each, rows - n * each)) for n, (o, c) in enumerate(pairs)]


@dataclass(frozen=True, slots=True)
class CodedPage:
    """A page as G4 data in one strip, most significant bit first, black written as 1."""

    data: bytes
    width: int
    rows: int
    x_dpi: float
    y_dpi: float


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """The file's bytes. Raises BrokenTiff for an empty file, which cannot be mapped."""
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise BrokenTiff(_("The TIFF file is empty.")) from error
        with data:
            yield data


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a file's numbers lie: the byte order as struct has it, and whether it is a BigTIFF."""

    order: str
    big: bool

    @property
    def word(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def word_bytes(self) -> int:
        return 8 if self.big else 4

    def entries(self, data: Data, offset: int) -> Iterator[tuple[int, int, int, int]]:
        """Of a directory: each tag, its type, how many values, and where these lie."""
        head, size = (8, 20) if self.big else (2, 12)
        for number in range(self.count(data, offset)):
            at = offset + head + number * size
            tag, kind, values = struct.unpack_from(self.order + "HH" + self.word[1:], data, at)
            at += 4 + self.word_bytes
            if _KINDS.get(kind, (1, ""))[0] * values > self.word_bytes:
                (at,) = struct.unpack_from(self.word, data, at)
            yield tag, kind, values, at

    def count(self, data: Data, offset: int) -> int:
        """A directory's tags."""
        (count,) = struct.unpack_from(self.order + ("Q" if self.big else "H"), data, offset)
        if count > 4096:
            raise BrokenTiff(_("The TIFF file is damaged: a page has too many tags."))
        return int(count)

    def following(self, data: Data, offset: int) -> int:
        """Where the next directory lies; 0: nowhere."""
        head, size = (8, 20) if self.big else (2, 12)
        (following,) = struct.unpack_from(self.word, data, offset + head + self.count(data, offset) * size)
        return int(following)


def directories(data: Data) -> Iterator[Directory]:
    """The pages in order, classic TIFF or BigTIFF. Raises BrokenTiff where the chain becomes unreadable or repeats."""
    work = 0
    for layout, offset in _chain(data):
        with _readable():
            directory, read = _directory(data, layout, offset)
        work += read
        if work > _MOST_WORK:
            raise BrokenTiff(_("The TIFF file is damaged: its pages have too many tags."))
        yield directory


def blank_file(path: Path) -> None:
    """As blank_texts, in a file, where it lies."""
    with path.open("r+b") as file, _writable(file) as data:
        blank_texts(data)


def blank_texts(data: bytearray | mmap.mmap) -> None:
    """Overwrites every text of every page, whatever it says: machine, time, sender, program. Nothing shown is text, and
    all else stays where it is.

    Raises BrokenTiff where the pages' list breaks off: those before are done.
    """
    for layout, offset in _chain(data):
        with _readable():
            found = [entry for entry in layout.entries(data, offset) if entry[1] == _ASCII]
        for _tag, _kind, length, at in found:
            data[at : at + length] = bytes(len(data[at : at + length]))


@contextmanager
def _writable(file: BinaryIO) -> Iterator[mmap.mmap]:
    try:
        data = mmap.mmap(file.fileno(), 0)
    except ValueError as error:
        raise BrokenTiff(_("The TIFF file is empty.")) from error
    with data:
        yield data


def _chain(data: Data) -> Iterator[tuple[_Layout, int]]:
    """Where the directories lie. Raises BrokenTiff, for what cannot be read of them as well."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise BrokenTiff(_("This is no TIFF file."))
    with _readable():
        layout = _Layout(order, {42: False, 43: True}[struct.unpack_from(order + "H", data, 2)[0]])
        (offset,) = struct.unpack_from(layout.word, data, layout.word_bytes)
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) >= _MAX_DIRECTORIES:
            raise BrokenTiff(_("The TIFF's page list leads in a circle."))
        seen.add(offset)
        with _readable():
            # First: a directory that was cut before its end is none.
            following = layout.following(data, offset)
        yield layout, offset
        offset = following


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (struct.error, KeyError, OverflowError, ZeroDivisionError) as error:
        raise BrokenTiff(_("The TIFF file is damaged or was cut short.")) from error


def _directory(data: Data, layout: _Layout, offset: int) -> tuple[Directory, int]:
    """What lies there, and how much was read: tags and values."""
    tags: dict[int, tuple[int | float, ...]] = {}
    read = layout.count(data, offset)
    for tag, kind, values, at in layout.entries(data, offset):
        if tag not in _TAGS:
            continue
        if kind not in _KINDS:
            # libtiff takes some of these for numbers all the same: it must not see another page than we do.
            raise BrokenTiff(_("The TIFF file is damaged: a tag has a type that it cannot have."))
        read += values
        if read > _MAX_VALUES:
            raise BrokenTiff(_("The TIFF file is damaged: its tags are too long."))
        pair = 2 if kind == 5 else 1
        plain = struct.unpack_from(f"{layout.order}{values * pair}{_KINDS[kind][1]}", data, at)
        tags[tag] = plain if pair == 1 else _quotients(plain)
    return Directory(tags), read


def _quotients(plain: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(a / b if b else 0.0 for a, b in zip(plain[::2], plain[1::2], strict=True))


@lru_cache(maxsize=64)
def _rational(value: float) -> bytes:
    ratio = Fraction(value).limit_denominator(10_000)
    return struct.pack("<II", ratio.numerator, ratio.denominator)


def strip_bytes(data: Data, directory: Directory, offset: int, count: int) -> bytes:
    """One strip, most significant bit first. Raises BrokenTiff if the file ends before it."""
    if offset + count > len(data):
        raise BrokenTiff(_("The TIFF file was cut short."))
    piece = bytes(data[offset : offset + count])
    return piece.translate(_REVERSED) if directory.number(FILL_ORDER, 1) == 2 else piece


def plausible_dpi(x_dpi: float, y_dpi: float) -> tuple[float, float]:
    """A page's resolution as it says; fine (204 by 196) where that can be no fax's."""
    return (x_dpi, y_dpi) if 50 <= x_dpi <= 1300 and 50 <= y_dpi <= 1300 else _ASSUMED_DPI


def write(target: Path, pages: Iterable[CodedPage], total: int) -> None:
    """Write `total` pages as a fax TIFF (RFC 3949, profile F, without its optional tags). Names no program."""
    with target.open("wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, 0))
        link = 4
        for number, page in enumerate(pages):
            data_at = file.tell()
            file.write(page.data)
            file.write(b"\0" * (-len(page.data) % 2))
            rationals_at = file.tell()
            file.write(_rational(page.x_dpi) + _rational(page.y_dpi))
            at = file.tell()
            file.write(_packed_directory(page, data_at, rationals_at, number, total))
            end = file.tell()
            file.seek(link)
            file.write(struct.pack("<I", at))
            file.seek(end)
            link = end - 4


def _packed_directory(page: CodedPage, data_at: int, rationals_at: int, number: int, total: int) -> bytes:
    long, short, rational = 4, 3, 5
    entries = [
        (254, long, 1, 2),  # one page of several
        (WIDTH, long, 1, page.width),
        (LENGTH, long, 1, page.rows),
        (BITS, short, 1, 1),
        (COMPRESSION, short, 1, G4),
        (PHOTOMETRIC, short, 1, 0),
        (FILL_ORDER, short, 1, 1),
        (STRIP_OFFSETS, long, 1, data_at),
        (SAMPLES, short, 1, 1),
        (ROWS_PER_STRIP, long, 1, page.rows),
        (STRIP_COUNTS, long, 1, len(page.data)),
        (X_RESOLUTION, rational, 1, rationals_at),
        (Y_RESOLUTION, rational, 1, rationals_at + 8),
        (T6_OPTIONS, long, 1, 0),
        (RESOLUTION_UNIT, short, 1, 2),
        (PAGE_NUMBER, short, 2, number & 0xFFFF | (total & 0xFFFF) << 16),
    ]
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", 0)
