"""A fax that has ended is sent again: the same document, all its pages, as a fax of its own.

The machines that send it have no key to it any more (outbound.finish). So whoever can open it hands them one, in the
reader's own client: where there is none, nobody sends it again.
"""

from dataclasses import dataclass
from datetime import datetime

from faxplan import documents, outbound, post_dial, queue, quotas, refused_numbers, transient_readers
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, NotFound, PagesPurged, RenderingFailed
from faxplan.keyring import Keyring
from faxplan.outbound import Submitted
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
        # Who ends the last fax of this document takes it from the machines, in this turn: not what we hand them.
        quotas.take_turn(tx, user.tenant_id)
        order = outbound.ordered(
            tx,
            user,
            number,
            calling=fax["calling_number"] if request.calling is None else request.calling,
            resolution=Resolution(fax["resolution"]),
            priority=request.priority,
            send_at=request.send_at,
        )
        queue.hold_rendering(tx, user.tenant_id, fax["rendering_id"])
        rendering = tx.one(
            """select r.state, r.original_id, r.document_id, r.error_text, d.pages from renderings r
               left join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
               where r.tenant_id = %s and r.id = %s""",
            (user.tenant_id, fax["rendering_id"]),
        )
        if rendering["state"] == "failed":
            raise RenderingFailed(f"There are no pages to send: {rendering['error_text']}")
        for document_id in (rendering["original_id"], rendering["document_id"]):
            if document_id is not None:
                _hand_over(tx, user.tenant_id, document_id, ring)
        fax_id = outbound.accept(tx, user, order, fax["rendering_id"], rendering["pages"], resent=request.fax_id)
        if rendering["state"] == "rendered":
            queue.enqueue(tx, user.tenant_id, fax_id, pages_done=0, delay_seconds=0, explanation=None)
    return Submitted(fax_id, order.called, rendering["pages"])


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


def _hand_over(tx: Transaction, tenant_id: int, document_id: int, ring: Keyring) -> None:
    stored, key = documents.opened(tx, tenant_id, document_id, ring)
    if key is None or stored.digest is None:
        return  # of before documents were sealed
    wraps = {each.id: each.public.wrap(key, stored.digest) for each in transient_readers.current(tx)}
    transient_readers.wrap(tx, tenant_id, document_id, stored.digest, wraps)
