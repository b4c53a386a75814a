"""Whom a campaign goes to, and how it stands with them (role portal, within a tenant)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from faxplan import campaigns
from faxplan.db import Row, Transaction
from faxplan.users import User


@dataclass(frozen=True, slots=True)
class Counts:
    """Recipients. left_out: by why they are. lines_read, lines: of a file that is being read; None: none is. wrong: why
    it could not be read to its end, in words for its user."""

    waiting: int = 0
    released: int = 0
    sent: int = 0
    failed: int = 0
    cancelled: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    lines_read: int | None = None
    lines: int | None = None
    wrong: str = ""

    @property
    def total(self) -> int:
        """Who gets a fax, has got one, or should have."""
        return self.waiting + self.released + self.sent + self.failed + self.cancelled


def counts(tx: Transaction, user: User, campaign_id: int) -> Counts:
    """How it stands with its recipients, or stood when they were purged. Raises NotFound."""
    campaigns.get(tx, user, campaign_id)
    return counts_of(tx, user.tenant_id, [campaign_id])[campaign_id]


def counts_of(tx: Transaction, tenant_id: int, ids: Sequence[int]) -> dict[int, Counts]:
    """The same of several, which somebody may see."""
    of = (tenant_id, list(ids))
    kept = tx.rows(
        """select id, kept_counts from campaigns
           where tenant_id = %s and id = any (%s) and kept_counts is not null""",
        of,
    )
    gone = {row["id"]: Counts(**row["kept_counts"]) for row in kept}
    files = tx.rows(
        """select campaign_id, lines, lines_read, wrong from campaign_files
           where tenant_id = %s and campaign_id = any (%s)""",
        of,
    )
    of_file = {row.pop("campaign_id"): row for row in files}
    there = _counted(tx, tenant_id, [each for each in ids if each not in gone])
    return gone | {each: replace(found, **of_file.get(each, {})) for each, found in there.items()}


def counted(tx: Transaction, tenant_id: int, campaign_id: int) -> Counts:
    """Its recipients, one by one."""
    return _counted(tx, tenant_id, [campaign_id])[campaign_id]


def _counted(tx: Transaction, tenant_id: int, ids: Sequence[int]) -> dict[int, Counts]:
    found = tx.rows(
        """select campaign_id, state, coalesce(why, '') as why, count(*) as n from campaign_recipients
           where tenant_id = %s and campaign_id = any (%s) group by 1, 2, 3""",
        (tenant_id, list(ids)),
    )
    rows = {each: [row for row in found if row["campaign_id"] == each] for each in ids}
    return {
        each: Counts(
            **{row["state"]: row["n"] for row in its if not row["why"]},
            left_out={row["why"]: row["n"] for row in its if row["why"]},
        )
        for each, its in rows.items()
    }


def some(
    tx: Transaction, user: User, campaign_id: int, *, state: str | None = None, why: str | None = None, after: int = 0,
    limit: int = 100,
) -> list[Row]:  # fmt: skip
    """Some of its recipients, in their order, after this id: id, line, written, number, name, state, why, fax_id.
    state, why: those of this one. None of one whose recipients were purged. Raises NotFound."""
    if campaigns.get(tx, user, campaign_id).purged_at is not None:
        return []
    return tx.rows(
        """select id, line, written, number, name, state, why, fax_id from campaign_recipients
           where tenant_id = %s and campaign_id = %s and id > %s and (%s::text is null or state = %s)
             and (%s::text is null or why = %s)
           order by id limit %s""",
        (user.tenant_id, campaign_id, after, state, state, why, why, limit),
    )
