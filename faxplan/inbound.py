"""One fax in: accepted before the answer, received into the spool, delivered from a persistent `pending/`.

    accept    look-up and a `receiving` row, all before the answer: never an answer that we cannot keep
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
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from faxplan import attempts, audit, dids, documents, mailboxes, notices, numbers, queue, received, trunks
from faxplan.call_result import CallResult
from faxplan.db import Database, Row, Transaction
from faxplan.dids import Did
from faxplan.documents import Store
from faxplan.errors import DatabaseUnavailable
from faxplan.pending import PendingFax
from faxplan.spool import InboundSidecar, Spool
from faxplan.trunks import Trunk

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """What an INVITE says. source_address: where it really came from; the rest was written by the peer."""

    channel_uuid: str
    source_address: str
    gateway: str | None
    called: str
    calling: str | None
    calling_name: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call to be answered: whose it is, and with which station ident (CSI) we answer."""

    sidecar: InboundSidecar
    ident: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A call not to be answered. cause: for hang-up before answer, which FreeSWITCH turns into the SIP code."""

    cause: str
    reason: str


FULL = "NORMAL_CIRCUIT_CONGESTION"
"""503."""
UNKNOWN_SOURCE = "CALL_REJECTED"
"""403."""
UNKNOWN_DID = "UNALLOCATED_NUMBER"
"""404."""
CANNOT_LOOK_UP = "NORMAL_TEMPORARY_FAILURE"
"""503: the carrier tries elsewhere."""


def accept(
    db: Database,
    spool: Spool,
    call: IncomingCall,
    *,
    node: str,
    switch_uuid: str,
    lease_seconds: int,
    max_channels: int,
    deadline: float,
) -> Accepted | Refused:
    """Decides about a call and, if it is to be answered, commits its `receiving` row and writes its sidecar.

    Raises DatabaseUnavailable, also (and nothing is committed) after `deadline` on time.monotonic(); the caller then
    refuses with CANNOT_LOOK_UP.
    """
    with db.across_tenants() as tx:
        trunk = trunks.by_source(tx, call.source_address, call.gateway)
        if trunk is None:
            return Refused(UNKNOWN_SOURCE, f"no trunk sends from {ascii(call.source_address)[:60]}")
        if queue.calls_on_node(tx, node) >= max_channels:
            return Refused(FULL, f"{max_channels} calls are going on, as many as max_channels allows")
        written, did = _called_did(tx, call.called, trunk)
        if did is None:
            return Refused(UNKNOWN_DID, f"{ascii(call.called)[:60]} is nobody's DID")
        tx.enter_tenant(did.tenant_id)
        calling = next((each for _, each in numbers.readings(call.calling, trunk.inbound_country, written)), None)
        sidecar = _open(tx, call, did, trunk, calling, node=node, switch_uuid=switch_uuid, lease_seconds=lease_seconds)
        if time.monotonic() > deadline:
            raise DatabaseUnavailable("PostgreSQL took too long to look up an incoming call.")
    try:
        spool.expect(sidecar)
    except OSError:
        abandon(db, asdict(sidecar), actor=f"switch:{node}")
        raise
    return Accepted(sidecar, did.station_ident or did.number)


def _called_did(tx: Transaction, called: str, trunk: Trunk) -> tuple[str, Did | None]:
    """The DID that a call is for, and in which format the carrier wrote its number."""
    for number_format, number in numbers.readings(called, trunk.inbound_country, trunk.inbound_format):
        if did := dids.find(tx, number):
            return number_format, did
    return trunk.inbound_format, None


def _open(
    tx: Transaction,
    call: IncomingCall,
    did: Did,
    trunk: Trunk,
    calling: str | None,
    *,
    node: str,
    switch_uuid: str,
    lease_seconds: int,
) -> InboundSidecar:
    fax_id = int(
        tx.value(
            """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, calling_number)
               values (%s, 'inbound', 'receiving', %s, %s, %s) returning id""",
            (did.tenant_id, did.mailbox_id, did.number, calling),
        )
    )
    attempt_id = attempts.open_inbound(
        tx,
        did.tenant_id,
        fax_id,
        node=node,
        trunk=trunk.name,
        channel_uuid=call.channel_uuid,
        peer_address=call.source_address,
        caller_id=_shown(call.calling, call.calling_name),
    )
    queue.open_call(
        tx,
        did.tenant_id,
        fax_id=fax_id,
        attempt_id=attempt_id,
        node=node,
        switch_uuid=switch_uuid,
        channel_uuid=call.channel_uuid,
        trunk_id=trunk.id,
        destination=did.number,
        lease_seconds=lease_seconds,
    )
    return InboundSidecar(did.tenant_id, fax_id, attempt_id, did.mailbox_id, call.channel_uuid)


def _shown(calling: str | None, name: str | None) -> str:
    text = " ".join(dict.fromkeys(part for part in (name, calling) if part))
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")[:200]


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
