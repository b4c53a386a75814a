"""A received fax as the file that a mail carries: its bytes, its name, its type."""

import re
import unicodedata
from datetime import datetime
from email.message import EmailMessage
from typing import BinaryIO, ClassVar

from faxplan import tiff_directory
from faxplan.errors import FaxplanError
from faxplan.language import _, number

PDF, TIFF = "pdf", "tiff"
"""What a mailbox chooses, and how names end."""
MOST_BYTES = 15 * 1024**2
"""Of a file: some hundreds of pages. In a mail it takes 1.4 times that, sealed 1.9 (28 MB), and most hosts take 25 to
35. While the mail is made about ten times as much is in memory."""
_TYPES = {PDF: ("application", "pdf"), TIFF: ("image", "tiff")}
_STARTS = {PDF: (b"%PDF-",), TIFF: (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")}
_MOST_NAME = 100


class AttachmentTooLarge(FaxplanError):
    """No mail carries it: whom it is for gets a link instead."""

    error_id: ClassVar[str] = "attachment-too-large"


def content(plain: BinaryIO, kind: str) -> bytes:
    """What is attached of a document that was opened: of a TIFF without any text in it, such as the name of the machine
    that received it; a PDF as it was made, which has none.

    Holds it twice. Raises AttachmentTooLarge; BrokenTiff for a TIFF whose list of pages breaks off (the PDF has those
    that are whole); and ValueError for what is none.
    """
    # Not more than one byte too many: whatever its size, this much of it is held.
    data = plain.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise AttachmentTooLarge(
            _("The fax is too large for a mail: more than {most} MB.").format(most=number(MOST_BYTES // 1024**2))
        )
    if not data.startswith(_STARTS[kind]):
        raise ValueError(f"no {kind} file")
    if kind == PDF:
        return data
    blank = bytearray(data)
    tiff_directory.blank_texts(blank)
    return bytes(blank)


def name(received_at: datetime, caller: str | None, kind: str) -> str:
    """What it is called, in the language that is spoken: `fax-2026-11-27-0912-from-+15551234.pdf`.

    received_at: in the time zone of who reads. caller: whatever the call said. ASCII, without anything that a file
    system, a shell or an old mail program could take for more than a name.
    """
    caller = re.sub(r"[^0-9+]", "", caller or "")
    spoken = (_("fax-{moment}-from-{caller}") if caller else _("fax-{moment}")).format(
        moment=f"{received_at:%Y-%m-%d-%H%M}", caller=caller
    )
    plain = unicodedata.normalize("NFKD", spoken).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9+_-]+", "", plain)[:_MOST_NAME].lstrip("-")
    return f"{plain}.{kind}"


def attach(message: EmailMessage, file: bytes, file_name: str, kind: str) -> None:
    """Adds it to a mail, which holds it from then on, 1.4 times as large."""
    maintype, subtype = _TYPES[kind]
    message.add_attachment(file, maintype=maintype, subtype=subtype, filename=file_name)
