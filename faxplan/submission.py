"""One document that goes to several numbers at once, without a draft: a fax for each, or none at all (role portal).

They are a batch (batches.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from faxplan import batches, contact_groups, covers, labels, originals, outbound, recipients, resending
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.errors import DatabaseUnavailable
from faxplan.originals import HandedIn
from faxplan.outbound import Submitted
from faxplan.recipients import Recipients
from faxplan.users import User

T = TypeVar("T")


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

    Raises as recipients.ordered, labels.for_new, covers.seal and originals.hand_in do, NotFound, NotFinal,
    QuotaExceeded, and what `then` raises.
    """
    for each in to.labels:
        labels.checked(each)
    with db.tenant(user.tenant_id) as tx:
        if resend_of is not None:
            resending.check_ended(tx, user, resend_of)
        chosen = contact_groups.chosen(tx, user, to.contacts, to.groups) if to.cover else []
        numbers = recipients.numbers_of(tx, user, to)
        originals.readers(tx, user)
    orders = recipients.ordered(db, user, replace(to, numbers=numbers), document.resolution)
    covering = [covers.To(each.called, each.calling, each.send_at) for each in orders]
    made = covers.seal(db, store, user, to.cover, covering, chosen) if to.cover else []
    covers_of: Sequence[covers.Made | None] = made or [None] * len(orders)

    def accepted(tx: Transaction, rendering: int, pages: int | None) -> T:
        put_on = labels.for_new(tx, user, to.labels)
        batch, sent = batches.begin(tx), []
        of = {} if resend_of is None else {"resent": f"fax:{resend_of}"}
        for order, cover in zip(orders, covers_of, strict=True):
            recorded = None if cover is None else covers.record(tx, user, cover)
            fax_id = outbound.accept(tx, user, order, rendering, pages, recorded, batch=batch, **of)
            whole = pages if pages is None or cover is None else pages + cover.pages
            sent.append(Submitted(fax_id, order.called, whole))
        labels.put_on_new(tx, user, f"user:{user.id}", [each.fax_id for each in sent], put_on)
        return then(tx, batch, sent)

    try:
        return originals.hand_in(db, store, user, document, accepted)
    except DatabaseUnavailable:
        # It may have committed before it went away, and its rows then name these objects: an orphan is cheaper.
        raise
    except BaseException:
        covers.discard(store, made)
        raise
