"""A fax that has ended is sent again: the same document, all its pages, as a fax of its own.

The machines that send it have no key to it any more (outbound.finish). So whoever can open it hands them one, in the
reader's own client: where there is none, nobody sends it again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from faxplan import (
    audit,
    batches,
    documents,
    outbound,
    post_dial,
    queue,
    quotas,
    refused_numbers,
    render_jobs,
    transient_readers,
)
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.documents import ToWrap
from faxplan.errors import FaxplanError, NotFound, PagesPurged, RenderingFailed
from faxplan.keyring import Keyring
from faxplan.language import _
from faxplan.outbound import Cover, Order, Submitted
from faxplan.priorities import Priority
from faxplan.rendering import Resolution
from faxplan.transient_readers import TransientKey
from faxplan.users import User
from faxplan.wraps import WRAP_BYTES


class NotFinal(FaxplanError):
    """The fax has not ended: it is sent anyhow."""

    error_id = "not-final"


class KeysMoved(FaxplanError):
    """What a client has wrapped is not for exactly the documents and machines of now."""

    error_id = "keys-moved"
    retryable = True


class NeedsDocument(FaxplanError):
    """The machines that send have no key to the document any more, and were handed none."""

    error_id = "resend-needs-document"


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ResendRequest:
    """Which fax, and what is to be otherwise; None: as it was. The others as in outbound.SendRequest."""

    fax_id: int
    number: str | None = None
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    calling: str | None = None
    billing_code: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a reader's client has to know, where that is another program than this one. machines: whose keys all of
    these documents are to be wrapped to."""

    fax_id: int
    machines: Sequence[TransientKey]
    documents: Sequence[ToWrap]


@dataclass(frozen=True, slots=True)
class Handed:
    """What the client hands over. wraps: by document and machine's key."""

    fax_id: int
    wraps: Mapping[tuple[int, int], bytes]


def resend(db: Database, user: User, ring: Keyring, request: ResendRequest) -> Submitted:
    """Sends a user's own fax again (role portal). ring: what opens its document.

    Raises NotFound, NotFinal, PagesPurged, RenderingFailed where there are no pages and never were, Locked,
    SealBroken, and as outbound.submit.
    """
    return _resent(db, user, [request], lambda tx, found: _hand_over(tx, user.tenant_id, found, ring))[0]


def offer(db: Database, user: User, fax_id: int, *, actor: Who | None = None) -> Offer:
    """What is to be wrapped so that a user's own fax can be sent again (role portal): as that opens it, it is a row of
    the audit, as if it had been read. actor: None: the user, at a shell. Raises as `resend`, of the fax."""
    with db.tenant(user.tenant_id) as tx:
        fax = _fax(tx, user, fax_id)
        made = _made_of(tx, user.tenant_id, _original(tx, user.tenant_id, fax), _cover(tx, fax))
        found = documents.to_wrap(tx, user.tenant_id, user.id, made)
        offered = Offer(fax_id, transient_readers.current(tx), found)
        audit.record(
            tx, user.tenant_id, actor=actor or f"user:{user.id}", action="fax.open", object=f"fax:{fax_id}",
            by="browser", to="machines",
        )  # fmt: skip
    return offered


def wrap(offered: Offer, ring: Keyring) -> Handed:
    """The client's part. Raises Locked and SealBroken."""
    wraps: dict[tuple[int, int], bytes] = {}
    for each in offered.documents:
        key = documents.file_key(each.wraps, each.digest, ring)
        wraps |= {(each.document_id, of.id): of.public.wrap(key, each.digest) for of in offered.machines}
    return Handed(offered.fax_id, wraps)


def again(db: Database, user: User, handed: Handed, requests: Sequence[ResendRequest]) -> list[Submitted]:
    """As `resend`, with what a client has wrapped, and to several numbers at once, each once, or to none of them; all
    are of the fax that was handed over. Raises KeysMoved where machines have other keys by now."""
    if any(each.fax_id != handed.fax_id for each in requests) or not requests:
        raise ValueError("requests of another fax")
    return _resent(db, user, requests, lambda tx, found: _take(tx, user.tenant_id, found, handed))


def by_program(
    db: Database,
    user: User,
    requests: Sequence[ResendRequest],
    handed: Handed | None,
    then: Callable[[Transaction, int, Sequence[Submitted]], T],
) -> T:
    """As `again`, as one batch, and in the same transaction does `then`, and gives what that gives. handed None: the
    machines are to have a key to the document yet, as long as another fax of it has not ended.

    Also raises NeedsDocument.
    """

    def hand_over(tx: Transaction, document_ids: Sequence[int]) -> None:
        if handed is None:
            _check_open(tx, user.tenant_id, document_ids)
        else:
            _take(tx, user.tenant_id, document_ids, handed)

    return _resending(db, user, requests, hand_over, then)


