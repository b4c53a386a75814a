"""What `rxfax` wrote: how many whole pages, and these as a PDF (page_images.py has them as images).

The file is our own switch's, but its pages come from a stranger, each may differ in width and resolution, and a crash
may have cut it short.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image

from faxplan import fax_tiff, tiff_directory
from faxplan.tiff_directory import BrokenTiff, Directory

_LONGEST_POINTS, _SHORTEST_POINTS = 14400, 3  # of a PDF page's edge (ISO 32000-1, annex C)
_RLE, _G3_2D = 2, 1


def complete_pages(tiff: Path) -> int:
    """Whole pages that can be read, up to the first that is damaged or cut short; zero if there is none."""
    try:
        with tiff_directory.mapped(tiff) as data:
            return sum(1 for _ in _whole(data))
    except BrokenTiff:
        return 0


def to_pdf(tiff: Path, pdf: Path) -> int:
    """Write the whole pages as a PDF of the right paper size; the number of pages.

    The coded strips are embedded as they are, nothing is decoded. With no whole page no file is written, and the
    result is zero. Names no program in the PDF. Not synced: whoever keeps it does that.
    """
    with Pdf.new() as document:
        try:
            with tiff_directory.mapped(tiff) as data:
                for index, directory in enumerate(_whole(data)):
                    _add_page(document, data, directory, tiff, index)
        except BrokenTiff:
            return 0
        count = len(document.pages)
        if count:
            pdf.touch(mode=0o600)
            try:
                # Not by its name: pikepdf would write beside it first, under one that nobody sweeps after a crash.
                with pdf.open("r+b") as file:
                    document.save(file, linearize=False, fix_metadata_version=False)
            except BaseException:
                pdf.unlink(missing_ok=True)
                raise
    return count


def _whole(data: mmap.mmap) -> Iterator[Directory]:
    try:
        for directory in tiff_directory.directories(data):
            strips = directory.strips()
            if not strips or directory.number(tiff_directory.WIDTH, 0) <= 0:
                return
            if any(count == 0 or offset + count > len(data) for offset, count, _ in strips):
                return
            yield directory
    except BrokenTiff:
        return  # what was yielded so far is whole, and that is all there is


def _add_page(document: Pdf, data: mmap.mmap, directory: Directory, tiff: Path, index: int) -> None:
    width, rows = directory.number(tiff_directory.WIDTH, 0), directory.number(tiff_directory.LENGTH, 0)
    x_dpi, y_dpi = tiff_directory.plausible_dpi(*directory.dpi())
    across, down = width * 72 / x_dpi, rows * 72 / y_dpi
    if (longest := max(across, down)) > _LONGEST_POINTS:
        # A sender may send a page without end; PDF knows none longer than 200 inches, so it is shown smaller.
        across, down = across * _LONGEST_POINTS / longest, down * _LONGEST_POINTS / longest
    images = Dictionary()
    drawing = []
    done = 0
    for number, (image, image_rows) in enumerate(_images(document, data, directory, tiff, index)):
        images[f"/S{number}"] = image
        height = down * image_rows / rows
        done += image_rows
        drawing.append(f"q {across:.4f} 0 0 {height:.4f} 0 {down * (rows - done) / rows:.4f} cm /S{number} Do Q")
    document.add_blank_page(page_size=(max(across, _SHORTEST_POINTS), max(down, _SHORTEST_POINTS)))
    page = document.pages[-1]
    page.obj.Resources = Dictionary(XObject=images)
    page.obj.Contents = document.make_stream("\n".join(drawing).encode())


def _images(
    document: Pdf, data: mmap.mmap, directory: Directory, tiff: Path, index: int
) -> Iterator[tuple[pikepdf.Object, int]]:
    """The page's strips from the top, each as an image with its number of rows."""
    width = directory.number(tiff_directory.WIDTH, 0)
    compression = directory.number(tiff_directory.COMPRESSION, 1)
    if compression not in (_RLE, tiff_directory.G3, tiff_directory.G4):
        # JBIG, JPEG, or none: rare enough to be decoded and coded anew.
        with Image.open(tiff, formats=["TIFF"]) as picture:
            picture.seek(index)
            coded = fax_tiff.coded(picture.convert("1"), 204, 196)
        yield _image(document, coded.data, width, coded.rows, Dictionary(K=-1)), coded.rows
        return
    for offset, count, rows in directory.strips():
        settings = _settings(directory, compression)
        # TIFF 6.0: 0 is white, unless the photometric interpretation turns it over.
        settings.BlackIs1 = directory.number(tiff_directory.PHOTOMETRIC, 0) == 1
        yield _image(document, tiff_directory.strip_bytes(data, directory, offset, count), width, rows, settings), rows


def _settings(directory: Directory, compression: int) -> Dictionary:
    """PDF 1.7, table 11, for what TIFF 6.0 calls compressions 2, 3 and 4."""
    if compression == tiff_directory.G4:
        return Dictionary(K=-1)
    if compression == _RLE:
        return Dictionary(K=0, EncodedByteAlign=True, EndOfBlock=False)
    options = directory.number(tiff_directory.T4_OPTIONS, 0)
    two_dimensional = bool(options & _G3_2D)
    # TIFF ends a Group 3 image with its last row, not with the end-of-block that the filter would wait for.
    return Dictionary(K=4 if two_dimensional else 0, EndOfLine=True, EndOfBlock=False, DamagedRowsBeforeError=100)


def _image(document: Pdf, coded: bytes, width: int, rows: int, settings: Dictionary) -> pikepdf.Object:
    settings.Columns, settings.Rows = width, rows
    image = document.make_stream(coded)
    image.Type, image.Subtype = Name.XObject, Name.Image
    image.Width, image.Height, image.BitsPerComponent = width, rows, 1
    image.ColorSpace = Name.DeviceGray
    image.Filter, image.DecodeParms = Array([Name.CCITTFaxDecode]), Array([settings])
    return image
