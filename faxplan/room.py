"""The room that a document in work takes in a file system that others need too: other documents, or, where they share a
disk, calls in progress that write their pages.

Limits count each file by itself. So whoever waits for a converter looks, some times a second, at what is free: a
document may take half of it, and no more than MOST_BYTES and MOST_FILES: whoever waits has to remove these.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from faxplan.errors import DocumentRefused

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
        free, files = _free(folder)
        self._least = max(free // 2, free - MOST_BYTES), max(files // 2, files - MOST_FILES)

    def check(self) -> None:
        """Raises RoomTaken where too little is left."""
        left = _free(self._folder)
        if any(now < least for now, least in zip(left, self._least, strict=True)):
            raise RoomTaken

    def verdict(self) -> Exception:
        """When no process of the document lives any more: DocumentTakesTheDisk, or OSError where others may have taken
        the room, or there was little.
        """
        if _used(self._folder) - self._before >= NEEDED_BYTES:
            return DocumentTakesTheDisk(
                "Reading this document takes too much room on the disk. Print it to a new PDF, or send it in several "
                "smaller parts."
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
    return sum(_bytes_of(folder, []))


def _bytes_of(folder: Path, waiting: list[str]) -> Iterator[int]:
    waiting.append(str(folder))
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    yield entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            # A path longer than the kernel takes, or a folder that was closed: whoever made it so counts for less.
            continue
