"""A mail, taken apart into its parts while it is read (RFC 2046): one pass over its lines, whatever they are.

Python's own parser asks every open part about every line, so that deep nesting takes time by the square and ends in a
RecursionError, and it keeps the mail in memory several times. Here a line that begins with `--` is looked up among the
open boundaries, and the content of a part goes where the caller wants it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from faxplan.language import _
from faxplan.mail_encodings import Decoder, decoder
from faxplan.mail_headers import Headers, text_of
from faxplan.mail_refusals import DamagedMail, MailTooComplex, MailTooLarge

_PIECE = 256 * 1024
_MOST_DASHES = 200_000
"""Lines that begin as boundaries do, and are none."""
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*:(.*)", re.DOTALL)
"""Names are as long as they like, as mail servers have it: what these see in a header we see there too."""
_MESSAGES = ("message/rfc822", "message/global", "message/news")
_AS_IT_IS = ("", "7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class MailLimits:
    """What a mail may be. Sizes are of the mail as it came, so with its transfer encoding."""

    max_bytes: int = 60 * 1024**2
    max_parts: int = 1000
    max_depth: int = 30
    max_header_bytes: int = 256 * 1024
    max_fields: int = 1000
    max_attachments: int = 100
    max_text_bytes: int = 16 * 1024**2
    """Of all parts that are text to read, together, decoded: they are in memory."""
    max_body: int = 500_000
    """Characters of the body, as text."""


STANDARD_LIMITS = MailLimits()


@dataclass(slots=True)
class Part:
    """A part. depth: of how many it is a part. closed: its end was marked, or came with the end of a part above it."""

    headers: Headers
    media_type: str
    depth: int
    within: "Part | None" = None
    children: list["Part"] = field(default_factory=list)
    content: "Content | None" = None
    closed: bool = False

    def leaves(self) -> Iterator["Part"]:
        """Those that have content, in order of appearance."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            if part.children:
                waiting += reversed(part.children)
            elif part.content is not None:
                yield part


class Content:
    """What a part has in it; this one throws it away."""

    whole = True

    def write(self, piece: bytes) -> None:
        """Decoded."""

    def close(self, whole: bool) -> None:
        """After the last piece. whole: it seems to be complete."""
        self.whole = whole


Opening = Callable[[Part], Content]
"""Called with a part, when its header is read, for where its content is to go."""


class Reader:
    """Of one mail, and of the mails in it: what counts, they have together. opening: for parts that have content."""

    def __init__(self, opening: Opening, limits: MailLimits) -> None:
        self._opening = opening
        self._limits = limits
        self._bytes = 0
        self._parts = 0
        self._dashes = 0

    def read(self, source: BinaryIO, depth: int = 0) -> Part:
        """Its parts. Raises MailTooLarge, MailTooComplex and DamagedMail."""
        return _Walk(self, source, depth).root

    def piece(self, source: BinaryIO) -> bytes:
        """The next of it; empty at its end. Raises MailTooLarge."""
        piece = source.read(_PIECE)
        self._bytes += len(piece)
        if self._bytes > self._limits.max_bytes:
            raise MailTooLarge(
                _("This mail is too large: {most} MB at most. Send its documents in several mails.").format(
                    most=self._limits.max_bytes // 1024**2
                )
            )
        return piece

    def count_dashes(self) -> None:
        """For a line that could have been a boundary, each of which takes time. Raises MailTooComplex."""
        self._dashes += 1
        if self._dashes > _MOST_DASHES:
            raise too_complex()

    def part(self, fields: list[tuple[str, str]], standard: str, depth: int) -> Part:
        """A new one. Raises MailTooComplex."""
        self._parts += 1
        if self._parts > self._limits.max_parts or depth > self._limits.max_depth:
            raise too_complex()
        headers = Headers(fields)
        return Part(headers, headers.media_type(standard), depth)

    def check_header(self, size: int, fields: int) -> None:
        """Raises MailTooComplex."""
        if size > self._limits.max_header_bytes or fields > self._limits.max_fields:
            raise too_complex()

    def open(self, part: Part) -> Content:
        """Where it goes."""
        return self._opening(part)