def check_ended(tx: Transaction, user: User, fax_id: int) -> None:
    """Whether a document may be sent once more in place of this one: the user's own, which has ended. Raises NotFound
    and NotFinal."""
    row = tx.row(
        """select finished_at from faxes
           where tenant_id = %s and id = %s and direction = 'outbound' and user_id = %s and deleted_at is null""",
        (user.tenant_id, fax_id, user.id),
    )
    if row is None:
        raise _unknown(fax_id)
    if row["finished_at"] is None:
        raise _not_final(fax_id)


def _check_open(tx: Transaction, tenant_id: int, document_ids: Sequence[int]) -> None:
    """In the quotas' turn, in which nobody takes the machines' keys away."""
    closed = tx.value(
        """select exists (
             select from unnest(%(documents)s::bigint[]) d
             join documents o on o.tenant_id = %(tenant)s and o.id = d and o.header_digest is not null
             where not exists (
               select from transient_wraps w
               where w.tenant_id = %(tenant)s and w.document_id = d and w.key_id = any(%(machines)s::bigint[])))""",
        {
            "tenant": tenant_id,
            "documents": list(document_ids),
            "machines": [each.id for each in transient_readers.current(tx)],
        },
    )
    if closed:
        raise NeedsDocument(
            _(
                "Nothing here can open the document of this fax any more. Send the document along once more, or what "
                "opens it, wrapped by a reader's key."
            )
        )


def _resent(
    db: Database, user: User, requests: Sequence[ResendRequest], hand_over: Callable[[Transaction, Sequence[int]], None]
) -> list[Submitted]:
    return _resending(db, user, requests, hand_over, lambda _tx, _batch, sent: list(sent))


def _resending(
    db: Database,
    user: User,
    requests: Sequence[ResendRequest],
    hand_over: Callable[[Transaction, Sequence[int]], None],
    then: Callable[[Transaction, int, Sequence[Submitted]], T],
) -> T:
    """requests: of one fax, either to where it went or all elsewhere."""
    first = requests[0]
    for each in requests:
        with db.tenant(user.tenant_id) as tx:
            number = _number(each, _fax(tx, user, each.fax_id))
        plain, _rest = post_dial.split(number)
        with refused_numbers.audited(db, user, "fax.submit", plain), db.tenant(user.tenant_id) as tx:
            _ordered(tx, user, _fax(tx, user, each.fax_id), each, Resolution.FINE)
    with db.tenant(user.tenant_id) as tx:
        fax = _fax(tx, user, first.fax_id)
        made = _rendering(tx, user, fax, elsewhere=first.number is not None)
        # Who ends the last fax of this document takes it from the machines, in this turn: not what we hand them.
        quotas.take_turn(tx, user.tenant_id)
        cover = _cover(tx, fax)
        hand_over(tx, _made_of(tx, user.tenant_id, made["original_id"], cover))
        is_to_draw = cover is not None and cover.pages_id is None
        pages = made["pages"]
        if pages is not None and cover is not None:
            pages += cover.pages
        batch, sent = batches.begin(tx), []
        orders = [_ordered(tx, user, fax, each, Resolution(made["resolution"])) for each in requests]
        for order in {(each.called, each.after_answer): each for each in orders}.values():
            fax_id = outbound.accept(
                tx, user, order, made["id"], made["pages"], cover, batch=batch, resent=f"fax:{first.fax_id}"
            )
            if made["state"] == "rendered" and not is_to_draw:
                queue.enqueue(tx, user.tenant_id, fax_id, pages_done=0, delay_seconds=0, explanation=None)
            sent.append(Submitted(fax_id, order.called, pages))
        if made["state"] == "failed":
            render_jobs.again(tx, user.tenant_id, made["id"])
        elif made["state"] == "rendered" and is_to_draw:
            render_jobs.order_covers(tx, user.tenant_id, made["id"])
        return then(tx, batch, sent)


def _ordered(tx: Transaction, user: User, fax: Row, request: ResendRequest, resolution: Resolution) -> Order:
    return outbound.ordered(
        tx,
        user,
        _number(request, fax),
        calling=fax["calling_number"] if request.calling is None else request.calling,
        resolution=resolution,
        priority=request.priority,
        send_at=request.send_at,
        billing_code=fax["billing_code"] if request.billing_code is None else request.billing_code,
    )


