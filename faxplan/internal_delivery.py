"""A fax to a DID of this same installation, delivered without a call, where that is switched on; and one to the sandbox
number that sends faxes to you (sandbox_numbers), which has its sender as its receiver.

It waits in fax_queue like any other, in a lane of its own, until one transaction takes it out, settles it for its
sender and lays it into its receiver's mailbox: each side's rows in its own tenant. So it is delivered once, whatever
breaks; a crash before the commit leaves it queued, and at most four objects in the store that no row names. The
receiver gets what a call would have brought, under the sender's header line; and who may not call is refused as by a
call.
docs/decisions/internal-delivery.md says why it is so, and why the runtime does it.
"""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from faxplan import (
    accepting,
    attempts,
    audit,
    did_callers,
    dids,
    documents,
    fax_tiff,
    header_line,
    inbound,
    mail_readers,
    mailboxes,
    notices,
    opt_out,
    page_strips,
    queue,
    received_copies,
    sandbox_numbers,
    settling,
    staging,
    tenants,
    trunks,
    vault,
)
from faxplan.call_result import CallResult, without_channel
from faxplan.db import Database, Row, Transaction
from faxplan.dids import Did
from faxplan.document_store import Store
from faxplan.documents import CoverToSend, Sealed, ToSend
from faxplan.errors import FaxplanError, NoRoute
from faxplan.journal import Outcome
from faxplan.number_policy import NumberBarred
from faxplan.places import Places
from faxplan.queue import InternalFax
from faxplan.received_documents import Readers
from faxplan.tenants import Tenant
from faxplan.vault import MailboxKey

LOG = logging.getLogger(__name__)
NOBODY_READS = "nobody-reads"
"""The sandbox's number has nobody to send to: an error id of failure_rules."""


@dataclass(frozen=True, slots=True)
class _Caller:
    """As calling_number() of schema.sql has it: a DID of the sender or a number verified for it."""

    number: str
    station_ident: str


@dataclass(frozen=True, slots=True)
class _Case:
    """What is to be delivered from whom to whom, as it stands now. Pages are of the whole fax; start_page: 0-based.

    caller: whose number and station ident it bears; None: the sender has none any more. did: of the sandbox one that is
    made up. barred: by which error nothing is sent to that number; None: by none that has to do with it alone. cover:
    what goes before the rendering; None: nothing. refusal: the cause with which a call would be refused, and its SIP
    code; None: it would be answered. mailbox: where it is laid; None: nobody could open it.
    """

    tenant_id: int
    fax_id: int
    rendering: ToSend
    pages: int
    start_page: int
    caller: _Caller | None
    did: Did
    barred: str | None
    cover: CoverToSend | None
    refusal: tuple[str, int] | None
    mailbox: MailboxKey | None


def deliver(db: Database, store: Store, picked: InternalFax, *, node: str) -> str | None:
    """Delivers a fax that was picked, or settles why not: the outcome, as in attempts.outcome.

    None: nothing was changed but, maybe, its place in the queue; somebody cancelled it, or things are not any more as
    they were when its pages were made ready. Raises DatabaseUnavailable and StoreUnavailable: it stays queued.
    """
    with db.across_tenants() as tx:
        case = _look_up(tx, picked)
        sender = tenants.get(tx, picked.tenant_id)
    if case is None:
        return None
    made: list[Sealed] = []
    with store.kept_if_named(made):
        result = _prepare(store, case, sender, made)
        outcome = _commit(db, picked, case, sender, result, made, node)
    if outcome is None:
        store.discard(made)
    return outcome


def _look_up(tx: Transaction, picked: InternalFax) -> _Case | None:
    """None: it is not queued any more, or its number is nobody's DID now, and it goes out through a trunk.

    Leaves the transaction in the receiver's tenant.
    """
    tx.enter_tenant(picked.tenant_id)
    fax = tx.row(
        f"""select f.called_number, f.calling_number, f.pages, f.pages_done, f.user_id, f.mailbox_id, {ToSend.COLUMNS},
                   {CoverToSend.COLUMN}
           from faxes f join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
           join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
           where f.tenant_id = %s and f.id = %s and f.state = 'queued'""",
        (picked.tenant_id, picked.fax_id),
    )
    if fax is None:
        return None
    calls_as = tx.row(
        "select number, station_ident from calling_number(%s, %s)", (picked.tenant_id, fax["calling_number"])
    )
    caller = None if calls_as is None else _Caller(**calls_as)
    did: Did | None
    if sandbox_numbers.is_one(fax["called_number"]):
        did, mailbox, barred = _back_to_sender(tx, picked.tenant_id, fax)
    else:
        did = dids.find(tx, [fax["called_number"]]).get(fax["called_number"])
        if did is None:
            queue.return_to_lane(tx, picked)
            return None
        barred = NoRoute.error_id if trunks.is_barred(tx, picked.tenant_id, did.number) else None
        tx.enter_tenant(did.tenant_id)
        mailbox = vault.mailbox_for(tx, did.tenant_id, did.mailbox_id)
    return _Case(
        picked.tenant_id,
        picked.fax_id,
        ToSend.of(fax),
        fax["pages"],
        fax["pages_done"],
        caller,
        did,
        barred,
        CoverToSend.of(fax["cover"]),
        None if caller is None else _refusal(tx, caller, did, mailbox),
        mailbox,
    )


