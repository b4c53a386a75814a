"""The document store: originals, renderings and received faxes, as sealed files with random names.

This is the one seam through which documents are written and read. Each is sealed with a key of its own (sealed.py), of
which only wraps are kept: to a mailbox, whose members read it, and to this installation's machines while it waits to be
sent (transient_readers.py). What was stored before documents were sealed lies there as it is until `vault adopt`.

A store has a marker in it, made with it. Where that is missing, the disk that the store lies on is not mounted, and
what is there in its place is an empty folder: nothing is lost, and nothing must be written there.
"""

import hashlib
import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

from faxplan import sealed, transient_readers
from faxplan.config import Settings
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.files import fsync_folder, private_folder, write_durably
from faxplan.key_folder import KeyFolder
from faxplan.keyring import Keyring
from faxplan.scratch import Scratch
from faxplan.sealed import Context, Header, SealBroken, SealedReader
from faxplan.transient_readers import KeyGone, TransientKey
from faxplan.vault import MailboxKey

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


class KeyElsewhere(FaxplanError):
    """A document waits to be sent, and other machines of the installation have the keys that open it."""

    error_id = "key-elsewhere"
    retryable = True


class Locked(FaxplanError):
    """A document is sealed, and its key was not given."""

    error_id = "locked"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What lies in the store under a name. size: bytes of the document, not of its sealed file. digest: of that one's
    header. sha256: hexadecimal, of an object from before documents were sealed, which has no digest.
    """

    tenant_id: int
    kind: str
    object_name: str
    size: int
    digest: bytes | None
    sha256: str | None = None

    @property
    def context(self) -> Context:
        """What its sealed file says of itself."""
        return Context(self.tenant_id, self.object_name, self.kind)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A sealed document with what its readers need, ready to be recorded: nothing of it opens anything by itself.

    mailboxes: wraps by mailbox and epoch; transients: by the ids of transient_readers' keys.
    """

    stored: StoredObject
    mailboxes: Mapping[tuple[int, int], bytes]
    transients: Mapping[int, bytes] = field(default_factory=dict)
    sealed_name: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document that was sealed just now. key: its file's, which is kept nowhere."""

    stored: StoredObject
    header: Header
    key: bytes = field(repr=False)

    def wrapped(
        self, mailboxes: Iterable[MailboxKey], machines: Iterable[TransientKey] = (), *, file_name: str = ""
    ) -> Wrapped:
        """For the members of mailboxes, and for machines that are to send it."""
        digest = self.header.digest
        return Wrapped(
            self.stored,
            {(each.mailbox_id, each.epoch): each.public.wrap(self.key, digest) for each in mailboxes},
            {each.id: each.public.wrap(self.key, digest) for each in machines},
            sealed.seal_name(file_name, self.key, self.header) if file_name else None,
        )


