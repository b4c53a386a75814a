"""Scratch folders for documents in work: private, and gone when the work is, even if its process was killed."""

import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from faxplan.files import empty_folder, private_folder

LOG = logging.getLogger(__name__)


class Scratch:
    """A folder of scratch folders. Each is locked as long as its process, or a child of that, lives."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A new folder, private, and empty; removed at the end. Those that killed processes left go first."""
        self.sweep()
        # Shared: a sweep must not find a folder before it is locked.
        with _locked(self._root, fcntl.LOCK_SH):
            made = Path(tempfile.mkdtemp(dir=self._root))
            lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield made
        finally:
            try:
                _remove(made)
            finally:
                os.close(lock)

    def file(self) -> BinaryIO:
        """A new file without a name, private and empty: gone once it is closed, or its process has ended."""
        private_folder(self._root)
        return cast(BinaryIO, tempfile.TemporaryFile(dir=self._root))

    def sweep(self) -> None:
        """Removes the folders whose processes are gone. What cannot be removed stays, and the log says why: whoever
        has a document to work on, or calls to make, is not to wait for it. Raises UnsafeFolder.
        """
        private_folder(self._root)
        with _locked(self._root, fcntl.LOCK_EX):
            for left in self._root.iterdir():
                try:
                    with _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
                        _remove(left)
                except (BlockingIOError, FileNotFoundError):
                    # At work, or just ending.
                    continue
                except OSError as error:
                    # As what root has left, or has in work.
                    LOG.warning("%s may hold pages of a document, and cannot be removed (%s). Remove it.", left, error)


def _remove(folder: Path) -> None:
    empty_folder(folder)
    folder.rmdir()


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
