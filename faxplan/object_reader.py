"""An object of a bucket, read from any place in it within bounded memory: its beginning, and one window of the rest."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from faxplan.objects import DocumentLost

HEAD_BYTES, WINDOW_BYTES = 1 << 20, 4 << 20
"""How much one request reads: of an object's beginning, and of the rest."""


class Bucket(Protocol):
    """Where it lies. knows_ranges: what the server last said."""

    knows_ranges: bool

    def key_of(self, name: str) -> str:
        """Under which key an object lies."""

    def fetch(self, key: str, start: int, most: int) -> tuple[bytes, int]:
        """So many bytes of an object from there on, and how many it has in all. Raises FileNotFoundError."""

    def whole(self, key: str, size: int) -> BinaryIO:
        """All of an object, in a file without a name. Raises FileNotFoundError."""

    def missing(self, name: str) -> DocumentLost:
        """What an object is that is not there. Raises StoreUnavailable where the store is not there either."""


def blocks(body: Any, most: int) -> Iterator[bytes]:
    """So much of an answer, or as much as there is, a block at a time."""
    while most > 0 and (block := body.read(min(most, HEAD_BYTES))):
        most -= len(block)
        yield block


class ObjectReader(io.RawIOBase):
    """See the module. Of a server that knows no ranges all of a larger one lies in a file meanwhile."""

    _whole: BinaryIO | None = None

    def __init__(self, bucket: Bucket, name: str) -> None:
        super().__init__()
        self._bucket = bucket
        self._name = name
        self._key = bucket.key_of(name)
        self._head, self._size = self._fetched(0, HEAD_BYTES)
        self._window, self._start = b"", 0
        self._at = 0
        if self._size > len(self._head) and not bucket.knows_ranges:
            self._whole = bucket.whole(self._key, self._size)

    def close(self) -> None:
        """Lets go of what is on disk of it."""
        if self._whole is not None:
            self._whole.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fills what is in memory of it; 0 at the end."""
        if self._at >= self._size or not len(buffer):
            return 0
        if self._at < len(self._head):
            given = self._head[self._at : self._at + len(buffer)]
        else:
            if not self._start <= self._at < self._start + len(self._window):
                self._window = self._read(self._at)
                self._start = self._at
            offset = self._at - self._start
            given = self._window[offset : offset + len(buffer)]
        buffer[: len(given)] = given
        self._at += len(given)
        return len(given)

    def _read(self, start: int) -> bytes:
        if self._whole is None:
            return self._fetched(start, WINDOW_BYTES)[0]
        self._whole.seek(start)
        return self._whole.read(WINDOW_BYTES)

    def _fetched(self, start: int, most: int) -> tuple[bytes, int]:
        try:
            return self._bucket.fetch(self._key, start, most)
        except FileNotFoundError:
            raise self._bucket.missing(self._name) from None