@dataclass(frozen=True, slots=True)
class ToSend:
    """A document that waits to be sent. wraps: to machines' keys, by the raw public keys."""

    stored: StoredObject
    wraps: Mapping[bytes, bytes]

    COLUMNS: ClassVar[str] = """d.tenant_id, d.kind, d.object_name, d.bytes, d.header_digest, d.sha256, array(
        select encode(k.public_key || w.wrap, 'hex') from transient_wraps w join transient_keys k on k.id = w.key_id
        where w.tenant_id = d.tenant_id and w.document_id = d.id
          and k.created_at > now() - interval '3 days') as wraps"""
    """Of documents d, for `of`. Without those to keys of machines that are dead (transient_readers.LOST_SECONDS): a fax
    would wait for them for ever."""
    NAMES: ClassVar[tuple[str, ...]] = ("tenant_id", "kind", "object_name", "bytes", "header_digest", "sha256", "wraps")

    @classmethod
    def of(cls, row: Row) -> "ToSend":
        """From a row with COLUMNS."""
        pairs = [bytes.fromhex(each) for each in row["wraps"]]
        return cls(_stored(row), {pair[:32]: pair[32:] for pair in pairs})


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
    """A folder of objects; each is written once and never changed. Every method but `delete` raises StoreUnavailable.

    keys: with which this machine opens what waits to be sent. makes_itself: made by the first `seal`, where there is no
    such folder. On a disk of its own it must not be: the folder may be missing because the disk is.
    """

    def __init__(self, root: Path, keys: KeyFolder, *, makes_itself: bool = True) -> None:
        self.root = root
        self.keys = keys
        self.marker = root / _MARKER
        self._makes_itself = makes_itself
        self._scratch = Scratch(root / ".scratch")

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """This installation's. One that store_dir names may lie on a disk of its own."""
        return cls(settings.store, KeyFolder(settings.keys), makes_itself=settings.store_dir is None)

    @property
    def scratch(self) -> Scratch:
        """For documents in work: where the store is, and as private."""
        self._be_there()
        return self._scratch

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
            raise Locked("This document is sealed, and nobody has opened its key.")
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

    def name_of(self, stored: StoredObject, key: bytes, sealed_name: bytes) -> str:
        """The file name of a sealed document. Raises as `open` does."""
        with self.open(stored, key) as reader:
            header = cast(SealedReader, cast(io.BufferedReader, reader).raw).header
            return sealed.open_name(sealed_name, key, header)

    def copy_to(self, stored: StoredObject, target: Path, key: bytes | None) -> None:
        """Writes the document to a new private file, having verified all of it. Raises as `open` does."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.open(stored, key) as reader, open(target, "wb", opener=_private) as writer:
                while block := reader.read(1 << 20):
                    if stored.digest is None:
                        digest.update(block)
                    size += len(block)
                    writer.write(block)
            if size != stored.size or (stored.digest is None and digest.hexdigest() != stored.sha256):
                raise self._changed(stored)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def copy_to_send(self, document: ToSend, target: Path) -> None:
        """As copy_to, with a key of this machine. Raises KeyElsewhere and KeyGone as well."""
        self.copy_to(document.stored, target, self._key_of(document))

    def _key_of(self, document: ToSend) -> bytes | None:
        digest = document.stored.digest
        if digest is None:
            return None
        found = transient_readers.file_key(self.keys, document.wraps, digest)
        if found is not None:
            return found
        if document.wraps:
            raise KeyElsewhere("This machine has no key to this document (yet); another one has.")
        raise KeyGone("The key to this document is gone: send it again.")

    def _changed(self, stored: StoredObject) -> DocumentLost:
        return DocumentLost(f"Object {stored.object_name} in {self.root} has changed. Restore it from a backup.")

    def objects(self) -> Iterator[Path]:
        """The files of all objects, whether a row names them or not."""
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            yield from (path for path in folder.iterdir() if len(path.name) == 32)

    def delete(self, object_name: str) -> None:
        """Removes an object; one that is gone already is no error."""
        self._path(object_name).unlink(missing_ok=True)

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


def record(tx: Transaction, document: Wrapped, *, media_type: str, pages: int | None) -> int:
    """The row of a document that was sealed, and its wraps; its document id."""
    stored = document.stored
    document_id = int(
        tx.value(
            """insert into documents (tenant_id, kind, media_type, bytes, header_digest, sealed_name, pages,
                                      object_name)
               values (%s, %s, %s, %s, %s, %s, %s, %s) returning id""",
            (
                stored.tenant_id,
                stored.kind,
                media_type,
                stored.size,
                stored.digest,
                document.sealed_name,
                pages,
                stored.object_name,
            ),
        )
    )
    _keep_wraps(tx, document_id, document)
    return document_id


def _keep_wraps(tx: Transaction, document_id: int, document: Wrapped) -> None:
    stored = document.stored
    for (mailbox_id, epoch), wrap in document.mailboxes.items():
        tx.later(
            "insert into mailbox_wraps (tenant_id, document_id, mailbox_id, epoch, wrap) values (%s, %s, %s, %s, %s)",
            (stored.tenant_id, document_id, mailbox_id, epoch, wrap),
        )
    if stored.digest is not None:
        transient_readers.wrap(tx, stored.tenant_id, document_id, stored.digest, document.transients)


def replace_plain(tx: Transaction, document_id: int, document: Wrapped) -> bool:
    """Lets the row of a document that is not sealed name this sealed one (role worker); False where it is by now."""
    stored = document.stored
    changed = tx.execute(
        """update documents set object_name = %s, bytes = %s, header_digest = %s, sealed_name = %s, sha256 = null,
                                file_name = '' where tenant_id = %s and id = %s and header_digest is null""",
        (
            stored.object_name,
            stored.size,
            stored.digest,
            document.sealed_name,
            stored.tenant_id,
            document_id,
        ),
    )
    if changed:
        _keep_wraps(tx, document_id, document)
    return bool(changed)


def plain_name(tx: Transaction, tenant_id: int, document_id: int) -> str:
    """The file name of a document that is not sealed; empty where there is none."""
    name = tx.value("select file_name from documents where tenant_id = %s and id = %s", (tenant_id, document_id))
    return name or ""


def names(tx: Transaction, tenant_id: int) -> Iterator[str]:
    """The object names of all of a tenant's documents."""
    for row in tx.stream("select object_name from documents where tenant_id = %s", (tenant_id,)):
        yield row["object_name"]


