"""Which faxes are to be purged: those that were kept for long enough, and those that a user has deleted.

Found through indexes that have only what is kept (faxes_kept_idx, faxes_deleted_idx), from the oldest on: however many
faxes there are that stay, they are not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from faxplan import retention
from faxplan.db import Transaction
from faxplan.holds import Hold
from faxplan.retention import DIRECTIONS, Policy

AGE, DELETED = "age", "deleted"


@dataclass(frozen=True, slots=True)
class Pile:
    """Faxes that are looked for together. why: AGE, then with mailbox and direction; or DELETED, of all mailboxes."""

    why: str
    mailbox_id: int | None = None
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """A fax that is to be purged. pages: arrived or acknowledged. key: its place in its pile. why: AGE or DELETED."""

    fax_id: int
    direction: str
    mailbox: str | None
    finished_at: datetime
    pages: int
    key: datetime
    why: str


def piles(tx: Transaction, tenant_id: int, policy: Policy) -> list[Pile]:
    """Those of a tenant in which something may be due; the deleted ones first."""
    mailboxes = [
        row["id"] for row in tx.rows("select id from mailboxes where tenant_id = %s order by id", (tenant_id,))
    ]
    wanted = [
        (mailbox, direction, days)
        for mailbox in mailboxes
        for direction in DIRECTIONS.values()
        if (days := policy.days(mailbox, direction)) is not None
    ]
    rows = tx.rows(
        """select p.mailbox_id, p.direction
           from unnest(%(mailboxes)s::bigint[], %(directions)s::text[], %(days)s::integer[])
                as p (mailbox_id, direction, days)
           where exists (
               select from faxes f where f.tenant_id = %(tenant)s and f.mailbox_id = p.mailbox_id
               and f.direction = p.direction and f.created_at < now() - make_interval(days => p.days)
               and f.purged_at is null) order by 1, 2""",
        {
            "tenant": tenant_id,
            "mailboxes": [each[0] for each in wanted],
            "directions": [each[1] for each in wanted],
            "days": [each[2] for each in wanted],
        },
    )
    without = [Pile(AGE, None, each) for each in DIRECTIONS.values() if policy.days(None, each) is not None]
    return [Pile(DELETED), *(Pile(AGE, row["mailbox_id"], row["direction"]) for row in rows), *without]


_KEPT = """
    select f.id as fax_id, f.direction, m.name as mailbox, f.finished_at, f.pages_done as pages, f.{key} as key
    from faxes f left join mailboxes m on m.tenant_id = f.tenant_id and m.id = f.mailbox_id
    where f.tenant_id = %(tenant)s and f.purged_at is null and {which}
      and f.finished_at < now() - make_interval(days => %(days)s)
      and (f.{key}, f.id) > (%(key)s::timestamptz, %(id)s) and f.{key} < now() - make_interval(days => {behind})
      and not exists (select from holds h where h.tenant_id = f.tenant_id and h.fax_id = f.id)
      and (f.left_by is null and f.forwarded_by is not null or not exists (
          select from faxes g join holds h on h.tenant_id = g.tenant_id
               and (h.fax_id = g.id or h.fax_id is null and h.mailbox_id = g.mailbox_id)
          where g.tenant_id = f.tenant_id and g.tiff_id = f.tiff_id)){held}
    order by f.{key}, f.id limit %(most)s"""
# What a fax was that is copied or moved on may have all that opens it (forwarding): what holds the copy holds this too.
# Deleted ones are found as such: they need not be as old.
_AGED = "f.direction = %(direction)s and f.deleted_at is null"
BY_AGE = _KEPT.format(key="created_at", behind="%(days)s", which=f"f.mailbox_id = %(mailbox)s and {_AGED}", held="")
_BY_AGE_WITHOUT_MAILBOX = _KEPT.format(
    key="created_at", behind="%(days)s", which=f"f.mailbox_id is null and {_AGED}", held=""
)
BY_USERS = _KEPT.format(
    key="deleted_at",
    behind="0",
    which="f.deleted_at is not null",
    held="""
      and not exists (select from holds h where h.tenant_id = f.tenant_id and h.fax_id is null
                      and (h.mailbox_id is null or h.mailbox_id = f.mailbox_id))""",
)


def look(
    tx: Transaction,
    tenant_id: int,
    pile: Pile,
    policy: Policy,
    held: list[Hold],
    after: Due | None,
    most: int,
) -> list[Due]:
    """The next of a pile, at most so many, after one of it (None: from the first). held: holds.of_mailboxes."""
    days = policy.bounds.min_days if pile.why == DELETED else policy.days(pile.mailbox_id, pile.direction)
    if days is None or (pile.why == AGE and any(each.holds_all_of(pile.mailbox_id) for each in held)):
        return []
    sql = BY_USERS if pile.why == DELETED else BY_AGE if pile.mailbox_id is not None else _BY_AGE_WITHOUT_MAILBOX
    parameters = {
        "tenant": tenant_id, "mailbox": pile.mailbox_id, "direction": pile.direction, "days": days, "most": most,
        "key": "-infinity" if after is None else after.key, "id": 0 if after is None else after.fax_id,
    }  # fmt: skip
    return [Due(**row, why=pile.why) for row in tx.rows(sql, parameters)]


def everything(tx: Transaction, tenant_id: int, held: list[Hold], most: int = 1000) -> Iterator[Due]:
    """All that is due in a tenant, so many in memory at once."""
    policy = retention.policy(tx, tenant_id)
    for pile in piles(tx, tenant_id, policy):
        last: Due | None = None
        while found := look(tx, tenant_id, pile, policy, held, last, most):
            yield from found
            last = found[-1]
