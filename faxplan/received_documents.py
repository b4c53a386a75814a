"""What a call has brought, made into documents and sealed, while its plain pages lie in the private spool.

First the TIFF, as rxfax wrote it, but for the name of the library that did. Then what is made of its whole pages for
those who read it (received_copies.py): a PDF, images of the pages, a thumbnail. Where these cannot be made the TIFF
goes alone: the sender shaped these pages, and whatever they break, they are kept.
"""

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faxplan import document_store, documents, received, received_copies, tiff_directory
from faxplan.call_result import CallResult
from faxplan.confinement import Confinement
from faxplan.documents import Sealed, StoredObject, Wrapped
from faxplan.places import Places
from faxplan.tiff_directory import BrokenTiff
from faxplan.transient_readers import TransientKey
from faxplan.vault import MailboxKey

LOG = logging.getLogger(__name__)
_MAILED = frozenset({documents.RECEIVED_TIFF, documents.RECEIVED_PDF})


@dataclass(frozen=True, slots=True)
class Readers:
    """Whom a received fax is for: its mailbox and, where that chose mail, the workers' keys (mail_readers)."""

    mailbox: MailboxKey
    mailers: Sequence[TransientKey] = ()

    def wrap(self, made: Sealed) -> Wrapped:
        """What is for a browser no mail carries: that is the mailbox's alone."""
        return made.wrapped([self.mailbox], self.mailers if made.stored.kind in _MAILED else ())


@dataclass(frozen=True, slots=True)
class Brought:
    """state: received, partial or failed. pages: whole ones. documents: TIFF first; empty where nothing arrived."""

    state: str
    pages: int
    documents: Sequence[Wrapped]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `of` reads it back."""
        return {"state": self.state, "pages": self.pages, "documents": [_written(each) for each in self.documents]}

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Brought":
        """Raises KeyError, ValueError and TypeError for what as_dict has not written."""
        return cls(content["state"], content["pages"], [_read(each) for each in content["documents"]])


def file_of(folder: Path, document: Wrapped) -> Path:
    """Where it was put, sealed."""
    return _place(folder, document.stored.kind)


def seal(tiff: Path, folder: Path, tenant_id: int, result: CallResult, readers: Readers) -> Brought:
    """Seals a call's TIFF into a folder, durably but for its name. What lies there of an earlier try goes.

    Raises OSError; then the plain pages are where they were.
    """
    for old in folder.glob("*.sealed"):
        old.unlink()
    state, pages = _examine(tiff, result)
    if pages:
        _without_texts(tiff)
    made = [_sealed(tiff, folder, tenant_id, documents.RECEIVED_TIFF, readers)] if pages else []
    return Brought(state, pages, made)


def with_copies(
    brought: Brought,
    tiff: Path,
    work: Path,
    folder: Path,
    readers: Readers,
    places: Places,
    within: Confinement,
) -> Brought:
    """The same, with what is made of the TIFF, sealed into the folder as that is; as it was where nothing is made.

    work: a folder for the plain copies, which is made, and gone afterwards.
    """
    if len(brought.documents) != 1:
        return brought
    (of_tiff,) = brought.documents
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(mode=0o700)
        # All that a converter has to reach. What it may do to the TIFF comes too late: that is sealed.
        page = work / "fax.tif"
        _linked(tiff, page)
        copies = received_copies.make(page, work, brought.pages, places, within=within)
        tenant_id = of_tiff.stored.tenant_id
        made = [_sealed(file, folder, tenant_id, kind, readers) for kind, file in copies.items()]
    except OSError:
        LOG.exception("%s: the TIFF goes alone", tiff.name)
        return brought
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return replace(brought, documents=[of_tiff, *made])


def _sealed(file: Path, folder: Path, tenant_id: int, kind: str, readers: Readers) -> Wrapped:
    target = _place(folder, kind)
    target.unlink(missing_ok=True)
    return readers.wrap(document_store.seal_file(file, target, tenant_id, kind))


def _place(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.sealed"


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # As on a file system without links.
        shutil.copyfile(source, target)


def _examine(tiff: Path, result: CallResult) -> tuple[str, int]:
    """Final state, and whole pages."""
    if not tiff.exists():
        return "failed", 0
    try:
        pages = received.complete_pages(tiff)
        if not pages:
            return "failed", 0
    except Exception:
        LOG.exception("%s: its pages cannot be counted", tiff.name)
        pages = max(result.pages, 1)
    return ("received" if result.fax_success and pages >= result.pages else "partial"), pages


def _without_texts(tiff: Path) -> None:
    """rxfax writes into each page which library received it, and on which host: a tenant's files name neither."""
    try:
        tiff_directory.blank_file(tiff)
    except BrokenTiff as error:
        LOG.info("%s: %s", tiff.name, error)


def _written(document: Wrapped) -> dict[str, Any]:
    stored = document.stored
    if stored.digest is None:
        raise ValueError("a document that is not sealed")
    return {
        "tenant": stored.tenant_id,
        "kind": stored.kind,
        "object": stored.object_name,
        "bytes": stored.size,
        "digest": stored.digest.hex(),
        "wraps": [[mailbox, epoch, wrap.hex()] for (mailbox, epoch), wrap in document.mailboxes.items()],
        "mailers": [[key_id, wrap.hex()] for key_id, wrap in document.transients.items()],
    }


def _read(written: dict[str, Any]) -> Wrapped:
    digest = bytes.fromhex(written["digest"])
    stored = StoredObject(written["tenant"], written["kind"], written["object"], written["bytes"], digest)
    mailboxes = {(mailbox, epoch): bytes.fromhex(wrap) for mailbox, epoch, wrap in written["wraps"]}
    return Wrapped(stored, mailboxes, {key_id: bytes.fromhex(wrap) for key_id, wrap in written.get("mailers", ())})
