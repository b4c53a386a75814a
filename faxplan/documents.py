"""The document store: originals, renderings and received faxes, as files with random names.

This is the one seam through which documents are written and read; encryption belongs here.

A store has a marker in it, made with it. Where that is missing, the disk that the store lies on is not mounted, and
what is there in its place is an empty folder: nothing is lost, and nothing must be written there.
"""

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from faxplan.config import Settings
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.files import fsync_folder, private_folder, write_durably
from faxplan.scratch import Scratch

_MARKER = ".faxplan-store"
_MARK = b"Faxplan's document store. Where this file is missing, the store's disk is not mounted.\n"
ORIGINAL, RENDERING, RECEIVED_TIFF, RECEIVED_PDF = "original", "rendering", "received-tiff", "received-pdf"


class DocumentLost(FaxplanError):
    """The database knows a document that the store does not have, or has with other content."""

    error_id = "document-lost"


class StoreUnavailable(FaxplanError):
    """The store's disk is not mounted. No document is lost, and no fax fails for it."""

    error_id = "store-unavailable"
    retryable = True


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What lies in the store under a name. sha256: hexadecimal."""

    object_name: str
    bytes: int
    sha256: str


class Store:
    """A folder of objects; each is written once and never changed. Every method but `delete` raises StoreUnavailable.

    makes_itself: made by the first `put`, where there is no such folder. On a disk of its own it must not be: the
    folder may be missing because the disk is.
    """

    def __init__(self, root: Path, *, makes_itself: bool = True) -> None:
        self.root = root
        self.marker = root / _MARKER
        self._makes_itself = makes_itself
        self._scratch = Scratch(root / ".scratch")

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """This installation's. One that store_dir names may lie on a disk of its own."""
        return cls(settings.store, makes_itself=settings.store_dir is None)

    @property
    def scratch(self) -> Scratch:
        """For documents in work: where the store is, and as private."""
        self._be_there()
        return self._scratch

    def check(self) -> None:
        """Returns if the store is there, or will be made when something is put into it."""
        if not self.marker.exists() and not self._is_to_be_made():
            raise self._unavailable()

    def accept(self) -> None:
        """Takes the folder for the store from now on, whatever is in it."""
        if not self.root.is_dir():
            raise StoreUnavailable(
                f"{self.root} does not exist. Mount the store's disk, or make the folder, as the user of FreeSWITCH: "
                f"install -d -m 0700 {self.root}"
            )
        owner = self.root.stat()
        write_durably(self.marker, _MARK)
        # Root may do it for FreeSWITCH's user.
        os.chown(self.marker, owner.st_uid, owner.st_gid)

    def _be_there(self) -> None:
        self.check()
        if self._is_to_be_made():
            self._make()

    def _is_to_be_made(self) -> bool:
        return self._makes_itself and not self.root.exists()

    def _unavailable(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self.root} is not the document store: {_MARKER} is missing in it. Mount the store's disk. If this is a "
            "new store, or one restored without that file: `faxplan store accept`."
        )

    def _make(self) -> None:
        """With its marker at once: a folder without it is never ours."""
        parent = self.root.parent
        if not parent.exists():
            private_folder(parent)
        made = Path(tempfile.mkdtemp(prefix=f".{self.root.name}-", dir=parent))
        try:
            write_durably(made / _MARKER, _MARK)
            made.rename(self.root)
        except OSError:
            shutil.rmtree(made)
            # Another process may have made it at the same moment.
            if not self.marker.exists():
                raise
        fsync_folder(parent)

    def put(self, source: Path) -> StoredObject:
        """Copies a file into the store, durably (file and folder are fsynced). Raises UnsafeFolder."""
        self._be_there()
        name = secrets.token_hex(16)
        target = self._path(name)
        private_folder(self.root)
        private_folder(target.parent)
        digest, size = hashlib.sha256(), 0
        try:
            with source.open("rb") as reader, open(target, "xb", opener=_private) as writer:
                while block := reader.read(1 << 20):
                    digest.update(block)
                    size += len(block)
                    writer.write(block)
                writer.flush()
                os.fsync(writer.fileno())
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        fsync_folder(target.parent)
        # The object's folder may be new, and its name must last too.
        fsync_folder(self.root)
        return StoredObject(name, size, digest.hexdigest())

    @contextmanager
    def open(self, stored: StoredObject) -> Iterator[BinaryIO]:
        """The content, to be read from the start. Raises DocumentLost."""
        try:
            reader = self._path(stored.object_name).open("rb")
        except FileNotFoundError as error:
            if not self.marker.exists():
                raise self._unavailable() from error
            raise DocumentLost(
                f"Object {stored.object_name} is missing in {self.root}. Restore it from a backup."
            ) from error
        with reader:
            yield reader

    def copy_to(self, stored: StoredObject, target: Path) -> None:
        """Writes the content to a new private file, checked against its length and hash. Raises DocumentLost."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.open(stored) as reader, open(target, "wb", opener=_private) as writer:
                while block := reader.read(1 << 20):
                    digest.update(block)
                    size += len(block)
                    writer.write(block)
            if (size, digest.hexdigest()) != (stored.bytes, stored.sha256):
                raise DocumentLost(f"Object {stored.object_name} in {self.root} has changed. Restore it from a backup.")
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def delete(self, object_name: str) -> None:
        """Removes an object; one that is gone already is no error."""
        self._path(object_name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not (len(name) == 32 and all(c in "0123456789abcdef" for c in name)):
            raise ValueError(f"not an object name: {name!r}")
        return self.root / name[:2] / name


def record(
    tx: Transaction,
    tenant_id: int,
    stored: StoredObject,
    *,
    kind: str,
    media_type: str,
    pages: int | None,
    file_name: str = "",
) -> int:
    """The row of an object that was put; its document id."""
    return int(
        tx.value(
            """insert into documents (tenant_id, kind, media_type, file_name, bytes, sha256, pages, object_name)
               values (%s, %s, %s, %s, %s, %s, %s, %s) returning id""",
            (tenant_id, kind, media_type, file_name, stored.bytes, stored.sha256, pages, stored.object_name),
        )
    )


def get(tx: Transaction, tenant_id: int, document_id: int) -> StoredObject:
    """Where a document lies. Raises NotFound."""
    row = tx.row(
        "select object_name, bytes, sha256 from documents where tenant_id = %s and id = %s", (tenant_id, document_id)
    )
    if row is None:
        raise NotFound(f"There is no document {document_id}.")
    return StoredObject(**row)


def is_recorded(tx: Transaction, tenant_id: int, stored: StoredObject) -> bool:
    """Whether a row names this object."""
    row = tx.row("select 1 from documents where tenant_id = %s and object_name = %s", (tenant_id, stored.object_name))
    return row is not None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
