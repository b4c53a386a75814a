"""Confinement in namespaces: one for each document, or such as are kept for many, one after the other.

A fresh one costs the start of an interpreter, a fifth of a second: nothing to whoever sends a document by hand. The
worker keeps one, and FreeSWITCH a few for its threads (docs/decisions/document-sandbox.md has the figures).
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from faxplan import config, namespace, zygote
from faxplan.config import Settings
from faxplan.confinement import LIMITS, Confinement, LimitsOnly, Workplace, private_place
from faxplan.files import empty_folder
from faxplan.namespace import GIVEN, WORK
from faxplan.room import Room
from faxplan.sandbox import Ceiling
from faxplan.scratch import Scratch
from faxplan.zygote import Zygote

MOST_DOCUMENTS = 500
"""After so many a kept namespace is replaced, whatever state it is in."""
_IN_MEMORY = (
    "faxplan.cover_page",
    "faxplan.cover_words",
    "faxplan.received_drawing",
    "faxplan.rendering",
    "faxplan.source",
    "faxplan.typeface",
    "PIL.PngImagePlugin",
    "PIL.TiffImagePlugin",
)
"""What every child would import otherwise."""


def of(settings: Settings, scratch: Scratch) -> Confinement:  # noqa: ARG001 - as the others
    """As the settings ask, for whoever has a document now and then."""
    return LimitsOnly() if settings.sandbox == LIMITS else Namespace(hidden(settings))


def kept(settings: Settings, scratch: Scratch) -> Confinement:
    """As the settings ask, for whoever has one document after the other. scratch: for its folder, when it starts."""
    return LimitsOnly() if settings.sandbox == LIMITS else KeptNamespace(scratch, hidden(settings))


def shared(settings: Settings, scratch: Scratch) -> Confinement:  # noqa: ARG001 - as the others
    """As the settings ask, for FreeSWITCH's process, whose threads have received faxes, several at once. Their pages
    leave the private spool sealed, so its folders are there. What a process before left in them goes. Raises
    UnsafeFolder.
    """
    if settings.sandbox == LIMITS:
        return LimitsOnly()
    drawing = Scratch(settings.spool / "drawing")
    drawing.sweep()
    return NamespacePool(drawing, hidden(settings))


def pooled(settings: Settings, scratch: Scratch) -> Confinement:
    """As the settings ask, for a process whose threads have documents, several at once. scratch: as `kept`."""
    return LimitsOnly() if settings.sandbox == LIMITS else NamespacePool(scratch, hidden(settings))


def hidden(settings: Settings) -> list[Path]:
    """What nobody inside may see, should it lie below what is shown."""
    folders = [settings.state_dir, settings.store, settings.spool, settings.work, settings.keys]
    folders.append(settings.checkpoints)
    files = [config.settings_file(), settings.audit_key, settings.event_socket_password_file, settings.gateway_dir]
    return [*folders, *(file for file in files if file is not None)]


class Namespace:
    """A namespace for each document, made when it is first needed."""

    def __init__(self, hidden: Iterable[Path] = ()) -> None:
        self._hidden = list(hidden)

    def check(self) -> None:
        """As in Confinement."""
        if namespace.trouble() is not None:
            raise zygote.unavailable("")

    @contextmanager
    def workplace(self, beside: Path | None = None) -> Iterator[Workplace]:
        """As in Confinement."""
        with private_place(beside) as folder:
            place = _OwnNamespace(folder, self._hidden)
            try:
                yield place
            finally:
                place.end()

    def close(self) -> None:
        """Keeps nothing running."""


class _OwnNamespace(Workplace):
    def __init__(self, folder: Path, hidden: list[Path]) -> None:
        super().__init__(folder)
        self._hidden = hidden
        self._given: dict[str, Path] = {}
        self._zygote: Zygote | None = None

    def given(self, file: Path) -> str:
        name = str(len(self._given))
        self._given[name] = file.resolve(strict=True)
        # What is shown is decided at the start.
        self.end()
        return f"{GIVEN}/{name}"

    def at(self, name: str) -> str:
        return f"{WORK}/{name}"

    def run(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        ceiling: Ceiling,
        progress: Callable[[int, int], None] | None,
        room: Room,
    ) -> Any:
        if self._zygote is None or not self._zygote.alive():
            self.end()
            self._zygote = Zygote(self.folder, self._given, self._hidden)
        return self._zygote.call(function, args, ceiling, progress, room)

    def end(self) -> None:
        if self._zygote is not None:
            self._zygote.end()
            self._zygote = None


class KeptNamespace:
    """One namespace for many documents, one at a time: replaced when it ends, when a document has left something in
    it that cannot be undone, and after MOST_DOCUMENTS. For one thread, but where `start` has a thread of its own.

    scratch: where its folder is made. start: makes a Zygote.
    """

    def __init__(
        self, scratch: Scratch, hidden: Iterable[Path] = (), start: Callable[..., Zygote] | None = None
    ) -> None:
        self._scratch = scratch
        self._hidden = list(hidden)
        self._start = start or Zygote
        self._zygote: Zygote | None = None
        self._folder = Path()
        self._holding = ExitStack()

    @property
    def processor_seconds(self) -> float:
        """Of all inside the present namespace, as of the end of the last document: for benchmarks."""
        return 0.0 if self._zygote is None else self._zygote.processor_seconds

    def check(self) -> None:
        """As in Confinement; the namespace runs when this returns."""
        self._running()

    @contextmanager
    def workplace(self, beside: Path | None = None) -> Iterator[Workplace]:  # noqa: ARG002 - as the others
        """As in Confinement; results lie in the scratch folders' file system."""
        if self._zygote is not None and (self._zygote.documents >= MOST_DOCUMENTS or not self._folder.is_dir()):
            self.close()
        self._running()
        empty_folder(self._folder)
        try:
            yield _KeptPlace(self._folder, self._running)
        finally:
            empty_folder(self._folder)

    def close(self) -> None:
        """Ends the namespace."""
        if self._zygote is not None:
            self._zygote.end()
            self._zygote = None
        with suppress(FileNotFoundError):
            self._holding.close()

    def _running(self) -> Zygote:
        """What runs, or another in its place, with the same folder."""
        found = self._zygote
        if found is None or not found.alive():
            if found is None:
                self._folder = self._holding.enter_context(self._scratch.folder())
            else:
                found.end()
            try:
                self._zygote = found = self._start(self._folder, {}, self._hidden, _IN_MEMORY)
            except BaseException:
                self.close()
                raise
        return found


