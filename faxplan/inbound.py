"""One fax in: accepted before the answer, received into the spool, delivered from a persistent `pending/`.

    accept    look-up and a `receiving` row, all before the answer: never an answer that we cannot keep (accepting.py)
    secure    after the call: the TIFF and how the call ended, durable in pending/<attempt>/, with or without a database
              (pending.py)
    deliver   PDF made, both stored, then mailbox entry, notice and audit in one transaction; then pending/<attempt>/
              goes

Whatever a crash leaves behind is found again in the spool or in pending/ and goes the same way (pending.adopt).
"""

import fcntl
import logging
import os
import shutil
from pathlib import Path

from faxplan import attempts, audit, documents, mailboxes, notices, queue, received
from faxplan.call_result import CallResult
from faxplan.db import Database, Row, Transaction
from faxplan.documents import Store
from faxplan.errors import DatabaseUnavailable
from faxplan.pending import PendingFax
from faxplan.spool import InboundSidecar

LOG = logging.getLogger(__name__)


def deliver(db: Database, store: Store, pending: PendingFax, *, actor: str) -> str | None:
    """Brings a pending fax into its mailbox; its final state: received, partial or failed.

    None where that was done before, or while another thread does it. Raises DatabaseUnavailable: everything stays in
    pending/.
    """
    try:
        folder = os.open(pending.folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It may have been delivered, and removed, between the opening and the lock.
        return _deliver_locked(db, store, pending, actor) if pending.folder.exists() else None
    except BlockingIOError:
        return None
    finally:
        os.close(folder)


def _deliver_locked(db: Database, store: Store, pending: PendingFax, actor: str) -> str | None:
    side = pending.sidecar
    state, pages, pdf = _examine(pending)
    # Asked first: while the database is away, every try would leave another copy in the store.
    with db.tenant(side.tenant_id) as tx:
        delivered = not _is_due(tx, side, pages)
    if delivered:
        shutil.rmtree(pending.folder)
        return None
    stored = [store.put(path) for path in (pending.tiff, pdf) if path is not None and pages]
    try:
        done = _commit(db, pending, state, pages, stored, actor)
    except DatabaseUnavailable:
        # It may have committed before it went away, and its rows then name these objects: an orphan is cheaper.
        raise
    except BaseException:
        for each in stored:
            store.delete(each.object_name)
        raise
    if not done:
        for each in stored:
            store.delete(each.object_name)
    shutil.rmtree(pending.folder)
    return state if done else None


def _is_due(tx: Transaction, side: InboundSidecar, pages: int) -> bool:
    """Whether the fax is still to be delivered.

    That its call is closed does not say so: it may have been given up as lost while its pages lay here, on a node that
    was away. Then it is delivered late.
    """
    if queue.call_is_open(tx, side.tenant_id, side.attempt_id):
        return True
    given_up = tx.value(
        "select state = 'failed' and tiff_id is null from faxes where tenant_id = %s and id = %s",
        (side.tenant_id, side.fax_id),
    )
    return bool(given_up) and pages > 0


def _examine(pending: PendingFax) -> tuple[str, int, Path | None]:
    """Final state, whole pages, and the PDF beside the TIFF; None where there can be none: the TIFF goes alone."""
    if pending.tiff is None:
        return "failed", 0, None
    pdf: Path | None = pending.folder / "fax.pdf"
    try:
        pages = received.complete_pages(pending.tiff)
        if not pages:
            return "failed", 0, None
        received.to_pdf(pending.tiff, pending.folder / "fax.pdf")
    except Exception:
        # The sender shaped these pages: whatever they break, they are kept.
        LOG.exception("attempt %s: no PDF", pending.sidecar.attempt_id)
        pages, pdf = max(pending.result.pages, 1), None
    return ("received" if pending.result.fax_success and pages >= pending.result.pages else "partial"), pages, pdf


def _commit(
    db: Database, pending: PendingFax, state: str, pages: int, stored: list[documents.StoredObject], actor: str
) -> bool:
    side, result = pending.sidecar, pending.result
    words = _words(state, pages, result)
    with db.tenant(side.tenant_id) as tx:
        fax = queue.lock_fax(tx, side.tenant_id, side.fax_id)
        if fax is None or not _is_due(tx, side, pages):
            return False
        if queue.take_call(tx, side.tenant_id, side.attempt_id) is None:
            attempts.reopen(tx, side.tenant_id, side.attempt_id)
        kinds = ((documents.RECEIVED_TIFF, "image/tiff"), (documents.RECEIVED_PDF, "application/pdf"))
        ids = [
            documents.record(tx, side.tenant_id, each, kind=kind, media_type=media_type, pages=pages)
            for each, (kind, media_type) in zip(stored, kinds, strict=False)
        ]
        attempts.close(tx, side.tenant_id, side.attempt_id, result, outcome=state, explanation=words, pages=pages)
        tx.execute(
            """update faxes set state = %s, explanation = %s, error_id = %s, pages = %s, pages_done = %s,
                      attempts_made = 1, tiff_id = %s, pdf_id = %s, finished_at = now()
               where tenant_id = %s and id = %s""",
            (
                state,
                words,
                None if state == "received" else result.hangup_cause,
                pages,
                pages,
                ids[0] if ids else None,
                ids[1] if len(ids) > 1 else None,
                side.tenant_id,
                side.fax_id,
            ),
        )
        if pages:
            mailboxes.deliver(tx, side.tenant_id, side.mailbox_id, side.fax_id)
        notices.tell_mailbox(tx, side.tenant_id, side.mailbox_id, side.fax_id, state, words)
        audit.record(
            tx,
            side.tenant_id,
            actor=actor,
            action="fax.receive",
            object=f"fax:{side.fax_id}",
            result="failed" if state == "failed" else "done",
            state=state,
            pages=pages,
        )
    return True


def _words(state: str, pages: int, result: CallResult) -> str:
    said = f" ({result.fax_result_text})" if result.fax_result_code and result.fax_result_text else ""
    counted = f"{pages} page" + ("" if pages == 1 else "s")
    if state == "received":
        return f"{counted} received."
    if state == "partial":
        return f"The call broke off after {counted}{said}. What arrived is kept; ask the sender for the rest."
    return f"The call ended without a page{said}."


def abandon(db: Database, call: Row, *, actor: str) -> bool:
    """Ends a receiving row of which nothing was left: its switch died before a page was on disk.

    False: settled before.
    """
    words = "The switch stopped during the call, and no page was on disk."
    with db.tenant(call["tenant_id"]) as tx:
        fax = queue.lock_fax(tx, call["tenant_id"], call["fax_id"])
        if fax is None or queue.take_call(tx, call["tenant_id"], call["attempt_id"]) is None:
            return False
        lost = CallResult(hangup_cause="NONE")
        attempts.close(tx, call["tenant_id"], call["attempt_id"], lost, outcome="failed", explanation=words, pages=0)
        tx.execute(
            """update faxes set state = 'failed', explanation = %s, error_id = 'outcome-unknown', pages = 0,
                      attempts_made = 1, finished_at = now() where tenant_id = %s and id = %s""",
            (words, call["tenant_id"], call["fax_id"]),
        )
        notices.tell_mailbox(tx, call["tenant_id"], fax["mailbox_id"], call["fax_id"], "failed", words)
        audit.record(
            tx,
            call["tenant_id"],
            actor=actor,
            action="fax.receive",
            object=f"fax:{call['fax_id']}",
            result="failed",
            pages=0,
        )
    return True
