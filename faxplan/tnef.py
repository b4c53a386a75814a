"""TNEF: what Outlook and Exchange wrap attachments in, known as winmail.dat (MS-OXTNEF, MS-OXCDATA).

A list of attributes; those of an attachment follow its `attAttachRendData`, and one of them may be a list of MAPI
properties. Read in one pass, and nothing is believed: a length beyond the end is damage. Its checksums are not
compared, since programs write wrong ones.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import unpack_from

from faxplan.language import _
from faxplan.mail_headers import said
from faxplan.mail_refusals import DamagedMail, MailTooComplex, TooManyAttachments

_SIGNATURE = b"\x78\x9f\x3e\x22"
_RENDERING, _TITLE, _DATA, _OF_ATTACHMENT = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
_BODY, _PROPERTIES, _CODE_PAGE = 0x0002800C, 0x00069003, 0x00069007
_FIXED = {1: 0, 2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING, _UNICODE, _OBJECT, _BINARY, _MANY = 0x1E, 0x1F, 0x0D, 0x102, 0x1000
_LONG_NAME, _NAME, _MIME, _CONTENT_ID, _HIDDEN, _METHOD, _CONTENT = (
    0x3707, 0x3704, 0x370E, 0x3712, 0x7FFE, 0x3705, 0x3701,
)  # fmt: skip
_MESSAGE_BODY, _MESSAGE_HTML = 0x1000, 0x1013
_EMBEDDED_MESSAGE = 5
_MOST_ATTRIBUTES, _MOST_PROPERTIES, _MOST_DEPTH = 20_000, 50_000, 5


@dataclass(slots=True)
class TnefFile:
    """An attachment. name, media_type: as they are written, or empty. content_id: of one that the body shows."""

    name: str = ""
    media_type: str = ""
    content_id: str = ""
    hidden: bool = False
    content: memoryview = field(default_factory=lambda: memoryview(b""))


@dataclass(slots=True)
class TnefMessage:
    """What is in it. body, html: where there is none, empty. own: of the files, the last that is its own."""

    files: list[TnefFile]
    body: str = ""
    html: bytes = b""
    own: TnefFile | None = None


def is_tnef(head: bytes) -> bool:
    """By its first bytes."""
    return head.startswith(_SIGNATURE)


def read(content: bytes, most_files: int) -> TnefMessage:
    """Raises DamagedMail, MailTooComplex and TooManyAttachments."""
    reading = _Reading(most_files)
    try:
        return reading.message(memoryview(content), 0)
    except (struct.error, IndexError, ValueError) as error:
        raise _damaged() from error


def _damaged() -> DamagedMail:
    return DamagedMail(
        _("The attachment winmail.dat is damaged. Send the documents in a mail in HTML or plain text format.")
    )


def _too_complex() -> MailTooComplex:
    return MailTooComplex(
        _("The attachment winmail.dat cannot be read. Send the documents in a mail in HTML or plain text format.")
    )


class _Reading:
    def __init__(self, most_files: int) -> None:
        self._most_files = most_files
        self._files = 0
        self._attributes = 0
        self._properties = 0

    def message(self, content: memoryview, depth: int) -> TnefMessage:
        if bytes(content[:4]) != _SIGNATURE:
            raise _damaged()
        if depth > _MOST_DEPTH:
            raise _too_complex()
        found = TnefMessage([])
        charset = "cp1252"
        for attribute, value in self._of(content):
            if attribute == _CODE_PAGE:
                charset = f"cp{unpack_from('<I', value)[0]}"
            elif attribute == _BODY:
                found.body = said(bytes(value), charset).rstrip("\0")
            elif attribute == _PROPERTIES:
                self._of_message(found, value, charset)
            elif attribute in (_RENDERING, _TITLE, _DATA, _OF_ATTACHMENT):
                self._attached(found, attribute, value, charset, depth)
        found.files = [each for each in found.files if each.content.nbytes or each.name]
        return found

    def _attached(self, found: TnefMessage, attribute: int, value: memoryview, charset: str, depth: int) -> None:
        """What is said of the last of the files, or that there is another."""
        if found.own is None or attribute == _RENDERING:
            found.own = self._next()
            found.files.append(found.own)
        within = found.own
        if attribute == _TITLE:
            within.name = within.name or said(bytes(value), charset).rstrip("\0")
        elif attribute == _DATA:
            within.content = value
        elif attribute == _OF_ATTACHMENT:
            found.files += self._of_file(within, value, charset, depth)

    def _next(self) -> TnefFile:
        self._files += 1
        if self._files > self._most_files:
            raise TooManyAttachments(
                _("This mail has more than {most} attachments. Send them in several mails.").format(
                    most=self._most_files
                )
            )
        return TnefFile()

    def _of(self, content: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Attributes. Level, id, length, value, checksum; behind the last some programs leave a few bytes."""
        place = 6
        while place + 9 <= len(content):
            self._attributes += 1
            if self._attributes > _MOST_ATTRIBUTES:
                raise _too_complex()
            level, attribute, length = unpack_from("<BII", content, place)
            end = place + 9 + length
            if level not in (1, 2) or end > len(content):
                raise _damaged()
            yield attribute, content[place + 9 : end]
            place = end + 2

    def _of_message(self, found: TnefMessage, value: memoryview, charset: str) -> None:
        for kind, number, each in self._listed(value):
            if number == _MESSAGE_BODY:
                found.body = found.body or _text(kind, each, charset)
            elif number == _MESSAGE_HTML:
                found.html = bytes(each)

    def _of_file(self, within: TnefFile, value: memoryview, charset: str, depth: int) -> list[TnefFile]:
        """What is said of an attachment; if that is a message, its files."""
        found: dict[int, tuple[int, memoryview]] = {number: (kind, each) for kind, number, each in self._listed(value)}

        def text(number: int) -> str:
            return _text(*found[number], charset) if number in found else ""

        within.name = text(_LONG_NAME) or text(_NAME) or within.name
        within.media_type, within.content_id = text(_MIME).lower(), text(_CONTENT_ID)
        within.hidden = _HIDDEN in found and bool(unpack_from("<H", found[_HIDDEN][1])[0])
        kind, content = found.get(_CONTENT, (0, memoryview(b"")))
        if kind == _BINARY:
            within.content = content
        elif kind == _OBJECT:
            inside = content[16:]  # behind the interface's id
            if _METHOD in found and unpack_from("<I", found[_METHOD][1])[0] == _EMBEDDED_MESSAGE:
                within.name, within.content = "", memoryview(b"")
                return self.message(inside, depth + 1).files
            within.content = inside  # an object of OLE
        return []

    def _listed(self, value: memoryview) -> Iterator[tuple[int, int, memoryview]]:
        """Properties: type, id, and the first value."""
        count, place = unpack_from("<I", value)[0], 4
        for _number in range(count):
            kind, number = unpack_from("<HH", value, place)
            place += 4
            if number >= 0x8000:
                by_name = unpack_from("<I", value, place + 16)[0]
                place += 24 + (_padded(unpack_from("<I", value, place + 20)[0]) if by_name else 0)
            several, kind = kind & _MANY, kind & ~_MANY
            if kind not in _FIXED and kind not in (_STRING, _UNICODE, _OBJECT, _BINARY):
                raise _damaged()
            values = 1
            if several or kind not in _FIXED:
                values = unpack_from("<I", value, place)[0]
                place += 4
            first, place = self._values(value, place, kind, values)
            yield kind, number, first

    def _values(self, value: memoryview, place: int, kind: int, count: int) -> tuple[memoryview, int]:
        """The first of so many, and where they end."""
        self._properties += 1 + count
        if self._properties > _MOST_PROPERTIES:
            raise _too_complex()
        first: memoryview | None = None
        for _number in range(count):
            length = _FIXED.get(kind)
            if length is None:
                length = unpack_from("<I", value, place)[0]
                place += 4
            if place + length > len(value):
                raise _damaged()
            first = value[place : place + length] if first is None else first
            place += _padded(length)
        return (memoryview(b"") if first is None else first), place


def _padded(length: int) -> int:
    return length + (-length % 4)


def _text(kind: int, value: memoryview, charset: str) -> str:
    if kind == _UNICODE:
        return bytes(value).decode("utf-16-le", "replace").rstrip("\0")
    return said(bytes(value), charset).rstrip("\0") if kind in (_STRING, _BINARY) else ""
