"""Lets the faxes of campaigns go: at their pace, so many at once, in their hours; and notes how they have ended.

Each that is let go is a fax as any other, by its user's permissions, numbers and quota of that moment. Fax and
recipient are changed in one transaction: whoever goes on after a crash lets nobody go twice, and misses nobody.
Role portal, within a tenant.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from faxplan import campaigns, outbound, queue, tenants, users
from faxplan.db import Database, Row, Transaction
from faxplan.errors import DatabaseUnavailable, FaxplanError, InvalidNumber, NotFound
from faxplan.language import marked
from faxplan.number_policy import NumberBarred
from faxplan.outbound import AlreadyFinal
from faxplan.priorities import Priority
from faxplan.rendering import Resolution
from faxplan.tenants import Tenant
from faxplan.users import User

LOG = logging.getLogger(__name__)
AT_ONCE = 50
"""Recipients of a transaction."""
COLLECTED = 500
BEHIND_SECONDS = 5.0
"""A campaign that is further behind its pace does not make up for it."""
_GONE = marked("Who had started it is not here any more. Start it anew in your own name.")
_NO_DOCUMENT = marked("Its document cannot be made ready for sending, or is gone.")


@dataclass(frozen=True, slots=True)
class Done:
    """released: let go. collected: that have ended. is_over: the campaign has. may_go_on: there is more to do now."""

    released: int = 0
    collected: int = 0
    is_over: bool = False
    may_go_on: bool = False


def step(db: Database, tenant_id: int, campaign_id: int) -> Done:
    """Brings one a little further. What is wrong with it pauses it, and it says why. Raises DatabaseUnavailable."""
    with db.tenant(tenant_id) as tx:
        campaigns.take_turn(tx, tenant_id)
        row = tx.row("select * from campaigns where tenant_id = %s and id = %s", (tenant_id, campaign_id))
        if row is None or row["state"] not in ("running", "paused", "cancelled"):
            return Done(is_over=True)
        collected = _collect(tx, tenant_id, campaign_id)
        if row["state"] != "running":
            return Done(collected=collected, may_go_on=collected == COLLECTED)
        try:
            with tx.apart():
                released = _release(tx, tenants.get(tx, tenant_id), row)
        except DatabaseUnavailable:
            raise
        except FaxplanError as error:
            if error.retryable:
                raise
            LOG.warning("campaign %s of tenant %s is paused: %s", campaign_id, tenant_id, error)
            campaigns.stop(tx, tenant_id, campaign_id, str(error))
            return Done(collected=collected, is_over=True)
        is_over = not released and _is_over(tx, tenant_id, campaign_id)
        if is_over:
            campaigns.end(tx, tenant_id, campaign_id, "finished")
        return Done(released, collected, is_over, may_go_on=collected == COLLECTED or released == AT_ONCE)


def cancel_open(db: Database, tenant_id: int, campaign_id: int) -> int:
    """Stops what a cancelled campaign has let go: how many faxes."""
    with db.tenant(tenant_id) as tx:
        rows = tx.rows(
            """select r.fax_id, c.user_id from campaign_recipients r
               join campaigns c on c.tenant_id = r.tenant_id and c.id = r.campaign_id and c.state = 'cancelled'
               where r.tenant_id = %s and r.campaign_id = %s and r.state = 'released' and r.fax_id is not null
               order by r.id limit %s""",
            (tenant_id, campaign_id, COLLECTED),
        )
        user = None if not rows else users.known(tx, tenant_id, rows[0]["user_id"])
    count = 0
    for row in rows:
        try:
            if user is not None and outbound.cancel(db, user, row["fax_id"]):
                count += 1
        except (AlreadyFinal, NotFound):
            continue
    return count


# By its key, one by one, whatever PostgreSQL believes of tables that have just been filled (OFFSET 0 is a fence).
# Otherwise it looks through all faxes for each recipient, and does so again for each that waits.
_ITS_FAX = """lateral (
    select l.state, l.finished_at, l.not_before from faxes l
    where l.tenant_id = r.tenant_id and l.id = r.fax_id offset 0) f"""


def _collect(tx: Transaction, tenant_id: int, campaign_id: int) -> int:
    """Notes how faxes have ended."""
    return tx.execute(
        f"""with ended as materialized (
                select r.id, coalesce(f.state, 'cancelled') as state, coalesce(f.finished_at, now()) as at
                from campaign_recipients r left join {_ITS_FAX} on true
                where r.tenant_id = %(tenant)s and r.campaign_id = %(campaign)s and r.state = 'released'
                  and (f.finished_at is not null or r.fax_id is null)
                order by r.id limit %(most)s)
            update campaign_recipients r set state = e.state, ended_at = e.at from ended e
            where r.tenant_id = %(tenant)s and r.campaign_id = %(campaign)s and r.id = e.id""",
        {"tenant": tenant_id, "campaign": campaign_id, "most": COLLECTED},
    )


def _is_over(tx: Transaction, tenant_id: int, campaign_id: int) -> bool:
    """Whether nobody waits, and nothing is under way."""
    found: bool = tx.value(
        """select not exists (select from campaign_recipients where tenant_id = %s and campaign_id = %s
                              and state in ('waiting', 'released'))""",
        (tenant_id, campaign_id),
    )
    return found


def _release(tx: Transaction, tenant: Tenant, row: Row) -> int:
    """How many. Raises what pauses it."""
    now: datetime = tx.value("select now()")
    if not _is_open(row, tenant.zone, now):
        _pace_anew(tx, row, None)
        return 0
    room = min(_due(tx, row, now), row["at_once"] - _under_way(tx, row), AT_ONCE)
    if room <= 0:
        return 0
    user = _user(tx, row)
    rendering = _held_rendering(tx, row)
    waiting = tx.rows(
        """select id, number from campaign_recipients
           where tenant_id = %s and campaign_id = %s and state = 'waiting' order by id limit %s""",
        (row["tenant_id"], row["id"], room),
    )
    released = [_let_go(tx, user, row, rendering, each) for each in waiting]
    count = sum(released)
    tx.execute(
        "update campaigns set paced = paced + %s where tenant_id = %s and id = %s", (count, row["tenant_id"], row["id"])
    )
    return count


def _is_open(row: Row, zone: ZoneInfo, now: datetime) -> bool:
    here = now.astimezone(zone)
    is_begun = row["start_at"] is None or row["start_at"] <= now
    return is_begun and here.isoweekday() in row["weekdays"] and row["opens"] <= f"{here:%H:%M}" < row["closes"]


def _due(tx: Transaction, row: Row, now: datetime) -> int:
    """How many its pace has by now."""
    if row["paced_from"] is None:
        _pace_anew(tx, row, now)
        return 1
    seconds = (now - row["paced_from"]).total_seconds()
    due = int(seconds * row["per_minute"] / 60) + 1 - int(row["paced"])
    if due > max(1, BEHIND_SECONDS * row["per_minute"] / 60):
        # It was at rest, or as many were under way as may be.
        _pace_anew(tx, row, now)
        return 1
    return due


def _pace_anew(tx: Transaction, row: Row, now: datetime | None) -> None:
    tx.execute(
        """update campaigns set paced_from = %s, paced = 0 where tenant_id = %s and id = %s
           and (paced_from is distinct from %s or paced <> 0)""",
        (now, row["tenant_id"], row["id"], now),
    )


def _under_way(tx: Transaction, row: Row) -> int:
    """Faxes in a call, or that wait for one now; not those that wait for another try."""
    found: int = tx.value(
        f"""select count(*) from campaign_recipients r join {_ITS_FAX} on true
           where r.tenant_id = %s and r.campaign_id = %s and r.state = 'released'
             and (f.state in ('accepted', 'dialing', 'sending') or f.state = 'queued' and f.not_before <= now())""",
        (row["tenant_id"], row["id"]),
    )
    return found


def _user(tx: Transaction, row: Row) -> User:
    try:
        user = users.get(tx, row["tenant_id"], row["user_id"])
    except NotFound as error:
        raise campaigns.NotNow(_GONE) from error
    campaigns.check_permitted(tx, user)
    return user


@dataclass(frozen=True, slots=True)
class _Rendering:
    id: int
    state: str
    pages: int | None
    resolution: Resolution


def _held_rendering(tx: Transaction, row: Row) -> _Rendering:
    """Of its document, held: nobody ends it meanwhile."""
    queue.hold_rendering(tx, row["tenant_id"], row["rendering_id"])
    found = tx.row(
        """select r.id, r.state, coalesce(p.pages, o.pages) as pages, r.resolution from renderings r
           join documents o on o.tenant_id = r.tenant_id and o.id = r.original_id
           left join documents p on p.tenant_id = r.tenant_id and p.id = r.document_id
           where r.tenant_id = %s and r.id = %s""",
        (row["tenant_id"], row["rendering_id"]),
    )
    if found is None or found["state"] == "failed" or row["draft_id"] is None:
        raise campaigns.NotNow(_NO_DOCUMENT)
    return _Rendering(**found | {"resolution": Resolution(found["resolution"])})


def _let_go(tx: Transaction, user: User, row: Row, rendering: _Rendering, recipient: Row) -> bool:
    """Whether there is a fax; else it is left out, and says why. Raises what is wrong with the campaign itself."""
    try:
        order = outbound.ordered(
            tx, user, recipient["number"], calling=row["calling"], resolution=rendering.resolution,
            priority=Priority.BULK, send_at=None, billing_code=row["billing_code"],
        )  # fmt: skip
    except (NumberBarred, InvalidNumber) as error:
        _leave_out(tx, row, recipient, error)
        return False
    order = replace(order, max_attempts=row["max_attempts"], retry_delays=row["retry_delays"])
    fax_id = outbound.accept(tx, user, order, rendering.id, rendering.pages, campaign=f"campaign:{row['id']}")
    if rendering.state == "rendered":
        queue.enqueue(tx, user.tenant_id, fax_id, pages_done=0, delay_seconds=0, explanation=None)
    tx.execute(
        """update campaign_recipients set state = 'released', fax_id = %s, released_at = now()
           where tenant_id = %s and campaign_id = %s and id = %s and state = 'waiting'""",
        (fax_id, row["tenant_id"], row["id"], recipient["id"]),
    )
    return True


def _leave_out(tx: Transaction, row: Row, recipient: Row, error: FaxplanError) -> None:
    why = {"do-not-fax": "do-not-fax"}.get(error.error_id, "number-barred")
    if isinstance(error, InvalidNumber):
        why = "invalid-number"
    tx.execute(
        """update campaign_recipients set state = 'left-out', why = %s
           where tenant_id = %s and campaign_id = %s and id = %s""",
        (why, row["tenant_id"], row["id"], recipient["id"]),
    )
