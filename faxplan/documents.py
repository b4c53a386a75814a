"""The document store: originals, renderings and received faxes, as files with random names.

This is the one seam through which documents are written and read; encryption belongs here.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.files import fsync_folder, private_folder
from faxplan.scratch import Scratch

ORIGINAL, RENDERING, RECEIVED_TIFF, RECEIVED_PDF = "original", "rendering", "received-tiff", "received-pdf"


class DocumentLost(FaxplanError):
    """The database knows a document that the store does not have, or has with other content."""

    error_id = "document-lost"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What lies in the store under a name. sha256: hexadecimal."""

    object_name: str
    bytes: int
    sha256: str


class Store:
    """A folder of objects; each is written once and never changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scratch = Scratch(root / ".scratch")
        """For documents in work: where the store is, and as private."""

    def put(self, source: Path) -> StoredObject:
        """Copies a file into the store, durably (file and folder are fsynced). Raises UnsafeFolder."""
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
