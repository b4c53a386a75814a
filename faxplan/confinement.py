"""The seam between documents of strangers and what confines the functions that parse them.

A function works on one document in one `Workplace`: it reads what it was given, and writes into one folder. What more
it could reach is the Confinement's affair: LimitsOnly here, and those of `namespaces`.
"""

import errno
import os
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

from faxplan import sandbox
from faxplan.config import SANDBOXES
from faxplan.errors import FaxplanError, RenderingFailed
from faxplan.files import empty_folder
from faxplan.language import _, marked
from faxplan.room import Room, RoomTaken
from faxplan.sandbox import Ceiling

NAMESPACE, LIMITS = SANDBOXES


class SandboxUnavailable(FaxplanError):
    """Documents cannot be confined here as the settings ask. No document is at fault, and none fails for it."""

    error_id: ClassVar[str] = "sandbox-unavailable"
    retryable: ClassVar[bool] = True


class Workplace(ABC):
    """Where functions work on one document. folder: private, empty at first, and the one place they may write to.

    Functions may know files by other names: `given` and `at` say by which.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def given(self, file: Path) -> str:
        """Lets functions read a file from now on, and nobody change it; its name for them. Raises OSError."""

    @abstractmethod
    def at(self, name: str) -> str:
        """The name, for functions, of what is called `name` in the folder."""

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        ceiling: Ceiling,
        progress: Callable[[int, int], None] | None = None,
    ) -> Any:
        """As sandbox.call. No process that it has started lives when this returns. Raises SandboxUnavailable too,
        DocumentTakesTheDisk, and OSError where there is no room for it.
        """
        room = Room(self.folder)
        try:
            return self.run(function, args, ceiling, progress, room)
        except RoomTaken:
            raise room.verdict() from None

    @abstractmethod
    def run(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        ceiling: Ceiling,
        progress: Callable[[int, int], None] | None,
        room: Room,
    ) -> Any:
        """For `call`. Raises RoomTaken too."""

    def taken(self, name: str) -> Path:
        """A file that functions have left in the folder, made private (0600). Raises RenderingFailed if it is none.

        `moved` takes it out.

        A converter that was taken over may leave a link instead, to a file that only we may read.
        """
        path = self.folder / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise RenderingFailed(_(_NOTHING_LEFT)) from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RenderingFailed(_(_NOTHING_LEFT))
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        return path

    def moved(self, name: str, target: Path) -> Path:
        """The same, with another name in place of what had that, on any file system; the new name."""
        source = self.taken(name)
        try:
            return source.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        target.unlink(missing_ok=True)
        target.touch(mode=0o600, exist_ok=False)
        shutil.copyfile(source, target)
        source.unlink()
        return target


_NOTHING_LEFT = marked("The converter left no pages. Print the document to a new PDF and send that.")


class Confinement(Protocol):
    """A way to confine functions."""

    def check(self) -> None:
        """Returns if documents can be worked on now. Raises SandboxUnavailable, which says why not and what to do."""

    def workplace(self, beside: Path | None = None) -> AbstractContextManager[Workplace]:
        """A place for one document; nothing of it stays. beside: a folder in whose file system results are wanted.

        Raises SandboxUnavailable and OSError.
        """

    def close(self) -> None:
        """Ends what it keeps running. May be called again."""


class LimitsOnly:
    """Limits of resources and nothing else: functions have our account, files and network."""

    def check(self) -> None:
        """Always possible."""

    @contextmanager
    def workplace(self, beside: Path | None = None) -> Iterator[Workplace]:
        """As in Confinement."""
        with private_place(beside) as folder:
            yield _Unconfined(folder)

    def close(self) -> None:
        """Keeps nothing running."""


class _Unconfined(Workplace):
    def given(self, file: Path) -> str:
        return str(file.resolve())

    def at(self, name: str) -> str:
        return str(self.folder / name)

    def run(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        ceiling: Ceiling,
        progress: Callable[[int, int], None] | None,
        room: Room,
    ) -> Any:
        return sandbox.call(function, *args, ceiling=ceiling, progress=progress, room=room)


@contextmanager
def private_place(beside: Path | None) -> Iterator[Path]:
    """A new private folder, which goes at the end, whatever was made in it."""
    folder = Path(tempfile.mkdtemp(prefix=".rendering-", dir=beside))
    try:
        yield folder
    finally:
        empty_folder(folder)
        folder.rmdir()
