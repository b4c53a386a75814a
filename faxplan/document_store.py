"""The document store: a folder of sealed files with random names, each written once and never changed.

A store has a marker in it, made with it. Where that is missing, the disk that the store lies on is not mounted, and
what is there in its place is an empty folder: nothing is lost, and nothing must be written there. What was stored
before documents were sealed lies there as it is until `vault adopt`.
"""

import hashlib
import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from faxplan import namespaces, sealed, transient_readers
from faxplan.config import Settings
from faxplan.confinement import Confinement
from faxplan.documents import Locked, Sealed, StoredObject, ToSend
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.files import fsync_folder, private_folder, write_durably
from faxplan.key_folder import KeyFolder
from faxplan.language import _
from faxplan.namespaces import Namespace
from faxplan.scratch import Scratch
from faxplan.sealed import Context, SealBroken, SealedReader
from faxplan.transient_readers import KeyGone

_MARKER = ".faxplan-store"
_MARK = b"Faxplan's document store. Where this file is missing, the store's disk is not mounted.\n"


class DocumentLost(FaxplanError):
    """The database knows a document that the store does not have, or has with other content."""

    error_id = "document-lost"


class StoreUnavailable(FaxplanError):
    """The store's disk is not mounted. No document is lost, and no fax fails for it."""

    error_id = "store-unavailable"
    retryable = True


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
    """A folder of objects; each is written once and never changed. All methods but `delete` and `sweep` raise
    StoreUnavailable.

    keys: with which this machine opens what waits to be sent. scratch: for documents in work. confinement: of what
    parses them before they come here and after; unless said otherwise, a namespace for each. makes_itself: made by the
    first `seal`, where there is no such folder. On a disk of its own it must not be: the folder may be missing because
    the disk is.
    """

    def __init__(
        self,
        root: Path,
        keys: KeyFolder,
        scratch: Scratch,
        *,
        confinement: Confinement | None = None,
        makes_itself: bool = True,
    ) -> None:
        self.root = root
        self.keys = keys
        self.confinement = confinement or Namespace()
        self.marker = root / _MARKER
        self._makes_itself = makes_itself
        self._scratch = scratch

    @classmethod
    def of(cls, settings: Settings, confined: Callable[[Settings, Scratch], Confinement] = namespaces.of) -> "Store":
        """This installation's. One that store_dir names may lie on a disk of its own.

        confined: how documents are in this process (namespaces.of, kept or shared).
        """
        scratch = Scratch(settings.work)
        return cls(
            settings.store,
            KeyFolder(settings.keys),
            scratch,
            confinement=confined(settings, scratch),
            makes_itself=settings.store_dir is None,
        )

    @property
    def scratch(self) -> Scratch:
        """For documents in work that come from the store, or go there."""
        self._be_there()
        return self._scratch

    def sweep(self) -> None:
        """Removes what processes that were killed left of documents in work. Also while the store is away."""
        self._scratch.sweep()

    def check(self) -> None:
        """Returns if the store is there, or will be made when something is put into it."""
        if not self._has_marker() and not self._is_to_be_made():
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

    def _has_marker(self) -> bool:
        try:
            return self.marker.exists()
        except PermissionError:
            # Of a user who has no business here; the disk is well.
            raise
        except OSError as error:
            raise StoreUnavailable(
                f"{self.root} cannot be looked at ({error.strerror}). See whether its disk is well, and mounted."
            ) from error

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

    def seal(self, source: Path, tenant_id: int, kind: str) -> Sealed:
        """Seals a file into the store, durably (file and folders are fsynced). Raises UnsafeFolder."""
        name = secrets.token_hex(16)
        made = seal_file(source, self._place_for(name), tenant_id, kind, name)
        self._make_names_last(name)
        return made

    def take_in(self, file: Path, stored: StoredObject) -> None:
        """Copies a file that seal_file has sealed into the store, durably; may be repeated. Raises UnsafeFolder."""
        target = self._place_for(stored.object_name)
        draft = target.with_suffix(".partial")
        try:
            with file.open("rb") as reader, open(draft, "wb", opener=_private) as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        self._make_names_last(stored.object_name)

    @contextmanager
    def open(self, stored: StoredObject, key: bytes | None) -> Iterator[BinaryIO]:
        """The document, to be read from the start. key: its file's; None: it must not be sealed.

        Raises DocumentLost, also where it is not what was stored, and Locked.
        """
        if stored.digest is not None and key is None:
            raise Locked(_("This document is sealed, and nobody has opened its key."))
        try:
            reader = self._path(stored.object_name).open("rb")
        except FileNotFoundError as error:
            if not self._has_marker():
                raise self._unavailable() from error
            raise DocumentLost(
                f"Object {stored.object_name} is missing in {self.root}. Restore it from a backup."
            ) from error
        with reader:
            if stored.digest is None or key is None:
                yield reader
                return
            try:
                yield cast(BinaryIO, io.BufferedReader(SealedReader(reader, key, stored.context), sealed.CHUNK_BYTES))
            except SealBroken as error:
                raise self._changed(stored) from error

    def sealed_file(self, stored: StoredObject) -> Path:
        """Where the sealed file of a document lies, for a client that opens it itself. Raises DocumentLost."""
        path = self._path(stored.object_name)
        if not path.is_file():
            if not self._has_marker():
                raise self._unavailable()
            raise DocumentLost(f"Object {stored.object_name} is missing in {self.root}. Restore it from a backup.")
        return path

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
        return DocumentLost(f"Object {stored.object_name} in {self.root} has changed. Restore it from a backup.")

    def objects(self) -> Iterator[Path]:
        """The files of all objects, whether a row names them or not."""
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            yield from (path for path in folder.iterdir() if len(path.name) == 32)

    def delete(self, object_name: str) -> None:
        """Removes an object; one that is gone already is no error."""
        self._path(object_name).unlink(missing_ok=True)

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
        """Deletes objects that no row names."""
        for each in made:
            self.delete(each.stored.object_name)

    def make_deletions_last(self, names: Iterable[str]) -> None:
        """Makes the deletion of these objects durable."""
        for folder in sorted({self._path(name).parent for name in names}):
            if folder.is_dir():
                fsync_folder(folder)

    def _place_for(self, name: str) -> Path:
        """Where an object is to be, in folders that are there."""
        self._be_there()
        target = self._path(name)
        private_folder(self.root)
        private_folder(target.parent)
        return target

    def _make_names_last(self, name: str) -> None:
        fsync_folder(self._path(name).parent)
        # The object's folder may be new, and its name must last too.
        fsync_folder(self.root)

    def _path(self, name: str) -> Path:
        if not (len(name) == 32 and all(c in "0123456789abcdef" for c in name)):
            raise ValueError(f"not an object name: {name!r}")
        return self.root / name[:2] / name


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
