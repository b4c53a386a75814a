"""What the document store's objects lie in: a folder (object_folder) or a bucket (object_bucket), with one contract.

An object is written once, under a random name, and never changed. A place has a marker in it, made with it, by which
it is known: where that is missing, this is not the store (docs/decisions/store-marker.md).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from faxplan.errors import FaxplanError

MARKER = ".faxplan-store"
MARK = b"Faxplan's document store. Where this file is missing, the store's disk is not mounted.\n"
FOLDERS = 256
"""Objects lie in so many, by the first two digits of their names."""


class DocumentLost(FaxplanError):
    """The database knows a document that the store does not have, or has with other content."""

    error_id = "document-lost"


class StoreUnavailable(FaxplanError):
    """The store's disk is not mounted, or its server is away. No document is lost, and no fax fails for it."""

    error_id = "store-unavailable"
    retryable = True


@dataclass(frozen=True, slots=True)
class Listed:
    """An object, or what a copy left that was interrupted. size: bytes; modified: epoch seconds."""

    name: str
    size: int
    modified: float


class Objects(Protocol):
    """Objects by their names (32 hexadecimal digits; ValueError for any other). All methods but `delete` of a folder
    raise StoreUnavailable.
    """

    @property
    def place(self) -> str:
        """Where they lie, for messages."""

    @property
    def folder(self) -> Path | None:
        """The folder that they lie in; None: they lie on another machine, and each access is a request to it."""

    def check(self) -> None:
        """Returns if the place is there, or will be made when something is put into it."""

    def be_there(self) -> None:
        """As check; and makes the place where it is to be made."""

    def accept(self) -> None:
        """Takes the place for the store from now on, whatever is in it."""

    def new(self, name: str) -> AbstractContextManager[Path]:
        """Where the block is to write a new object. It is there, durably, when the block has ended without an error."""

    def put(self, file: Path, name: str) -> None:
        """Copies a file there, durably; may be repeated with the same one."""

    def open(self, name: str) -> BinaryIO:
        """To be read from any place in it, within bounded memory. Raises DocumentLost."""

    def delete(self, name: str) -> None:
        """Removes an object; one that is gone already is no error."""

    def delete_all(self, names: Sequence[str]) -> Mapping[str, str]:
        """Removes objects; those that are still there, and why. Those that are gone already are no error."""

    def make_deletions_last(self, names: Iterable[str]) -> None:
        """Makes the deletion of these durable."""

    def listed(self, number: int) -> Iterator[Listed]:
        """What lies in one of the FOLDERS."""

    def remove(self, listed: Listed, number: int) -> bool:
        """Removes what was listed there; whether it was still there."""

    def drop_unfinished(self, before: float) -> None:
        """Removes what uploads have left that were interrupted before that (epoch seconds), and `listed` has not."""

    def note(self, name: str) -> bytes | None:
        """A small file beside the objects; None: there is none."""

    def set_note(self, name: str, content: bytes) -> None:
        """Writes it anew, durably. Where the place is not there, nothing is written."""

    def room(self) -> tuple[int, int] | None:
        """Bytes that are left, and that there are in all; None: nobody tells."""


def is_name(name: str) -> bool:
    """Whether an object can have this name."""
    return len(name) == 32 and all(c in "0123456789abcdef" for c in name)


def checked_name(name: str) -> str:
    """An object's name. Raises ValueError for what is none."""
    if not is_name(name):
        raise ValueError(f"not an object name: {name!r}")
    return name
