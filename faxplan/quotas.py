"""Page quotas: reserved when a fax is submitted, settled by the pages that the far end acknowledged."""

from faxplan.db import Row, Transaction
from faxplan.errors import NotFound, QuotaExceeded


def set_limit(tx: Transaction, tenant_id: int, *, period: str, pages: int, user_id: int | None = None) -> None:
    """Sets or changes a limit: `period` is 'day' or 'month'; user_id None: the whole tenant."""
    tx.execute(
        """insert into quotas (tenant_id, user_id, period, limit_pages) values (%s, %s, %s, %s)
           on conflict on constraint quotas_entry_key do update set limit_pages = excluded.limit_pages""",
        (tenant_id, user_id, period, pages),
    )


def remove_limit(tx: Transaction, tenant_id: int, *, period: str, user_id: int | None = None) -> None:
    """Takes a limit away. Raises NotFound."""
    gone = tx.execute(
        "delete from quotas where tenant_id = %s and user_id is not distinct from %s and period = %s",
        (tenant_id, user_id, period),
    )
    if not gone:
        raise NotFound(f"There is no such quota a {period}. `faxplan quota list` shows all.")


def of_tenant(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's quotas: user (address; None: the whole tenant), period, and pages: limit, used, reserved."""
    return tx.rows(
        """select u.email as user, q.period, q.limit_pages, q.used_pages, q.reserved_pages
           from quotas q left join users u on u.tenant_id = q.tenant_id and u.id = q.user_id
           where q.tenant_id = %s order by u.email nulls first, q.period""",
        (tenant_id,),
    )


def reserve(tx: Transaction, tenant_id: int, user_id: int, pages: int) -> None:
    """Holds `pages` in every quota that applies to this user. Raises QuotaExceeded, naming
    the quota that has no room; nothing is held then."""
    tx.execute(
        """update quotas set reserved_pages = reserved_pages + %s
           where tenant_id = %s and (user_id = %s or user_id is null)""",
        (pages, tenant_id, user_id),
    )
    full = tx.row(
        """select user_id, period, limit_pages, limit_pages - used_pages - reserved_pages + %s as room from quotas
           where tenant_id = %s and (user_id = %s or user_id is null) and used_pages + reserved_pages > limit_pages
           order by period limit 1""",
        (pages, tenant_id, user_id),
    )
    if full:
        settle(tx, tenant_id, user_id, reserved=pages, used=0)
        whose = "Your" if full["user_id"] else "Your organisation's"
        raise QuotaExceeded(
            f"{whose} quota of {full['limit_pages']} pages a {full['period']} has room for {max(full['room'], 0)} "
            f"more; this fax has {pages}. Ask your administrator for more, or wait for the next {full['period']}."
        )


def settle(tx: Transaction, tenant_id: int, user_id: int | None, *, reserved: int, used: int) -> None:
    """Turns a reservation into what was really used (pages)."""
    tx.later(
        """update quotas set reserved_pages = greatest(reserved_pages - %s, 0), used_pages = used_pages + %s
           where tenant_id = %s and (user_id = %s or user_id is null)""",
        (reserved, used, tenant_id, user_id),
    )
