"""Whether the records add up: pages of attempts = pages of faxes = pages that the quotas have counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from faxplan import quotas
from faxplan.cdr import Period
from faxplan.db import Row, Transaction

MOST_SHOWN = 100
"""Differences of one kind that are told one by one."""
_LONGEST_SECONDS = 1800
"""For one comparison: of all calls ever, of a tenant that has millions."""

_YOUNG = timedelta(minutes=5)
"""A delivery that began so long ago is committed on both sides, which have one and the same started_at."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that does not add up. what: `fax 12`, `quota of the tenant a month`."""

    tenant: str
    what: str
    words: str


@dataclass(frozen=True, slots=True)
class Sums:
    """Pages of one tenant. attempts, faxes: of the faxes with an attempt in the period. internal: of these, without a
    call; of both directions.
    """

    tenant: str
    faxes: int
    fax_pages: int
    attempt_pages: int
    internal_sent: int
    internal_received: int


def check(
    tx: Transaction, tenant_id: int, slug: str, wanted: Period, *, began: datetime
) -> tuple[Sums, list[Difference]]:
    """Of one tenant. Each comparison is a statement of its own: what changes meanwhile makes no difference.

    began: when the first of the tenants was looked at. Deliveries within the installation from then on, and of the
    minutes before, are left out of `internal_sent` and `internal_received`, which are compared across tenants.
    """
    tx.give_time(_LONGEST_SECONDS)
    parameters = {
        "tenant": tenant_id, "since": wanted.since, "until": wanted.until, "settled": began - _YOUNG,
        "most": MOST_SHOWN,
    }  # fmt: skip
    sums = tx.one(f"{_PER_FAX} {_SUMS}", parameters)
    found = [
        *(_of_fax(slug, row) for row in tx.rows(f"{_PER_FAX} {_WRONG}", parameters)),
        *(_lost(slug, row) for row in tx.rows(_LOST, parameters)),
        *(_of_quota(slug, row) for row in quotas.counted_otherwise(tx, tenant_id)),
    ]
    return Sums(slug, **sums), found


def is_complete(tx: Transaction) -> bool:
    """Whether the records of all time are there; else `across` says nothing: they may have gone on one side only."""
    return not tx.value("select removed_records from purge_state")


def across(sums: list[Sums]) -> list[Difference]:
    """Of the whole installation, over all time: what was delivered within it left one tenant and reached another."""
    sent, received = sum(each.internal_sent for each in sums), sum(each.internal_received for each in sums)
    if sent == received:
        return []
    return [Difference("(all)", "internal deliveries", f"{sent} pages were sent, and {received} were received")]


_PER_FAX = """
    with wanted as (
        select distinct a.fax_id from attempts a
        where a.tenant_id = %(tenant)s and a.started_at >= coalesce(%(since)s, '-infinity'::timestamptz)
          and a.started_at < coalesce(%(until)s, 'infinity'::timestamptz)),
    per_fax as (
        select f.id, f.direction, f.pages_done, f.attempts_made, f.finished_at, count(*) as attempts,
               sum(a.pages) as attempt_pages,
               sum(a.pages) filter (where a.internal and not f.is_test and a.started_at < %(settled)s) as internal_pages
        from wanted w join faxes f on f.tenant_id = %(tenant)s and f.id = w.fax_id
        join attempts a on a.tenant_id = f.tenant_id and a.fax_id = f.id
        group by f.tenant_id, f.id)"""
_SUMS = """
    select count(*) as faxes, coalesce(sum(pages_done), 0)::bigint as fax_pages,
           coalesce(sum(attempt_pages), 0)::bigint as attempt_pages,
           coalesce(sum(internal_pages) filter (where direction = 'outbound'), 0)::bigint as internal_sent,
           coalesce(sum(internal_pages) filter (where direction = 'inbound'), 0)::bigint as internal_received
    from per_fax"""
# A fax that is being received has its one attempt counted at its end.
_WRONG = """
    select id, direction, pages_done, attempt_pages, attempts_made, attempts from per_fax
    where attempt_pages <> pages_done
       or (attempts <> attempts_made and (direction = 'outbound' or finished_at is not null))
    order by id limit %(most)s"""
_LOST = """
    select a.fax_id, a.number from attempts a
    where a.tenant_id = %(tenant)s and a.outcome is null and not exists (
        select from calls c where c.tenant_id = a.tenant_id and c.attempt_id = a.id)
    order by a.id limit %(most)s"""


def _of_fax(slug: str, row: Row) -> Difference:
    if row["attempt_pages"] != row["pages_done"]:
        words = f"has {row['pages_done']} pages, and its attempts have {row['attempt_pages']}"
    else:
        words = f"counts {row['attempts_made']} attempts, and has {row['attempts']}"
    return Difference(slug, f"fax {row['id']}", words)


def _lost(slug: str, row: Row) -> Difference:
    words = "has no outcome, and no call is going on for it"
    return Difference(slug, f"fax {row['fax_id']}, attempt {row['number']}", words)


def _of_quota(slug: str, row: Row) -> Difference:
    whose = row["user"] or "the tenant"
    words = f"has counted {row['used_pages']} pages, and the faxes that ended in this period have {row['fax_pages']}"
    return Difference(slug, f"quota of {whose} a {row['period']}", words)
