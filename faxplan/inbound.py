"""One fax in: accepted before the answer, received into the spool, delivered from a persistent `pending/`.

    accept    look-up and a `receiving` row, all before the answer: never an answer that we cannot keep (accepting.py)
    secure    after the call: TIFF, PDF, page images and thumbnail, sealed to the mailbox, and how the call ended,
              durable in pending/<attempt>/, with or without a database (pending.py)
    deliver   all stored, then mailbox entry, notice and audit in one transaction; then pending/<attempt>/ goes

Whatever a crash leaves behind is found again in the spool or in pending/ and goes the same way (pending.adopt).
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import Enum, auto

from faxplan import (
    attempts,
    audit,
    documents,
    log_lines,
    mail_readers,
    mailboxes,
    notices,
    opt_out,
    pending,
    queue,
    received_documents,
    vault,
)
from faxplan.call_result import CallResult
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.documents import Wrapped
from faxplan.language import _, ngettext
from faxplan.pending import PendingFax
from faxplan.received_documents import Brought, Readers
from faxplan.spool import InboundSidecar, Spool

LOG = logging.getLogger(__name__)
NOT_LOOKED_UP = "The caller was refused (503): the call could not be looked up in time."
HUNG_UP_BEFORE = "The call was over before it was answered: the caller hung up, or its media could not be set up."
NOT_ANSWERED = "The call was not answered: it could not be looked up in time (503), or was over before."
"""Of a call of which it is only known that nobody answered it."""


class Standing(Enum):
    """What the database knows of a received fax. UNHEARD_OF: it lost the row, as after a restore or a fail-over."""

    DUE = auto()
    DELIVERED = auto()
    UNHEARD_OF = auto()


def deliver(db: Database, store: Store, fax: PendingFax, *, actor: str) -> str | None:
    """Brings a pending fax into its mailbox; its final state: received, partial or failed.

    None where that was done before, or while another thread does it, and for a fax of which the database knows nothing:
    that one is kept in pending/unclaimed/. Raises DatabaseUnavailable and StoreUnavailable: everything stays in
    pending/.
    """
    with log_lines.about_this(fax), pending.held(fax.folder) as is_ours:
        # Read again: what is made of its pages may have come to it since.
        now = pending.read(fax.folder) if is_ours else None
        return None if now is None else _deliver_held(db, store, now, actor)


def _deliver_held(db: Database, store: Store, fax: PendingFax, actor: str) -> str | None:
    store.check()
    with db.tenant(fax.sidecar.tenant_id) as tx:
        mailbox = None
        if fax.brought is None:
            mailbox = vault.mailbox_for(tx, fax.sidecar.tenant_id, fax.sidecar.mailbox_id)
    if mailbox is not None:
        # Where nobody could open it, it lies where somebody can, as what is accepted now does.
        sidecar = replace(fax.sidecar, mailbox_id=mailbox.mailbox_id)
        fax = replace(fax, sidecar=sidecar).sealed_to(Readers(mailbox), store.confinement)
    if fax.brought is None:
        LOG.error("attempt %s: nobody is enrolled who could open its fax; it waits", fax.sidecar.attempt_id)
        return None
    # Asked first: what is there already, as after a lost answer, must not be taken for what is to be thrown away.
    with db.tenant(fax.sidecar.tenant_id) as tx:
        standing = _standing(tx, fax.sidecar, fax.brought.pages)
    if standing is Standing.DUE:
        for document in fax.brought.documents:
            store.take_in(received_documents.file_of(fax.folder, document), document.stored)
        standing = _commit(db, fax, fax.brought, actor)
        if standing is Standing.DUE:
            pending.remove(fax)
            return fax.brought.state
        _discard(db, store, fax.brought.documents)
    if standing is Standing.UNHEARD_OF:
        kept = pending.keep_unclaimed(fax)
        LOG.error("attempt %s: the database knows no such call; its fax is kept in %s", fax.sidecar.attempt_id, kept)
    else:
        pending.remove(fax)
    return None


def _discard(db: Database, store: Store, found: Sequence[Wrapped]) -> None:
    """Takes out of the store what no row names."""
    for document in found:
        with db.tenant(document.stored.tenant_id) as tx:
            is_recorded = documents.is_recorded(tx, document.stored)
        if not is_recorded:
            store.delete(document.stored.object_name)


def _standing(tx: Transaction, side: InboundSidecar, pages: int) -> Standing:
    """Whether the fax is still to be delivered.

    By its channel, too: ids are given out again by a database that was restored. One that has ended may have been given
    up as lost while its pages lay here, on a node that was away. Then it is delivered late.
    """
    row = tx.row(
        """select f.state, f.finished_at, f.tiff_id, f.purged_at, f.deleted_at
           from faxes f join attempts a on a.tenant_id = f.tenant_id and a.fax_id = f.id
           where f.tenant_id = %s and f.id = %s and a.id = %s and a.channel_uuid = %s""",
        (side.tenant_id, side.fax_id, side.attempt_id, side.channel_uuid),
    )
    if row is None:
        return Standing.UNHEARD_OF
    given_up = row["state"] == "failed" and row["tiff_id"] is None
    # What was kept for long enough comes back from no node that was away. Who has deleted it knew of no pages.
    if row["purged_at"] is not None and row["deleted_at"] is None:
        return Standing.DELIVERED
    is_due = row["finished_at"] is None or (given_up and pages > 0)
    return Standing.DUE if is_due else Standing.DELIVERED


def _commit(db: Database, fax: PendingFax, brought: Brought, actor: str) -> Standing:
    """DUE: it was, and is delivered now. Else nothing is changed."""
    side, result, state, pages = fax.sidecar, fax.result, brought.state, brought.pages
    words = in_words(state, pages, result)
    trace = fax.trace
    with db.tenant(side.tenant_id) as tx:
        queue.lock_fax(tx, side.tenant_id, side.fax_id)
        standing = _standing(tx, side, pages)
        if standing is not Standing.DUE:
            return standing
        if queue.take_call(tx, side.tenant_id, side.attempt_id) is None:
            attempts.reopen(tx, side.tenant_id, side.attempt_id)
        ids = {
            each.stored.kind: documents.record_made(tx, _with_mailers_of_now(tx, side, each), pages)
            for each in brought.documents
        }
        attempts.close(tx, side.tenant_id, side.attempt_id, result, outcome=state, explanation=words, pages=pages)
        attempts.keep_trace(tx, side.tenant_id, side.attempt_id, trace)
        tx.execute(
            """update faxes set mailbox_id = %s, state = %s, explanation = %s, error_id = %s, pages = %s,
                      pages_done = %s, attempts_made = 1, tiff_id = %s, pdf_id = %s, images_id = %s,
                      thumbnail_id = %s, finished_at = now(), deleted_at = null, purged_at = null
               where tenant_id = %s and id = %s""",
            (
                side.mailbox_id,
                state,
                words,
                None if state == "received" else result.hangup_cause,
                pages,
                pages,
                ids.get(documents.RECEIVED_TIFF),
                ids.get(documents.RECEIVED_PDF),
                ids.get(documents.PAGE_IMAGES),
                ids.get(documents.THUMBNAIL),
                side.tenant_id,
                side.fax_id,
            ),
        )
        if pages:
            mailboxes.deliver(tx, side.tenant_id, side.mailbox_id, side.fax_id)
            opt_out.by_fax(tx, side.tenant_id, side.fax_id)
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
    return Standing.DUE


def _with_mailers_of_now(tx: Transaction, side: InboundSidecar, document: Wrapped) -> Wrapped:
    """Between call and delivery a worker's key may have been destroyed, and the mailbox may have chosen otherwise."""
    wanted = mail_readers.still_wanted(tx, side.tenant_id, side.mailbox_id, document.transients)
    return replace(document, transients=wanted)


