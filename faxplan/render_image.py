"""Render PNG, JPEG and TIFF images to fax pages with Pillow. Runs in the sandbox.

A TIFF page that is already a fax page keeps its pixels and its resolution.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from faxplan import fax_tiff, tiff_directory
from faxplan.fax_tiff import NotFaxReady
from faxplan.image_tone import to_bilevel
from faxplan.language import _, marked
from faxplan.paper import LINE_PIXELS, X_DPI, Resolution, Tone, place
from faxplan.refusals import DamagedDocument, Limits, PageTooLarge, TooManyPages
from faxplan.tiff_directory import BrokenTiff, CodedPage

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/tiff": "TIFF"}
# An image that does not say its size: what screens take for it.
_DEFAULT_DPI = 96.0
_MIN_INCHES = 1.0
_DAMAGED = marked("The image is damaged or was cut short. Save it again from the program it came from, and send that.")


def inspect(path: Path, media_type: str, limits: Limits) -> int:
    """The number of pages; every page's size is checked. Raises DamagedDocument, TooManyPages or PageTooLarge."""
    count = _tiff_pages(path, limits) if media_type == "image/tiff" else 1
    with _opened(path, media_type) as image:
        for number in range(count):
            _check(_frame(image, number), number + 1, limits)
    return count


def render(
    source: Path,
    media_type: str,
    resolution: Resolution,
    tone: Tone,
    limits: Limits,
    progress: Callable[[int, int], None],
) -> Iterator[CodedPage]:
    """The pages in order. Raises DocumentRefused."""
    count = _tiff_pages(source, limits) if media_type == "image/tiff" else 1
    ready = _fax_pages(source, count) if media_type == "image/tiff" else [None]
    with _opened(source, media_type) as image:
        for number in range(count):
            frame = _frame(image, number)
            _check(frame, number + 1, limits)
            page = ready[number]
            if page is not None and frame.mode == "1" and resolution.keeps_fax_pages:
                yield fax_tiff.coded(_loaded(frame), page.x_dpi, page.y_dpi)
            else:
                yield _laid(frame, resolution, tone)
            progress(number + 1, count)