def _back_to_sender(tx: Transaction, tenant_id: int, fax: Row) -> tuple[Did, MailboxKey | None, str | None]:
    """What a fax to the sandbox's number arrives by, where, and by which error it does not."""
    did = Did(tenant_id, fax["called_number"], fax["mailbox_id"], sandbox_numbers.STATION_IDENT)
    keys = vault.keys_of_mailboxes(tx, tenant_id, [did.mailbox_id])
    if not tenants.get(tx, tenant_id).sandbox_numbers:
        return did, None, NoRoute.error_id
    if not keys or fax["user_id"] is None or not mailboxes.may_receive(tx, tenant_id, did.mailbox_id):
        return did, None, NOBODY_READS
    return did, keys[0], None


def _refusal(tx: Transaction, caller: _Caller, did: Did, mailbox: MailboxKey | None) -> tuple[str, int] | None:
    """What a call would be answered; in the receiver's tenant."""
    if sandbox_numbers.is_one(did.number):
        return None
    if not did.enabled or not mailboxes.may_receive(tx, did.tenant_id, did.mailbox_id):
        return "UNALLOCATED_NUMBER", 404
    if not did_callers.may_call(tx, did.tenant_id, did.number, caller.number):
        return ("USER_BUSY", 486) if did.refusal == "busy" else ("CALL_REJECTED", 603)
    return None if mailbox else (accepting.NOBODY_READS, 480)


def _prepare(store: Store, case: _Case, sender: Tenant, made: list[Sealed]) -> CallResult:
    """How it ends for the sender. If well, the receiver's documents are in the store, and noted in `made`."""
    if case.caller is None:
        return without_channel("no-caller-id", ended_at=time.time())
    if (barred := _barred(case, sender)) is not None:
        return without_channel(barred, ended_at=time.time())
    if case.refusal is not None:
        cause, sip_code = case.refusal
        return CallResult(cause, sip_code=sip_code, ended_at=time.time())
    ident = staging.sender_ident(case.caller.station_ident, sender, case.caller.number)
    try:
        with store.scratch.folder() as folder:
            tiff = _arrived(store, case, sender, ident, folder)
            made.append(store.seal(tiff, case.did.tenant_id, documents.RECEIVED_TIFF))
            copies = received_copies.make(
                tiff, folder, case.pages - case.start_page, Places(1), within=store.confinement
            )
            made.extend(store.seal(file, case.did.tenant_id, kind) for kind, file in copies.items())
    except FaxplanError as error:
        if error.retryable:
            raise
        # Such as pages that are lost; as for a call that cannot be staged.
        store.discard(made)
        made.clear()
        return without_channel(error.error_id, ended_at=time.time())
    except OSError:
        raise
    except Exception:
        LOG.exception("pages of an internal fax that cannot be made ready")
        store.discard(made)
        made.clear()
        return without_channel("spool-failed", ended_at=time.time())
    now = time.time()
    return CallResult(
        "NORMAL_CLEARING",
        fax_success=True,
        pages=case.pages - case.start_page,
        local_station_id=ident,
        remote_station_id=case.did.station_ident,
        ended_at=now,
    )


def _barred(case: _Case, sender: Tenant) -> str | None:
    """By which error the sender may not call the number, as it is judged before a call (staging); None: it may."""
    if case.barred is not None or sandbox_numbers.is_one(case.did.number):
        return case.barred
    try:
        sender.number_policy.check(case.did.number)
    except NumberBarred as error:
        return error.error_id
    return None


def _arrived(store: Store, case: _Case, sender: Tenant, ident: str, folder: Path) -> Path:
    """The pages as a call would have brought them: below its header line, from the page it would have begun with."""
    body, whole = folder / "rendering.tif", folder / "whole.tif"
    store.copy_to_send(case.rendering, body)
    with fax_tiff.mapped(body) as data:
        pages = staging.with_cover(store, case.cover, data)
        if sender.header_line:
            line = staging.line_of(sender, ident, case.pages)
            header_line.stamp(pages, whole, line, start_page=case.start_page)
        elif case.cover is None:
            body.replace(whole)
        else:
            page_strips.write(pages, whole)
    if not case.start_page:
        return whole
    with fax_tiff.mapped(whole) as data:
        page_strips.write(page_strips.of(data).since(case.start_page), folder / "rest.tif")
    return folder / "rest.tif"