def in_words(state: str, pages: int, result: CallResult) -> str:
    """What became of a received fax, for whoever reads its mailbox."""
    said = f" ({result.fax_result_text})" if result.fax_result_code and result.fax_result_text else ""
    counted = ngettext("{count} page", "{count} pages", pages).format(count=pages)
    if state == "received":
        return _("{counted} received.").format(counted=counted)
    if state == "partial":
        return _("The call broke off after {counted}. What arrived is kept; ask the sender for the rest.").format(
            counted=counted + said
        )
    return _("The call ended without a page") + f"{said}."


def withdraw(db: Database, spool: Spool, side: InboundSidecar, *, actor: str, words: str) -> None:
    """Takes back a call that was not answered after all. words: why, NOT_LOOKED_UP or HUNG_UP_BEFORE."""
    # First: recovery takes a call without a sidecar for one that was never answered, should the database fail us here.
    spool.discard_inbound(side.attempt_id)
    abandon(db, asdict(side), actor=actor, unanswered=words)


def abandon(db: Database, call: Row, *, actor: str, unanswered: str | None = None) -> bool:
    """Ends a receiving row of which nothing was left: its switch died before a page was on disk.

    unanswered: why the call was not even answered; the mailbox is not told of it then. Returns False: settled before.
    """
    answered = unanswered is None
    words = unanswered or _("The switch stopped during the call, and no page of it can be read.")
    with db.tenant(call["tenant_id"]) as tx:
        fax = queue.lock_fax(tx, call["tenant_id"], call["fax_id"])
        if fax is None or queue.take_call(tx, call["tenant_id"], call["attempt_id"]) is None:
            return False
        lost = CallResult(hangup_cause="NONE")
        attempts.close(tx, call["tenant_id"], call["attempt_id"], lost, outcome="failed", explanation=words, pages=0)
        tx.execute(
            """update faxes set state = 'failed', explanation = %s, error_id = %s, pages = 0,
                      attempts_made = 1, finished_at = now() where tenant_id = %s and id = %s""",
            (words, "outcome-unknown" if answered else "not-answered", call["tenant_id"], call["fax_id"]),
        )
        if answered:
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
