"""What a document may be, and the names of its refusals. Each message says what the sender can do about it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from faxplan import sandbox
from faxplan.errors import DocumentRefused
from faxplan.language import _


class EmptyDocument(DocumentRefused):
    """There is nothing in it."""

    error_id: ClassVar[str] = "empty-document"


class UnsupportedDocument(DocumentRefused):
    """A kind of file that is not accepted."""

    error_id: ClassVar[str] = "unsupported-document"


class DamagedDocument(DocumentRefused):
    """It claims to be of an accepted kind, but cannot be read to its end."""

    error_id: ClassVar[str] = "damaged-document"


class EncryptedDocument(DocumentRefused):
    """It needs a password, and none or the wrong one was given."""

    error_id: ClassVar[str] = "encrypted-document"


class DocumentTooLarge(DocumentRefused):
    """More bytes than accepted."""

    error_id: ClassVar[str] = "document-too-large"


class TooManyPages(DocumentRefused):
    """More pages than accepted."""

    error_id: ClassVar[str] = "too-many-pages"


class PageTooLarge(DocumentRefused):
    """A page, or an image, larger than accepted."""

    error_id: ClassVar[str] = "page-too-large"


class InflatesTooFar(DocumentRefused):
    """Its compressed parts unpack to more than accepted: damaged, or made to harm."""

    error_id: ClassVar[str] = "inflates-too-far"


class CoverTooLong(DocumentRefused):
    """A cover page has more text than goes on it."""

    error_id: ClassVar[str] = "cover-too-long"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may be, and what converting it may use. `cpu_seconds` and `memory_bytes` hold per process."""

    max_bytes: int = 100 * 1024**2
    max_pages: int = 1000
    max_page_inches: float = 60.0
    max_inflated_bytes: int = 512 * 1024**2
    max_pixels: int = 100_000_000  # A3 at 600 dpi is 70 million
    cpu_seconds: int = 300
    wall_seconds: int = 600
    memory_bytes: int = 2 * 1024**3

    def ceiling(self) -> sandbox.Ceiling:
        """The sandbox's limits."""
        return sandbox.Ceiling(
            cpu_seconds=self.cpu_seconds, wall_seconds=self.wall_seconds, memory_bytes=self.memory_bytes
        )


STANDARD_LIMITS = Limits()


class Budget:
    """What is left of one document's limits while its files are examined, one after the other: they have them together.

    clock: seconds, such as time.monotonic gives them; they run from here on.
    """

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._end = clock() + limits.wall_seconds
        self._pages = 0

    def left(self) -> Limits:
        """For what is examined next. Raises DocumentTooExpensive where no time is left."""
        seconds = int(self._end - self._clock())
        if seconds < 1:
            raise sandbox.DocumentTooExpensive(
                _("It takes too much time to read these files together. Send them in several faxes.")
            )
        cpu_seconds = min(self._limits.cpu_seconds, seconds)
        return replace(self._limits, wall_seconds=seconds, cpu_seconds=cpu_seconds)

    def take_pages(self, pages: int | None) -> None:
        """None: as many as nobody knows yet. Raises TooManyPages."""
        self._pages += pages or 0
        if self._pages > self._limits.max_pages:
            words = _("The files have more than {most} pages together. Send them in several faxes.")
            raise TooManyPages(words.format(most=self._limits.max_pages))
