"""What is known about a number: whether its machine gets on with T.38, V.17 and ECM.

Learned from a tenant's own calls, and only from such as show it. Two calls in a row that failed in T.38, because the
machines could not agree or because not one page came over, switch T.38 off. A call that succeeded without V.17, or
without ECM, after one of the same fax that failed with it, switches that off. A call that failed in audio teaches
nothing. What was learned expires; what somebody entered only if they said so, and
until then calls to that number teach nothing.
"""

from dataclasses import dataclass

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _

LEARNED_DAYS = 30
MOST_DAYS = 3650
T38_FAILURES = 2
LEARNED = "learned"
_FORGET_EXPIRED = "delete from destinations where tenant_id = %s and number = %s and expires_at <= now()"


@dataclass(frozen=True, slots=True)
class Offered:
    """What a call could use."""

    t38: bool
    v17: bool
    ecm: bool


class InvalidDays(FaxplanError):
    """What is entered of a number cannot hold for so long."""

    error_id = "invalid-days"


def learn_from_failure(tx: Transaction, tenant_id: int, number: str, why: str) -> bool:
    """Counts a call that failed in T.38, where the two machines could not agree; whether T.38 is off now.

    why: what the switch said about the call.
    """
    tx.later(_FORGET_EXPIRED, (tenant_id, number))
    return bool(
        tx.value(
            """insert into destinations as d (tenant_id, number, t38_failures, entered_by, why, expires_at)
               values (%(tenant)s, %(number)s, 1, %(by)s, %(why)s, now() + make_interval(days => %(days)s))
               on conflict on constraint destinations_pkey do update
               set t38_failures = d.t38_failures + 1, t38_off = d.t38_off or d.t38_failures + 1 >= %(most)s,
                   why = excluded.why, updated_at = now(), expires_at = excluded.expires_at
               where d.entered_by = excluded.entered_by
               returning t38_off""",
            {
                "tenant": tenant_id,
                "number": number,
                "by": LEARNED,
                "why": why[:200],
                "days": LEARNED_DAYS,
                "most": T38_FAILURES,
            },
        )
    )


def learn_from_success(
    tx: Transaction, tenant_id: int, number: str, *, in_t38: bool, v17_off: bool, ecm_off: bool
) -> None:
    """A whole fax went through: in T.38, or after its earlier calls failed with V.17 or ECM, and this one had none."""
    if v17_off or ecm_off:
        tx.later(_FORGET_EXPIRED, (tenant_id, number))
        tx.later(
            """insert into destinations as d (tenant_id, number, v17_off, ecm_off, entered_by, why, expires_at)
               values (%(tenant)s, %(number)s, %(v17)s, %(ecm)s, %(by)s, %(why)s,
                       now() + make_interval(days => %(days)s))
               on conflict on constraint destinations_pkey do update
               set v17_off = d.v17_off or excluded.v17_off, ecm_off = d.ecm_off or excluded.ecm_off,
                   why = excluded.why, updated_at = now(), expires_at = excluded.expires_at
               where d.entered_by = excluded.entered_by""",
            {
                "tenant": tenant_id,
                "number": number,
                "v17": v17_off,
                "ecm": ecm_off,
                "by": LEARNED,
                "why": "a call without succeeded after one with had failed",
                "days": LEARNED_DAYS,
            },
        )
    if in_t38:
        tx.later(
            "update destinations set t38_failures = 0 where tenant_id = %s and number = %s and t38_failures > 0",
            (tenant_id, number),
        )
        # Nothing is left that it says.
        tx.later(
            """delete from destinations where tenant_id = %s and number = %s and entered_by = %s
               and not (t38_off or v17_off or ecm_off) and t38_failures = 0""",
            (tenant_id, number, LEARNED),
        )


def everyone(tx: Transaction, tenant_id: int) -> list[Row]:
    """What is known and has not expired, by number."""
    return tx.rows(
        """select number, t38_off, v17_off, ecm_off, t38_failures, entered_by, why, updated_at, expires_at
           from destinations where tenant_id = %s and coalesce(expires_at > now(), true) order by number""",
        (tenant_id,),
    )


def put(
    tx: Transaction,
    tenant_id: int,
    number: str,
    offered: Offered,
    *,
    entered_by: str,
    days: int | None = None,
    why: str = "",
) -> None:
    """Enters what calls to an E.164 number may use, in place of what is known.

    days: until it expires, 1 to MOST_DAYS; None: never. Raises InvalidDays.
    """
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidDays(
            _("It may expire after 1 to {most_days} days; without --days it does not expire.").format(
                most_days=MOST_DAYS
            )
        )
    tx.execute(
        """insert into destinations as d (tenant_id, number, t38_off, v17_off, ecm_off, entered_by, why, expires_at)
           values (%s, %s, %s, %s, %s, %s, %s, now() + make_interval(days => %s))
           on conflict on constraint destinations_pkey do update
           set t38_off = excluded.t38_off, v17_off = excluded.v17_off, ecm_off = excluded.ecm_off, t38_failures = 0,
               entered_by = excluded.entered_by, why = excluded.why, expires_at = excluded.expires_at,
               updated_at = now()""",
        (tenant_id, number, not offered.t38, not offered.v17, not offered.ecm, entered_by, why[:200], days),
    )


def forget(tx: Transaction, tenant_id: int, number: str) -> None:
    """Takes away what is known about a number. Raises NotFound."""
    if not tx.execute("delete from destinations where tenant_id = %s and number = %s", (tenant_id, number)):
        raise NotFound(
            _("Nothing is known about {number}. `faxplan destination list` shows what is.").format(number=number)
        )