def get(tx: Transaction, tenant_id: int, document_id: int) -> StoredObject:
    """Where a document lies. Raises NotFound."""
    row = tx.row(
        """select tenant_id, kind, object_name, bytes, header_digest, sha256 from documents
           where tenant_id = %s and id = %s""",
        (tenant_id, document_id),
    )
    if row is None:
        raise NotFound(f"There is no document {document_id}.")
    return _stored(row)


def get_to_send(tx: Transaction, tenant_id: int, document_id: int) -> ToSend:
    """A document that waits, with the wraps to machines' keys. Raises NotFound."""
    row = tx.row(
        f"select {ToSend.COLUMNS} from documents d where d.tenant_id = %s and d.id = %s", (tenant_id, document_id)
    )
    if row is None:
        raise NotFound(f"There is no document {document_id}.")
    return ToSend.of(row)


def opened(tx: Transaction, tenant_id: int, document_id: int, ring: Keyring) -> tuple[StoredObject, bytes | None]:
    """A document, and its file's key as a reader's keyring opens it; no key where it is not sealed.

    Raises NotFound, and Locked where the reader has no key to it (yet).
    """
    stored = get(tx, tenant_id, document_id)
    if stored.digest is None:
        return stored, None
    rows = tx.rows(
        "select mailbox_id, epoch, wrap from mailbox_wraps where tenant_id = %s and document_id = %s",
        (tenant_id, document_id),
    )
    for row in rows:
        private = ring.key_of(row["mailbox_id"], row["epoch"])
        if private is not None:
            return stored, private.unwrap(bytes(row["wrap"]), stored.digest)
    raise Locked(
        "Your key does not open this document. Another member of the mailbox has to unlock once, which hands you its "
        "key; or it came before your key was replaced: `faxplan recover`."
    )


def is_recorded(tx: Transaction, stored: StoredObject) -> bool:
    """Whether a row names this object."""
    row = tx.row(
        "select 1 from documents where tenant_id = %s and object_name = %s", (stored.tenant_id, stored.object_name)
    )
    return row is not None


def _stored(row: Row) -> StoredObject:
    digest = row["header_digest"]
    return StoredObject(
        row["tenant_id"],
        row["kind"],
        row["object_name"],
        row["bytes"],
        None if digest is None else bytes(digest),
        row["sha256"],
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
