"""Open a stranger's PDF, check what it would cost, and make it harmless. Runs in the sandbox.

Checked before anything is unpacked: page count, page sizes, image sizes, and how far the streams inflate.
"""

import mmap
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name, Object, Pdf

from faxplan.language import _
from faxplan.refusals import (
    DamagedDocument,
    EmptyDocument,
    EncryptedDocument,
    InflatesTooFar,
    Limits,
    PageTooLarge,
    TooManyPages,
)

_LETTER = (0.0, 0.0, 612.0, 792.0)
_POINTS = 72.0
# Deflate makes at most 1032 bytes of one; a stream that cannot pass the bound even so need not be unpacked.
_DEFLATE_RATIO = 1032
# RuntimeError: qpdf's own.
_QPDF_ERRORS = (pikepdf.PdfError, pikepdf.ForeignObjectError, pikepdf.DeletedObjectError, RuntimeError)
# What qpdf says where it went on without: pages would go out with nothing on them.
_RECONSTRUCTED, _LOST = "reconstruct cross-reference table", "treating stream as empty"
_PIECE = 4 * 1024 * 1024
# What can act, carry files or describe, but not print. /AcroForm, /OCProperties and /Pages stay: they print.
_CATALOG_KEEPS = frozenset({"/Type", "/Pages", "/AcroForm", "/OCProperties", "/Version", "/Extensions"})
_ACTING_KEYS = frozenset({"/A", "/AA", "/PA", "/JS", "/FS"})
_PAGE_DROPS = frozenset({"/AA", "/PieceInfo", "/Metadata", "/Thumb", "/B"})


