"""Header fields of a mail, or of a part of it, as strangers write them (RFC 5322, 2045, 2047, 2231).

Python's own `email` reads them too, but raises on some, takes time by the square of a field's length for others, and
joins what should be told apart. Nothing here raises, and all of it is linear in the length of what is read.
"""

import codecs
import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_WORD = re.compile(r"=\?([A-Za-z0-9][\w.:+-]{0,39})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?]{0,5000})\?=", re.ASCII)
_PARAMETER = re.compile(r"""[;\s]*([^\s=;"*]{1,60})(?:\*([0-9]{1,3}))?(\*)?\s*=\s*""", re.ASCII)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s*(?:;|\(|$))', re.DOTALL)
_QUOTE_AT_THE_END = re.compile(r'(?<!\\)"\s*(?:;|$)')
_ESCAPE = re.compile(r'\\(["\\])')
_CHARSET = re.compile(r"[A-Za-z0-9][\w.:+-]{0,39}", re.ASCII)
_MEDIA_TYPE = re.compile(r"\s*([\w!#$&^.+-]{1,70}/[\w!#$&^.+-]{1,70})", re.ASCII)
_MOST_PARAMETERS = 200
_NOT_FOR_TEXT = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
"""Codecs that are no character set of a mail; some take time by the square, or warn."""


class Headers:
    """The fields of one part, in order, unfolded; names in lower case."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields = fields

    def all(self, name: str) -> list[str]:
        """The values of every field of that name, from above, as they stand there."""
        return [value for each, value in self.fields if each == name]

    def first(self, name: str) -> str:
        """Empty where there is none."""
        return next((value for each, value in self.fields if each == name), "")

    def media_type(self, standard: str) -> str:
        """In lower case; where none is said, the standard one; where it cannot be read, `application/octet-stream`."""
        written = self.first("content-type")
        found = _MEDIA_TYPE.match(written)
        if found is not None:
            return found[1].lower()
        return "application/octet-stream" if written.strip() else standard

    def parameter(self, field: str, name: str) -> str:
        """Of Content-Type or Content-Disposition, decoded; empty where there is none."""
        return _parameters(self.first(field)).get(name, "")

    def disposition(self) -> str:
        """`attachment`, `inline`, another word, or nothing."""
        return self.first("content-disposition").partition(";")[0].strip().lower()

    def file_name(self) -> str:
        """As it was written, decoded; empty where there is none."""
        return self.parameter("content-disposition", "filename") or self.parameter("content-type", "name")


def text_of(raw: bytes) -> str:
    """A field's value: UTF-8, or else Windows-1252. What cannot be shown becomes U+FFFD, and a bare CR as well."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return _CONTROL.sub("\ufffd", text)


def decoded(value: str) -> str:
    """With its encoded words read (RFC 2047), also where they stand in quotes, or are longer than they may be.

    A word of a character set that nobody knows is read as UTF-8, and what is wrong in it becomes U+FFFD.
    """
    pieces: list[str] = []
    waiting, charset, end = b"", "", 0
    for found in _WORD.finditer(value):
        between = value[end : found.start()]
        # White space between two words is none of the text; a character may begin in one and end in the next.
        beside = bool(end) and not between.strip()
        if not (beside and charset == found[1].lower()):
            pieces.append(said(waiting, charset))
            waiting, charset = b"", found[1].lower()
        if not beside:
            pieces.append(between)
        waiting += _bytes_of(found[2], found[3])
        end = found.end()
    pieces += [said(waiting, charset), value[end:]]
    return _CONTROL.sub("\ufffd", "".join(pieces)).strip()


def said(content: bytes, charset: str) -> str:
    """Text in a character set; where that is unknown, or is not what the text is in, UTF-8 or Windows-1252."""
    codec = _codec(charset)
    for each in (codec, "utf-8"):
        if each is not None:
            try:
                return content.decode(each)
            except (UnicodeError, ValueError):
                continue
    if codec is not None and codec not in ("ascii", "utf_8"):
        try:
            return content.decode(codec, "replace")
        except (UnicodeError, ValueError):  # UTF-16 that is none; some codecs raise all the same
            return content.decode("latin-1")
    return content.decode("cp1252", "replace")


def _codec(charset: str) -> str | None:
    if _CHARSET.fullmatch(charset) is None:
        return None
    try:
        found = codecs.lookup(charset)
    except (LookupError, ValueError):
        return None
    # What calls itself Latin-1 is Windows' superset of it.
    name = "cp1252" if found.name == "iso8859-1" else found.name.replace("-", "_")
    return name if found._is_text_encoding and name not in _NOT_FOR_TEXT else None


def _bytes_of(kind: str, encoded: str) -> bytes:
    raw = encoded.encode("utf-8", "replace")
    if kind in "qQ":
        return unquote_to_bytes(re.sub(rb"=(?=[0-9A-Fa-f]{2})", b"%", raw.replace(b"%", b"%25").replace(b"_", b" ")))
    return b64(raw)


def b64(raw: bytes) -> bytes:
    """base64, with what is none of it left out, up to its padding, and with or without that."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", raw.partition(b"=")[0])
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return b64decode(letters + b"=" * (-len(letters) % 4))


def _parameters(value: str) -> dict[str, str]:
    """By name, in lower case: those of RFC 2231 before plain ones, the first before the others."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for name, number, extended, text in _written(value.partition(";")[2]):
        if number is None and not extended:
            plain.setdefault(name, decoded(text))
        else:
            pieces.setdefault(name, {}).setdefault(int(number or 0), (extended, text))
    return plain | {name: _joined(each) for name, each in pieces.items()}


def _written(rest: str) -> Iterator[tuple[str, str | None, bool, str]]:
    """Name, number of the piece, whether it is percent-encoded, and text, of each parameter."""
    place = 0
    for _count in range(_MOST_PARAMETERS):
        found = _PARAMETER.match(rest, place)
        if found is None:
            place = rest.find(";", place) + 1
            if not place:
                return
            continue
        text, place = _value(rest, found.end())
        yield found[1].lower(), found[2], bool(found[3]), text


def _value(rest: str, start: int) -> tuple[str, int]:
    """A value, and where the next parameter begins. Without quotes it may have spaces, as some programs write names."""
    if not rest.startswith('"', start):
        end = rest.find(";", start)
        end = len(rest) if end < 0 else end
        return rest[start:end].strip(), end
    quoted = _QUOTED.match(rest, start)
    if quoted is not None:
        return _ESCAPE.sub(r"\1", quoted[1]), quoted.end()
    # A quotation mark inside that nobody has escaped.
    closing = _QUOTE_AT_THE_END.search(rest, start + 1)
    end = closing.start() if closing is not None else len(rest)
    return _ESCAPE.sub(r"\1", rest[start + 1 : end]), end + 1


def _joined(pieces: dict[int, tuple[bool, str]]) -> str:
    raw, charset = b"", ""
    for place, number in enumerate(sorted(pieces)):
        extended, text = pieces[number]
        if extended and place == 0 and text.count("'") >= 2:
            charset, _language, text = text.split("'", 2)
        raw += unquote_to_bytes(text) if extended else text.encode("utf-8", "replace")
    return _CONTROL.sub("\ufffd", said(raw, charset))
