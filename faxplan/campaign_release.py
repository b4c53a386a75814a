"""Lets the faxes of campaigns go: at their pace, so many at once, in their hours; and notes how they have ended.

Each that is let go is a fax as any other, by its user's permissions, numbers and quota of that moment. Fax and
recipient are changed in one transaction: whoever goes on after a crash lets nobody go twice, and misses nobody.
Role portal, within a tenant.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from faxplan import campaign_covers, campaign_pace, campaigns, covers, outbound, queue, render_jobs, tenants, users
from faxplan.campaign_covers import Recipient
from faxplan.covers import Made
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.errors import DatabaseUnavailable, FaxplanError, InvalidNumber, NoRoute, NotFound, QuotaExceeded
from faxplan.language import marked
from faxplan.number_policy import NumberBarred
from faxplan.outbound import AlreadyFinal, Order, Sender
from faxplan.priorities import Priority
from faxplan.rendering import Resolution
from faxplan.tenants import Tenant
from faxplan.users import User

LOG = logging.getLogger(__name__)
AT_ONCE = 50
"""Recipients of a transaction."""
COLLECTED = 500
_GONE = marked("Who had started it is not here any more. Start it anew in your own name.")
_NO_DOCUMENT = marked("Its document cannot be made ready for sending, or is gone.")


@dataclass(frozen=True, slots=True)
class Done:
    """released: let go. collected: that have ended. is_over: the campaign has. may_go_on: there is more to do now."""

    released: int = 0
    collected: int = 0
    is_over: bool = False
    may_go_on: bool = False


@dataclass(frozen=True, slots=True)
class _Batch:
    """Recipients whose turn has come, whose covers are to be sealed before they are let go. row: the campaign's, as it
    was."""

    row: Row
    order: campaign_covers.Order
    recipients: Sequence[Recipient]


def step(db: Database, tenant_id: int, campaign_id: int, store: Store | None = None) -> Done:
    """Brings one a little further. What is wrong with it pauses it, and it says why. store: for covers. Raises
    DatabaseUnavailable, and what is retryable."""
    done, batch = _step(db, tenant_id, campaign_id)
    if batch is None:
        return done
    if store is None:
        raise ValueError("covers need the store")
    try:
        made = campaign_covers.seal(db, store, batch.order, batch.recipients)
    except FaxplanError as error:
        if error.retryable:
            raise
        with db.tenant(tenant_id) as tx:
            campaigns.take_turn(tx, tenant_id)
            _stop(tx, batch.row, error)
        return Done(collected=done.collected, is_over=True)
    sealed = {each.id: cover for each, cover in zip(batch.recipients, made, strict=True)}
    used: set[int | None] = set()
    with store.kept_if_named([each.sealed for each in made if each is not None]):
        released = _release_sealed(db, batch, sealed, used)
    # Of those that another worker was faster with, or whose campaign was stopped meanwhile.
    store.discard(cover.sealed for key, cover in sealed.items() if cover is not None and key not in used)
    return Done(released, done.collected, may_go_on=done.may_go_on or len(used) == AT_ONCE)


def _step(db: Database, tenant_id: int, campaign_id: int) -> tuple[Done, _Batch | None]:
    """All that needs no store; and what does, where there is something."""
    with db.tenant(tenant_id) as tx:
        campaigns.take_turn(tx, tenant_id)
        row = tx.row("select * from campaigns where tenant_id = %s and id = %s", (tenant_id, campaign_id))
        if row is None or row["state"] not in ("running", "paused", "cancelled"):
            return Done(is_over=True), None
        collected = _collect(tx, tenant_id, campaign_id)
        if row["state"] != "running":
            return Done(collected=collected, may_go_on=collected == COLLECTED), None
        batch, released = None, 0
        try:
            tenant = tenants.get(tx, tenant_id)
            if row["cover_id"] is None:
                released = _as_many_as_fit(tx, partial(_release, tx, tenant, row))
            else:
                with tx.apart():
                    batch = _batch(tx, tenant, row)
        except DatabaseUnavailable:
            raise
        except FaxplanError as error:
            if error.retryable:
                raise
            _stop(tx, row, error)
            return Done(collected=collected, is_over=True), None
        is_over = not released and batch is None and _is_over(tx, tenant_id, campaign_id)
        if is_over:
            campaigns.end(tx, tenant_id, campaign_id, "finished")
        return Done(released, collected, is_over, may_go_on=collected == COLLECTED or released == AT_ONCE), batch


def _stop(tx: Transaction, row: Row, error: FaxplanError) -> None:
    LOG.warning("campaign %s of tenant %s is paused: %s", row["id"], row["tenant_id"], error)
    campaigns.stop(tx, row["tenant_id"], row["id"], str(error))


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


def _as_many_as_fit(tx: Transaction, release: Callable[[int], int]) -> int:
    """Lets so many go as quotas have room for, of AT_ONCE: half as many each time, down to one. release: so many at
    most, and gives how many. Raises what pauses it."""
    most = AT_ONCE
    while True:
        try:
            with tx.apart():
                return release(most)
        except QuotaExceeded:
            if most == 1:
                raise
        most //= 2


def _release(tx: Transaction, tenant: Tenant, row: Row, most: int) -> int:
    """How many. Raises what pauses it."""
    room = min(_room(tx, tenant, row), most)
    if room <= 0:
        return 0
    waiting = _next(tx, row, room)
    if not waiting:
        return 0
    user = _user(tx, row)
    rendering = held_rendering(tx, row)
    sender = _sender(tx, user, row, rendering)
    gone: dict[int | None, int] = {}
    for each in waiting:
        fax_id = _let_go(tx, user, row, rendering, sender, each)
        if fax_id is not None:
            gone[each.id] = fax_id
    if gone and rendering.state == "rendered":
        queue.enqueue_new(tx, row["tenant_id"], list(gone.values()))
    return _released(tx, row, gone)


def _room(tx: Transaction, tenant: Tenant, row: Row) -> int:
    """How many may be let go now."""
    now: datetime = tx.value("select now()")
    if not campaign_pace.is_open(row, tenant.zone, now):
        campaign_pace.begin_anew(tx, row, None)
        return 0
    under_way = _under_way(tx, row)
    return min(campaign_pace.due(tx, row, now), int(row["at_once"]) - under_way, AT_ONCE)


def _next(tx: Transaction, row: Row, room: int, *, of: Sequence[int] | None = None) -> list[Recipient]:
    """Who waits. of: these alone."""
    rows = tx.rows(
        f"""select {Recipient.COLUMNS} from campaign_recipients
            where tenant_id = %s and campaign_id = %s and state = 'waiting'
              and (%s::bigint[] is null or id = any(%s)) order by id limit %s""",
        (row["tenant_id"], row["id"], of, of, room),
    )
    return [Recipient(**each) for each in rows]


def _released(tx: Transaction, row: Row, gone: Mapping[int | None, int]) -> int:
    """Notes who has a fax: how many. gone: faxes by recipient."""
    if gone:
        tx.later(
            # By their keys, and not joined: PostgreSQL may know nothing of tables that have just been filled.
            """update campaign_recipients
               set state = 'released', released_at = now(),
                   fax_id = (%(faxes)s::bigint[])[array_position(%(ids)s::bigint[], id)]
               where tenant_id = %(tenant)s and campaign_id = %(campaign)s and id = any (%(ids)s::bigint[])
                 and state = 'waiting'""",
            {"tenant": row["tenant_id"], "campaign": row["id"], "ids": list(gone), "faxes": list(gone.values())},
        )
    tx.execute(
        "update campaigns set paced = paced + %s where tenant_id = %s and id = %s",
        (len(gone), row["tenant_id"], row["id"]),
    )
    return len(gone)


def _batch(tx: Transaction, tenant: Tenant, row: Row) -> _Batch | None:
    """Whose turn has come, where they get covers. Raises what pauses it."""
    room = _room(tx, tenant, row)
    if room <= 0:
        return None
    waiting = _next(tx, row, room)
    if not waiting:
        return None
    as_it_is = tx.one("select * from campaigns where tenant_id = %s and id = %s", (row["tenant_id"], row["id"]))
    return _Batch(as_it_is, campaign_covers.ordered(tx, _user(tx, row), row), waiting)


def _release_sealed(
    db: Database, batch: _Batch, sealed: Mapping[int | None, Made | None], used: set[int | None]
) -> int:
    """Lets those go whose covers are there: how many. used: whose covers rows name once this is committed. Nobody goes
    where another worker has had the campaign meanwhile, or it was stopped or changed: it is looked at anew."""
    row = batch.row
    with db.tenant(row["tenant_id"]) as tx:
        campaigns.take_turn(tx, row["tenant_id"])
        now = tx.row("select * from campaigns where tenant_id = %s and id = %s", (row["tenant_id"], row["id"]))
        if now is None or any(now[name] != row[name] for name in _SAME):
            return 0
        try:
            return _as_many_as_fit(tx, partial(_let_go_sealed, tx, now, sealed, used))
        except DatabaseUnavailable:
            raise
        except FaxplanError as error:
            if error.retryable:
                raise
            _stop(tx, now, error)
            return 0


def _let_go_sealed(
    tx: Transaction, row: Row, sealed: Mapping[int | None, Made | None], used: set[int | None], most: int
) -> int:
    user = _user(tx, row)
    rendering = held_rendering(tx, row)
    sender = _sender(tx, user, row, rendering)
    gone: dict[int | None, int] = {}
    for each in _next(tx, row, most, of=[key for key in sealed if key is not None]):
        made = sealed[each.id]
        if made is None:
            _leave_out(tx, row, each, _COVER_FAILED)
        elif (fax_id := _let_go(tx, user, row, rendering, sender, each, made)) is not None:
            gone[each.id] = fax_id
    _released(tx, row, gone)
    used.update(gone)
    return len(gone)


_SAME = ("state", "cover_id", "paced_from", "paced", "draft_id")
_COVER_FAILED = "cover-failed"


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
class Rendering:
    """What is sent. pages: of it; None: known after rendering."""

    id: int
    state: str
    pages: int | None
    resolution: Resolution


def held_rendering(tx: Transaction, row: Row) -> Rendering:
    """Of the document of a campaign (its row), held: nobody ends it meanwhile. Raises NotNow."""
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
    return Rendering(**found | {"resolution": Resolution(found["resolution"])})


def _sender(tx: Transaction, user: User, row: Row, rendering: Rendering) -> Sender:
    return outbound.sender(
        tx, user, calling=row["calling"], resolution=rendering.resolution, priority=Priority.BULK, send_at=None,
        billing_code=row["billing_code"],
    )  # fmt: skip


def _let_go(tx: Transaction, user: User, row: Row, rendering: Rendering, sender: Sender, recipient: Recipient,
            made: Made | None = None) -> int | None:  # fmt: skip
    """Its fax, which waits for whoever enqueues it if it has no cover; None: it is left out, and says why. made: its
    cover. Raises what is wrong with the campaign itself."""
    try:
        order = sender.to(tx, recipient.number or "")
    except (NumberBarred, InvalidNumber, NoRoute) as error:
        _leave_out(tx, row, recipient, _why(error))
        return None
    order = replace(order, max_attempts=row["max_attempts"], retry_delays=row["retry_delays"])
    campaign = f"campaign:{row['id']}"
    if made is None:
        return outbound.accept(tx, user, order, rendering.id, rendering.pages, batch=None, campaign=campaign)
    return accepted(tx, user, order, rendering, made, campaign=campaign)


def accepted(tx: Transaction, user: User, order: Order, rendering: Rendering, made: Made | None, **details: str) -> int:
    """A fax of a campaign's document, and its cover: its id. details: as outbound.accept takes them. Raises
    QuotaExceeded."""
    cover = None if made is None else covers.record(tx, user, made)
    fax_id = outbound.accept(tx, user, order, rendering.id, rendering.pages, cover, batch=None, **details)
    if rendering.state == "rendered" and cover is not None:
        render_jobs.order_covers(tx, user.tenant_id, rendering.id)
    elif rendering.state == "rendered":
        queue.enqueue(tx, user.tenant_id, fax_id, pages_done=0, delay_seconds=0, explanation=None)
    return fax_id


def _why(error: FaxplanError) -> str:
    if isinstance(error, InvalidNumber):
        return "invalid-number"
    return "do-not-fax" if error.error_id == "do-not-fax" else "number-barred"


def _leave_out(tx: Transaction, row: Row, recipient: Recipient, why: str) -> None:
    tx.execute(
        """update campaign_recipients set state = 'left-out', why = %s
           where tenant_id = %s and campaign_id = %s and id = %s""",
        (why, row["tenant_id"], row["id"], recipient.id),
    )
