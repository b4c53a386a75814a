"""Batches: the faxes that a program has handed in with one request, looked at, counted and stopped together.

There is no table of them: a batch is what its faxes say (faxes.batch), as long as there are some. It is its sender's
alone (role portal).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from faxplan import listings, outbound
from faxplan.db import Database, Transaction
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.outbound import AlreadyFinal
from faxplan.users import User


@dataclass(frozen=True, slots=True)
class Batch:
    """What its sender has not deleted. at: when it was handed in. standings: how many stand so, by
    listings.STANDINGS. pages: of those of which they are known. pages_done: as of a fax."""

    id: int
    at: datetime
    fax_ids: Sequence[int]
    standings: Mapping[str, int]
    pages: int
    pages_done: int

    @property
    def final(self) -> bool:
        """Whether nothing more happens to any of them."""
        return not self.standings["open"]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of its faxes: how many are cancelled now, are in a call that ends within moments, or had ended."""

    cancelled: int
    in_calls: int
    ended: int


def begin(tx: Transaction) -> int:
    """A new one, for faxes of this transaction: its id."""
    return int(tx.value("select nextval('fax_batches')"))


def get(tx: Transaction, user: User, batch_id: int) -> Batch:
    """A user's own. Raises NotFound."""
    rows = tx.rows(
        """select f.id, l.at, l.standing, f.pages, f.pages_done from faxes f
           join listings l on l.tenant_id = f.tenant_id and l.fax_id = f.id and l.list = 'sent'
           where f.tenant_id = %s and f.batch = %s and f.user_id = %s order by f.id""",
        (user.tenant_id, batch_id, user.id),
    )
    if not rows:
        raise NotFound(_("You have no batch {number}, or deleted all its faxes.").format(number=batch_id))
    return Batch(
        batch_id,
        rows[0]["at"],
        [row["id"] for row in rows],
        {each: sum(row["standing"] == each for row in rows) for each in listings.STANDINGS},
        sum(row["pages"] or 0 for row in rows),
        sum(row["pages_done"] for row in rows),
    )


def cancel(db: Database, user: User, batch_id: int) -> Stopped:
    """Stops those of its faxes that have not ended, one by one. Raises NotFound."""
    with db.tenant(user.tenant_id) as tx:
        found = get(tx, user, batch_id)
    at_once = in_calls = ended = 0
    for fax_id in found.fax_ids:
        try:
            is_cancelled = outbound.cancel(db, user, fax_id)
        except (AlreadyFinal, NotFound):
            # It ended, or was purged, meanwhile.
            ended += 1
            continue
        at_once += is_cancelled
        in_calls += not is_cancelled
    return Stopped(at_once, in_calls, ended)
