"""What of a mail is faxed: its files in their order, and its text as a cover page, as the first page, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faxplan import covers, mail_options
from faxplan.incoming_mail import IncomingMail
from faxplan.language import _
from faxplan.mail_options import MailOptions
from faxplan.mail_refusals import MailRefused
from faxplan.originals import HandedIn, NamedFile
from faxplan.paper import Resolution


class NothingToFax(MailRefused):
    """There is no document in it, and no text that is to be faxed."""

    error_id = "nothing-to-fax"


@dataclass(frozen=True, slots=True)
class Paper:
    """document: all of it but the cover page. message: what that says; None: there is none."""

    document: HandedIn
    message: str | None = field(repr=False)


def of(mail: IncomingMail, options: MailOptions, body: str, folder: Path, *, named: bool) -> list[Paper]:
    """How it is to be faxed, and how else, where a cover page turns out too small for its text. Raises NothingToFax.

    body: one of mail_options.BODIES, where the mail says nothing of it. folder: for the text. named: its address says
    for whom it is.
    """
    wanted = options.body or body
    text = mail.body.strip("\n")
    files = [NamedFile(each.path, each.name) for each in mail.files]
    if not files:
        if not text.strip() or wanted == mail_options.IGNORED:
            raise NothingToFax(_("There is nothing in this mail that could be faxed. Attach a document to it."))
        return [_paper([_text(options, text, folder)], options, "" if options.cover else None)]
    if not text.strip():
        has_cover = options.cover or (options.cover is None and named and wanted == mail_options.COVER_PAGE)
        return [_paper(files, options, "" if has_cover else None)]
    if wanted == mail_options.FIRST_PAGE:
        return [_paper([_text(options, text, folder), *files], options, "" if options.cover else None)]
    if wanted == mail_options.IGNORED or options.cover is False:
        return [_paper(files, options, "" if options.cover else None)]
    as_page = _paper([_text(options, text, folder), *files], options, "")
    if len(text) > covers.LONGEST_MESSAGE:
        return [as_page]
    return [_paper(files, options, text), as_page]


def _paper(files: Sequence[NamedFile], options: MailOptions, message: str | None) -> Paper:
    first, *more = files
    resolution = options.resolution or Resolution.FINE
    return Paper(HandedIn(first.file, first.name, resolution, more=more), message)


def _text(options: MailOptions, text: str, folder: Path) -> NamedFile:
    """As a file. In UTF-16, so that no text is taken for a document of another kind, whatever it begins with."""
    file = folder / "text"
    written = f"{options.subject}\n\n{text}\n" if options.subject else f"{text}\n"
    file.write_bytes(written.encode("utf-16", "replace"))
    return NamedFile(file, "text.txt")
