"""One mail, read: who says to have written it, what is written in it, and the files that it brings, in their order.

Whatever it is, one error of `mail_refusals` is all that can come of it. It is read once, and its files are written
while it is: nothing of their size is in memory, but a winmail.dat. What is no page: text of mails that are forwarded
as attachments, signatures, business cards, appointments, and pictures that stand inside the text, such as a logo.
docs/mail-to-fax.md has it for users.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from faxplan import attachment_names, mail_automation, mail_sender, mail_text, tnef
from faxplan.language import _
from faxplan.mail_automation import Automatic
from faxplan.mail_headers import Headers, decoded
from faxplan.mail_parts import STANDARD_LIMITS, Content, MailLimits, Part, Reader
from faxplan.mail_refusals import (
    ArchiveRefused,
    AttachedMail,
    DamagedMail,
    EncryptedMail,
    MailTooLarge,
    TooManyAttachments,
)

MOST_RECEIVED = 50
"""Received fields: so many hops has a mail that goes in circles (RFC 5321, 6.3 has 100; Postfix's hopcount_limit)."""
_MOST_SUBJECT = 2000
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,250})>")
_TEXTS = ("text/plain", "text/html")
_NO_PAGES = {
    "application/applefile",
    "application/ics",
    "application/pgp-keys",
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "message/delivery-status",
    "message/disposition-notification",
    "message/external-body",
    "message/feedback-report",
    "message/global-delivery-status",
    "message/global-disposition-notification",
    "text/calendar",
    "text/directory",
    "text/rfc822-headers",
    "text/vcard",
    "text/watch-html",
    "text/x-amp-html",
    "text/x-vcard",
}
_UNSAID = {"p7s", "asc", "sig"}
_NO_PAGES_BY_NAME = {"ics", "vcf", *_UNSAID}
_UNTYPED = {"application/octet-stream", "application/x-unknown", "application/binary", "text/plain"}
_ENCRYPTED = {
    "application/pgp-encrypted",
    "application/pkcs7-mime",
    "application/x-microsoft-rpmsg-message",
    "application/x-pkcs7-mime",
}
_ENCRYPTED_BY_NAME = {"p7m", "rpmsg", "pgp", "gpg"}
_ARCHIVES = ("zip", "rar", "7z", "gz", "tgz", "tar", "bz2", "xz", "zst", "cab", "arj", "lzh", "ace", "jar")
_ARCHIVE = re.compile(
    rb"PK\x03\x04|PK\x05\x06|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|MSCF\0"
)
_MOST_HEAD = 16


@dataclass(frozen=True, slots=True)
class MailFile:
    """An attachment. name: for people, safe to show. media_type: as the mail says, in lower case, and not to be
    believed. path: where its content is. size: in bytes."""

    name: str
    media_type: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """What is in one.

    sender: the From address, in lower case; nothing is proven of it (mail_authentication). sender_name: beside it.
    subject: decoded, on one line; it may have a PIN in it, which mail_options takes out. message_id: without < >.
    automatic: None where a person may have written it. loops: it was here before, or has been to too many places.
    body: plain text, empty where there is none. files: what is to be faxed, in order. shown: pictures that stand inside
    the text, and are among the files only where there is nothing else. left_out: names of what is no page, but for
    signatures.
    """

    sender: str
    sender_name: str
    message_id: str | None
    subject: str = field(repr=False)
    automatic: Automatic | None
    loops: bool
    body: str = field(repr=False)
    files: tuple[MailFile, ...]
    shown: tuple[MailFile, ...]
    left_out: tuple[str, ...]
    headers: Headers = field(repr=False)


def read(source: BinaryIO, folder: Path, *, mark: str = "", limits: MailLimits = STANDARD_LIMITS) -> IncomingMail:
    """folder: an empty one, for the files: 1, 2, ... What is left in it after an error is the caller's to remove.
    mark: what mails of ours have in an X-Loop field; empty: none is looked for.

    Raises MailRefused; and OSError, where the folder cannot be written to.
    """
    reading = _Reading(folder, limits)
    root = reading.parts(source)
    sender, name = mail_sender.address_of(root.headers)
    subject = " ".join(decoded(root.headers.first("subject")).split())[:_MOST_SUBJECT]
    reading.collect(root)
    body = reading.body(root)
    if "-----BEGIN PGP MESSAGE-----" in body:
        raise _encrypted()
    if len(body) > limits.max_body:
        raise MailTooLarge(_("The text of this mail is too long. Attach it as a document."))
    files, shown = tuple(reading.files), tuple(reading.shown)
    return IncomingMail(
        sender=sender,
        sender_name=name[:_MOST_SUBJECT],
        message_id=_message_id(root.headers),
        subject=subject,
        automatic=mail_automation.of(root.headers, root.media_type, subject, sender),
        loops=_loops(root.headers, mark),
        body=body,
        files=files if files or body.strip() else shown,
        shown=shown,
        left_out=tuple(reading.left_out),
        headers=root.headers,
    )


