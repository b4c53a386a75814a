"""Decide what a stranger sent, by its content and never by its name, and refuse what cannot be faxed.

`inspect` reads only; nothing is stored or converted. Outside of the sandbox only the first bytes are compared; what
needs a parser, be it of a ZIP archive's directory, is parsed inside.
"""

import codecs
import shutil
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from faxplan import bundle, pdf_source, render_image
from faxplan.confinement import Confinement
from faxplan.errors import DocumentRefused, RenderingFailed
from faxplan.language import _, marked
from faxplan.refusals import (
    STANDARD_LIMITS,
    DamagedDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    InflatesTooFar,
    Limits,
    PageTooLarge,
    TooManyPages,
    UnsupportedDocument,
)

__all__ = [
    "BUNDLE",
    "JPEG",
    "PDF",
    "PNG",
    "STANDARD_LIMITS",
    "TEXT",
    "TIFF",
    "DamagedDocument",
    "DocumentRefused",
    "DocumentTooLarge",
    "EmptyDocument",
    "EncryptedDocument",
    "InflatesTooFar",
    "Limits",
    "PageTooLarge",
    "Source",
    "TooManyPages",
    "UnsupportedDocument",
    "check_size",
    "encoding_of",
    "inspect",
    "is_office",
    "media_type_of",
    "soffice",
    "unlock",
]

BUNDLE = "application/x-fax-bundle"
"""Several files as one, which only we make."""
PDF, TIFF, PNG, JPEG, TEXT = "application/pdf", "image/tiff", "image/png", "image/jpeg", "text/plain"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_XML_FOLDERS = {
    "word": _OPEN_XML + "wordprocessingml.document",
    "xl": _OPEN_XML + "spreadsheetml.sheet",
    "ppt": _OPEN_XML + "presentationml.presentation",
}
_ZIP = "application/zip"  # into which one has to look
_UNLOCKED = "unlocked.pdf"
_OLE = "application/x-ole-storage"  # Word, Excel and PowerPoint before 2007
_ACCEPTED = marked("Send a PDF, TIFF, PNG, JPEG or plain text file.")
_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A document that was inspected. `pages` is None where only rendering tells: text and office documents."""

    media_type: str
    pages: int | None


def inspect(path: Path, *, within: Confinement, limits: Limits = STANDARD_LIMITS) -> Source:
    """What `path` holds. Raises DocumentRefused, or a subclass, with what the sender can do about it.

    A PDF that needs a password is refused (EncryptedDocument); `unlock` goes first. within: what confines the
    parsers; raises SandboxUnavailable where it cannot.
    """
    media_type = _by_first_bytes(path, limits)
    check_from_outside(media_type)
    if media_type == TEXT:
        return Source(media_type, None)
    with within.workplace() as place:
        found = place.call(_look, place.given(path), asdict(limits), ceiling=limits.ceiling())
    media_type, pages = _believed(found, media_type, limits)
    if is_office(media_type) and soffice() is None:
        raise UnsupportedDocument(
            _(
                "This is an office document, and LibreOffice, which would convert it, is not installed on this "
                "server. Save it as PDF and send that, or ask your administrator to install LibreOffice."
            )
        )
    return Source(media_type, pages)


def unlock(path: Path, target: Path, password: str, *, within: Confinement, limits: Limits = STANDARD_LIMITS) -> bool:
    """Write an encrypted PDF to `target` without its encryption, so that nobody has to keep the password.

    False, and nothing is written: it is no PDF, and needs no password. Raises as `inspect` does.
    """
    if _by_first_bytes(path, limits) != PDF:
        return False
    with within.workplace(target.parent) as place:
        asked = (place.given(path), place.at(_UNLOCKED), password, asdict(limits))
        place.call(_unlock, *asked, ceiling=limits.ceiling())
        place.moved(_UNLOCKED, target)
    return True


def check_size(path: Path, *, limits: Limits = STANDARD_LIMITS) -> None:
    """Raises EmptyDocument and DocumentTooLarge."""
    size = path.stat().st_size
    if size == 0:
        raise EmptyDocument(_("The file is empty. Send one that has something in it."))
    if size > limits.max_bytes:
        raise DocumentTooLarge(
            _(
                "The file has {size:.0f} MB, and at most {max_bytes:.0f} MB are accepted. Send it in several parts, "
                "or with its images at 200 dpi in black and white."
            ).format(size=size / 1024**2, max_bytes=limits.max_bytes / 1024**2)
        )


def media_type_of(path: Path, *, limits: Limits = STANDARD_LIMITS) -> str:
    """The media type by content alone. For the sandbox: it parses a ZIP archive's directory.

    Raises EmptyDocument, DocumentTooLarge, UnsupportedDocument or DamagedDocument.
    """
    media_type = _by_first_bytes(path, limits)
    return _office_type(path) if media_type == _ZIP else media_type


def check_from_outside(media_type: str) -> None:
    """Whether a file may come from outside, or be one of a bundle. Raises UnsupportedDocument."""
    if media_type == BUNDLE:
        raise UnsupportedDocument(_("This kind of file cannot be faxed. {accepted}").format(accepted=_(_ACCEPTED)))


def is_office(media_type: str) -> bool:
    """Whether LibreOffice is what converts it."""
    return media_type.startswith((_OPEN_DOCUMENT, _OPEN_XML)) or media_type == _OLE


def soffice() -> str | None:
    """The path of LibreOffice's program, or None where it is not installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def _by_first_bytes(path: Path, limits: Limits) -> str:
    """The media type, or _ZIP for an archive, into which `media_type_of` looks."""
    check_size(path, limits=limits)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    # PostScript comes first: Ghostscript would run whatever follows such a start as a program.
    if head.lstrip(b"\x04\x00\t\r\n\x0c ").startswith(b"%!") or head.startswith((b"\xc5\xd0\xd3\xc6", b"\x1b%-12345X")):
        raise UnsupportedDocument(
            _("PostScript, EPS and printer files are not accepted. {accepted}").format(accepted=_(_ACCEPTED))
        )
    for start, media_type in (
        (bundle.MAGIC, BUNDLE),
        (b"\x89PNG\r\n\x1a\n", PNG),
        (b"\xff\xd8\xff", JPEG),
        (b"II*\0", TIFF),
        (b"MM\0*", TIFF),
        (b"II+\0", TIFF),
        (b"MM\0+", TIFF),
    ):
        if head.startswith(start):
            return media_type
    if b"%PDF-" in head[:1024]:  # PDF 1.7 annex H, note 13: readers accept a header within the first 1024 bytes
        return PDF
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _OLE
    if head.startswith(b"PK\x03\x04"):
        return _ZIP
    if head.startswith(b"MZ"):
        raise UnsupportedDocument(
            _("This is a program, whatever its name says. {accepted}").format(accepted=_(_ACCEPTED))
        )
    if head.lstrip(b"\xef\xbb\xbf\t\r\n ")[:15].lower().startswith((b"{\\rtf", b"<!doctype html", b"<html")):
        raise UnsupportedDocument(_("Web pages and RTF files are not accepted. Print it to a PDF and send that."))
    if encoding_of(head) is not None:
        return TEXT
    raise UnsupportedDocument(_("This kind of file cannot be faxed. {accepted}").format(accepted=_(_ACCEPTED)))


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text that starts with `head`, or None if it is no text: UTF-8, UTF-16 or, last, Latin-1."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in head:
        return _utf16_without_mark(head)
    if any((byte < 0x20 and byte not in b"\a\b\t\n\v\f\r\x1a\x1b") or byte == 0x7F for byte in set(head)):
        return None
    try:
        codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=len(head) < _HEAD_BYTES)
    except UnicodeDecodeError:
        return "cp1252"  # what calls itself Latin-1 is Windows' superset of it
    return "utf-8-sig"


