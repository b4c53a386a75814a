"""Page quotas: reserved when a fax is submitted, settled by the pages that the far end acknowledged.

A quota counts a day or a calendar month of its tenant's own: they begin at midnight in tenants.time_zone. Nothing has
to run then. Every statement here first asks which period it is, and what was used in an earlier one counts no more.
What is held is carried over, and is used in the period in which it is settled.

`at`: the moment, with a time zone; None: now, on the database's clock, which all nodes share.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from faxplan import language
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound, QuotaExceeded
from faxplan.language import _, marked
from faxplan.tenants import Tenant

WARN_PERCENT = 80
"""Of a limit, where nobody says otherwise."""
_TURN = 0x71756F
"""Any number ("quo" in ASCII). An update locks several quotas in no set order: two at once may be a deadlock."""

# Of a quota q of a tenant t, in SQL. The day on which the period of this moment begins, in the tenant's time zone.
_CURRENT = "date_trunc(q.period, coalesce(%(at)s, now()) at time zone t.time_zone)::date"
# Never back: a transaction may wait at midnight for one that began after it, and clocks are set back past midnight.
_START = f"greatest(q.period_start, {_CURRENT})"
_USED = f"case when q.period_start < {_CURRENT} then 0 else q.used_pages end"
_NEXT = f"(date_trunc(q.period, {_START}::timestamp) + ('1 ' || q.period)::interval) at time zone t.time_zone"
# Every quota that applies to a user takes up what is reserved (negative: let go) and used.
_COUNT = f"""update quotas q set used_pages = {_USED} + %(used)s,
                               reserved_pages = greatest(q.reserved_pages + %(reserved)s, 0), period_start = {_START}
             from tenants t
             where q.tenant_id = %(tenant)s and t.id = q.tenant_id and (q.user_id = %(user)s or q.user_id is null)"""


_FULL = {
    ("user", "day"): marked("Your quota of {limit} pages a day has room for {room} more; this fax has {pages}."),
    ("user", "month"): marked("Your quota of {limit} pages a month has room for {room} more; this fax has {pages}."),
    ("tenant", "day"): marked(
        "Your organisation's quota of {limit} pages a day has room for {room} more; this fax has {pages}."
    ),
    ("tenant", "month"): marked(
        "Your organisation's quota of {limit} pages a month has room for {room} more; this fax has {pages}."
    ),
}
"""By whose quota it is, and its period."""
_FULL_OF_SEVERAL = {
    ("user", "day"): marked(
        "Your quota of {limit} pages a day has room for {room} more; these faxes have {pages} together."
    ),
    ("user", "month"): marked(
        "Your quota of {limit} pages a month has room for {room} more; these faxes have {pages} together."
    ),
    ("tenant", "day"): marked(
        "Your organisation's quota of {limit} pages a day has room for {room} more; these faxes have {pages} together."
    ),
    ("tenant", "month"): marked(
        "Your organisation's quota of {limit} pages a month has room for {room} more; these faxes have {pages} "
        "together."
    ),
}
_THEN = {
    ("day", True): marked("The next day begins at {at}: wait until then, or ask your administrator for more."),
    ("month", True): marked("The next month begins at {at}: wait until then, or ask your administrator for more."),
    ("day", False): marked(
        "The next day begins at {at}, but has no room for so many either: ask your administrator for more."
    ),
    ("month", False): marked(
        "The next month begins at {at}, but has no room for so many either: ask your administrator for more."
    ),
}
"""By the period, and whether a whole one has room for the fax."""


def check_hour(tenant: Tenant, pages: int | None) -> None:
    """Raises QuotaExceeded for a fax that no hour has room for. pages None: not known yet."""
    if pages is not None and not tenant.has_an_hour_for(pages):
        raise QuotaExceeded(
            _(
                "This fax has {pages} pages, and {name} may send {pages_per_hour} an hour: send it in parts, or ask "
                "your administrator for more."
            ).format(pages=pages, name=tenant.name, pages_per_hour=tenant.pages_per_hour)
        )


def take_turn(tx: Transaction, tenant_id: int) -> None:
    """From here to the end of the transaction no other one ends a fax of this tenant, or reserves for one."""
    tx.take_turn(_TURN, tenant_id)


def set_limit(
    tx: Transaction,
    tenant_id: int,
    *,
    period: str,
    pages: int,
    user_id: int | None = None,
    warn_percent: int | None = WARN_PERCENT,
    at: datetime | None = None,
) -> None:
    """Sets or changes a limit: `period` is 'day' or 'month'; user_id None: the whole tenant.

    A new one begins with what faxes hold that are under way. warn_percent: of the limit, at which a mail tells (None:
    never). Of a limit that changes all is told anew. Call in that tenant's transaction.
    """
    # Nobody reserves or settles meanwhile.
    take_turn(tx, tenant_id)
    tx.execute(
        """insert into quotas (tenant_id, user_id, period, limit_pages, reserved_pages, warn_percent, period_start)
           values (%(tenant)s, %(user)s, %(period)s, %(pages)s, held_pages(%(user)s), %(warn)s,
                   date_trunc(%(period)s, coalesce(%(at)s, now()) at time zone
                                          (select time_zone from tenants where id = %(tenant)s))::date)
           on conflict on constraint quotas_entry_key do update
           set limit_pages = excluded.limit_pages, warn_percent = excluded.warn_percent, warned_percent = 0""",
        {"tenant": tenant_id, "user": user_id, "period": period, "pages": pages, "warn": warn_percent, "at": at},
    )


def remove_limit(tx: Transaction, tenant_id: int, *, period: str, user_id: int | None = None) -> None:
    """Takes a limit away. Raises NotFound."""
    gone = tx.execute(
        "delete from quotas where tenant_id = %s and user_id is not distinct from %s and period = %s",
        (tenant_id, user_id, period),
    )
    if not gone:
        raise NotFound(_("There is no such quota a {period}. `faxplan quota list` shows all.").format(period=period))


def of_tenant(tx: Transaction, tenant_id: int, *, at: datetime | None = None) -> list[Row]:
    """A tenant's quotas: user (address; None: the whole tenant), period, and pages: limit, used, reserved.

    With warn_percent; next_period, when what is used counts no more, and the time_zone in which that is a midnight.
    """
    return tx.rows(
        f"""select u.email as user, q.period, q.limit_pages, {_USED} as used_pages, q.reserved_pages, q.warn_percent,
                   {_NEXT} as next_period, t.time_zone
            from quotas q join tenants t on t.id = q.tenant_id
            left join users u on u.tenant_id = q.tenant_id and u.id = q.user_id
            where q.tenant_id = %(tenant)s order by u.email nulls first, q.period""",
        {"tenant": tenant_id, "at": at},
    )


def of_user(tx: Transaction, tenant_id: int, user_id: int, *, at: datetime | None = None) -> list[Row]:
    """What applies to a user, that of the organisation first: user_id (None: the organisation), columns as of_tenant
    has them, and room: the pages that are left."""
    return tx.rows(
        f"""select *, greatest(limit_pages - used_pages - reserved_pages, 0) as room from (
                select q.user_id, q.period, q.limit_pages, {_USED} as used_pages, q.reserved_pages,
                       {_NEXT} as next_period, t.time_zone
                from quotas q join tenants t on t.id = q.tenant_id
                where q.tenant_id = %(tenant)s and (q.user_id = %(user)s or q.user_id is null)) q
            order by user_id nulls first, period""",
        {"tenant": tenant_id, "user": user_id, "at": at},
    )


def check_room(found: Sequence[Row], pages: int, faxes: int) -> None:
    """Whether quotas (as of_user gives them) have room for so many pages of so many faxes, as `reserve` will ask.

    Raises QuotaExceeded.
    """
    full = [quota for quota in found if quota["room"] < pages]
    if full:
        worst = max(full, key=lambda quota: quota["next_period"])
        raise QuotaExceeded(_refusal(worst, pages, worst["room"], faxes=faxes))


def near_end(tx: Transaction, *, share: float, limit: int, at: datetime | None = None) -> list[Row]:
    """Quotas of all tenants of which at least this share is used or held, the fullest first (role admin): tenant, and
    columns as of_tenant has them."""
    return tx.rows(
        f"""select t.slug as tenant, l.email as user, q.period, q.limit_pages, {_USED} as used_pages, q.reserved_pages,
                   {_NEXT} as next_period, t.time_zone
            from quotas q join tenants t on t.id = q.tenant_id
            left join logins l on l.tenant_id = q.tenant_id and l.user_id = q.user_id
            where t.enabled and {_USED} + q.reserved_pages >= q.limit_pages * %(share)s::float
            order by ({_USED} + q.reserved_pages) / greatest(q.limit_pages, 1)::float desc, t.slug limit %(limit)s""",
        {"share": share, "limit": limit, "at": at},
    )


def due_warnings(tx: Transaction, *, of: tuple[int, int] | None = None, at: datetime | None = None) -> list[Row]:
    """Quotas of all tenants that are nearly or wholly used or held, and nobody was told in this period (role admin).
    of: this one alone, by its tenant and its id.

    tenant_id, quota_id, user_id, percent (what is to be told: warn_percent, or 100), and columns as of_tenant has them.
    """
    return tx.rows(
        f"""select * from (
                select q.tenant_id, q.id as quota_id, q.user_id, q.period, q.limit_pages, {_USED} as used_pages,
                       q.reserved_pages, {_NEXT} as next_period, t.time_zone,
                       case when {_USED} + q.reserved_pages >= q.limit_pages then 100
                            when ({_USED} + q.reserved_pages) * 100::bigint >= q.limit_pages::bigint * q.warn_percent
                                then q.warn_percent
                            else 0 end as percent,
                       case when q.warned_on = {_START} then q.warned_percent else 0 end as told
                from quotas q join tenants t on t.id = q.tenant_id
                where t.enabled and q.limit_pages > 0 and q.warn_percent is not null
                  and (%(quota)s::bigint is null or q.tenant_id = %(tenant)s and q.id = %(quota)s)) d
            where percent > told order by tenant_id, quota_id""",
        {"at": at, "tenant": of and of[0], "quota": of and of[1]},
    )


def warned(tx: Transaction, tenant_id: int, quota_id: int, percent: int, *, at: datetime | None = None) -> None:
    """That it was told, for this period (role admin)."""
    tx.execute(
        f"""update quotas q set warned_percent = %(percent)s, warned_on = {_START}
            from tenants t where q.tenant_id = %(tenant)s and t.id = q.tenant_id and q.id = %(quota)s""",
        {"tenant": tenant_id, "quota": quota_id, "percent": percent, "at": at},
    )


def counted_otherwise(tx: Transaction, tenant_id: int, *, at: datetime | None = None) -> list[Row]:
    """Quotas whose used pages are not those of the faxes that ended in their period, since they are there.

    As of_tenant gives them, with fax_pages.
    """
    return tx.rows(
        f"""select * from (
                select u.email as user, q.period, {_USED} as used_pages, (
                    select coalesce(sum(f.pages_done), 0)::bigint from faxes f
                    where f.tenant_id = q.tenant_id and f.direction = 'outbound'
                      and (q.user_id is null or f.user_id = q.user_id)
                      and f.finished_at >= greatest({_START}::timestamp at time zone t.time_zone, q.counted_since)
                ) as fax_pages
                from quotas q join tenants t on t.id = q.tenant_id
                left join users u on u.tenant_id = q.tenant_id and u.id = q.user_id
                where q.tenant_id = %(tenant)s) c
            where used_pages <> fax_pages order by 1 nulls first, 2""",
        {"tenant": tenant_id, "at": at},
    )


def next_period(quota: Row) -> str:
    """When the next period of a quota (as of_tenant gives it) begins: `2025-06-16 00:00 (Europe/Berlin)`."""
    begins = quota["next_period"].astimezone(ZoneInfo(quota["time_zone"]))
    return f"{language.moment(begins)} ({quota['time_zone']})"


def reserve(
    tx: Transaction, tenant_id: int, user_id: int, pages: int, *, held: int = 0, at: datetime | None = None
) -> None:
    """Holds `pages` in every quota that applies to this user. held: what is held for the same fax already.

    Raises QuotaExceeded, naming the quota that has no room (of several: for the longest time); nothing more is held
    then, and the transaction can go on.
    """
    take_turn(tx, tenant_id)
    counted = tx.rows(
        f"""{_COUNT} returning q.user_id, q.period, q.limit_pages, t.time_zone, {_NEXT} as next_period,
                               q.limit_pages - q.used_pages - q.reserved_pages as room""",
        _change(tenant_id, user_id, reserved=pages, used=0, at=at),
    )
    full = [quota for quota in counted if quota["room"] < 0]
    if full:
        settle(tx, tenant_id, user_id, reserved=pages, used=0, at=at)
        worst, has = max(full, key=lambda quota: quota["next_period"]), pages + held
        raise QuotaExceeded(_refusal(worst, has, max(worst["room"] + has, 0)))


def settle(
    tx: Transaction, tenant_id: int, user_id: int | None, *, reserved: int, used: int, at: datetime | None = None
) -> None:
    """Turns a reservation into what was really used (pages)."""
    take_turn(tx, tenant_id)
    tx.later(_COUNT, _change(tenant_id, user_id, reserved=-reserved, used=used, at=at))


def _change(tenant_id: int, user_id: int | None, *, reserved: int, used: int, at: datetime | None) -> dict[str, Any]:
    return {"tenant": tenant_id, "user": user_id, "reserved": reserved, "used": used, "at": at}


def _refusal(quota: Row, pages: int, room: int, *, faxes: int = 1) -> str:
    limit, period = quota["limit_pages"], quota["period"]
    words = _FULL if faxes == 1 else _FULL_OF_SEVERAL
    full = words["user" if quota["user_id"] else "tenant", period]
    then = _THEN[period, pages <= limit]
    return f"{_(full).format(limit=limit, room=room, pages=pages)} {_(then).format(at=next_period(quota))}"
