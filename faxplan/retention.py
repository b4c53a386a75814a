"""How long faxes are kept: the administrator's bounds, and what a tenant chooses within them (docs/retention.md).

Days count from the end of a fax. Where nobody chose, faxes are kept for the maximum; where there is none, until a user
deletes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _

DIRECTIONS = {"sent": "outbound", "received": "inbound"}
_MOST_DAYS = 36500


class OutOfBounds(FaxplanError):
    """A tenant chose what the administrator does not allow, or bounds contradict each other."""

    error_id = "out-of-bounds"


@dataclass(frozen=True, slots=True)
class Bounds:
    """In days. max_days None: no limit. remove_records: whether the rows of a fax and its calls go as well."""

    min_days: int = 0
    max_days: int | None = None
    remove_records: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A tenant's. choices: days by mailbox and direction; None: of every one that has none of its own."""

    bounds: Bounds
    choices: Mapping[tuple[int | None, str | None], int]

    def days(self, mailbox_id: int | None, direction: str) -> int | None:
        """How long such faxes are kept; None: until a user deletes them. The mailbox's own choice comes first."""
        keys = ((mailbox_id, direction), (mailbox_id, None), (None, direction), (None, None))
        chosen = next((self.choices[key] for key in keys if key in self.choices), None)
        wanted = [each for each in (chosen, self.bounds.max_days) if each is not None]
        return max(self.bounds.min_days, min(wanted)) if wanted else None


def bounds_for(tx: Transaction, tenant_id: int | None) -> Bounds:
    """What is in force for a tenant; None: for those that have nothing of their own."""
    row = tx.row(
        """select coalesce(o.min_days, a.min_days, 0) as min_days, coalesce(o.max_days, a.max_days) as max_days,
                  coalesce(o.remove_records, a.remove_records, false) as remove_records
           from (select 1) one
           left join retention_bounds a on a.only_for is null
           left join retention_bounds o on o.only_for = %s""",
        (tenant_id,),
    )
    return Bounds(**(row or {}))


def own_bounds(tx: Transaction) -> list[Row]:
    """What was entered: tenant (short name; None: for all), min_days, max_days, remove_records; None: not said."""
    return tx.rows(
        """select t.slug as tenant, b.min_days, b.max_days, b.remove_records
           from retention_bounds b left join tenants t on t.id = b.only_for order by t.slug nulls first"""
    )


def set_bounds(tx: Transaction, tenant_id: int | None, values: Mapping[str, Any]) -> None:
    """Changes some of min_days, max_days, remove_records (role admin), of a tenant or of all; None: not said.

    Raises OutOfBounds where a tenant's minimum would be above its maximum, and ConstraintViolated.
    """
    if unknown := values.keys() - {"min_days", "max_days", "remove_records"}:
        raise ValueError(f"no such bounds: {unknown}")
    tx.execute(
        """insert into retention_bounds (only_for) values (%s)
           on conflict on constraint retention_bounds_entry_key do nothing""",
        (tenant_id,),
    )
    assignments = ", ".join(f"{column} = %s" for column in values)
    tx.execute(
        f"update retention_bounds set {assignments} where only_for is not distinct from %s",
        (*values.values(), tenant_id),
    )
    wrong = tx.rows(
        """select t.slug from tenants t
           left join retention_bounds a on a.only_for is null left join retention_bounds o on o.only_for = t.id
           where coalesce(o.min_days, a.min_days, 0) > coalesce(o.max_days, a.max_days, %s) order by t.slug limit 5""",
        (_MOST_DAYS,),
    )
    if wrong:
        raise OutOfBounds(
            _(
                "The minimum would be above the maximum for: {tenants}. `faxplan retention show` shows what each has; "
                "change that first."
            ).format(tenants=", ".join(row["slug"] for row in wrong))
        )


def policy(tx: Transaction, tenant_id: int) -> Policy:
    """What is in force now, within the tenant."""
    rows = tx.rows("select mailbox_id, direction, days from retention_choices where tenant_id = %s", (tenant_id,))
    choices = {(row["mailbox_id"], row["direction"]): row["days"] for row in rows}
    return Policy(bounds_for(tx, tenant_id), choices)


def choices(tx: Transaction, tenant_id: int) -> list[Row]:
    """What a tenant chose: mailbox (its name; None: all), direction (outbound, inbound; None: both), days."""
    return tx.rows(
        """select m.name as mailbox, c.direction, c.days from retention_choices c
           left join mailboxes m on m.tenant_id = c.tenant_id and m.id = c.mailbox_id
           where c.tenant_id = %s order by m.name nulls first, c.direction nulls first""",
        (tenant_id,),
    )


def choose(tx: Transaction, tenant_id: int, days: int, mailbox_id: int | None, direction: str | None) -> None:
    """Such faxes are kept so long (role portal). mailbox_id, direction: None: all. Raises OutOfBounds."""
    bounds = bounds_for(tx, tenant_id)
    if days < bounds.min_days or days > (bounds.max_days or _MOST_DAYS):
        words = (
            _("Faxes are kept for at least {least} days here: the administrator has decided so.")
            if bounds.max_days is None
            else _(
                "Faxes are kept for at least {least} days here and at most {most}: the administrator has decided so."
            )
        )
        advice = _("Choose a number within that.")
        raise OutOfBounds(f"{words.format(least=bounds.min_days, most=bounds.max_days)} {advice}")
    tx.execute(
        """insert into retention_choices (tenant_id, mailbox_id, direction, days) values (%s, %s, %s, %s)
           on conflict on constraint retention_choices_entry_key do update set days = excluded.days""",
        (tenant_id, mailbox_id, direction, days),
    )


def unchoose(tx: Transaction, tenant_id: int, mailbox_id: int | None, direction: str | None) -> bool:
    """Takes a choice back (role portal); False where there was none."""
    return bool(
        tx.execute(
            """delete from retention_choices where tenant_id = %s and mailbox_id is not distinct from %s
               and direction is not distinct from %s""",
            (tenant_id, mailbox_id, direction),
        )
    )
