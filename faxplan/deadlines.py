"""Until when a fax that goes out may wait, in pages or in the queue: a row of fax_deadlines, from submission to end.

The setting wait_hours says how long, or the tenant's own (tenants.wait_hours). overdue.py ends what is late.
"""

from dataclasses import dataclass

from faxplan.db import Transaction

AGAIN_SECONDS = 600
"""When an overdue fax that is in a call, or could not be ended, is looked at again."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A fax whose deadline is over. waited: seconds since it was handed in, or was to be sent."""

    tenant_id: int
    fax_id: int
    waited: float


def begin(tx: Transaction, tenant_id: int, fax_id: int) -> None:
    """Gives a fax that was just made its deadline."""
    tx.later(
        """insert into fax_deadlines (tenant_id, fax_id, waits_from, ends_at)
           select f.tenant_id, f.id, w.since, w.since + make_interval(hours => t.wait_hours)
           from faxes f join tenants t on t.id = f.tenant_id
           cross join lateral (select greatest(f.created_at, f.send_at) as since) w
           where f.tenant_id = %s and f.id = %s""",
        (tenant_id, fax_id),
    )


def end(tx: Transaction, tenant_id: int, fax_id: int) -> None:
    """The fax is final. Its row must be locked by this transaction."""
    tx.later("delete from fax_deadlines where tenant_id = %s and fax_id = %s", (tenant_id, fax_id))


def put_off(tx: Transaction, tenant_id: int, fax_id: int) -> None:
    """Has an overdue fax looked at again later: the others come up meanwhile."""
    tx.later(
        "update fax_deadlines set ends_at = now() + make_interval(secs => %s) where tenant_id = %s and fax_id = %s",
        (AGAIN_SECONDS, tenant_id, fax_id),
    )


def reckon_anew(tx: Transaction, tenant_id: int) -> None:
    """What waits already follows the tenant's new wait_hours (role admin)."""
    tx.later(
        """update fax_deadlines d set ends_at = d.waits_from + make_interval(hours => t.wait_hours)
           from tenants t where t.id = %s and d.tenant_id = t.id""",
        (tenant_id,),
    )


def overdue(tx: Transaction, *, wait_hours: int, most: int) -> list[Overdue]:
    """The faxes of all tenants that are late, at most `most` (role switch or worker, in across_tenants()).

    wait_hours: the installation's setting. Two looks at the ends of two indexes, however many faxes wait.
    """
    rows = tx.rows(
        """select tenant_id, fax_id, extract(epoch from now() - waits_from)::float as waited
           from (select * from (select * from fax_deadlines where ends_at <= now() order by ends_at limit %(most)s) own
                 union all
                 select * from (select * from fax_deadlines
                                where ends_at is null and waits_from <= now() - make_interval(hours => %(hours)s)
                                order by waits_from limit %(most)s) general) late
           order by waits_from limit %(most)s""",
        {"most": most, "hours": wait_hours},
    )
    return [Overdue(**row) for row in rows]
