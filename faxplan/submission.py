"""A document that goes to one number or several at once: a fax for each, each with its cover, or none at all (role
portal). Those of one request of a program are a batch (batches.py)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from faxplan import batches, contact_groups, covers, labels, originals, outbound, recipients, resending
from faxplan.covers import Made
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.originals import HandedIn
from faxplan.outbound import Order, Submitted
from faxplan.recipients import Recipients
from faxplan.rendering import Resolution
from faxplan.users import User

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ready:
    """A fax that may be sent. cover: sealed, and not recorded yet; None: it has none."""

    order: Order
    cover: Made | None = None


def submit(
    db: Database,
    store: Store,
    user: User,
    document: HandedIn,
    to: Recipients,
    then: Callable[[Transaction, int, Sequence[Submitted]], T],
    *,
    resend_of: int | None = None,
) -> T:
    """Hands a document in, and in the transaction that accepts its faxes does `then`, with the batch that they are, and
    gives what that gives. resend_of: the user's fax that has ended whose document this is once more, for the audit.

    Raises as `ready`, labels.for_new and originals.hand_in do, NotFinal, QuotaExceeded, and what `then` raises.
    """
    for each in to.labels:
        labels.checked(each)
    with db.tenant(user.tenant_id) as tx:
        if resend_of is not None:
            resending.check_ended(tx, user, resend_of)
        originals.readers(tx, user)
    with ready(db, store, user, to, document.resolution) as faxes:

        def accepted(tx: Transaction, rendering: int, pages: int | None) -> T:
            put_on = labels.for_new(tx, user, to.labels)
            batch = batches.begin(tx)
            of = {} if resend_of is None else {"resent": f"fax:{resend_of}"}
            sent = [accept(tx, user, each, rendering, pages, batch=batch, **of) for each in faxes]
            labels.put_on_new(tx, user, f"user:{user.id}", [each.fax_id for each in sent], put_on)
            return then(tx, batch, sent)

        return originals.hand_in(db, store, user, document, accepted)


@contextmanager
def ready(db: Database, store: Store, user: User, to: Recipients, resolution: Resolution) -> Iterator[list[Ready]]:
    """A fax for each of the numbers that are meant, for a block whose transaction accepts them; their covers are gone
    where it fails.

    Raises as recipients.ordered and covers.seal do, and NotFound for a contact or a group.
    """
    with db.tenant(user.tenant_id) as tx:
        chosen = contact_groups.chosen(tx, user, to.contacts, to.groups) if to.cover else []
        numbers = recipients.numbers_of(tx, user, to)
    orders = recipients.ordered(db, user, replace(to, numbers=numbers), resolution)
    covering = [covers.To(each.called, each.calling, each.send_at) for each in orders]
    made = covers.seal(db, store, user, to.cover, covering, chosen) if to.cover else []
    with kept_if_accepted(store, orders, made) as faxes:
        yield faxes


@contextmanager
def kept_if_accepted(store: Store, orders: Sequence[Order], made: Sequence[Made]) -> Iterator[list[Ready]]:
    """Faxes for a block as in `ready`. made: a cover for each, or none at all."""
    with store.kept_if_named([each.sealed for each in made]):
        yield (
            [Ready(order, cover) for order, cover in zip(orders, made, strict=True)]
            if made
            else list(map(Ready, orders))
        )


def accept(
    tx: Transaction,
    user: User,
    fax: Ready,
    rendering_id: int,
    pages: int | None,
    *,
    batch: int | None = None,
    **details: str,
) -> Submitted:
    """A fax that waits for its rendering, and its cover. pages, batch, details: as outbound.accept. Raises
    QuotaExceeded."""
    cover = None if fax.cover is None else covers.record(tx, user, fax.cover)
    fax_id = outbound.accept(tx, user, fax.order, rendering_id, pages, cover, batch=batch, **details)
    return Submitted(fax_id, fax.order.called, pages if pages is None or cover is None else pages + cover.pages)
