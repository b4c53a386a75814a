"""The room that a document in work takes in a file system that others need too: other documents, or, where they share a
disk, calls in progress that write their pages.

Limits count each file by itself. So whoever waits for a converter looks, some times a second, at what is free: a
document may take half of it, and no more than MOST_BYTES and MOST_FILES: whoever waits has to remove these.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import ClassVar

from faxplan.errors import DocumentRefused
from faxplan.language import _

LOOK_SECONDS = 0.1
MOST_BYTES = 3 * 1024**3
MOST_FILES = 50_000
NEEDED_BYTES = 1024**3
"""So much a document that is accepted may need (refusals.Limits, twice over); one that took more is at fault itself."""


class RoomTaken(Exception):
    """The document is to be stopped; `Room.verdict` says whose fault it is."""


class DocumentTakesTheDisk(DocumentRefused):
    """A document that needs more room than we give to one; its converter was stopped."""

    error_id: ClassVar[str] = "document-takes-the-disk"


class Room:
    """Of one document. folder: where its converter may write, and what lies there already is not counted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = _used(folder)
        free, self._files = _free(folder)
        self._least = max(free // 2, free - MOST_BYTES), self._files // 2

    def check(self) -> None:
        """Raises RoomTaken where too little is left."""
        left = _free(self._folder)
        if any(now < least for now, least in zip(left, self._least, strict=True)) or self._has_very_many(left[1]):
            raise RoomTaken

    def _has_very_many(self, files: int) -> bool:
        """files: that there is room for. Of XFS and ZFS that is reckoned from bytes, so it is a reason to count."""
        if files >= self._files - MOST_FILES:
            return False
        self._files = files
        return sum(1 for _ in islice(_entries(self._folder), MOST_FILES)) == MOST_FILES

    def verdict(self) -> Exception:
        """When no process of the document lives any more: DocumentTakesTheDisk, or OSError where others may have taken
        the room, or there was little.
        """
        if _used(self._folder) - self._before >= NEEDED_BYTES:
            return DocumentTakesTheDisk(
                _(
                    "Reading this document takes too much room on the disk. Print it to a new PDF, or send it in "
                    "several smaller parts."
                )
            )
        return OSError(
            errno.ENOSPC,
            "a document in work was stopped, since others need what room is left; make more, or see what fills it",
            str(self._folder.parent),
        )


def _free(folder: Path) -> tuple[int, int]:
    """Bytes and files."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_favail


def _used(folder: Path) -> int:
    """Bytes on the disk, however deep; follows no link."""
    total = 0
    for entry in _entries(folder):
        with suppress(OSError):
            total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All below a folder in which others may be at work."""
    waiting = [str(folder)]
    while waiting:
        # One that is gone, or closed, or has a longer path than the kernel takes: who made it so counts for less.
        with suppress(OSError), os.scandir(waiting.pop()) as found:
            for entry in found:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