def _fax(tx: Transaction, user: User, fax_id: int) -> Row:
    """Locked, so that no purge takes its pages meanwhile."""
    fax = queue.lock_fax(tx, user.tenant_id, fax_id)
    is_theirs = fax is not None and fax["direction"] == "outbound" and fax["user_id"] == user.id
    if fax is None or not is_theirs or fax["deleted_at"] is not None:
        raise _unknown(fax_id)
    if fax["finished_at"] is None:
        raise _not_final(fax_id)
    if fax["rendering_id"] is None:
        raise PagesPurged(
            _("The pages of fax {fax_id} were destroyed. Send the document itself: `faxplan send`.").format(
                fax_id=fax_id
            )
        )
    return fax


def _unknown(fax_id: int) -> NotFound:
    return NotFound(_("You have sent no fax {fax_id}. `faxplan list --sent` shows yours.").format(fax_id=fax_id))


def _not_final(fax_id: int) -> NotFinal:
    return NotFinal(
        _("Fax {fax_id} has not ended. `faxplan show {fax_id}` says what comes next; `cancel` ends it.").format(
            fax_id=fax_id
        )
    )


def _number(request: ResendRequest, fax: Row) -> str:
    return fax["called_number"] + fax["post_dial"] if request.number is None else request.number


def _rendering(tx: Transaction, user: User, fax: Row, *, elsewhere: bool) -> Row:
    """What is to be sent, held (queue.hold_rendering): id, original_id, resolution, state, and pages where they are
    known. elsewhere: to another number, whose machine may take what the first one did not.

    Raises RenderingFailed where it cannot be made. That it was not, since all its faxes were cancelled, is no failure.
    """
    rendering_id = tx.value(
        """select r.id from renderings f
           join renderings r on r.tenant_id = f.tenant_id and r.original_id = f.original_id and r.notice = f.notice
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
        raise RenderingFailed(_("There are no pages to send: {error_text}").format(error_text=made["error_text"]))
    return made


def _original(tx: Transaction, tenant_id: int, fax: Row) -> int:
    return int(
        tx.value(
            "select original_id from renderings where tenant_id = %s and id = %s", (tenant_id, fax["rendering_id"])
        )
    )


def _cover(tx: Transaction, fax: Row) -> Cover | None:
    """That of the fax, as it was: it names whom it went to first."""
    if fax["cover_id"] is None:
        return None
    pages = tx.value(
        "select pages from documents where tenant_id = %s and id = %s",
        (fax["tenant_id"], fax["cover_pages_id"] or fax["cover_id"]),
    )
    return Cover(fax["cover_id"], pages, fax["cover_pages_id"], fax["cover_images_id"], fax["thumbnail_id"])


def _made_of(tx: Transaction, tenant_id: int, original_id: int, cover: Cover | None) -> list[int]:
    """The original, and all that was made of it: the far machine decides which of these it takes. And the cover."""
    rows = tx.rows(
        "select document_id from renderings where tenant_id = %s and original_id = %s and document_id is not null",
        (tenant_id, original_id),
    )
    of_cover = [] if cover is None else [each for each in (cover.id, cover.pages_id) if each is not None]
    return [original_id, *(row["document_id"] for row in rows), *of_cover]


def _hand_over(tx: Transaction, tenant_id: int, document_ids: Sequence[int], ring: Keyring) -> None:
    machines = transient_readers.current(tx)
    for document_id in document_ids:
        stored, key = documents.opened(tx, tenant_id, document_id, ring)
        if key is not None and stored.digest is not None:  # else of before documents were sealed
            wraps = {each.id: each.public.wrap(key, stored.digest) for each in machines}
            transient_readers.wrap(tx, tenant_id, document_id, stored.digest, wraps)


def _take(tx: Transaction, tenant_id: int, document_ids: Sequence[int], handed: Handed) -> None:
    """What a client has made: for exactly the documents and machines of now."""
    machines = [each.id for each in transient_readers.current(tx)]
    stored = documents.several(tx, tenant_id, document_ids)
    digests = {each: of.digest for each, of in stored.items() if of.digest is not None}
    wanted = {(each, machine) for each in digests for machine in machines}
    if handed.wraps.keys() != wanted or any(len(each) != WRAP_BYTES for each in handed.wraps.values()):
        raise KeysMoved(_("What sends this fax has new keys by now. Try again."))
    for document_id, digest in digests.items():
        wraps = {machine: handed.wraps[document_id, machine] for machine in machines}
        transient_readers.wrap(tx, tenant_id, document_id, digest, wraps)
