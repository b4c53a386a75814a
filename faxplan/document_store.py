"""The document store: sealed files with random names, each written once and never changed.

They lie in a folder, or in a bucket of a server that speaks S3 (objects). What was stored before documents were sealed
lies there as it is until `vault adopt`.
"""

import hashlib
import io
import logging
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from faxplan import namespaces, objects, sealed, transient_readers
from faxplan.config import Settings
from faxplan.confinement import Confinement
from faxplan.documents import Locked, Sealed, StoredObject, ToSend
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.key_folder import KeyFolder
from faxplan.language import _
from faxplan.namespaces import Namespace
from faxplan.object_bucket import ObjectBucket
from faxplan.object_folder import ObjectFolder
from faxplan.objects import DocumentLost, Listed, Objects, StoreUnavailable
from faxplan.scratch import Scratch
from faxplan.sealed import Context, SealBroken, SealedReader
from faxplan.transient_readers import KeyGone

LOG = logging.getLogger(__name__)
__all__ = ["DocumentLost", "KeyElsewhere", "Store", "StoreUnavailable", "seal_file"]


class KeyElsewhere(FaxplanError):
    """A document waits to be sent, and other machines of the installation have the keys that open it."""

    error_id = "key-elsewhere"
    retryable = True


def seal_file(source: Path, target: Path, tenant_id: int, kind: str, object_name: str | None = None) -> Sealed:
    """Seals a file into another, which is on disk when this returns (its name is not yet: files.fsync_folder).

    object_name: under which it will lie in the store; None: a new one. Raises OSError; then there is no target.
    """
    name = object_name or secrets.token_hex(16)
    header, key = sealed.new_header(Context(tenant_id, name, kind)), sealed.new_key()
    try:
        with source.open("rb") as reader, open(target, "xb", opener=_private) as writer:
            size = sealed.seal(reader, writer, key, header)
            writer.flush()
            os.fsync(writer.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Sealed(StoredObject(tenant_id, kind, name, size, header.digest), header, key)


class Store:
    """Each object is written once and never changed. All methods but `delete` in a folder, and `sweep`, raise
    StoreUnavailable.

    keys: with which this machine opens what waits to be sent. scratch: for documents in work. confinement: of what
    parses them before they come here and after; unless said otherwise, a namespace for each.
    """

    def __init__(
        self, lies_in: Objects, keys: KeyFolder, scratch: Scratch, *, confinement: Confinement | None = None
    ) -> None:
        self.keys = keys
        self.confinement = confinement or Namespace()
        self._objects = lies_in
        self._scratch = scratch

    @classmethod
    def of(cls, settings: Settings, confined: Callable[[Settings, Scratch], Confinement] = namespaces.of) -> "Store":
        """This installation's. One that store_dir names may lie on a disk of its own.

        confined: how documents are in this process (namespaces.of, kept or shared).
        """
        scratch = Scratch(settings.work)
        lies_in: Objects = (
            ObjectBucket.of(settings, scratch)
            if settings.store_bucket
            else ObjectFolder(settings.store, makes_itself=settings.store_dir is None)
        )
        return cls(lies_in, KeyFolder(settings.keys), scratch, confinement=confined(settings, scratch))

    @property
    def place(self) -> str:
        """Where the objects lie, for messages: a folder's path, or s3://bucket/prefix."""
        return self._objects.place

    @property
    def folder(self) -> Path | None:
        """The folder that they lie in; None: a bucket, and each access is a request to another machine."""
        return self._objects.folder

    @property
    def root(self) -> Path:
        """The folder, of a store that is one."""
        if self.folder is None:
            raise TypeError(f"{self.place} is no folder")
        return self.folder

    @property
    def marker(self) -> Path:
        """The file by which a folder is known to be the store."""
        return self.root / objects.MARKER

    @property
    def scratch(self) -> Scratch:
        """For documents in work that come from the store, or go there."""
        self._objects.be_there()
        return self._scratch

    def sweep(self) -> None:
        """Removes what processes that were killed left of documents in work. Also while the store is away."""
        self._scratch.sweep()

    def check(self) -> None:
        """Returns if the store is there, or will be made when something is put into it."""
        self._objects.check()

    def be_there(self) -> None:
        """Makes the store, where nothing was put into it yet and it makes itself."""
        self._objects.be_there()

    def accept(self) -> None:
        """Takes the place for the store from now on, whatever is in it."""
        self._objects.accept()

    def room(self) -> tuple[int, int] | None:
        """Bytes that are left, and that there are in all; None: nobody tells, as of a bucket."""
        return self._objects.room()

    def note(self, name: str) -> bytes | None:
        """A small file beside the objects; None: there is none."""
        return self._objects.note(name)

    def set_note(self, name: str, content: bytes) -> None:
        """Writes it anew. Where the store is not there, nothing is written."""
        self._objects.set_note(name, content)

    def seal(self, source: Path, tenant_id: int, kind: str) -> Sealed:
        """Seals a file into the store, durably. Raises UnsafeFolder."""
        name = secrets.token_hex(16)
        with self._objects.new(name) as target:
            return seal_file(source, target, tenant_id, kind, name)

    def take_in(self, file: Path, stored: StoredObject) -> None:
        """Copies a file that seal_file has sealed into the store, durably; may be repeated. Raises UnsafeFolder."""
        self._objects.put(file, stored.object_name)

    @contextmanager
    def open(self, stored: StoredObject, key: bytes | None) -> Iterator[BinaryIO]:
        """The document, to be read from the start. key: its file's; None: it must not be sealed.

        Raises DocumentLost, also where it is not what was stored, and Locked.
        """
        if stored.digest is not None and key is None:
            raise Locked(_("This document is sealed, and nobody has opened its key."))
        reader = self._objects.open(stored.object_name)
        with reader:
            if stored.digest is None or key is None:
                yield reader
                return
            try:
                yield cast(BinaryIO, io.BufferedReader(SealedReader(reader, key, stored.context), sealed.CHUNK_BYTES))
            except SealBroken as error:
                raise self._changed(stored) from error

    def sealed_file(self, stored: StoredObject) -> Path | BinaryIO:
        """The sealed file of a document, for a client that opens it itself: where it lies, or, in a bucket, a reader
        that can seek. Raises DocumentLost.
        """
        if isinstance(self._objects, ObjectFolder):
            path = self._objects.path(stored.object_name)
            if not path.is_file():
                raise self._objects.missing(stored.object_name)
            return path
        return self._objects.open(stored.object_name)

    def name_of(self, stored: StoredObject, key: bytes, sealed_name: bytes) -> str:
        """The file name of a sealed document. Raises as `open` does."""
        with self.open(stored, key) as reader:
            header = cast(SealedReader, cast(io.BufferedReader, reader).raw).header
            return sealed.open_name(sealed_name, key, header)

    def copy_to(self, stored: StoredObject, target: Path, key: bytes | None) -> None:
        """Writes the document to a new private file, having verified all of it. Raises as `open` does."""
        try:
            with open(target, "wb", opener=_private) as writer:
                writer.writelines(self._verified(stored, key))
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def copy_to_send(self, document: ToSend, target: Path) -> None:
        """As copy_to, with a key of this machine. Raises KeyElsewhere and KeyGone as well."""
        self.copy_to(document.stored, target, self._key_of(document))

    def read_to_send(self, document: ToSend) -> bytes:
        """As copy_to_send, into memory: for one that is small."""
        return b"".join(self._verified(document.stored, self._key_of(document)))

    def _verified(self, stored: StoredObject, key: bytes | None) -> Iterator[bytes]:
        """The document, block by block; what was given out counts only when no error has come. Raises as `open`."""
        digest, size = hashlib.sha256(), 0
        with self.open(stored, key) as reader:
            while block := reader.read(min(1 << 20, stored.size + 1)):
                if stored.digest is None:
                    digest.update(block)
                size += len(block)
                if size > stored.size:
                    break
                yield block
        if size != stored.size or (stored.digest is None and digest.hexdigest() != stored.sha256):
            raise self._changed(stored)

    def _key_of(self, document: ToSend) -> bytes | None:
        digest = document.stored.digest
        if digest is None:
            return None
        found = transient_readers.file_key(self.keys, document.wraps, digest)
        if found is not None:
            return found
        if document.wraps:
            raise KeyElsewhere(_("This machine has no key to this document (yet); another one has."))
        raise KeyGone(_("The key to this document is gone: send it again."))

    def _changed(self, stored: StoredObject) -> DocumentLost:
        return DocumentLost(f"Object {stored.object_name} in {self.place} has changed. Restore it from a backup.")

    def objects(self) -> Iterator[Path]:
        """The files of all objects, of a store that is a folder, whether a row names them or not."""
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            yield from (path for path in folder.iterdir() if objects.is_name(path.name))

    def listed(self, number: int) -> Iterator[Listed]:
        """What lies in one of the objects.FOLDERS, whether a row names it or not."""
        return self._objects.listed(number)

    def names(self) -> set[str]:
        """Of all objects. Of a bucket a request for each of the FOLDERS, and each thousand of objects."""
        found = (each.name for number in range(objects.FOLDERS) for each in self.listed(number))
        return {name for name in found if objects.is_name(name)}

    def remove(self, listed: Listed, number: int) -> bool:
        """Removes what was listed there; whether it was still there."""
        return self._objects.remove(listed, number)

    def drop_unfinished(self, before: float) -> None:
        """Removes what uploads left that were interrupted before that (epoch seconds), and `listed` has not."""
        self._objects.drop_unfinished(before)

    def is_sealed(self, name: str) -> bool:
        """Whether an object is a sealed file; also one that is gone."""
        try:
            with self._objects.open(name) as file:
                return file.read(len(sealed.MAGIC)) == sealed.MAGIC
        except DocumentLost:
            return True

    def delete(self, object_name: str) -> None:
        """Removes an object; one that is gone already is no error."""
        self._objects.delete(object_name)

    def delete_all(self, object_names: Sequence[str]) -> Mapping[str, str]:
        """Removes objects; those that are still there, and why."""
        return self._objects.delete_all(object_names)

    @contextmanager
    def kept_if_named(self, made: Sequence[Sealed]) -> Iterator[None]:
        """Deletes these objects where the block fails, whose transaction was to write rows that name them. made: may
        grow in the block."""
        try:
            yield
        except DatabaseUnavailable:
            # It may have committed before it went away, and its rows then name these objects: an orphan is cheaper.
            # So may what is interrupted have, by what is no Exception.
            raise
        except Exception:
            self.discard(made)
            raise

    def discard(self, made: Iterable[Sealed]) -> None:
        """Deletes objects that no row names. Those of a server that has just gone go with the orphans."""
        for each in made:
            try:
                self.delete(each.stored.object_name)
            except StoreUnavailable as error:
                LOG.warning("object %s, which nobody needs, is left to purge: %s", each.stored.object_name, error)

    def make_deletions_last(self, names: Iterable[str]) -> None:
        """Makes the deletion of these objects durable."""
        self._objects.make_deletions_last(names)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
