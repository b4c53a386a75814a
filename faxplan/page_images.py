"""Images of a fax's pages for the screen: a ZIP with a PNG a page, and a thumbnail. Drawn in the sandbox.

The ZIP (docs/sealed-files/) has its members stored and not deflated, so that a reader finds one page of many in it, and
reads no other. An image has square pixels and the fax's own resolution along the line: black and white where no pixel
of the page is lost by that, which is most faxes; else four greys. Whoever shows it smaller smooths it.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from PIL import Image

from faxplan import sandbox, tiff_directory
from faxplan.confinement import Confinement
from faxplan.errors import FaxplanError, RenderingFailed
from faxplan.language import _

MOST_PAGES = 9999
"""As many have a name of four digits. Pages after that have no image."""
MOST_PIXELS = 100_000_000
"""Of a page that is drawn: a page of twenty metres has fewer. A larger one is left out."""
THUMBNAIL_PIXELS = 200
"""The thumbnail's width. It shows the top of a page that is longer than twice that."""
_SCREEN_DPI, _MOST_DPI = 204.0, 250.0
_LONGEST_PIXELS = 16000  # of an image's height: browsers draw none beyond some 16,000 to 32,000
# Of zlib, as measured: a tenth larger than with 6 for two thirds of the time, and smaller than with 3.
_EFFORT = 4
_NAME = re.compile(rb"(?!0000)[0-9]{4}\.png")
_NAME_BYTES = 8
_MADE_AT = (1980, 1, 1, 0, 0, 0)  # ZIP has no time before; when a page was drawn is nobody's concern
# APPNOTE.TXT 4.3.16: signature, disks, members here and in all, directory's size and place, comment's length. 4.3.12:
# signature, flags with method, CRC-32, both sizes, lengths of name, and of extra field with comment, disk, place, name.
# 4.3.7: signature, lengths of name and extra field, name.
_END, _ENTRY, _LOCAL = (struct.Struct(layout) for layout in ("<4sIHHIIH", "<4s4xI4xIIIHIH6xI8s", "<4s22xHH8x"))
_ARCHIVE, _THUMBNAIL = "pages.zip", "thumbnail.png"
_LARGEST_IMAGE = 64 * 1024**2
_CEILING = sandbox.Ceiling(cpu_seconds=120, wall_seconds=240, memory_bytes=1024**3, file_bytes=1024**3)


class BrokenPageImages(FaxplanError):
    """A ZIP of page images that is not as `draw` writes it."""

    error_id: ClassVar[str] = "broken-page-images"


@dataclass(frozen=True, slots=True)
class PageImages:
    """archive: the ZIP, with `count` pages. thumbnail: None where the first page could not be drawn."""

    archive: Path
    count: int
    thumbnail: Path | None


def make(tiff: Path, folder: Path, pages: int = MOST_PAGES, *, within: Confinement) -> PageImages:
    """Draws the first `pages` of a fax TIFF into a private folder. Raises FaxplanError where none could be drawn."""
    with within.workplace(folder) as place:
        names = place.at(_ARCHIVE), place.at(_THUMBNAIL)
        said = place.call(_make, place.given(tiff), *names, pages, ceiling=_CEILING)
        drawn, has_thumbnail = _believed(said, pages)
        if not drawn:
            raise RenderingFailed(_("No page of the fax could be drawn. Open its TIFF or PDF instead."))
        archive = place.moved(_ARCHIVE, folder / _ARCHIVE)
        thumbnail = place.moved(_THUMBNAIL, folder / _THUMBNAIL) if has_thumbnail else None
    return PageImages(archive, drawn, thumbnail)


def _make(tiff: str, archive: str, thumbnail: str, pages: int) -> tuple[int, bool]:
    drawn = draw(tiff, archive, 0, pages)
    return drawn, draw_thumbnail(tiff, thumbnail)


def _believed(said: Any, most: int) -> tuple[int, bool]:
    """What the child has drawn, if it can be so: a page may have taken it over."""
    drawn, thumbnail = said if isinstance(said, list) and len(said) == 2 else (None, None)
    if not (type(drawn) is int and 0 <= drawn <= most and isinstance(thumbnail, bool)):
        raise RenderingFailed(_("The page images could not be drawn. Open the fax's TIFF or PDF instead."))
    return drawn, thumbnail


def draw(tiff: str, archive: str, first: int, most: int) -> int:
    """Makes a ZIP of the images of at most so many pages, from `first` on (0-based); how many that are. In the child.

    A page that cannot be decoded, or is too large, is left out, and the others keep their numbers.
    """
    Image.MAX_IMAGE_PIXELS = None  # MOST_PIXELS, instead
    drawn = 0
    with Image.open(tiff, formats=["TIFF"]) as image, zipfile.ZipFile(archive, "w") as target:
        for number in range(first, min(first + most, MOST_PAGES)):
            try:
                image.seek(number)
            except EOFError:
                break
            png = _png_of(image)
            if png is not None:
                pack(target, number + 1, png)
                drawn += 1
    return drawn


def join(parts: Sequence[Path], archive: Path) -> None:
    """Makes one ZIP of several, whose pages follow each other. Raises BrokenPageImages."""
    with zipfile.ZipFile(archive, "w") as target:
        for part in parts:
            with part.open("rb") as source:
                for number, png in read(source):
                    pack(target, number, png)


