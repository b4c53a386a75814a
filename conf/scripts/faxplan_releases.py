"""Leads every call of FreeSWITCH to the release of Faxplan that is in force, and replaces it while calls run.

This file, faxplan_loading and the entry files (fax_in, fax_out, fax_queue) lie in FreeSWITCH's script_dir and stay as
they are from release to release, because FreeSWITCH loads them once. Releases lie below /usr/local/lib/faxplan, or the
folder that the file `faxplan_prefix` beside this one names: `releases/<version>` is a virtual environment, `current`
leads to the one in force. It is read when the first call comes, and by `python fax_queue::upgrade`.

Two releases run side by side: calls that run keep the old one to their end, with their hang-up hook; calls that begin,
and the runtime, take the new one.
"""

import gc
import hashlib
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faxplan_loading
import freeswitch
from faxplan_loading import CannotLoad, Release

PREFIX_FILE = Path(__file__).with_name("faxplan_prefix")
DEFAULT_PREFIX = Path("/usr/local/lib/faxplan")
HANDOVER_SECONDS = 30.0
"""How long `upgrade` waits until the runtime of the release before has ended and the new one's has begun."""


FILES = ("fax_in.py", "fax_out.py", "fax_queue.py", "faxplan_loading.py", "faxplan_releases.py")
"""Those of Faxplan in a script_dir."""


def _digest(folder: Path) -> str:
    """SHA-256 over name and content of each of FILES (faxplan/entry_scripts.py makes the same of what is shipped)."""
    found = hashlib.sha256()
    for name in FILES:
        content = (folder / name).read_bytes()
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()


try:
    _LOADED = _digest(Path(__file__).parent)
except OSError:  # somebody is just laying others
    _LOADED = "unknown"
_in_force: list[Release] = []
"""One, when the first call has come."""
_changing = threading.Lock()


def led(entry: str, function: str) -> Callable[..., None]:
    """A function of the release in force, as mod_python3 calls it."""

    def lead(*given: Any) -> None:
        try:
            release, its = _begun(entry, given)
            try:
                getattr(release.script(entry), function)(*its)
            finally:
                release.end()
        except BaseException as error:  # what leaves a script may corrupt FreeSWITCH's memory
            _complain(f"{entry}::{function}", error)
            if len(given) == 4:
                given[1].write(f"-ERR {_words(error)}\n")

    return lead


def runtime(args: str) -> None:
    """The runtime, and after an upgrade the next release's, in this same thread."""
    while True:
        try:
            release, its = _begun("fax_queue", (args,))
            release.runtimes += 1
            try:
                release.script("fax_queue").runtime(*its)
            finally:
                release.runtimes -= 1
                release.end()
        except BaseException as error:  # as above
            _complain("fax_queue", error)
            return
        if release is _in_force[0] or not freeswitch.running():
            return
        _log("notice", f"the runtime of release {release.name} has ended; that of {_in_force[0].name} begins")


def upgrade(session: Any, stream: Any, env: Any, args: str) -> None:
    """API `python fax_queue::upgrade`: takes the release that `current` leads to; where that fails the one in force
    stays. `... check VERSION` says only whether what is loaded already suits that release.

    -ERR is followed by a word for programs: restart-needed, not-importable, not-whole, no-release or failed.
    """
    try:
        word, _, named = args.strip().partition(" ")
        if word == "check":
            _check(named.strip())
            stream.write(f"+OK what is loaded suits {named.strip()}\n")
        else:
            stream.write(f"+OK {_upgraded(current())}\n")
    except CannotLoad as error:
        _complain("fax_queue::upgrade", error)
        stayed = f"; {_in_force[0].name} stays in force" if _in_force else ""
        stream.write(f"-ERR {error.code}: {_words(error)}{stayed}\n")
    except BaseException as error:  # as above
        _complain("fax_queue::upgrade", error)
        stream.write(f"-ERR failed: {_words(error)}\n")


def releases(session: Any, stream: Any, env: Any, args: str) -> None:
    """API `python fax_queue::releases`: a line for each release whose folder this process needs: its name; in-force,
    ending, or packages where only others' packages were loaded from there; and how many scripts run in it."""
    try:
        lines = []
        for release in list(faxplan_loading.by_package.values()):
            what = "in-force" if _in_force and release is _in_force[0] else "ending"
            lines.append(f"{release.name} {what} {release.calls}\n")
        told = {line.partition(" ")[0] for line in lines}
        lines += [f"{name} packages 0\n" for name in sorted(_folders_in_use() - told)]
        stream.write("".join(lines) or "none\n")
    except BaseException as error:  # as above
        _complain("fax_queue::releases", error)
        stream.write(f"-ERR {_words(error)}\n")


