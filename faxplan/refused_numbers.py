"""Attempts to fax to numbers that may not be called: kept in the audit, with who tried, and found again there.

Nothing else is left of them. Somebody who tries one number after the other, or one number again and again, is to be
seen by the operator.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from faxplan import audit
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, NoRoute
from faxplan.number_policy import NumberBarred
from faxplan.short_numbers import EmergencyNumber, ShortNumber
from faxplan.users import User

REFUSALS = (EmergencyNumber, ShortNumber, NumberBarred, NoRoute)
"""A number that is none at all is a slip of the pen, and not here. NoRoute: it is barred by a route."""
_MOST_LISTED = 1000


@contextmanager
def audited(db: Database, user: User, action: str, number: str) -> Iterator[None]:
    """Notes in the audit that a user was refused what is in this block, in a transaction of its own; and raises it.

    action: as audit.record takes it. number: as the user wrote it, without what would be dialled after the answer.
    """
    try:
        yield
    except REFUSALS as error:
        with db.tenant(user.tenant_id) as tx:
            _note(tx, user, action, number, error)
        raise


def _note(tx: Transaction, user: User, action: str, number: str, error: FaxplanError) -> None:
    # What a user writes may be anything; PostgreSQL's jsonb takes no NUL and no lone surrogates.
    shown = ascii(number.strip()[:40])[1:-1]
    audit.record(
        tx, user.tenant_id, actor=f"user:{user.id}", action=action, object=f"number:{shown}", result="refused",
        reason=error.error_id,
    )  # fmt: skip


def of_tenant(tx: Transaction, tenant_id: int, *, hours: int) -> list[Row]:
    """What a tenant's users were refused in these last hours (role admin): user (address), number, reason, times,
    last_at. The latest first.
    """
    return tx.rows(
        """select u.email as user, substr(a.object, length('number:') + 1) as number, a.details ->> 'reason' as reason,
                  count(*) as times, max(a.at) as last_at
           from audit a left join users u on u.tenant_id = a.tenant_id and a.actor = 'user:' || u.id
           where a.tenant_id = %s and a.result = 'refused' and a.object like 'number:%%'
             and a.at > now() - make_interval(hours => %s)
           group by 1, 2, 3 order by last_at desc limit %s""",
        (tenant_id, hours, _MOST_LISTED),
    )


def everywhere(tx: Transaction, *, hours: int) -> list[Row]:
    """As `of_tenant`, of all tenants (role admin): with `tenant`, a short name; by that, and then the latest first."""
    return tx.rows(
        """select t.slug as tenant, l.email as user, substr(a.object, length('number:') + 1) as number,
                  a.details ->> 'reason' as reason, count(*) as times, max(a.at) as last_at
           from audit a join tenants t on t.id = a.tenant_id
           left join logins l on l.tenant_id = a.tenant_id and a.actor = 'user:' || l.user_id
           where a.result = 'refused' and a.at > now() - make_interval(hours => %s) and a.object like 'number:%%'
           group by 1, 2, 3, 4 order by tenant, last_at desc limit %s""",
        (hours, _MOST_LISTED),
    )


def insistent(tx: Transaction, tenant_id: int, *, hours: int, least: int) -> list[Row]:
    """Users who were refused at least so often in these last hours (role admin): user (address), times."""
    return tx.rows(
        """select u.email as user, count(*) as times
           from audit a join users u on u.tenant_id = a.tenant_id and a.actor = 'user:' || u.id
           where a.tenant_id = %s and a.result = 'refused' and a.object like 'number:%%'
             and a.at > now() - make_interval(hours => %s)
           group by 1 having count(*) >= %s order by times desc""",
        (tenant_id, hours, least),
    )