def _message_id(headers: Headers) -> str | None:
    written = headers.first("message-id").strip()
    found = _MESSAGE_ID.search(written)
    if found is not None:
        return found[1].replace("\ufffd", "?")
    # Some programs leave the brackets out.
    bare = written.strip("<>")
    return bare.replace("\ufffd", "?") if 0 < len(bare) <= 250 and not re.search(r"\s", bare) else None


def _loops(headers: Headers, mark: str) -> bool:
    marked = bool(mark) and any(each.strip().lower() == mark.lower() for each in headers.all("x-loop"))
    return marked or len(headers.all("received")) > MOST_RECEIVED


class _Text(Content):
    """Of a part that is to be read, in memory. take: told of each piece's size."""

    def __init__(self, take: Callable[[int], None]) -> None:
        self._take = take
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self._take(len(piece))
        self._pieces.append(piece)

    @property
    def text(self) -> bytes:
        """All of it."""
        return b"".join(self._pieces)


class _File(Content):
    """In a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.head = b""
        self._file = path.open("xb")

    def write(self, piece: bytes) -> None:
        if len(self.head) < _MOST_HEAD:
            self.head = (self.head + piece[:_MOST_HEAD])[:_MOST_HEAD]
        self.size += len(piece)
        self._file.write(piece)

    def close(self, whole: bool) -> None:
        super().close(whole)
        self._file.close()


class _Reading:
    def __init__(self, folder: Path, limits: MailLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._reader = Reader(self._opened, limits)
        self._made: list[_File] = []
        self._text_bytes = 0
        self._pictures: set[str] = set()
        self._body_of_tnef = ""
        self.files: list[MailFile] = []
        self.shown: list[MailFile] = []
        self.left_out: list[str] = []

    def parts(self, source: BinaryIO, depth: int = 0) -> Part:
        """Raises MailRefused."""
        before = len(self._made)
        try:
            root = self._reader.read(source, depth)
        finally:
            for each in self._made[before:]:
                each.close(each.whole)
        self._pictures |= {
            each
            for part in root.leaves()
            if part.media_type == "text/html" and isinstance(part.content, _Text)
            for each in mail_text.shown_pictures(part.content.text)
        }
        return root

    def _opened(self, part: Part) -> Content:
        """Where a part's content goes."""
        name = _name(part, 0)
        if part.media_type in _ENCRYPTED or _within(part, "multipart/encrypted"):
            raise _encrypted(part.headers.parameter("content-type", "smime-type").lower() == "signed-data")
        ending = attachment_names.ending(name) if part.media_type in _UNTYPED or not _is_text(part) else ""
        if ending in _ENCRYPTED_BY_NAME:
            raise _encrypted()
        if part.media_type in ("message/partial", "application/vnd.ms-outlook") or ending == "msg":
            raise AttachedMail(
                _("{name} is a mail in a form that cannot be read. Attach the documents that are in it.").format(
                    name=name
                )
            )
        if part.media_type in _NO_PAGES or (part.media_type in _UNTYPED and ending in _NO_PAGES_BY_NAME):
            if part.headers.file_name() and attachment_names.ending(name) not in _UNSAID:
                self.left_out.append(name)
            return Content()
        if _is_text(part):
            return _Text(self._take_text)
        return self._new_file()

    def _take_text(self, size: int) -> None:
        self._text_bytes += size
        if self._text_bytes > self._limits.max_text_bytes:
            raise MailTooLarge(_("The text of this mail is too long. Attach it as a document."))

    def _new_file(self) -> _File:
        if len(self._made) >= 2 * self._limits.max_attachments:
            raise self._too_many()
        made = _File(self._folder / str(len(self._made) + 1))
        self._made.append(made)
        return made

    def _too_many(self) -> TooManyAttachments:
        return TooManyAttachments(
            _("This mail has more than {most} attachments. Send them in several mails.").format(
                most=self._limits.max_attachments
            )
        )

    def collect(self, root: Part) -> None:
        """The files that are to be faxed, and those that are shown. Raises MailRefused."""
        for part in root.leaves():
            content = part.content
            if not isinstance(content, _File):
                continue
            name = _name(part, len(self.files) + 1)
            if not part.closed and not content.whole:
                raise DamagedMail(_("This mail was cut short: {name} is not whole. Send it again.").format(name=name))
            if tnef.is_tnef(content.head) and ("tnef" in part.media_type or name.lower().endswith(".dat")):
                self._open_tnef(content)
            elif _is_mail(part, name):
                self._open_mail(part, content)
            else:
                of_text = part.media_type.startswith("image/") and _is_shown(part, self._pictures)
                self._add(MailFile(name, part.media_type, content.path, content.size), content.head, shown=of_text)

    def _add(self, file: MailFile, head: bytes, *, shown: bool) -> None:
        # Documents of office programs are ZIP archives too: what is in one that is not called so is found out later.
        if _ARCHIVE.match(head) and (attachment_names.ending(file.name) in _ARCHIVES or not head.startswith(b"PK")):
            raise ArchiveRefused(
                _("{name} is an archive, which is not opened. Attach the documents that are in it.").format(
                    name=file.name
                )
            )
        (self.shown if shown else self.files).append(file)
        if len(self.files) > self._limits.max_attachments:
            raise self._too_many()

    def _open_mail(self, part: Part, content: _File) -> None:
        """One that was encoded for its transport, or has no type: its files are read as those of others are."""
        with content.path.open("rb") as source:
            root = self.parts(source, part.depth + 1)
        content.path.unlink()
        self.collect(root)

    def _open_tnef(self, content: _File) -> None:
        message = tnef.read(content.path.read_bytes(), self._limits.max_attachments)
        content.path.unlink()
        self._body_of_tnef = self._body_of_tnef or message.body or mail_text.of_html(message.html, "")
        pictures = mail_text.shown_pictures(message.html)
        for each in message.files:
            name = attachment_names.safe(each.name, len(self.files) + 1)
            ending = attachment_names.ending(name)
            if ending in _NO_PAGES_BY_NAME:
                self.left_out += [name] if ending not in _UNSAID else []
                continue
            if ending in _ENCRYPTED_BY_NAME:
                raise _encrypted()
            made = self._new_file()
            made.write(bytes(each.content))
            made.close(whole=True)
            media_type = each.media_type or "application/octet-stream"
            shown = each.hidden or (each.content_id.strip("<>") in pictures and media_type.startswith("image/"))
            self._add(MailFile(name, media_type, made.path, made.size), made.head, shown=shown)

    def body(self, root: Part) -> str:
        """What its writer has written, without what stands in mails that are attached."""
        text = _body(root)[1] or self._body_of_tnef
        return "\n".join(each.rstrip() for each in text.split("\n")).strip("\n")