def loader(session: Any, stream: Any, env: Any, args: str) -> None:
    """API `python fax_queue::loader`: the digest of these files as they were when this process loaded them. Others that
    lie there since are taken when FreeSWITCH starts."""
    stream.write(f"+OK {_LOADED}\n")


def in_force() -> Release:
    """The release that a call takes now. The first call loads it: raises CannotLoad."""
    if not _in_force:
        with _changing:
            if not _in_force:
                _in_force.append(faxplan_loading.loaded(current()))
    return _in_force[0]


def prefix() -> Path:
    """The folder that holds `releases` and `current`."""
    try:
        return Path(PREFIX_FILE.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return DEFAULT_PREFIX


def current() -> Path:
    """The folder of the release that is to be in force. Raises CannotLoad."""
    link = prefix() / "current"
    try:
        return link.resolve(strict=True)
    except OSError as error:
        raise CannotLoad("no-release", f"{link} leads to no release ({error.strerror})") from error


def _begun(entry: str, given: tuple[Any, ...]) -> tuple[Release, tuple[Any, ...]]:
    """The release that a script runs in, which is told when it ends, and what the script is given.

    A call that a release has dialled names it, as in `17 0.1.0`; where that is gone its files are read by the one in
    force.
    """
    if entry == "fax_out":
        attempt, _, name = given[-1].partition(" ")
        given = (*given[:-1], attempt)
        for each in reversed(list(faxplan_loading.by_package.values())):
            # Neither handler nor hook uses what may be closed.
            if each.name == name and each.begin(when_closed=True):
                return each, given
    while not (release := in_force()).begin():
        # Between the look and the beginning another one has come into force.
        pass
    return release, given


def _upgraded(folder: Path) -> str:
    with _changing:
        before = _in_force[0] if _in_force else None
        if before is not None and before.name == folder.name:
            return f"{before.name} is in force already"
        release = faxplan_loading.loaded(folder)
        if before is None:
            _in_force.append(release)
            return f"{release.name} is in force"
        had_runtime = before.runtimes > 0
        _in_force[0] = release
        try:
            before.supersede()
        except BaseException as error:  # the new one is in force all the same
            _complain(f"end of release {before.name}", error)
        # The one just superseded stays: what it has dialled may still be answered.
        gone = [each for each in list(faxplan_loading.by_package.values()) if each is not before and each.over]
        for each in gone:
            each.unload()
    if gone:
        # A quiet switch would collect them after several upgrades only. One pause, of some 70 ms.
        gc.collect()
    _log("notice", f"release {release.name} is in force; {before.name} ends with its calls")
    if not had_runtime:
        return f"{release.name} is in force; no runtime ran, and none was started"
    deadline = time.monotonic() + HANDOVER_SECONDS
    while not release.runtimes and time.monotonic() < deadline:
        time.sleep(0.05)
    if release.runtimes:
        return f"{release.name} is in force; its runtime has taken over from {before.name}"
    return f"{release.name} is in force; the runtime of {before.name} is still in a step, and hands over after it"


def _check(name: str) -> None:
    folder = (prefix() / "releases" / name).resolve()
    if not folder.is_dir():
        raise CannotLoad("no-release", f"there is no {folder}")
    if others := faxplan_loading.other_versions(faxplan_loading.site_of(folder)):
        raise CannotLoad("restart-needed", f"this FreeSWITCH has loaded other versions: {'; '.join(others)}")


def _folders_in_use() -> set[str]:
    """Releases from whose folders anything is loaded: packages stay where they were first loaded from, and read more of
    their files later."""
    below = prefix().resolve() / "releases"
    folders = {faxplan_loading.folder_of(module) for name, module in list(sys.modules.items()) if "." not in name}
    return {folder.relative_to(below).parts[0] for folder in folders if folder and folder.is_relative_to(below)}


def _words(error: BaseException) -> str:
    """On one line, ASCII."""
    said = str(error) if isinstance(error, CannotLoad) else f"{type(error).__name__}: {error}"
    return ascii(said)[1:-1][:600]


def _complain(what: str, error: BaseException) -> None:
    _log("err", f"{what}: {_words(error)}")


def _log(level: str, text: str) -> None:
    freeswitch.consoleLog(level, f"faxplan: {ascii(text)[1:-1][:600]}\n")
