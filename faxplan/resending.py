"""A fax that has ended is sent again: the same document, all its pages, as a fax of its own.

The machines that send it have no key to it any more (outbound.finish). So whoever can open it hands them one, in the
reader's own client: where there is none, nobody sends it again.
"""

from dataclasses import dataclass
from datetime import datetime

from faxplan import documents, outbound, post_dial, queue, quotas, refused_numbers, render_jobs, transient_readers
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, NotFound, PagesPurged, RenderingFailed
from faxplan.keyring import Keyring
from faxplan.outbound import Cover, Submitted
from faxplan.priorities import Priority
from faxplan.rendering import Resolution
from faxplan.users import User


class NotFinal(FaxplanError):
    """The fax has not ended: it is sent anyhow."""

    error_id = "not-final"


@dataclass(frozen=True, slots=True)
class ResendRequest:
    """Which fax, and what is to be otherwise; None: as it was. The others as in outbound.SendRequest."""

    fax_id: int
    number: str | None = None
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    calling: str | None = None
    billing_code: str | None = None


def resend(db: Database, user: User, ring: Keyring, request: ResendRequest) -> Submitted:
    """Sends a user's own fax again (role portal). ring: what opens its document.

    Raises NotFound, NotFinal, PagesPurged, RenderingFailed where there are no pages and never were, Locked,
    SealBroken, and as outbound.submit.
    """
    with db.tenant(user.tenant_id) as tx:
        number = _number(request, _fax(tx, user, request.fax_id))
    plain, _ = post_dial.split(number)
    with refused_numbers.audited(db, user, "fax.submit", plain), db.tenant(user.tenant_id) as tx:
        fax = _fax(tx, user, request.fax_id)
        made = _rendering(tx, user, fax, elsewhere=request.number is not None)
        # Who ends the last fax of this document takes it from the machines, in this turn: not what we hand them.
        quotas.take_turn(tx, user.tenant_id)
        order = outbound.ordered(
            tx,
            user,
            number,
            calling=fax["calling_number"] if request.calling is None else request.calling,
            resolution=Resolution(made["resolution"]),
            priority=request.priority,
            send_at=request.send_at,
            billing_code=fax["billing_code"] if request.billing_code is None else request.billing_code,
        )
        cover = _cover(tx, fax)
        _hand_over(tx, user.tenant_id, made["original_id"], cover, ring)
        fax_id = outbound.accept(tx, user, order, made["id"], made["pages"], cover, resent=f"fax:{request.fax_id}")
        if made["state"] == "rendered" and cover is not None and cover.pages_id is None:
            render_jobs.order_covers(tx, user.tenant_id, made["id"])
        elif made["state"] == "rendered":
            queue.enqueue(tx, user.tenant_id, fax_id, pages_done=0, delay_seconds=0, explanation=None)
        elif made["state"] == "failed":
            render_jobs.again(tx, user.tenant_id, made["id"])
    pages = made["pages"]
    return Submitted(fax_id, order.called, pages if pages is None or cover is None else pages + cover.pages)


def _fax(tx: Transaction, user: User, fax_id: int) -> Row:
    """Locked, so that no purge takes its pages meanwhile."""
    fax = queue.lock_fax(tx, user.tenant_id, fax_id)
    is_theirs = fax is not None and fax["direction"] == "outbound" and fax["user_id"] == user.id
    if fax is None or not is_theirs or fax["deleted_at"] is not None:
        raise NotFound(f"You have sent no fax {fax_id}. `faxplan list --sent` shows yours.")
    if fax["finished_at"] is None:
        raise NotFinal(f"Fax {fax_id} has not ended. `faxplan show {fax_id}` says what comes next; `cancel` ends it.")
    if fax["rendering_id"] is None:
        raise PagesPurged(f"The pages of fax {fax_id} were destroyed. Send the document itself: `faxplan send`.")
    return fax


def _number(request: ResendRequest, fax: Row) -> str:
    return fax["called_number"] + fax["post_dial"] if request.number is None else request.number


def _rendering(tx: Transaction, user: User, fax: Row, *, elsewhere: bool) -> Row:
    """What is to be sent, held (queue.hold_rendering): id, original_id, resolution, state, and pages where they are
    known. elsewhere: to another number, whose machine may take what the first one did not.

    Raises RenderingFailed where it cannot be made. That it was not, since all its faxes were cancelled, is no failure.
    """
    rendering_id = tx.value(
        """select r.id from renderings f
           join renderings r on r.tenant_id = f.tenant_id and r.original_id = f.original_id
           where f.tenant_id = %s and f.id = %s
           order by case when %s then r.resolution = 'fine-a4' else r.id <> f.id end, r.id limit 1""",
        (user.tenant_id, fax["rendering_id"], elsewhere),
    )
    queue.hold_rendering(tx, user.tenant_id, rendering_id)
    made = tx.one(
        """select r.id, r.state, r.original_id, r.resolution, r.error_id, r.error_text,
                  coalesce(d.pages, o.pages) as pages from renderings r
           join documents o on o.tenant_id = r.tenant_id and o.id = r.original_id
           left join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
           where r.tenant_id = %s and r.id = %s""",
        (user.tenant_id, rendering_id),
    )
    if made["state"] == "failed" and made["error_id"] != transient_readers.KeyGone.error_id:
        raise RenderingFailed(f"There are no pages to send: {made['error_text']}")
    return made


def _cover(tx: Transaction, fax: Row) -> Cover | None:
    """That of the fax, as it was: it names whom it went to first."""
    if fax["cover_id"] is None:
        return None
    pages = tx.value(
        "select pages from documents where tenant_id = %s and id = %s",
        (fax["tenant_id"], fax["cover_pages_id"] or fax["cover_id"]),
    )
    return Cover(fax["cover_id"], pages, fax["cover_pages_id"], fax["cover_images_id"], fax["thumbnail_id"])


def _hand_over(tx: Transaction, tenant_id: int, original_id: int, cover: Cover | None, ring: Keyring) -> None:
    """The original, and all that was made of it: the far machine decides which of these it takes. And the cover."""
    rows = tx.rows(
        "select document_id from renderings where tenant_id = %s and original_id = %s and document_id is not null",
        (tenant_id, original_id),
    )
    machines = transient_readers.current(tx)
    of_cover = [] if cover is None else [each for each in (cover.id, cover.pages_id) if each is not None]
    for document_id in [original_id, *(row["document_id"] for row in rows), *of_cover]:
        stored, key = documents.opened(tx, tenant_id, document_id, ring)
        if key is not None and stored.digest is not None:  # else of before documents were sealed
            wraps = {each.id: each.public.wrap(key, stored.digest) for each in machines}
            transient_readers.wrap(tx, tenant_id, document_id, stored.digest, wraps)
