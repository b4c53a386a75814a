"""What an installation has put onto a machine: each file with its digest, and each line in files of others.

Noted before it is done, so that an installation that was interrupted is finished by the next one, and taken away by
`faxplan uninstall`. It lies beside the releases, where only root writes: who writes it can have root delete files.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from faxplan.install_tree import InstallRefused, Owner, Tree

_FORM = 1
KEPT = "kept"
"""Below the prefix: files of ours that somebody has changed, as they were when they were taken away."""


def digest(content: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class Laid:
    """A file. `digest`: of what was laid. `offered`: of what lies beside it as .faxplan-new; '' for nothing. `led`: the
    folder that it was laid in, where a link led there; '' where none did."""

    digest: str
    offered: str = ""
    led: str = ""


@dataclass(slots=True)
class Line:
    """A line that a file of somebody else's has gained: exactly these characters, line ends and all. `led`: the file
    that has gained it, where a link led there; '' where none did."""

    path: str
    text: str
    led: str = ""


@dataclass(slots=True)
class Manifest:
    """`choices`: what was asked or found (addresses, ports), for the next run. `folders`: those that we made."""

    choices: dict[str, str] = field(default_factory=dict)
    files: dict[str, Laid] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    complete: bool = False

    def line_of(self, path: Path) -> Line | None:
        """What that file has gained."""
        return next((line for line in self.lines if line.path == str(path)), None)


def put_aside(noted: Manifest, manifest_path: Path) -> list[Path]:
    """Where an uninstallation puts the files that were laid and changed since, and their folders, the upper ones first:
    those that may be there."""
    kept = manifest_path.parent / KEPT
    copies = [kept / Path(name).relative_to("/") for name in noted.files]
    return sorted({each for copy in copies for each in (copy, *copy.parents) if each.is_relative_to(kept)})


def load(tree: Tree, path: Path) -> Manifest | None:
    """None where nothing was installed. Raises InstallRefused where it cannot be read."""
    content = tree.read(path)
    if content is None:
        return None
    try:
        told: dict[str, Any] = json.loads(content)
        if told.pop("form") != _FORM:
            raise ValueError("it was written by another release of Faxplan")
        told["files"] = {name: Laid(**each) for name, each in told["files"].items()}
        told["lines"] = [Line(**each) for each in told["lines"]]
        return Manifest(**told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InstallRefused(
            f"{path} says what is installed here, and cannot be understood ({error}). Use the release that wrote it, "
            "or put the file back from a backup."
        ) from error


def refuse_changed(tree: Tree, path: Path, known: Manifest | None) -> None:
    """Raises InstallRefused where it is not what was read: what another one has noted since, as while somebody
    was asked, would be forgotten."""
    if load(tree, path) != known:
        raise InstallRefused(
            "Another `faxplan install` or `faxplan uninstall` has changed this machine meanwhile. Run this again."
        )


def save(tree: Tree, path: Path, manifest: Manifest) -> None:
    """Writes it, whole."""
    told = {"form": _FORM, **asdict(manifest)}
    for each in (*told["files"].values(), *told["lines"]):
        # Releases that do not know of it read what most machines have.
        if not each["led"]:
            del each["led"]
    tree.write(path, json.dumps(told, indent=1, sort_keys=True).encode() + b"\n", 0o600, Owner())
