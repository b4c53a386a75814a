"""An object of a bucket, read from any place in it within bounded memory: its beginning, and one window of the rest."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from faxplan.objects import DocumentLost
from faxplan.random_access import RandomAccess

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


class ObjectReader(RandomAccess):
    """See the module. Of a server that knows no ranges all of a larger one lies in a file meanwhile."""

    _whole: BinaryIO | None = None

    def __init__(self, bucket: Bucket, name: str) -> None:
        super().__init__()
        self._bucket = bucket
        self._name = name
        self._key = bucket.key_of(name)
        self._head, self.size = self._fetched(0, HEAD_BYTES)
        self._window, self._start = b"", 0
        if self.size > len(self._head) and not bucket.knows_ranges:
            self._whole = bucket.whole(self._key, self.size)

    def close(self) -> None:
        """Lets go of what is on disk of it."""
        if self._whole is not None:
            self._whole.close()
        super().close()

    def piece(self, at: int, most: int) -> bytes:
        """What is in memory of it, from there on."""
        if at < len(self._head):
            return self._head[at : at + most]
        if not self._start <= at < self._start + len(self._window):
            self._window = self._read(at)
            self._start = at
        offset = at - self._start
        return self._window[offset : offset + most]

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
