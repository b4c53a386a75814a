"""Whether a TIFF file is one that `txfax` can send, and the making of such files.

FreeSWITCH opens the file only after the far end has answered, and spandsp then refuses with result codes 41 to 46; so
everything that it would refuse is refused here, before anybody is called. Source: spandsp t4_tx.c.
"""

import io
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PIL import Image, ImageChops

from faxplan import tiff_directory
from faxplan.errors import DocumentRefused
from faxplan.files import fsync_folder
from faxplan.tiff_directory import BrokenTiff, CodedPage, Data, Directory

WIDTHS = {1728: "A4", 2048: "B4", 2432: "A3"}
# T.4 resolutions that go with these widths, as spandsp pairs them, each within five per cent (t4_tx.c, resolution_map).
_RESOLUTIONS = ((204.0, (98.0, 196.0, 391.0)), (200.0, (100.0, 200.0, 400.0)))
_TOLERANCE = 0.95
_OUR_CODING = (
    (tiff_directory.COMPRESSION, 0),
    (tiff_directory.PHOTOMETRIC, -1),
    (tiff_directory.FILL_ORDER, 1),
)
_COMPRESSIONS = {tiff_directory.G3: "G3", tiff_directory.G4: "G4"}


class NotFaxReady(DocumentRefused):
    """A TIFF file that `txfax` would refuse; the message says which page and why."""

    error_id: ClassVar[str] = "not-fax-ready"


@dataclass(frozen=True, slots=True)
class FaxPage:
    """`width` and `rows` in pixels; `compression` is G3 or G4."""

    width: int
    rows: int
    x_dpi: float
    y_dpi: float
    compression: str


@dataclass(frozen=True, slots=True)
class FaxTiff:
    """A file that `txfax` accepts: at least one page."""

    pages: tuple[FaxPage, ...]


def read(path: Path, *, coded_by_us: bool = False) -> FaxTiff:
    """What the file holds. Raises NotFaxReady naming the first page that cannot be sent. Decodes nothing.

    coded_by_us: nor one that `tiff_directory.write` would not have written so. Such a page would be decoded in the
    switch before it is sent, and a converter that was taken over may have written it.
    """
    with mapped(path) as data:
        pages = list(enumerate(sendable(data), 1))
        if coded_by_us and (others := [number for number, each in pages if not _is_one_strip(each)]):
            raise NotFaxReady(f"Page {others[0]} is not coded as we code pages. Render the document again.")
        return FaxTiff(tuple(fax_page(each, number) for number, each in pages))


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """The file's bytes. Raises NotFaxReady where it has none."""
    try:
        with tiff_directory.mapped(path) as data:
            yield data
    except BrokenTiff as error:
        raise NotFaxReady(f"{error} Render the document again.") from error


def sendable(data: Data) -> list[Directory]:
    """The directories of its pages, at least one. Raises NotFaxReady naming the first page that cannot be sent."""
    pages: list[Directory] = []
    try:
        for directory in tiff_directory.directories(data):
            fax_page(directory, len(pages) + 1)
            if any(offset + count > len(data) or count == 0 for offset, count, _ in directory.strips()):
                raise NotFaxReady(f"Page {len(pages) + 1} is cut short. Render the document again.")
            pages.append(directory)
    except BrokenTiff as error:
        where = f"after page {len(pages)}" if pages else "at its start"
        raise NotFaxReady(f"{error} It is broken {where}. Render the document again.") from error
    if not pages:
        raise NotFaxReady("The TIFF file has no page. Render the document again.")
    return pages


def _is_one_strip(directory: Directory) -> bool:
    coding = [directory.number(tag, default) for tag, default in _OUR_CODING]
    return coding == [tiff_directory.G4, 0, 1] and len(directory.strips()) == 1


def fax_page(directory: Directory, number: int) -> FaxPage:
    """The page as `txfax` sees it. Raises NotFaxReady."""
    bits, samples = directory.number(tiff_directory.BITS, 1), directory.number(tiff_directory.SAMPLES, 1)
    width, rows = directory.number(tiff_directory.WIDTH, 0), directory.number(tiff_directory.LENGTH, 0)
    compression = _COMPRESSIONS.get(directory.number(tiff_directory.COMPRESSION, 1))
    x_dpi, y_dpi = directory.dpi()
    if bits != 1 or samples != 1:
        why = "is not black and white"
    elif width not in WIDTHS:
        why = f"is {width} pixels wide, and must be {', '.join(map(str, WIDTHS))}"
    elif rows == 0:
        why = "has no rows"
    elif not sendable_resolution(x_dpi, y_dpi):
        why = f"has {x_dpi:.0f} by {y_dpi:.0f} dpi, and must have 204 by 98, 196 or 391"
    elif compression is None:
        why = "is not compressed as Group 3 or Group 4"
    else:
        return FaxPage(width, rows, x_dpi, y_dpi, compression)
    raise NotFaxReady(f"Page {number} {why}. Render the document again.")


def sendable_resolution(x_dpi: float, y_dpi: float) -> bool:
    """Whether spandsp takes the two for a T.4 resolution of these widths."""
    return any(_near(x_dpi, x) and any(_near(y_dpi, y) for y in ys) for x, ys in _RESOLUTIONS)


def coded(image: Image.Image, x_dpi: float, y_dpi: float) -> CodedPage:
    """A mode "1" image, black being 0, as Group 4."""
    packed = io.BytesIO()
    # libtiff codes 1 as a black run whatever the photometric interpretation, so black has to be 1 before it gets there.
    ImageChops.invert(image).save(packed, "TIFF", compression="group4", strip_size=image.width * image.height + 1)
    data = packed.getvalue()
    directory = next(tiff_directory.directories(data))
    ((offset, count, _),) = directory.strips()
    return CodedPage(
        tiff_directory.strip_bytes(data, directory, offset, count), image.width, image.height, x_dpi, y_dpi
    )


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A file beside `target` to write to, which takes its place, on disk, if the block ends well; else it goes."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
        move(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def move(draft: Path, target: Path) -> None:
    """Give a finished file of the same file system its name, so that a crash leaves all of it or nothing."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)
    fsync_folder(target.parent)


def _near(actual: float, wanted: float) -> bool:
    return actual > 0 and min(actual / wanted, wanted / actual) >= _TOLERANCE