def draw_thumbnail(tiff: str, target: str) -> bool:
    """Draws the first page, small and grey; False where it cannot be decoded. In the child."""
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(tiff, formats=["TIFF"]) as image:
            x_dpi, y_dpi = _dpi(image)
            tall = round(2 * image.width * y_dpi / x_dpi)
            page = _loaded(image).convert("L").crop((0, 0, image.width, min(image.height, tall)))
            rows = max(1, round(page.height * x_dpi / y_dpi * THUMBNAIL_PIXELS / page.width))
            # Shrunk in two steps, the first of whole pixels, which is quick.
            near = (max(1, page.width // (2 * THUMBNAIL_PIXELS)), max(1, page.height // (2 * rows)))
            small = page.reduce(near).resize((THUMBNAIL_PIXELS, rows), Image.Resampling.BOX)
            _in_greys(small, 4).save(target, "PNG", bits=4, optimize=True)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, MemoryError):
        return False
    return True


def read(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and PNG of each page of a ZIP, in order. Raises BrokenPageImages.

    A converter that was taken over may have written it, and FreeSWITCH's own process reads it: so no more is taken into
    memory than one page, and the directory of MOST_PAGES. portal/static/vault/page-images.js refuses the same.
    """
    try:
        end = source.seek(0, io.SEEK_END) - _END.size
        signature, disks, here, count, size, start, comment = _END.unpack(_piece(source, end, _END.size))
        if (signature, disks, here, size, start + size, comment) != (b"PK\5\6", 0, count, count * _ENTRY.size, end, 0):
            raise BrokenPageImages(_("It holds something else than pages."))
        last = place = 0
        for packed in _ENTRY.iter_unpack(_piece(source, start, size)):
            number, crc, length, at = _member(packed)
            before = at + _LOCAL.size
            if number <= last or at < place or before + length > start:
                raise BrokenPageImages(_("It holds something else than pages in their order."))
            local = _LOCAL.unpack(_piece(source, at, _LOCAL.size))
            png = _piece(source, before, length)
            if (local[0], local[-2:], zlib.crc32(png)) != (b"PK\3\4", (_NAME_BYTES, 0), crc):
                raise BrokenPageImages(_("It holds something else than pages."))
            last, place = number, before + length
            yield number, png
    except (struct.error, OSError, ValueError) as error:
        raise BrokenPageImages(_("The page images cannot be read. Open the fax's PDF instead.")) from error


def _piece(source: BinaryIO, start: int, count: int) -> bytes:
    """Raises ValueError."""
    source.seek(start)
    found = source.read(count)
    if len(found) != count:
        raise ValueError("cut short")
    return found


def _member(packed: tuple[Any, ...]) -> tuple[int, int, int, int]:
    """Of an entry of the directory, if it is as `pack` writes it: number, CRC-32, bytes, and where its local header is;
    number 0 for any other.
    """
    signature, plain, crc, stored, size, name_bytes, more, disk, at, name = packed
    # Neither flags nor a method, no extra field, no comment, on the same disk, and no larger than an image is.
    is_plain = (signature, plain, name_bytes, more, disk) == (b"PK\1\2", 0, _NAME_BYTES, 0, 0)
    is_plain = is_plain and stored == size <= _LARGEST_IMAGE and _NAME.fullmatch(name) is not None
    return int(name[:4]) if is_plain else 0, crc, size, at


def pack(target: zipfile.ZipFile, number: int, png: bytes) -> None:
    """Puts the PNG of a page (from 1) behind those that are there: the same bytes on every system, at any time."""
    member = zipfile.ZipInfo(f"{number:04d}.png", _MADE_AT)
    member.create_system = 3
    member.external_attr = 0o600 << 16
    target.writestr(member, png)


def _png_of(image: Image.Image) -> bytes | None:
    try:
        page = _loaded(image)
        x_dpi, y_dpi = _dpi(image)
        dpi = _SCREEN_DPI if x_dpi > _MOST_DPI else x_dpi
        dpi *= min(1.0, _LONGEST_PIXELS / max(1.0, page.height * dpi / y_dpi))
        size = max(1, round(page.width * dpi / x_dpi)), max(1, round(page.height * dpi / y_dpi))
        packed = io.BytesIO()
        if page.mode == "1" and size[0] == page.width and size[1] >= page.height:
            # Rows repeated, pixels still black or white: nothing is lost, and little has to be packed.
            square = page.resize(size, Image.Resampling.NEAREST)
            square.save(packed, "PNG", dpi=(dpi, dpi), compress_level=_EFFORT)
        else:
            bits = 2 if page.mode == "1" else 4
            grey = _in_greys(page.convert("L").resize(size, Image.Resampling.BOX), bits)
            grey.save(packed, "PNG", dpi=(dpi, dpi), compress_level=_EFFORT, bits=bits)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, MemoryError):
        # What a damaged page does to libtiff and Pillow.
        return None
    return packed.getvalue()


def _loaded(image: Image.Image) -> Image.Image:
    """Raises ValueError for a page that is too large, before it is decoded."""
    if image.width * image.height > MOST_PIXELS:
        raise ValueError("too large a page")
    image.load()
    return image


def _dpi(image: Image.Image) -> tuple[float, float]:
    given = image.info.get("dpi", (0.0, 0.0))
    return tiff_directory.plausible_dpi(float(given[0]), float(given[1]))


def _in_greys(image: Image.Image, bits: int) -> Image.Image:
    """A mode "L" image with so many bits a pixel: PNG has that for palettes alone, where Pillow writes it."""
    top = 2**bits - 1
    index = image.point([round(value * top / 255) for value in range(256)])
    made = Image.frombytes("P", index.size, index.tobytes())
    made.putpalette([level * 255 // top for level in range(top + 1) for _ in range(3)])
    return made