def too_complex() -> MailTooComplex:
    """For whoever finds out."""
    return MailTooComplex(
        _("This mail has more parts or header lines than can be read. Send its documents in a new mail.")
    )


class _Lines:
    """A source, by lines, or by as many at once as cannot be boundaries. A line that is longer than a piece is several.

    Where a piece ends with CR it takes the LF as well.
    """

    def __init__(self, reader: Reader, source: BinaryIO) -> None:
        self._reader = reader
        self._source = source
        self._waiting = b""
        self._place = 0
        self._ended = False

    def peek(self, start: bytes) -> bool:
        """Whether what follows begins so."""
        self._fill(len(start))
        return self._waiting.startswith(start, self._place)

    def line(self) -> bytes:
        """The next, with its end; empty behind the last."""
        end = self._waiting.find(b"\n", self._place)
        while end < 0 and not self._ended and len(self._waiting) - self._place < _PIECE:
            looked_at = len(self._waiting) - self._place
            self._fill(looked_at + 1)
            end = self._waiting.find(b"\n", self._place + looked_at)
        return self._taken(end + 1 if end >= 0 else len(self._waiting))

    def until_dashes(self) -> bytes:
        """What follows, up to a line that begins with `--`; empty at the end."""
        self._fill(3)
        found = self._waiting.find(b"\n--", self._place)
        if found >= 0:
            return self._taken(found + 1)
        end = len(self._waiting)
        if not self._ended:
            end -= 1 if self._waiting.endswith((b"\r", b"\n-")) else 0
        return self._taken(end)

    def _taken(self, end: int) -> bytes:
        taken = self._waiting[self._place : end]
        self._place = end
        return taken

    def _fill(self, least: int) -> None:
        """So that so many bytes are there, or all that are left."""
        while not self._ended and len(self._waiting) - self._place < least:
            piece = self._reader.piece(self._source)
            self._ended = not piece
            self._waiting = self._waiting[self._place :] + piece
            self._place = 0