def _laid(frame: Image.Image, resolution: Resolution, tone: Tone) -> CodedPage:
    x_dpi, y_dpi = _dpi(frame)
    full_width, full_height = frame.size
    # A JPEG decoder can shrink while it decodes, by which a photograph of 50 million pixels costs a tenth.
    frame.draft("L", (2 * LINE_PIXELS, 2 * LINE_PIXELS))
    turned_by_camera = frame.getexif().get(0x0112, 1) >= 5
    grey = _grey(_loaded(frame))
    if turned_by_camera:
        full_width, full_height, x_dpi, y_dpi = full_height, full_width, y_dpi, x_dpi
    placement = place(full_width / x_dpi, full_height / y_dpi, resolution)
    if placement.turned:
        grey = grey.transpose(Image.Transpose.ROTATE_270)
        full_width, x_dpi = full_height, y_dpi
    width = min(LINE_PIXELS, max(1, round(full_width / x_dpi * placement.scale * X_DPI)))
    bilevel = to_bilevel(_resized(grey, (width, placement.rows)), tone)
    if width == LINE_PIXELS and placement.rows >= _MIN_INCHES * resolution.y_dpi:
        return fax_tiff.coded(bilevel, X_DPI, resolution.y_dpi)
    # Receivers print a page of a few rows as a strip that jams; an inch is the least that is sent.
    height = max(placement.rows, round(_MIN_INCHES * resolution.y_dpi))
    page = Image.new("1", (LINE_PIXELS, height), 255)
    page.paste(bilevel, ((LINE_PIXELS - width) // 2, 0))
    return fax_tiff.coded(page, X_DPI, resolution.y_dpi)


def _resized(grey: Image.Image, size: tuple[int, int]) -> Image.Image:
    if size == grey.size:
        return grey
    # Enlarged, pixels stay pixels; shrunk, each fax pixel is the mean of what it covers.
    return grey.resize(size, Image.Resampling.BOX if size[0] <= grey.width else Image.Resampling.BICUBIC)


def _grey(frame: Image.Image) -> Image.Image:
    """Upright, on white paper, mode "L"."""
    image = ImageOps.exif_transpose(frame)
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        _low, high = image.convert("F").getextrema()
        top = 65535.0 if image.mode.startswith("I;16") else float(high)  # type: ignore[arg-type]
        return image.convert("F").point(lambda value: value * (255.0 / (top or 1.0)) + 0.0).convert("L")
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        paper = Image.new("RGBA", colour.size, "white")
        return Image.alpha_composite(paper, colour).convert("L")
    if image.mode in ("CMYK", "LAB", "P", "YCbCr", "HSV"):
        return image.convert("RGB").convert("L")
    return image.convert("L")


def _dpi(frame: Image.Image) -> tuple[float, float]:
    given = frame.info.get("dpi")
    if isinstance(given, tuple) and len(given) == 2:
        x_dpi, y_dpi = float(given[0]), float(given[1])
        # Cameras write 72 or 1 for "unknown"; a fax page never has pixels that are six times as high as wide.
        if 50 <= x_dpi <= 2400 and 50 <= y_dpi <= 2400 and 1 / 6 <= x_dpi / y_dpi <= 6:
            return x_dpi, y_dpi
    return _DEFAULT_DPI, _DEFAULT_DPI


def _fax_pages(path: Path, count: int) -> list[fax_tiff.FaxPage | None]:
    pages: list[fax_tiff.FaxPage | None] = []
    with tiff_directory.mapped(path) as data:
        for number, directory in enumerate(tiff_directory.directories(data), 1):
            try:
                pages.append(fax_tiff.fax_page(directory, number))
            except NotFaxReady:
                pages.append(None)
    return pages[:count]


def _tiff_pages(path: Path, limits: Limits) -> int:
    """Counted by our own reader first: Pillow ends a circle of directories without a word."""
    count = 0
    try:
        with tiff_directory.mapped(path) as data:
            for _each in tiff_directory.directories(data):
                count += 1
                if count > limits.max_pages:
                    raise TooManyPages(
                        _("The document has more than {max_pages} pages. Send it in several parts.").format(
                            max_pages=limits.max_pages
                        )
                    )
    except BrokenTiff as error:
        raise DamagedDocument(
            _("{error} Save it again from the program it came from, and send that.").format(error=error)
        ) from error
    if count == 0:
        raise DamagedDocument(_(_DAMAGED))
    return count


@contextmanager
def _opened(path: Path, media_type: str) -> Iterator[Image.Image]:
    # Our own bound is checked on every frame before it is decoded; Pillow's would refuse A3 at 600 dpi.
    Image.MAX_IMAGE_PIXELS = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata, which nobody can act on
        try:
            with Image.open(path, formats=[_FORMATS[media_type]]) as image:
                yield image
        except (UnidentifiedImageError, OSError, EOFError, SyntaxError, ValueError, KeyError, TypeError) as error:
            raise DamagedDocument(_(_DAMAGED)) from error


def _frame(image: Image.Image, number: int) -> Image.Image:
    if number:
        image.seek(number)
    return image


def _loaded(frame: Image.Image) -> Image.Image:
    frame.load()
    return frame


def _check(frame: Image.Image, number: int, limits: Limits) -> None:
    pixels = frame.width * frame.height
    if pixels > limits.max_pixels:
        raise PageTooLarge(
            _(
                "Page {number} has {pixels:.0f} million pixels, and at most {max_pixels:.0f} million are accepted. "
                "Scan or save it at 300 dpi."
            ).format(number=number, pixels=pixels / 1e6, max_pixels=limits.max_pixels / 1e6)
        )