def _body(part: Part) -> tuple[str, str]:
    """Of what type the text is, and the text; both empty where there is none."""
    if isinstance(part.content, _Text):
        return part.media_type, _text(part, part.content.text)
    if not part.children or not part.media_type.startswith("multipart/"):
        return "", ""
    if part.media_type in ("multipart/signed", "multipart/related", "multipart/report"):
        return _body(part.children[0])
    found = [(kind, text) for kind, text in map(_body, part.children) if text.strip()]
    if part.media_type == "multipart/alternative":
        plain = [each for each in found if each[0] == "text/plain"]
        return (plain or found or [("", "")])[0]
    kinds = {kind for kind, _text in found}
    return kinds.pop() if len(kinds) == 1 else "", "\n\n".join(text for _kind, text in found)


def _text(part: Part, content: bytes) -> str:
    charset = part.headers.parameter("content-type", "charset")
    charset = charset.split(maxsplit=1)[0].strip("\"'") if charset.split() else ""
    if part.media_type == "text/html":
        return mail_text.of_html(content, charset)
    flowed = part.headers.parameter("content-type", "format").lower() == "flowed"
    without_space = part.headers.parameter("content-type", "delsp").lower() == "yes"
    return mail_text.plain(content, charset, flowed=flowed, without_space=without_space)


def _is_text(part: Part) -> bool:
    """To be read, and no attachment."""
    named = part.headers.disposition() == "attachment" or part.headers.file_name()
    return part.media_type in _TEXTS and not named


def _name(part: Part, number: int) -> str:
    return attachment_names.safe(part.headers.file_name(), number)


def _within(part: Part, media_type: str) -> bool:
    above = part.within
    while above is not None and above.media_type != media_type:
        above = above.within
    return above is not None


def _is_mail(part: Part, name: str) -> bool:
    return part.media_type.startswith("message/") or (
        part.media_type in _UNTYPED and attachment_names.ending(name) == "eml"
    )


def _is_shown(part: Part, pictures: set[str]) -> bool:
    """Whether it stands inside the text, such as a logo."""
    number = part.headers.first("content-id").strip().strip("<>")
    if number in pictures and number:
        return True
    related = part.within is not None and part.within.media_type == "multipart/related"
    return related and part.headers.disposition() != "attachment" and bool(number)


def _encrypted(only_signed: bool = False) -> EncryptedMail:
    if only_signed:
        return EncryptedMail(
            _("This mail is signed in a form that hides what is in it. Sign it in clear text, or not at all.")
        )
    return EncryptedMail(_("This mail is encrypted, and cannot be opened here. Send it without encryption."))