class NamespacePool:
    """Kept namespaces for threads: each document has one for itself, an idle one, else another. scratch: as there.

    As many as have been needed at once stay.
    """

    def __init__(self, scratch: Scratch, hidden: Iterable[Path] = ()) -> None:
        self._scratch = scratch
        self._hidden = list(hidden)
        self._lock = Lock()
        self._idle: list[KeptNamespace] = []
        # bubblewrap ends with the thread that started it; the threads that have documents come and go.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="faxplan-namespaces")

    @property
    def processor_seconds(self) -> float:
        """Of all inside those that are idle now, as of the end of their last documents: for benchmarks."""
        with self._lock:
            return sum(one.processor_seconds for one in self._idle)

    def check(self) -> None:
        """As in Confinement."""
        if namespace.trouble() is not None:
            raise zygote.unavailable("")

    @contextmanager
    def workplace(self, beside: Path | None = None) -> Iterator[Workplace]:
        """As in Confinement; results lie in the scratch folders' file system."""
        with self._lock:
            one = self._idle.pop() if self._idle else KeptNamespace(self._scratch, self._hidden, self._start)
        try:
            with one.workplace(beside) as place:
                yield place
        finally:
            with self._lock:
                self._idle.append(one)

    def close(self) -> None:
        """Ends those that are idle."""
        with self._lock:
            ended, self._idle = self._idle, []
        for one in ended:
            one.close()

    def _start(self, *how: Any) -> Zygote:
        return self._starter.submit(Zygote, *how).result()


class _KeptPlace(Workplace):
    def __init__(self, folder: Path, running: Callable[[], Zygote]) -> None:
        super().__init__(folder)
        self._running = running
        self._given = 0

    def given(self, file: Path) -> str:
        # A copy: what is shown was decided at the start, and whoever takes a child over must not change the file.
        name = f"given-{self._given}"
        self._given += 1
        shutil.copyfile(file, self.folder / name)
        return self.at(name)

    def at(self, name: str) -> str:
        return f"{WORK}/{name}"

    def run(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        ceiling: Ceiling,
        progress: Callable[[int, int], None] | None,
        room: Room,
    ) -> Any:
        return self._running().call(function, args, ceiling, progress, room)
