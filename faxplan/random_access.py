"""What is read as a file is, from any place in it, while only pieces of it are in memory."""

import io


class RandomAccess(io.RawIOBase):
    """A binary file that says how long it is, and gives pieces. size: bytes."""

    size: int = 0

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    def piece(self, at: int, most: int) -> bytes:
        """At least one byte from there on, and `most` at most; `at` lies before the end."""
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of a file; before its beginning is its beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fills what one piece fills of the buffer; 0 at the end."""
        if self._at >= self.size or not len(buffer):
            return 0
        given = self.piece(self._at, len(buffer))
        buffer[: len(given)] = given
        self._at += len(given)
        return len(given)