class _Walk:
    """One mail's lines. At any time we are in a header, in a part's content, or where neither is (before, between and
    behind the parts of a multipart)."""

    def __init__(self, reader: Reader, source: BinaryIO, depth: int) -> None:
        self._reader = reader
        self._open: list[tuple[Part, bytes | None]] = []
        self._levels: dict[bytes, int] = {}
        self._fields: list[tuple[str, list[bytes]]] | None = []
        self._header_bytes = 0
        self._leaf: Part | None = None
        self._decoder: Decoder | None = None
        self._line_end = b""
        self._depth = depth
        self.root = self._read(source)

    def _read(self, source: BinaryIO) -> Part:
        root: Part | None = None
        at_start = True
        lines = _Lines(self._reader, source)
        while lines.peek(b"From ") or lines.peek(b">From "):
            lines.line()  # of a mail that comes out of a mailbox file, or through a pipe
        while True:
            # In a content only what may be a boundary is looked at as a line; in a header every line is.
            one = self._fields is not None or (at_start and lines.peek(b"--"))
            piece = lines.line() if one else lines.until_dashes()
            if not piece:
                break
            if not (at_start and piece.startswith(b"--") and self._levels and self._delimited(piece)):
                self._take(piece, at_start)
            at_start = piece.endswith(b"\n")
            root = root or self._top()
        if self._fields is not None:
            self._end_of_header()
        root = root or self._top()
        self._close_leaf(ended=False)
        if root is None:
            raise DamagedMail(_("This mail is empty. Send it again."))
        return root

    def _top(self) -> Part | None:
        return self._open[0][0] if self._open else self._leaf

    def _take(self, piece: bytes, at_start: bool) -> None:
        if self._fields is not None and self._is_of_header(piece, at_start):
            return
        if self._decoder is not None:
            end = len(piece)
            if piece.endswith(b"\n"):
                end -= 2 if piece.endswith(b"\r\n") else 1
            # The end of the last line belongs to the boundary behind it.
            self._decoder.feed(self._line_end + piece[:end])
            self._line_end = piece[end:]

    def _is_of_header(self, piece: bytes, at_start: bool) -> bool:
        """Whether that was all it is."""
        fields = self._fields
        if fields is None:
            return False
        line = piece.rstrip(b"\r\n")
        if at_start and not line and piece.endswith(b"\n"):
            self._end_of_header()
            return True
        self._header_bytes += len(piece)
        found = _FIELD.match(line) if at_start else None
        if fields and (not at_start or line[:1] in b" \t"):
            fields[-1][1].append(line)
        elif found is not None:
            fields.append((found[1].decode("ascii").lower(), [found[2]]))
        else:
            # As Postfix has it: the first line that is none of a header begins what follows.
            self._end_of_header()
            return False
        self._reader.check_header(self._header_bytes, len(fields))
        return True

    def _end_of_header(self) -> None:
        fields = [(name, text_of(b"".join(pieces)).strip()) for name, pieces in self._fields or ()]
        self._fields, self._header_bytes = None, 0
        above = self._open[-1][0] if self._open else None
        standard = "message/rfc822" if above is not None and above.media_type == "multipart/digest" else "text/plain"
        part = self._reader.part(fields, standard, self._depth + len(self._open))
        part.within = above
        if above is not None:
            above.children.append(part)
        encoding = part.headers.first("content-transfer-encoding").strip().lower()
        if part.media_type.startswith("multipart/"):
            self._begin_multipart(part)
        elif part.media_type in _MESSAGES and encoding in _AS_IT_IS:
            self._open.append((part, None))
            self._fields = []
        else:
            self._leaf = part
            part.content = self._reader.open(part)
            self._decoder, self._line_end = decoder(encoding, part.content.write), b""

    def _begin_multipart(self, part: Part) -> None:
        boundary = part.headers.parameter("content-type", "boundary").rstrip().encode("utf-8", "replace")
        if not 0 < len(boundary) <= 250:
            raise DamagedMail(
                _("This mail does not say where its parts end. Send it again, from another program if it may be.")
            )
        self._open.append((part, boundary))
        self._levels[boundary] = len(self._open) - 1

    def _delimited(self, piece: bytes) -> bool:
        """Whether this line ends a part."""
        line = piece.rstrip(b" \t\r\n")[2:]
        self._reader.count_dashes()
        level, last = self._levels.get(line), False
        if level is None and line.endswith(b"--"):
            level, last = self._levels.get(line[:-2]), True
        if level is None:
            return False
        if self._fields is not None:
            self._end_of_header()
        self._close_leaf(ended=True)
        self._cut(level if last else level + 1)
        self._fields = None if last else []
        return True

    def _cut(self, level: int) -> None:
        """Ends what is open from there on."""
        for part, boundary in self._open[level:]:
            part.closed = True
            if boundary is not None:
                self._levels.pop(boundary, None)
        del self._open[level:]
        # Two that are open with the same boundary: the outer one is known again.
        if level:
            self._levels |= {each: place for place, (_part, each) in enumerate(self._open) if each is not None}

    def _close_leaf(self, *, ended: bool) -> None:
        part, of_part = self._leaf, self._decoder
        if part is None or of_part is None or part.content is None:
            return
        # SMTP hands over whole lines: one without an end at the very end was cut.
        cut = not ended and not self._line_end
        if not ended and self._line_end:
            of_part.feed(self._line_end)
        part.closed = ended
        part.content.close(of_part.close() and not cut)
        self._leaf, self._decoder, self._line_end = None, None, b""
