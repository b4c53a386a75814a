"""Releases of Faxplan on this machine: each a virtual environment of its own below a prefix, one of them in force.

<prefix>/releases/<version>/ is whole as soon as it has that name. <prefix>/current leads to the one in force, and
<prefix>/previous to the one before, which `faxplan upgrade --back` puts in force again.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from faxplan import files
from faxplan.errors import FaxplanError
from faxplan.machine_turn import machine_turn

PREFIX = Path("/usr/local/lib/faxplan")
VERSION = re.compile(r"[0-9][0-9A-Za-z.+_-]{0,60}")
_UNFINISHED = re.compile(r"\.(?P<version>.+)\.making")
_LINK = re.compile(r"\.(current|previous)\.\d+|current\.new")


class NoRelease(FaxplanError):
    """There is no such release here."""

    error_id = "no-release"


@dataclass(frozen=True, slots=True)
class HalfTaken:
    """An upgrade that was not brought to its end. before: the release that FreeSWITCH and the services are of, or some
    of them. previous: the one before that. version: where it was to lead."""

    before: str
    previous: str | None
    version: str


@dataclass(frozen=True, slots=True)
class Releases:
    """Those below a prefix."""

    prefix: Path = PREFIX

    @property
    def folder(self) -> Path:
        """What holds them all."""
        return self.prefix / "releases"

    def of(self, version: str) -> Path:
        """A release's folder, whether it is there or not. Raises NoRelease for what is no version."""
        if not VERSION.fullmatch(version):
            raise NoRelease(f"{version!r} is no version of Faxplan; one looks like 0.1.0.")
        return self.folder / version

    def unfinished(self, version: str) -> Path:
        """Where it is made."""
        return self.folder / f".{version}.making"

    def made(self) -> list[str]:
        """The versions that are there, whole."""
        if not self.folder.is_dir():
            return []
        return sorted(each.name for each in self.folder.iterdir() if each.is_dir() and VERSION.fullmatch(each.name))

    def current(self) -> str:
        """The version in force. Raises NoRelease."""
        version = self._led_to("current")
        if version is None:
            raise NoRelease(
                f"{self.prefix}/current leads to no release: this Faxplan was not installed by `faxplan install`, "
                "or with another --prefix. A checkout is brought up to date with git and make."
            )
        return version

    def previous(self) -> str | None:
        """The version that was in force before; None where there is none, or it is gone."""
        return self._led_to("previous")

    def put_in_force(self, version: str) -> None:
        """From here on `current` leads to it, and `previous` to the one before. Raises NoRelease."""
        before = self._led_to("current")
        if before != version:
            self.lead(version, before)

    def lead(self, current: str, previous: str | None) -> None:
        """`current` and `previous` lead there, whatever was before: as often as it is said. Raises NoRelease."""
        if not self.of(current).is_dir():
            raise NoRelease(f"{self.of(current)} is not there; the releases are {', '.join(self.made()) or 'none'}.")
        self._lead("current", current)
        if previous is None:
            (self.prefix / "previous").unlink(missing_ok=True)
        else:
            self._lead("previous", previous)

    def begin_to_take(self, version: str) -> HalfTaken:
        """Notes that FreeSWITCH and the services are of the release that is in force, until `taken`: should we be
        killed, the next upgrade knows what the links do not tell. What one before has noted, and has not brought to its
        end, stays noted. Raises NoRelease."""
        half = self.half_taken()
        before, previous = (half.before, half.previous) if half else (self.current(), self.previous())
        noted = HalfTaken(before, previous, version)
        files.write_durably(self._half_taken, json.dumps(asdict(noted)).encode())
        return noted

    def taken(self) -> None:
        """All are of the release that is in force."""
        self._half_taken.unlink(missing_ok=True)

    def half_taken(self) -> HalfTaken | None:
        """What an upgrade has noted that was killed before all was of the new release."""
        try:
            told = HalfTaken(**json.loads(self._half_taken.read_text(encoding="ascii")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            # Written whole or not at all: somebody else's.
            return None
        names = (told.before, told.version, *([] if told.previous is None else [told.previous]))
        return told if all(isinstance(each, str) and VERSION.fullmatch(each) for each in names) else None

    def remove(self, version: str) -> None:
        """Takes one away; under another name first, so that what is left of it is never taken for a whole one."""
        gone = self.unfinished(version)
        shutil.rmtree(gone, ignore_errors=True)
        self.of(version).rename(gone)
        shutil.rmtree(gone)

    def sweep(self) -> None:
        """Removes what was not finished, or not removed to the end; for whoever has the turn."""
        for each in self.folder.iterdir():
            if _UNFINISHED.fullmatch(each.name):
                shutil.rmtree(each)
        for each in self.prefix.iterdir():
            if _LINK.fullmatch(each.name):
                each.unlink()
        files.sweep_partials(self.prefix)

    @contextmanager
    def turn(self, what: str) -> Iterator[None]:
        """While it lasts nobody else changes what is installed here. what: a command. Raises MachineBusy."""
        with machine_turn(self.prefix, what):
            self.folder.mkdir(exist_ok=True)
            yield

    @property
    def _half_taken(self) -> Path:
        return self.prefix / ".half-taken"

    def _led_to(self, name: str) -> str | None:
        try:
            found = (self.prefix / name).resolve(strict=True)
        except OSError:
            return None
        return found.name if found.parent == self.folder.resolve() else None

    def _lead(self, name: str, version: str) -> None:
        link = self.prefix / f".{name}.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("releases", version))
        link.replace(self.prefix / name)


def of_this_process() -> Releases:
    """Those among which the running release is; those of the usual prefix where it is none."""
    environment = Path(sys.prefix).resolve()
    return Releases(environment.parents[1]) if environment.parent.name == "releases" else Releases()


@contextmanager
def turn_here(what: str, *, wait_seconds: float = 0, told: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """The turn to change what is installed on this machine (machine_turn), for a command that is no part of an
    installation. Where there is none, as with a checkout, or where we may not write there, nobody is kept out. Raises
    MachineBusy."""
    prefix = of_this_process().prefix
    if not os.access(prefix, os.W_OK):
        yield
        return
    with machine_turn(prefix, what, wait_seconds=wait_seconds, told=told):
        yield


def begin_in_its_folder() -> None:
    """Begins this process anew where it was started as <prefix>/current/bin/python: what it imports later would come
    from whatever release is in force by then. `faxplan` names its release's own Python, and needs it not."""
    environment = Path(sys.prefix)
    found = environment.resolve()
    if found != environment and found.parent.name == "releases":
        python = str(found / "bin" / "python3")
        os.execv(python, [python, *sys.orig_argv[1:]])  # noqa: S606 - the same program, by its other name
