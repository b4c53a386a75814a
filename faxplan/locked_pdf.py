"""A received fax as a PDF that a password opens: AES-256 (ISO 32000-2, 7.6: revision 6), which all readers know.

Weaker than a key: who has the file guesses on, some tens of thousands of passwords a second on one graphics card, and
nobody sees it. So a password has to be as good as one that protects a user's key, and `new_password` makes one that
nobody guesses. It opens the file and nothing else; who has it may print, copy and change. Without it the file says how
long it is, and nothing of its pages, not even how many there are.
"""

import base64
import io
import secrets
import stringprep
import unicodedata
from collections.abc import Iterable
from typing import BinaryIO, ClassVar

import pikepdf
from pikepdf import Encryption, ObjectStreamMode, Permissions

from faxplan import passphrases
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.passphrases import InvalidSecret

MOST_PASSWORD_BYTES = 127
"""That is where PDF cuts them off."""
_ALL = Permissions(**dict.fromkeys(Permissions._fields, True))
_OWNER_BYTES = 32
_FORBIDDEN = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class CannotBeLocked(FaxplanError):
    """What was given is no PDF that can be read, or it has a password already."""

    error_id: ClassVar[str] = "cannot-be-locked"


def new_password() -> str:
    """A hundred random bits, to be read aloud: five groups of four letters and digits (RFC 4648 base32)."""
    text = base64.b32encode(secrets.token_bytes(15)).decode()[:20]
    return "-".join(text[at : at + 4] for at in range(0, 20, 4))


def check_new_password(password: str, words: Iterable[str] = ()) -> None:
    """Raises InvalidSecret for one that is short, easily guessed, or that PDF readers would not take.

    words: what others know of who reads: name and e-mail address, the tenant's name.
    """
    passphrases.check_new(prepared(password), words)


def prepared(password: str) -> str:
    """As PDF readers have it (SASLprep, RFC 4013): letters that look alike are the same. Raises InvalidSecret."""
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each for each in password if not stringprep.in_table_b1(each)
    )
    text = unicodedata.normalize("NFKC", mapped)
    # Of Unicode 3.2 (table A.1) more is missing than what would harm: newer letters are taken as they are.
    if any(forbidden(each) for each in text for forbidden in _FORBIDDEN) or not _one_direction(text):
        raise InvalidSecret(
            _("A PDF reader may not take this password. Use letters, digits, spaces and signs of one script.")
        )
    if len(text.encode()) > MOST_PASSWORD_BYTES:
        raise InvalidSecret(
            _("PDF cuts passwords off at {most} bytes. Choose a shorter one.").format(most=MOST_PASSWORD_BYTES)
        )
    return text


def locked(pdf: BinaryIO | bytes, password: str) -> bytes:
    """The PDF, opened by the password. Names no program, and nothing that stood in its metadata.

    Holds it about three times over. It is read, and not drawn: a PDF that we have made. Raises InvalidSecret for a
    password that is too short, and CannotBeLocked.
    """
    text = prepared(password)
    if len(text) < passphrases.SHORTEST_PASSWORD:
        raise InvalidSecret(
            _("The password for PDF files has fewer than {least} characters. Choose another for this mailbox.").format(
                least=passphrases.SHORTEST_PASSWORD
            )
        )
    target = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(pdf) if isinstance(pdf, bytes) else pdf) as document:
            if document.is_encrypted:
                raise CannotBeLocked(_("This PDF has a password already."))
            _without_metadata(document)
            document.save(
                target,
                # Of random letters: the owner's password opens the file as the user's does.
                encryption=Encryption(
                    owner=secrets.token_urlsafe(_OWNER_BYTES), user=text, R=6, aes=True, metadata=True, allow=_ALL
                ),
                object_stream_mode=ObjectStreamMode.generate,
                fix_metadata_version=False,
            )
    except pikepdf.PasswordError as error:
        raise CannotBeLocked(_("This PDF has a password already.")) from error
    except pikepdf.PdfError as error:
        raise CannotBeLocked(_("This file is no PDF that can be read.")) from error
    return target.getvalue()


def _without_metadata(document: pikepdf.Pdf) -> None:
    if "/Info" in document.trailer:
        del document.trailer["/Info"]
    if "/Metadata" in document.Root:
        del document.Root["/Metadata"]


def _one_direction(text: str) -> bool:
    """RFC 3454, section 6."""
    if not any(stringprep.in_table_d1(each) for each in text):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(stringprep.in_table_d2(each) for each in text)
