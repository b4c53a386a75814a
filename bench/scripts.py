"""Running Python scripts as eval_some_python of mod_python3.c does: import, reload, call; errors are only logged."""

import importlib
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_log = logging.getLogger("bench.python")


class ScriptRunner:
    """Finds scripts in `script_dir`, which comes first on sys.path while this runner is installed."""

    def __init__(self, script_dir: Path, stack_bytes: int) -> None:
        self._script_dir = str(script_dir.resolve())
        self._stack_bytes = stack_bytes
        self._start_lock = threading.Lock()
        self._switch_interval = sys.getswitchinterval()
        self._path: list[str] = []

    def install(self) -> None:
        """Put the scripts on sys.path."""
        self._switch_interval = sys.getswitchinterval()
        self._path = list(sys.path)
        sys.path.insert(0, self._script_dir)

    def remove(self) -> None:
        """Leave no trace: scripts of one switch must not serve the next one in this process."""
        sys.path[:] = [folder for folder in sys.path if folder in self._path]
        files = {name: str(getattr(module, "__file__", None) or "") for name, module in list(sys.modules.items())}
        ours = {name for name, file in files.items() if file.startswith(self._script_dir + "/")}
        # And what a script has loaded from elsewhere by a loader of its own.
        loaders = {name: type(getattr(module, "__loader__", None)) for name, module in list(sys.modules.items())}
        theirs = {name for name, loader in loaders.items() if loader.__module__ in ours}
        for name in ours | theirs:
            del sys.modules[name]
        # What a script set in the whole process: a finder would go on to answer for scripts of the next switch.
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ not in ours]
        sys.setswitchinterval(self._switch_interval)

    def call(self, command: str, function: str, *leading: object) -> None:
        """Call `module[::function] rest` with the leading arguments and then rest. Nothing escapes from here.

        SystemExit is ignored in silence; anything else is logged with its traceback.
        """
        module_name, _, rest = command.strip().partition(" ")
        module_name, separator, named = module_name.partition("::")
        if separator:
            function = named
        if not module_name:
            _log.error("No module name specified!")
            return
        try:
            importlib.invalidate_caches()
            # The first call runs the module's top-level code twice, as it does in FreeSWITCH.
            module = importlib.reload(importlib.import_module(module_name))
            target: Callable[..., Any] = getattr(module, function)
            target(*leading, rest)
        except SystemExit:
            return
        except BaseException:  # noqa: BLE001 - as mod_python3: whatever a script raises is only logged
            _log.exception("Error calling python script %s", command)

    def start_thread(self, name: str, run: Callable[[], None]) -> threading.Thread:
        """A thread with the stack that FreeSWITCH gives to a call's thread, if so configured."""
        with self._start_lock:
            before = threading.stack_size(self._stack_bytes)
            try:
                thread = threading.Thread(target=run, name=name, daemon=True)
                thread.start()
            finally:
                threading.stack_size(before)
        return thread
