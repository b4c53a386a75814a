"""Transfer encodings of mail (RFC 2045), undone piece by piece while a mail is read: what is wrong in one is left out,
as mail programs do, and none raises."""

import binascii
import re
from collections.abc import Callable
from typing import Protocol

_NO_LETTER = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_MOST_KEPT = 512 * 1024
_SPACE_AT_THE_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")
_MOST_UU_LINE, _MOST_UU_LINES = 1000, 1_000_000
_BEGIN = re.compile(rb"begin(-base64)? [0-7]{3,4} ")


class Decoder(Protocol):
    """What takes the content of one part, in pieces."""

    def feed(self, piece: bytes) -> None:
        """The next of it. A line end at its end is not among it, but at the beginning of the next."""

    def close(self) -> bool:
        """After the last; whether the content seems to be whole."""


def decoder(encoding: str, write: Callable[[bytes], object]) -> Decoder:
    """encoding: as Content-Transfer-Encoding has it; one that nobody knows is none."""
    kind = encoding.partition(";")[0].strip().lower()
    if kind == "base64":
        return _Base64(write)
    if kind == "quoted-printable":
        return _Quoted(write)
    if kind in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _Uuencoded(write)
    return _Plain(write)


class _Plain:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def feed(self, piece: bytes) -> None:
        self._write(piece)

    def close(self) -> bool:
        return True


class _Base64:
    """Up to its padding: mailing lists write their own lines behind it."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._kept = b""
        self._padded = False

    def feed(self, piece: bytes) -> None:
        if self._padded:
            return
        letters, padding, _rest = (self._kept + piece.translate(None, _NO_LETTER)).partition(b"=")
        self._padded = bool(padding)
        ready = len(letters) - len(letters) % 4
        self._kept = letters[ready:]
        self._write(binascii.a2b_base64(letters[:ready]))

    def close(self) -> bool:
        if len(self._kept) > 1:
            self._write(binascii.a2b_base64(self._kept + b"=" * (4 - len(self._kept))))
        return self._padded or not self._kept


class _Quoted:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._kept = b""

    def feed(self, piece: bytes) -> None:
        # White space at the end of a line is none of it, and what an escape is may be seen by the next piece.
        whole = _SPACE_AT_THE_END.sub(b"", self._kept + piece)
        ready = len(whole.rstrip(b" \t")) if len(whole) < _MOST_KEPT else len(whole)
        escape = whole.rfind(b"=", max(ready - 2, 0), ready)
        ready = escape if escape >= 0 else ready
        self._kept = whole[ready:]
        self._write(binascii.a2b_qp(whole[:ready]))

    def close(self) -> bool:
        self._write(binascii.a2b_qp(self._kept.rstrip(b" \t")))
        return True


class _Uuencoded:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._kept = b""
        self._lines = 0
        self._begun = self._ended = self._broken = False

    def feed(self, piece: bytes) -> None:
        *lines, self._kept = (self._kept + piece).split(b"\n")
        if len(self._kept) > _MOST_UU_LINE:
            self._broken = True
        for each in lines:
            if self._ended or self._broken:
                return
            self._line(each.rstrip(b"\r"))

    def _line(self, line: bytes) -> None:
        self._lines += 1
        if not self._begun:
            self._begun = _BEGIN.match(line) is not None
        elif line == b"end":
            self._ended = True
        elif line:
            # Some write a line's last characters wrong: as many as it says are taken (Python's uu).
            most = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                self._write(binascii.a2b_uu(line[: most + 1]))
            except binascii.Error:
                self._broken = True
        self._broken = self._broken or self._lines > _MOST_UU_LINES

    def close(self) -> bool:
        self._line(self._kept.strip(b"\r\n")[:_MOST_UU_LINE])
        return self._ended and not self._broken