@dataclass(frozen=True, slots=True)
class Sheet:
    """The visible part of a page: `box` in units of `unit` points, to be turned clockwise by `rotate` degrees."""

    box: tuple[float, float, float, float]
    rotate: int
    unit: float

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height as the reader sees them."""
        left, bottom, right, top = self.box
        width, height = (right - left) * self.unit / _POINTS, (top - bottom) * self.unit / _POINTS
        return (height, width) if self.rotate % 180 else (width, height)


@contextmanager
def opened(path: Path, *, limits: Limits, password: str | None = None) -> Iterator[Pdf]:
    """The PDF, checked against `limits`. Raises EncryptedDocument, DamagedDocument, TooManyPages, PageTooLarge ..."""
    try:
        pdf = Pdf.open(path, password=password or "", attempt_recovery=True, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise EncryptedDocument(
            _("The password does not open this PDF. Check it and retry.")
            if password
            else _("This PDF is protected by a password. Give the password with it, or send a copy without one.")
        ) from None
    except _QPDF_ERRORS as error:
        raise DamagedDocument(_damaged(error)) from error
    with pdf:
        try:
            try:
                if _RECONSTRUCTED in _warnings(pdf) and not _has_its_end(path):
                    raise DamagedDocument(_cut(_("its end is missing")))
                _check(pdf, limits)
                if _LOST in _warnings(pdf):
                    raise DamagedDocument(_cut(_("part of it cannot be read")))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                # A number, name or list where the format has another kind.
                raise DamagedDocument(_damaged(error)) from error
            yield pdf
        except _QPDF_ERRORS as error:
            # Some damage shows only when the caller reaches it.
            raise DamagedDocument(_damaged(error)) from error


def unlock(path: Path, target: Path, *, password: str, limits: Limits) -> None:
    """Write the PDF to `target` without its encryption. Raises as `opened`, EncryptedDocument for a wrong password."""
    with opened(path, password=password, limits=limits) as pdf:
        pdf.save(target, encryption=False)


def sheet(page: pikepdf.Page) -> Sheet:
    """PDF 1.7, 14.11.2: what a viewer shows is the crop box within the media box."""
    media = _box(page.get("/MediaBox") or _inherited(page.obj, "/MediaBox")) or _LETTER
    crop = _box(page.get("/CropBox") or _inherited(page.obj, "/CropBox")) or media
    box = (max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3]))
    if box[0] >= box[2] or box[1] >= box[3]:
        box = media
    rotate = page.get("/Rotate", None)
    if rotate is None:
        rotate = _inherited(page.obj, "/Rotate")
    degrees = int(rotate) if rotate is not None else 0
    unit = float(page.get("/UserUnit", 1))
    return Sheet(box, degrees % 360 if degrees % 90 == 0 else 0, unit if unit > 0 else 1.0)


def disarm(pdf: Pdf) -> None:
    """Take out whatever acts, is carried along or calls out; what prints stays (form fields, annotations, layers)."""
    _drop(pdf.Root, set(pdf.Root.keys()) - _CATALOG_KEEPS)
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, Dictionary):
        _drop(form, {"/XFA", "/CO"})
    for page in pdf.pages:
        _drop(page.obj, _PAGE_DROPS)
        for annotation in _annotations(page.obj):
            _drop(annotation, _ACTING_KEYS)
    if "/Info" in pdf.trailer:
        del pdf.trailer["/Info"]


def _drop(entries: Object, keys: Set[str]) -> None:
    for key in keys:
        if key in entries:
            del entries[key]


def _annotations(entries: Object) -> Iterator[Object]:
    listed = entries.get("/Annots")
    if not isinstance(listed, pikepdf.Array):
        return
    for widget in listed:
        # A field's actions may sit in its parent, of which the annotation is only one widget.
        annotation: Any = widget
        for _each in range(16):
            if not isinstance(annotation, Dictionary):
                break
            yield annotation
            annotation = annotation.get("/Parent")


def _check(pdf: Pdf, limits: Limits) -> None:
    declared = pdf.Root.get("/Pages", Dictionary()).get("/Count", 0)
    count = int(declared) if int(declared) > limits.max_pages else len(pdf.pages)
    if count > limits.max_pages:
        raise TooManyPages(
            _("The document has {count} pages, and at most {max_pages} are accepted. Send it in several parts.").format(
                count=count, max_pages=limits.max_pages
            )
        )
    if count == 0:
        raise EmptyDocument(_("The PDF has no page. Send one that has something in it."))
    for number, page in enumerate(pdf.pages, 1):
        width, height = sheet(page).inches
        if max(width, height) > limits.max_page_inches:
            raise PageTooLarge(
                _(
                    "Page {number} is {width:.1f} by {height:.1f} inches, and at most {max_page_inches:.0f} are "
                    "accepted. Print it to a smaller paper size and send that."
                ).format(number=number, width=width, height=height, max_page_inches=limits.max_page_inches)
            )
    _check_streams(pdf, limits)


def _check_streams(pdf: Pdf, limits: Limits) -> None:
    left = limits.max_inflated_bytes
    for item in pdf.objects:
        if not isinstance(item, pikepdf.Stream):
            continue
        raw = int(item.get("/Length", 0))
        if item.get("/Subtype") == Name.Image:
            pixels = int(item.get("/Width", 0)) * int(item.get("/Height", 0))
            if pixels > limits.max_pixels:
                raise PageTooLarge(
                    _(
                        "An image in the PDF has {pixels:.0f} million pixels, and at most {max_pixels:.0f} million are "
                        "accepted. Print it to a new PDF at 300 dpi."
                    ).format(pixels=pixels / 1e6, max_pixels=limits.max_pixels / 1e6)
                )
            # A decoder reads no more than the image's own size, unless what is packed is far larger than that.
            if pixels * 8 >= raw:
                continue
        left -= _inflated(item, left)
        if left < 0:
            raise InflatesTooFar(
                _(
                    "The PDF unpacks to more than {size} MB: it is damaged, or was made to harm. Print it to a new "
                    "PDF and send that."
                ).format(size=limits.max_inflated_bytes // 1024**2)
            )


def _inflated(stream: Object, bound: int) -> int:
    """Bytes that `stream` unpacks to; some number over `bound` as soon as it passes that."""
    filters = stream.get("/Filter", None)
    names = [] if filters is None else list(filters) if isinstance(filters, pikepdf.Array) else [filters]
    raw = memoryview(stream.read_raw_bytes())
    if not names or str(names[-1]) in ("/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"):
        names = [] if not names else names[:-1]
    if not names:
        return len(raw)
    if any(str(name) not in ("/FlateDecode", "/Fl") for name in names):
        return len(stream.read_bytes(pikepdf.StreamDecodeLevel.generalized))
    if len(raw) * _DEFLATE_RATIO ** len(names) <= 1024 * 1024:
        return len(raw)  # too small to matter, whatever it holds
    return _count_inflated(raw, len(names), bound)


def _count_inflated(data: Any, depth: int, bound: int) -> int:
    total = 0
    for piece in _deflated(data, depth):
        total += len(piece)
        if total > bound:
            break
    return total


def _deflated(data: Any, depth: int) -> Iterator[bytes]:
    """What `data` holds under `depth` layers of Flate, a few megabytes at a time."""
    pieces: Iterator[bytes] = iter([data]) if depth == 1 else _deflated(data, depth - 1)
    inflater = zlib.decompressobj()
    for piece in pieces:
        rest: Any = piece
        while rest and not inflater.eof:
            try:
                yield inflater.decompress(rest, _PIECE)
            except zlib.error:
                return  # broken from here on: Ghostscript too reads only up to this point
            rest = inflater.unconsumed_tail


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, pikepdf.Array) or len(value) != 4:
        return None
    left, bottom, right, top = (float(number) for number in value)
    if left == right or bottom == top:
        return None
    return (min(left, right), min(bottom, top), max(left, right), max(bottom, top))


def _inherited(entries: Object, key: str) -> Any:
    parent = entries.get("/Parent")
    for _each in range(64):
        if not isinstance(parent, Dictionary):
            return None
        if key in parent:
            return parent[key]
        parent = parent.get("/Parent")
    return None


def _warnings(pdf: Pdf) -> str:
    """Those since it was last asked."""
    return "\n".join(pdf.get_warnings())


def _has_its_end(path: Path) -> bool:
    """Whether a PDF's last lines come after all its objects, whatever a mail or web server has put behind them. Its
    parts from before a change (PDF 1.7, 7.5.6) have theirs further up. Some programs leave the very last one out."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return max(content.rfind(b"%%EOF"), content.rfind(b"startxref")) > content.rfind(b"endobj")


def _damaged(error: Exception) -> str:
    # qpdf begins with the file's path on this server, which is nobody's business.
    return _cut(str(error).partition("\n")[0].rpartition(": ")[2][:120] or "unreadable")


def _cut(why: str) -> str:
    return _(
        "The PDF is damaged or was cut short ({why}). Save it again from the program it came from, and send that."
    ).format(why=why)
