"""What a call has brought, made into documents and sealed, while its plain pages lie in the private spool.

The TIFF as rxfax wrote it, and a PDF of its whole pages. Where that cannot be made the TIFF goes alone: the sender
shaped these pages, and whatever they break, they are kept.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faxplan import document_store, documents, received
from faxplan.call_result import CallResult
from faxplan.documents import StoredObject, Wrapped
from faxplan.transient_readers import TransientKey
from faxplan.vault import MailboxKey

LOG = logging.getLogger(__name__)
MEDIA_TYPES = {documents.RECEIVED_TIFF: "image/tiff", documents.RECEIVED_PDF: "application/pdf"}


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
    """Where `seal` has put a document."""
    return folder / f"{document.stored.kind}.sealed"


def seal(
    tiff: Path,
    folder: Path,
    tenant_id: int,
    result: CallResult,
    mailboxes: Iterable[MailboxKey],
    mailers: Iterable[TransientKey] = (),
) -> Brought:
    """Seals a call's pages into a folder, durably but for their names. What lies there of an earlier try goes.

    mailers: whom they are wrapped to besides (mail_readers).

    Raises OSError; then the plain pages are where they were.
    """
    for old in folder.glob("*.sealed"):
        old.unlink()
    state, pages, pdf = _examine(tiff, result)
    to, besides = list(mailboxes), list(mailers)
    made = []
    try:
        for kind, file in ((documents.RECEIVED_TIFF, tiff), (documents.RECEIVED_PDF, pdf)):
            if pages and file is not None:
                target = folder / f"{kind}.sealed"
                made.append(document_store.seal_file(file, target, tenant_id, kind).wrapped(to, besides))
    finally:
        if pdf is not None:
            pdf.unlink(missing_ok=True)
    return Brought(state, pages, made)


def _examine(tiff: Path, result: CallResult) -> tuple[str, int, Path | None]:
    """Final state, whole pages, and the PDF beside the TIFF; None where there can be none."""
    if not tiff.exists():
        return "failed", 0, None
    pdf: Path | None = tiff.with_suffix(".pdf")
    try:
        pages = received.complete_pages(tiff)
        if not pages:
            return "failed", 0, None
        received.to_pdf(tiff, tiff.with_suffix(".pdf"))
    except Exception:
        LOG.exception("%s: no PDF", tiff.name)
        pages, pdf = max(result.pages, 1), None
    return ("received" if result.fax_success and pages >= result.pages else "partial"), pages, pdf


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
