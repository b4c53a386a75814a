"""One release of Faxplan in FreeSWITCH's process: imported as a package of its own name, from a folder of its own.

Release 0.1.0 has its modules in faxplan_release_0_1_0.faxplan, faxplan_release_0_1_0.fax_in and so on. Its code says
`from faxplan import spool` all the same, wherever in it, because each of its modules is given builtins of its own,
whose __import__ looks for faxplan and the scripts in that package (docs/decisions/releases-in-the-switch.md).

What a release must have: the scripts fax_in, fax_out and fax_queue, whose functions are called by name, and in
faxplan_switch `installation()` (raises where its settings are wrong), `retire()` (its runtime ends after its present
step) and `close()` (no call is left in it, but perhaps a hook of fax_out).
"""

import builtins
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import logging
import re
import sys
import threading
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

ENTRIES = frozenset({"fax_in", "fax_out", "fax_queue"})
PACKAGE = "faxplan_release_"
_STACK_BYTES = 8 * 1024 * 1024  # a thread of FreeSWITCH has 240 KiB, and imports are nested


class CannotLoad(Exception):
    """Why a release cannot be taken: `code`, a word for programs, and a sentence."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class Release:
    """One release in this process. Every script that runs in it is between `begin` and `end`."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.site = site_of(folder)
        self.scripts = folder / "share" / "faxplan" / "fs_scripts"
        self.package = _unused(PACKAGE + re.sub(r"\W", "_", self.name))
        self.runtimes = 0
        self._counting = threading.Lock()
        self._calls = 0
        self._superseded = False
        self._closed = False
        self._places: dict[str, Path] = {}
        self._builtins: dict[str, Any] = {}

    @property
    def calls(self) -> int:
        """How many scripts run in it, the runtime among them."""
        return self._calls

    @property
    def over(self) -> bool:
        """Whether it is superseded, and no script runs in it."""
        return self._superseded and self._calls == 0

    def begin(self, *, when_closed: bool = False) -> bool:
        """False: what it had open is closed, and the call belongs to the release in force."""
        with self._counting:
            if self._closed and not when_closed:
                return False
            self._calls += 1
            return True

    def end(self) -> None:
        """A script has ended."""
        with self._counting:
            self._calls -= 1
        if self._superseded:
            self._close_if_over()

    def script(self, name: str) -> Any:
        """One of its scripts."""
        return sys.modules[f"{self.package}.{name}"]

    def supersede(self) -> None:
        """Another one is in force: its runtime ends, and what it has open is closed after its last call."""
        self._superseded = True
        self.script("faxplan_switch").retire()
        self._close_if_over()

    def _close_if_over(self) -> None:
        with self._counting:
            closes = self.over and not self._closed
            self._closed = self._closed or closes
        if closes:
            self.script("faxplan_switch").close()

    def load(self) -> None:
        """Imports its scripts, and so all that they use. Raises CannotLoad, and leaves nothing behind then."""
        if not self.scripts.is_dir() or not (self.site / "faxplan").is_dir():
            what = f"{self.scripts} or {self.site}/faxplan is missing"
            raise CannotLoad("not-whole", f"release {self.name} is not whole, or made for another Python: {what}")
        if others := other_versions(self.site):
            raise CannotLoad(
                "restart-needed",
                f"release {self.name} needs other versions of what this FreeSWITCH has loaded: {'; '.join(others)}",
            )
        self._places = {path.stem: self.scripts for path in self.scripts.glob("*.py")} | {"faxplan": self.site}
        self._builtins = {**builtins.__dict__, "__import__": self._import_of(builtins.__import__)}
        importlib.invalidate_caches()
        sys.path.insert(0, str(self.site))
        package = ModuleType(self.package, f"Release {self.name} of Faxplan.")
        package.__path__ = []
        package.__loader__ = _Kept()
        package.__dict__["__release__"] = self.name
        sys.modules[self.package] = package
        by_package[self.package] = self
        try:
            for name in ("faxplan_switch", *sorted(ENTRIES)):
                importlib.import_module(f"{self.package}.{name}")
            self.script("faxplan_switch").installation()
        except BaseException as error:
            self.unload()
            why = f"{type(error).__name__}: {error}"
            raise CannotLoad("not-importable", f"release {self.name} cannot be taken: {why}") from error

    def unload(self) -> None:
        """Forgets its modules; the memory is free when the last call that knows them has ended."""
        for name in [name for name in sys.modules if self._has(name)]:
            del sys.modules[name]
        # Loggers are kept for ever, and what they hand their records to is the release's.
        for name, logger in list(logging.root.manager.loggerDict.items()):
            if self._has(name):
                if isinstance(logger, logging.Logger):
                    logger.handlers.clear()
                del logging.root.manager.loggerDict[name]
        # What was subscripted typing keeps, 128 each, with the modules of the classes in it. Python's own tests clear
        # it in this way; nothing but time depends on it.
        for clear in getattr(typing, "_cleanups", ()):
            clear()
        by_package.pop(self.package, None)
        with suppress(ValueError):
            sys.path.remove(str(self.site))

    def _has(self, name: str) -> bool:
        return name == self.package or name.startswith(self.package + ".")

    def spec(self, fullname: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        """Where one of its modules is, as Python's own search finds it, compiled file and all."""
        within = fullname.removeprefix(self.package + ".")
        if "." not in within:
            if within not in self._places:
                return None
            path = [str(self._places[within])]
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _OfRelease(fullname, spec.loader.path, self._builtins)
        return spec

    def _import_of(self, plain: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
        package, places = self.package, self._places

        def import_(
            name: str,
            globals: Mapping[str, object] | None = None,  # noqa: A002 - as __import__ has them
            locals: Mapping[str, object] | None = None,  # noqa: A002
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> ModuleType:
            first = name.partition(".")[0]
            if level or first not in places:
                return plain(name, globals, locals, fromlist, level)
            found = plain(f"{package}.{name}", globals, locals, fromlist, 0)
            # `import faxplan.spool` binds the first name, which plain takes for the release's package.
            return found if fromlist else sys.modules[f"{package}.{first}"]

        return import_


class _OfRelease(importlib.machinery.SourceFileLoader):
    """Loads a module whose imports stay within its release."""

    def __init__(self, fullname: str, path: str, its_builtins: dict[str, Any]) -> None:
        super().__init__(fullname, path)
        self._builtins = its_builtins

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._builtins
        super().exec_module(module)


class _Kept(importlib.abc.Loader):
    """Leaves a loaded entry file as it is. mod_python3 reloads at every call: that would search the path and read the
    compiled file, and a call that was just answered would wait for Python's lock at each of these steps."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:  # noqa: ARG002 - importlib's
        return None

    def exec_module(self, module: ModuleType) -> None:
        pass


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of releases, and entry files that are loaded; the search for anything else goes on."""

    def __init__(self) -> None:
        self._kept = _Kept()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if target is not None and fullname in ENTRIES:
            return importlib.machinery.ModuleSpec(fullname, self._kept, origin=getattr(target, "__file__", None))
        release = by_package.get(fullname.partition(".")[0])
        return None if release is None else release.spec(fullname, path)


by_package: dict[str, Release] = {}
"""Those in memory, oldest first."""

sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != __name__]
sys.meta_path.insert(0, Finder())


def loaded(folder: Path) -> Release:
    """In a thread of its own, for its stack. Raises CannotLoad."""
    release = Release(folder)
    failed: list[BaseException] = []

    def load() -> None:
        try:
            release.load()
        except BaseException as error:
            failed.append(error)

    before, collected = threading.stack_size(_STACK_BYTES), gc.isenabled()
    # A collection holds Python's lock from its beginning to its end, and imports make many: a call that is answered
    # meanwhile would wait for a tenth of a second, in place of a hundredth.
    gc.disable()
    try:
        thread = threading.Thread(target=load, name=f"faxplan-load-{release.name}", daemon=True)
        thread.start()
        threading.stack_size(before)
        thread.join()
    finally:
        threading.stack_size(before)
        if collected:
            gc.enable()
    if failed:
        raise failed[0]
    return release


def site_of(folder: Path) -> Path:
    """Where a release has its packages, for the Python of this FreeSWITCH."""
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def other_versions(site: Path) -> list[str]:
    """Packages that Faxplan needs and that are loaded in another version than lies in this folder, in words; those of
    one folder suit each other, and a mixture was tried by nobody."""
    found: list[str] = []
    known: dict[Path, dict[str, importlib.metadata.Distribution]] = {site: _distributions(site)}
    for name in _needed(known[site]):
        distribution = known[site][name]
        for module in _top_modules(distribution):
            folder = folder_of(sys.modules.get(module))
            if folder is None or folder == site:
                continue
            if folder not in known:
                known[folder] = _distributions(folder)
            loaded = known[folder][name].version if name in known[folder] else "one of unknown version"
            if loaded != distribution.version:
                found.append(f"{name} {distribution.version}, and {loaded} is loaded from {folder}")
                break
    return found


def _distributions(folder: Path) -> dict[str, importlib.metadata.Distribution]:
    return {_plain(each.metadata["Name"]): each for each in importlib.metadata.distributions(path=[str(folder)])}


def _needed(there: dict[str, importlib.metadata.Distribution]) -> list[str]:
    """What Faxplan requires, and what that requires, of what is there. The system's own tools are none of it: of
    setuptools, for one, Debian's Python has a module loaded before anything else."""
    needed: set[str] = set()
    looked_at = ["faxplan"]
    while looked_at:
        distribution = there.get(looked_at.pop())
        for required in (distribution.requires or ()) if distribution else ():
            name = _plain(re.split(r"[^A-Za-z0-9._-]", required, maxsplit=1)[0])
            # A marker may not hold here: then it is not there.
            if "extra ==" not in required and name in there and name not in needed:
                needed.add(name)
                looked_at.append(name)
    return sorted(needed)


def folder_of(module: ModuleType | None) -> Path | None:
    """Where a top module or package was loaded from; None where that is no folder."""
    origin = getattr(getattr(module, "__spec__", None), "origin", None) or getattr(module, "__file__", None)
    if module is None or not origin or origin in {"built-in", "frozen"}:
        return None
    path = Path(origin)
    return path.parent.parent if path.name.startswith("__init__.") else path.parent


def _top_modules(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    names = set()
    for file in distribution.files or ():
        first = file.parts[0]
        if len(file.parts) == 1:
            names.add(first.partition(".")[0])
        elif first.isidentifier():
            names.add(first)
    yield from sorted(names)


def _unused(name: str) -> str:
    """A release may come back while its first self still has calls."""
    number, found = 2, name
    while found in sys.modules:
        found, number = f"{name}_again{number}", number + 1
    return found


def _plain(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
