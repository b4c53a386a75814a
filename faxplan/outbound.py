"""One fax out: submit, cancel, finish. In between come pages (renderings.py), the queue, and calls (settling.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from faxplan import (
    audit,
    billing_codes,
    caller_ids,
    deadlines,
    do_not_fax,
    notices,
    numbers,
    originals,
    permissions,
    post_dial,
    queue,
    quotas,
    refused_numbers,
    sandbox_numbers,
    tenants,
    trunks,
)
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from faxplan.originals import HandedIn, NamedFile
from faxplan.priorities import Priority
from faxplan.rendering import Resolution
from faxplan.tenants import Tenant
from faxplan.users import User

UNRENDERED_PAGES = 1
"""What is held in the quota for a document whose page count only the rendering tells (plain text)."""


class AlreadyFinal(FaxplanError):
    """The fax has ended; it cannot be cancelled."""

    error_id = "already-final"


class TenantDisabled(FaxplanError):
    """The tenant is switched off: it sends nothing."""

    error_id = "tenant-disabled"


@dataclass(frozen=True, slots=True)
class SendRequest:
    """What a user wants to be sent.

    number: as the user wrote it, with what is dialled after the answer (post_dial.split); file: on local disk;
    password: of the PDF; send_at: not before, None: at once. calling: the number to call as, as the user wrote it;
    None: the user's own, or the tenant's first. billing_code: whom it is charged to. more: files whose pages follow.
    """

    number: str
    file: Path
    file_name: str
    resolution: Resolution = Resolution.FINE
    password: str | None = None
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    calling: str | None = None
    billing_code: str = ""
    more: Sequence[NamedFile] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A fax that may be sent: to which number (E.164), what is dialled after the answer, and as whom it calls.
    max_attempts, retry_delays: as in schema.sql, where it is of a campaign that has its own."""

    tenant: Tenant
    called: str
    after_answer: str
    calling: str
    resolution: Resolution
    priority: Priority
    send_at: datetime | None
    billing_code: str = ""
    max_attempts: int | None = None
    retry_delays: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """The cover of a fax (covers.py), by the ids of its documents. pages: of it. pages_id None: it is not drawn yet."""

    id: int
    pages: int
    pages_id: int | None = None
    images_id: int | None = None
    thumbnail_id: int | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A fax that was accepted. pages None: known after rendering."""

    fax_id: int
    called_number: str
    pages: int | None


def submit(db: Database, store: Store, user: User, request: SendRequest) -> Submitted:
    """Accepts a fax for sending: document stored, quota reserved, rows and audit written; or nothing at all.

    Raises InvalidNumber, NumberBarred, NoRoute for a number barred by a route, DocumentRefused, QuotaExceeded,
    NoCallerId, ForeignCallerId, TenantDisabled, NoBillingCode, Forbidden, NotEnrolled, NoDispatch, StoreUnavailable,
    DatabaseUnavailable (then, as with any commit whose answer is lost, it may have been accepted). Of a number that may
    not be called the audit tells (refused_numbers).
    """
    number, _after = post_dial.split(request.number)
    with refused_numbers.audited(db, user, "fax.submit", number), db.tenant(user.tenant_id) as tx:
        order = ordered(
            tx,
            user,
            request.number,
            calling=request.calling,
            resolution=request.resolution,
            priority=request.priority,
            send_at=request.send_at,
            billing_code=request.billing_code,
        )
        originals.readers(tx, user)
    document = HandedIn(request.file, request.file_name, request.resolution, request.password, request.more)

    def then(tx: Transaction, rendering: int, pages: int | None) -> Submitted:
        return Submitted(accept(tx, user, order, rendering, pages), order.called, pages)

    return originals.hand_in(db, store, user, document, then)


@dataclass(frozen=True, slots=True)
class Sender:
    """What all faxes have that a user sends at once; looked at once, however many they are (`sender`)."""

    tenant: Tenant
    calling: str
    resolution: Resolution
    priority: Priority
    send_at: datetime | None
    billing_code: str

    def to(self, tx: Transaction, text: str) -> Order:
        """A fax to this number, as in SendRequest, if it may be sent. Raises InvalidNumber, NumberBarred, and NoRoute
        for a number barred by a route."""
        number, after_answer = post_dial.split(text)
        tenant = self.tenant
        called = numbers.normalise(number, tenant.country)
        if not (sandbox_numbers.is_one(called) and tenant.sandbox_numbers):
            tenant.number_policy.check(called)
            do_not_fax.check(tx, tenant.id, called, tenant.country)
            sandbox_numbers.check_is_none(called)
            trunks.check_may_be_dialled(tx, tenant.id, called, home=tenant.country)
        return Order(
            tenant, called, after_answer, self.calling, self.resolution, self.priority, self.send_at, self.billing_code
        )


def sender(
    tx: Transaction,
    user: User,
    *,
    calling: str | None,
    resolution: Resolution,
    priority: Priority,
    send_at: datetime | None,
    billing_code: str = "",
) -> Sender:
    """As SendRequest has them. Raises NoCallerId, ForeignCallerId, TenantDisabled, NoBillingCode, and Forbidden for a
    user who may not send."""
    permissions.check(tx, user.tenant_id, user.id, permissions.SEND)
    tenant = tenants.get(tx, user.tenant_id)
    check_enabled(tenant)
    chosen = caller_ids.choose(tx, tenant, calling, user.id)
    return Sender(tenant, chosen, resolution, priority, send_at, billing_codes.checked(tenant, billing_code))


def ordered(
    tx: Transaction,
    user: User,
    text: str,
    *,
    calling: str | None,
    resolution: Resolution,
    priority: Priority,
    send_at: datetime | None,
    billing_code: str = "",
) -> Order:
    """What a user asks for, if it may be sent. text, and the others: as in SendRequest. Raises as `sender` and
    Sender.to."""
    one = sender(
        tx, user, calling=calling, resolution=resolution, priority=priority, send_at=send_at, billing_code=billing_code
    )
    return one.to(tx, text)


def check_enabled(tenant: Tenant) -> None:
    """Raises TenantDisabled."""
    if not tenant.enabled:
        raise TenantDisabled(_("{name} is switched off. `faxplan tenant set` switches it on.").format(name=tenant.name))


def accept(
    tx: Transaction,
    user: User,
    order: Order,
    rendering_id: int,
    pages: int | None,
    cover: Cover | None = None,
    *,
    batch: int | None = None,
    **details: str,
) -> int:
    """A fax that waits for its rendering, and its cover: its id. pages: of the document. batch: that it is of
    (batches.begin). details: what else its audit row has. Raises QuotaExceeded.
    """
    before = 0 if cover is None else cover.pages
    reserved = (pages or UNRENDERED_PAGES) + before
    pages = None if pages is None else pages + before
    quotas.check_hour(order.tenant, pages)
    fax_id = int(
        tx.value(
            """insert into faxes (tenant_id, direction, state, user_id, mailbox_id, called_number, calling_number,
                                  rendering_id, resolution, pages, priority, reserved_pages, send_at, post_dial,
                                  billing_code, max_attempts, retry_delays, cover_id, cover_pages_id, cover_images_id,
                                  thumbnail_id, is_test, batch)
               values (%s, 'outbound', 'accepted', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
                       %s, %s, %s)
               returning id""",
            (
                user.tenant_id,
                user.id,
                user.mailbox_id,
                order.called,
                order.calling,
                rendering_id,
                order.resolution.value,
                pages,
                order.priority,
                reserved,
                order.send_at,
                order.after_answer,
                order.billing_code,
                order.max_attempts,
                order.retry_delays and list(order.retry_delays),
                *((None,) * 4 if cover is None else (cover.id, cover.pages_id, cover.images_id, cover.thumbnail_id)),
                sandbox_numbers.is_one(order.called),
                batch,
            ),
        )
    )
    deadlines.begin(tx, user.tenant_id, fax_id)
    quotas.reserve(tx, user.tenant_id, user.id, reserved)
    audit.record(
        tx,
        user.tenant_id,
        actor=f"user:{user.id}",
        action="fax.submit",
        object=f"fax:{fax_id}",
        called=order.called,
        pages=pages,
        **details,
    )
    return fax_id


def cancel(db: Database, user: User, fax_id: int) -> bool:
    """Stops a fax. True: it is cancelled now. False: it is in a call, which the switch ends within moments.

    Only its sender and the tenant's administrators may; for anybody else it is not there. Raises NotFound and
    AlreadyFinal.
    """
    with db.tenant(user.tenant_id) as tx:
        fax = queue.lock_fax(tx, user.tenant_id, fax_id)
        if fax is None or fax["direction"] != "outbound" or not _may_cancel(user, fax):
            raise NotFound(_("You have no fax {fax_id} to cancel. `faxplan list` shows yours.").format(fax_id=fax_id))
        if fax["finished_at"] is not None:
            raise AlreadyFinal(_("Fax {fax_id} has ended already ({state}).").format(fax_id=fax_id, state=fax["state"]))
        if fax["state"] == "accepted" or queue.withdraw(tx, user.tenant_id, fax_id):
            finish(tx, fax, "cancelled", marked("Cancelled before it was dialled."), actor=f"user:{user.id}")
            return True
        queue.request_cancel(tx, user.tenant_id, fax_id)
        audit.record(tx, user.tenant_id, actor=f"user:{user.id}", action="fax.cancel", object=f"fax:{fax_id}")
        return False


def _may_cancel(user: User, fax: Row) -> bool:
    return fax["user_id"] == user.id or user.role == "administrator"


def finish(
    tx: Transaction,
    fax: Row,
    state: str,
    explanation: str,
    *,
    actor: str,
    pages_done: int | None = None,
    error_id: str | None = None,
) -> None:
    """Brings an outbound fax (its row, locked) to a final state: quota, notice and audit with it."""
    tenant_id, fax_id = fax["tenant_id"], fax["id"]
    done = fax["pages_done"] if pages_done is None else pages_done
    tx.later(
        """update faxes set state = %s, explanation = %s, error_id = %s, pages_done = %s, not_before = null,
                            reserved_pages = 0, finished_at = now() where tenant_id = %s and id = %s""",
        (state, explanation, error_id, done, tenant_id, fax_id),
    )
    deadlines.end(tx, tenant_id, fax_id)
    quotas.settle(tx, tenant_id, fax["user_id"], reserved=fax["reserved_pages"], used=done)
    _close_to_machines(tx, fax)
    if fax["user_id"] is not None:
        notices.tell_user(tx, tenant_id, fax["user_id"], fax_id, state, explanation)
    audit.record(
        tx,
        tenant_id,
        actor=actor,
        action=f"fax.{state}",
        object=f"fax:{fax_id}",
        result="failed" if state == "failed" else "done",
        pages=done,
    )


def _close_to_machines(tx: Transaction, fax: Row) -> None:
    """Takes the document of a fax that has just become final away from those that send, unless another waits for it;
    and its cover, likewise."""
    if fax["cover_id"] is not None:
        tx.later(
            """delete from transient_wraps w using faxes mine
               where mine.tenant_id = %s and mine.id = %s and w.tenant_id = mine.tenant_id
                 and w.document_id in (mine.cover_id, mine.cover_pages_id)
                 and not exists (
                         select from faxes f where f.tenant_id = w.tenant_id and f.finished_at is null
                           and w.document_id in (f.cover_id, f.cover_pages_id))""",
            (fax["tenant_id"], fax["id"]),
        )
    if fax["rendering_id"] is None:
        return
    # Of two last faxes of a document that end at once, the second must see that the first has ended: quotas.settle has
    # just taken the tenant's turn, which others wait for until we have committed.
    tx.later(
        """delete from transient_wraps w using renderings mine
           where mine.tenant_id = %(tenant)s and mine.id = %(rendering)s and w.tenant_id = mine.tenant_id
             and (w.document_id = mine.original_id or w.document_id in (
                     select r.document_id from renderings r
                     where r.tenant_id = mine.tenant_id and r.original_id = mine.original_id))
             and not exists (
                     select from renderings r join faxes f on f.tenant_id = r.tenant_id and f.rendering_id = r.id
                     where r.tenant_id = mine.tenant_id and r.original_id = mine.original_id
                       and f.finished_at is null)
             -- A campaign has more to send of it.
             and not exists (
                     select from renderings r join drafts d on d.tenant_id = r.tenant_id and d.rendering_id = r.id
                     where r.tenant_id = mine.tenant_id and r.original_id = mine.original_id and not d.closed)""",
        {"tenant": fax["tenant_id"], "rendering": fax["rendering_id"]},
    )
