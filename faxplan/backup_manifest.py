"""What a backup is, as a folder: a dump, the store's objects, settings and public keys, and a list of all of it.

    faxplan.dump      pg_dump's custom format
    store/ab/abcd...  the objects, sealed as they lie in the store
    settings.toml     the settings file, with passwords masked
    audit_vkey        who signs checkpoints of the audit; checkpoint: the last one that was here
    SHA256SUMS        a line for each of these files, as sha256sum writes it
    manifest.json     of which installation, when, and the digest of SHA256SUMS

The manifest is written last, and the folder gets its name when it is whole.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from faxplan.errors import FaxplanError

FORMAT = 1
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
DUMP, STORE, SETTINGS, VKEY, CHECKPOINT = "faxplan.dump", "store", "settings.toml", "audit_vkey", "checkpoint"
Told = Callable[[str], None]
UNFINISHED = re.compile(r"\..+\.unfinished")
"""The name of a folder until it is a whole backup."""
_LINE = re.compile(r"([0-9a-f]{64})  ((?!/)[\w./-]+)")
_BLOCK = 1 << 20
_EACH = 500


class NotABackup(FaxplanError):
    """A folder is no backup, or not a whole one, or one that this Faxplan cannot read."""

    error_id = "not-a-backup"


@dataclass(frozen=True, slots=True)
class Manifest:
    """taken_at: UTC, ISO 8601; all that was committed before is in it. level: of the schema. nodes: the machines that
    had reported. objects: of the store, and their bytes. lost: documents that the database names and the store did not
    have. sums: SHA-256 of SHA256SUMS."""

    format: int
    release: str
    level: int
    taken_at: str
    database: str
    nodes: tuple[str, ...]
    tenants: int
    documents: int
    objects: int
    bytes: int
    lost: int
    sums: str

    def text(self) -> str:
        """As it is written."""
        return json.dumps(asdict(self), indent=1) + "\n"


_TYPES = get_type_hints(Manifest)


def read(folder: Path) -> Manifest:
    """Of a backup. Raises NotABackup."""
    file = folder / MANIFEST
    if UNFINISHED.fullmatch(folder.name):
        raise NotABackup(f"{folder} was never finished. It goes with the next backup of that name, or: rm -r {folder}")
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        known = {each.name for each in fields(Manifest)}
        if said["format"] != FORMAT:
            raise NotABackup(
                f"{folder} is a backup of format {said['format']}, and this Faxplan reads {FORMAT}: take a newer one."
            )
        return Manifest(**{name: _typed(name, value) for name, value in said.items() if name in known})
    except FileNotFoundError:
        raise NotABackup(
            f"{folder} has no {MANIFEST}: it is no backup of `faxplan backup`, or one that was never finished."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotABackup(f"{file} is damaged ({error}). Take another backup.") from error


def _typed(name: str, value: Any) -> Any:
    if name == "nodes" and isinstance(value, list):
        return tuple(map(str, value))
    if type(value) is not _TYPES[name]:
        raise ValueError(f"{name} is {value!r}")
    return value


def sums(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file of a backup, by its path in it, and its digest. Raises NotABackup."""
    try:
        opened = (folder / SUMS).open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise NotABackup(f"{folder} has no {SUMS}: it is no backup of `faxplan backup`, or not a whole one.") from None
    with opened as lines:
        for number, line in enumerate(lines, 1):
            found = _LINE.fullmatch(line.rstrip("\n"))
            # One that is written in two ways would lead past `store/`: store//etc is /etc for whoever joins it.
            if found is None or {"", ".", ".."} & set(found[2].split("/")):
                raise NotABackup(f"Line {number} of {folder / SUMS} is damaged. Take another backup.")
            yield found[2], found[1]


def digest_of(file: Path) -> str:
    """SHA-256, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as reader:
        while block := reader.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def faults(folder: Path, told: Told = lambda _: None) -> list[str]:
    """What is wrong with a backup, a line for each file; empty: it is whole. Reads all of it. Raises NotABackup."""
    manifest = read(folder)
    try:
        if digest_of(folder / SUMS) != manifest.sums:
            return [f"{SUMS} is not what was written."]
    except FileNotFoundError:
        return [f"{SUMS} is missing."]
    found, listed = [], set()
    for count, (path, digest) in enumerate(sums(folder), 1):
        listed.add(path)
        if count % _EACH == 0:
            told(f"{count} files of {manifest.objects} documents and some more are looked at")
        try:
            if digest_of(folder / path) != digest:
                found.append(f"{path} is not what was written.")
        except FileNotFoundError:
            found.append(f"{path} is missing.")
        except OSError as error:
            found.append(f"{path} cannot be read ({error.strerror}).")
    found += [f"{path} was added." for path in _files(folder) if path not in listed]
    return found


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (name := path.relative_to(folder).as_posix()) not in (MANIFEST, SUMS):
            yield name
