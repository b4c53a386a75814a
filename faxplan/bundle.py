"""A bundle: several files, in their order and with their names, as one document.

MAGIC; the length of the list, four bytes, the highest first; the list, JSON: [{"name": ..., "bytes": ...}, ...]; and
then the files, one after the other. Only we write them (originals.hand_in): one from outside is refused as any file
that cannot be faxed, and there is none within another. A browser reads them too: portal/static/pages/bundle.js.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faxplan.language import _, marked
from faxplan.refusals import DamagedDocument

MAGIC = b"\x89FXB\r\n\x1a\n"
MOST_FILES = 50
LONGEST_NAME = 200
MOST_LIST_BYTES = 128 * 1024
"""Which MOST_FILES such names never need."""
_LENGTH_BYTES = 4
_DAMAGED = marked("The files are damaged or were cut short. Hand them in anew.")


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files. at: where in the bundle it begins."""

    name: str
    at: int
    size: int


def write(target: Path, files: Sequence[tuple[str, Path]]) -> None:
    """Writes these files, by their names, to a new bundle."""
    listed = json.dumps([{"name": name[:LONGEST_NAME], "bytes": path.stat().st_size} for name, path in files]).encode()
    with target.open("xb") as writer:
        writer.write(MAGIC + len(listed).to_bytes(_LENGTH_BYTES) + listed)
        for _name, path in files:
            with path.open("rb") as reader:
                shutil.copyfileobj(reader, writer, 1 << 20)


def parts(path: Path) -> list[Part]:
    """The files of a bundle. Raises DamagedDocument."""
    with path.open("rb") as reader:
        if reader.read(len(MAGIC)) != MAGIC:
            raise DamagedDocument(_(_DAMAGED))
        length = int.from_bytes(reader.read(_LENGTH_BYTES))
        listed = reader.read(length) if length <= MOST_LIST_BYTES else b""
        at = reader.tell()
    found: list[Part] = []
    try:
        for each in json.loads(listed):
            found.append(Part(str(each["name"]), at, int(each["bytes"])))
            at += found[-1].size
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise DamagedDocument(_(_DAMAGED)) from error
    if not 0 < len(found) <= MOST_FILES or any(each.size < 0 for each in found) or at != path.stat().st_size:
        raise DamagedDocument(_(_DAMAGED))
    return found


def take_out(path: Path, part: Part, target: Path) -> None:
    """Writes one of the files of a bundle to a new file."""
    with path.open("rb") as reader, target.open("xb") as writer:
        reader.seek(part.at)
        left = part.size
        while left and (block := reader.read(min(left, 1 << 20))):
            writer.write(block)
            left -= len(block)
