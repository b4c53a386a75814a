"""Servers that the command line knows by name: addresses and API keys, in a file that only its user reads."""

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faxplan_client.client import Client
from faxplan_client.errors import ClientError

ADDRESS, KEY = "FAXPLAN_REMOTE", "FAXPLAN_API_KEY"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class NoRemote(ClientError):
    """It was not said which server is meant, or there is none of that name."""

    error_id = "no-remote"


class InvalidRemote(ClientError):
    """A server cannot be called so, or its file cannot be read."""

    error_id = "invalid-remote"


@dataclass(frozen=True, slots=True)
class Remote:
    """name: empty for one that the environment gives. ca_file: certificates of an authority of its own."""

    name: str
    address: str
    key: str = field(repr=False)
    ca_file: Path | None = None

    def client(self) -> Client:
        """Of it. Raises InvalidAddress."""
        return Client(self.address, self.key, ca_file=self.ca_file)

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.name} ({self.address})" if self.name else self.address


class Remotes:
    """Those of a user of this machine."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        base = environment.get("XDG_CONFIG_HOME", "")
        # The standard has it that what is no absolute path is passed over.
        folder = Path(base) if base.startswith("/") else Path(environment.get("HOME") or Path.home()) / ".config"
        self.file = folder / "faxplan" / "remotes.json"

    def all(self) -> list[Remote]:
        """By name. Raises InvalidRemote."""
        return [self._remote(name, value) for name, value in sorted(self._read().items())]

    def chosen(self, name: str | None) -> Remote:
        """The one of this name; without one, that of the environment, or the only one there is. Raises NoRemote.

        A key that the environment gives is for the address that it gives, and for no other.
        """
        wanted = name or self._environment.get(ADDRESS, "")
        if name is None and "://" in wanted:
            return Remote("", wanted, self._key_of(wanted))
        found = self.all()
        if not wanted and self._environment.get(KEY):
            raise NoRemote(
                f"{KEY} is set, and {ADDRESS} is not. Say for which address that key is: {ADDRESS}=https://..."
            )
        if not wanted and len(found) == 1:
            return found[0]
        for each in found:
            if each.name == wanted:
                return each
        raise NoRemote(_advice(wanted, [each.name for each in found]))

    def _key_of(self, address: str) -> str:
        key = self._environment.get(KEY, "")
        if not key:
            raise NoRemote(f"{ADDRESS} is {address}, and {KEY} is not set. Set it to your API key.")
        return key

    def keep(self, remote: Remote, *, replace: bool) -> None:
        """Enters one. Raises InvalidRemote where there is one of this name, unless it is to be replaced."""
        check_name(remote.name)
        kept = self._read()
        if remote.name in kept and not replace:
            raise InvalidRemote(
                f"There is a server called {remote.name} already. Take another name, or --replace to put this one in "
                "its place."
            )
        more = {} if remote.ca_file is None else {"ca_file": str(remote.ca_file)}
        self._write({**kept, remote.name: {"address": remote.address, "key": remote.key, **more}})

    def forget(self, name: str) -> None:
        """Raises NoRemote."""
        kept = self._read()
        if name not in kept:
            raise NoRemote(_advice(name, sorted(kept)))
        self._write({each: value for each, value in kept.items() if each != name})

    def _read(self) -> dict[str, Any]:
        try:
            said = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise self._damaged() from error
        if not isinstance(said, dict):
            raise self._damaged()
        return said

    def _remote(self, name: str, value: Any) -> Remote:
        try:
            ca_file = value.get("ca_file")
            return Remote(name, str(value["address"]), str(value["key"]), None if ca_file is None else Path(ca_file))
        except (AttributeError, KeyError, TypeError) as error:
            raise self._damaged() from error

    def _damaged(self) -> InvalidRemote:
        return InvalidRemote(f"{self.file} cannot be read: it is damaged. Remove it, and enter your servers anew.")

    def _write(self, kept: Mapping[str, Any]) -> None:
        """Whole or not at all, for its user alone from the first byte on."""
        folder = self.file.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = folder / f".{self.file.name}.{os.getpid()}"
        written = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(written, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            json.dump(kept, file, indent=2)
            file.write("\n")
        beside.replace(self.file)


def check_name(name: str) -> None:
    """Raises InvalidRemote."""
    if not _NAME.fullmatch(name):
        raise InvalidRemote(
            "A server is called by at most 40 letters, digits, dots, hyphens and underscores, such as office."
        )


def _advice(wanted: str, names: list[str]) -> str:
    if not names:
        said = f"There is no server called {wanted}" if wanted else "No server is known here"
        return (
            f"{said}. `faxplan remote add NAME ADDRESS` enters one, such as `faxplan remote add office "
            "https://acme.fax.example.com`, and asks for your API key."
        )
    known = ", ".join(names)
    if wanted:
        return f"There is no server called {wanted}. There are: {known}. `faxplan remote add` enters another."
    return f"Say which server, with --remote NAME or {ADDRESS}; there are: {known}."