def _commit(
    db: Database,
    picked: InternalFax,
    case: _Case,
    sender: Tenant,
    result: CallResult,
    made: list[Sealed],
    node: str,
) -> str | None:
    """Both sides in one transaction; the outcome. None: things have changed, and it is looked at anew."""
    with db.across_tenants() as tx:
        queue.take_internal_turn(tx)
        tx.enter_tenant(case.tenant_id)
        queue.lock_fax(tx, case.tenant_id, case.fax_id)
        now = _look_up(tx, picked)
        if now is None:
            return None
        tx.enter_tenant(case.tenant_id)
        if now != case:
            queue.return_to_lane(tx, picked)
            return None
        if not queue.withdraw(tx, case.tenant_id, case.fax_id):
            return None
        if case.refusal in (("USER_BUSY", 486), ("CALL_REJECTED", 603)):
            # Before the audit of the sender's side: who takes a DID away holds its row and then wants the audit.
            tx.enter_tenant(case.did.tenant_id)
            dids.count_refusal(tx, case.did, dids.BY_CALLER)
            tx.enter_tenant(case.tenant_id)
        outcome = settle(
            tx, sender, case.fax_id, result, start_page=case.start_page, node=node,
            caller_id=None if case.caller is None else case.caller.number,
        )  # fmt: skip
        if result.fax_success and case.caller is not None and case.mailbox is not None:
            tx.enter_tenant(case.did.tenant_id)
            _receive(tx, case.did, case.mailbox, case.caller, result, made, node)
    return outcome


def settle(
    tx: Transaction,
    sender: Tenant,
    fax_id: int,
    result: CallResult,
    *,
    start_page: int,
    node: str,
    caller_id: str | None,
) -> str:
    """The sender's side of a fax that was taken out of the queue: an attempt, and what follows from it as from a call;
    its outcome."""
    fax = tx.one(
        """update faxes set state = 'sending', attempts_made = attempts_made + 1, not_before = null, explanation = null
           where tenant_id = %s and id = %s returning *""",
        (sender.id, fax_id),
    )
    attempt_id = attempts.open_internal(
        tx, sender.id, fax_id, number=fax["attempts_made"], start_page=start_page, node=node, caller_id=caller_id
    )
    outcome = Outcome(sender.id, fax_id, attempt_id, result)
    return settling.conclude(tx, sender, fax, settling.WITHOUT_TRUNK, outcome, actor=f"switch:{node}").outcome


def _receive(
    tx: Transaction,
    did: Did,
    mailbox: MailboxKey,
    caller: _Caller,
    result: CallResult,
    made: list[Sealed],
    node: str,
) -> None:
    """The receiver's side: what a call would have left, all in its own tenant."""
    words = inbound.in_words("received", result.pages, result)
    to = Readers(mailbox, mail_readers.keys_for(tx, did.tenant_id, mailbox.mailbox_id))
    ids = {each.stored.kind: documents.record_made(tx, to.wrap(each), result.pages) for each in made}
    row: Row = tx.one(
        """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, calling_number, pages, pages_done,
                              attempts_made, tiff_id, pdf_id, images_id, thumbnail_id, explanation, is_test,
                              finished_at)
           values (%s, 'inbound', 'received', %s, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s, %s, now()) returning id""",
        (
            did.tenant_id,
            mailbox.mailbox_id,
            did.number,
            caller.number,
            result.pages,
            result.pages,
            ids[documents.RECEIVED_TIFF],
            ids.get(documents.RECEIVED_PDF),
            ids.get(documents.PAGE_IMAGES),
            ids.get(documents.THUMBNAIL),
            words,
            sandbox_numbers.is_one(did.number),
        ),
    )
    fax_id = int(row["id"])
    attempt_id = attempts.open_internal(
        tx, did.tenant_id, fax_id, number=1, start_page=0, node=node, caller_id=caller.number
    )
    seen = replace(result, local_station_id=result.remote_station_id, remote_station_id=result.local_station_id)
    attempts.close(tx, did.tenant_id, attempt_id, seen, outcome="received", explanation=words, pages=result.pages)
    mailboxes.deliver(tx, did.tenant_id, mailbox.mailbox_id, fax_id)
    opt_out.by_fax(tx, did.tenant_id, fax_id)
    notices.tell_mailbox(tx, did.tenant_id, mailbox.mailbox_id, fax_id, "received", words)
    audit.record(
        tx, did.tenant_id, actor=f"switch:{node}", action="fax.receive", object=f"fax:{fax_id}", state="received",
        pages=result.pages,
    )  # fmt: skip
