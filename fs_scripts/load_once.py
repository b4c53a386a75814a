"""Lets a script be loaded once in a FreeSWITCH process, although mod_python3 reloads it at every call.

A reload searches the path and reads the compiled file. Each of these steps gives Python's lock away, and a call that
was just answered may have to wait for it again each time. `install` puts a finder before Python's own: asked for one of
the scripts that is there already, it answers with a loader that leaves the module as it is. Nothing is read then, and
the lock is not given away. A changed script is taken up when FreeSWITCH is started again, as a changed `faxplan` is.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

SCRIPTS = frozenset({"fax_in", "fax_out", "fax_queue"})


class _Kept(importlib.abc.Loader):
    """Loads a module that is loaded: does nothing."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:  # noqa: ARG002 - importlib's
        """As Python makes modules, should it ever have to."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """The module stays as it is."""


class LoadedScripts(importlib.abc.MetaPathFinder):
    """Finds those of our scripts that are loaded; the search for anything else goes on."""

    def __init__(self) -> None:
        self._loader = _Kept()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - importlib gives it
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """See importlib.abc. `target` is given by a reload only."""
        if target is None or fullname not in SCRIPTS:
            return None
        return importlib.machinery.ModuleSpec(fullname, self._loader, origin=getattr(target, "__file__", None))


def install() -> None:
    """Puts the finder first, in place of one that an earlier load of this module has put there."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != __name__]
    sys.meta_path.insert(0, LoadedScripts())