def _utf16_without_mark(head: bytes) -> str | None:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half and len(head) % 2 == 0:
        if odd > 0.6 * half and even == 0:
            return "utf-16-le"
        if even > 0.6 * half and odd == 0:
            return "utf-16-be"
    return None


def _office_type(path: Path) -> str:
    refusal = _("This is a ZIP archive. Unpack it, and send the documents in it. {accepted}").format(
        accepted=_(_ACCEPTED)
    )
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                kind = archive.read("mimetype").decode("ascii", "replace").strip()
                if kind.startswith(_OPEN_DOCUMENT):
                    return kind
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise DamagedDocument(_("The file is damaged or was cut short. Save it again and send it anew.")) from error
    if "[Content_Types].xml" in names:
        for folder, kind in _OPEN_XML_FOLDERS.items():
            if any(name.startswith(folder + "/") for name in names):
                return kind
    raise UnsupportedDocument(refusal)


def _look(path: str, limits: dict[str, Any]) -> tuple[str, int | None]:
    """In the child: media type, and pages where they can be counted."""
    bounds, document = Limits(**limits), Path(path)
    media_type = media_type_of(document, limits=bounds)
    if is_office(media_type):
        return media_type, None
    if media_type == PDF:
        with pdf_source.opened(document, limits=bounds) as pdf:
            return media_type, len(pdf.pages)
    return media_type, render_image.inspect(document, media_type, bounds)


def _believed(found: Any, first: str, limits: Limits) -> tuple[str, int | None]:
    """What the child has found, if it can be so: it is from a process that a document may have taken over."""
    media_type, pages = found if isinstance(found, list) and len(found) == 2 else (None, None)
    fits = media_type == first if first != _ZIP else isinstance(media_type, str) and is_office(media_type)
    counted = pages is None if first in (_ZIP, _OLE) else type(pages) is int and 0 < pages <= limits.max_pages
    if not (fits and counted):
        raise RenderingFailed(_("The document could not be examined. Print it to a new PDF and send that."))
    return str(media_type)[:200], pages


def _unlock(path: str, target: str, password: str, limits: dict[str, Any]) -> None:
    pdf_source.unlock(Path(path), Path(target), password=password, limits=Limits(**limits))
