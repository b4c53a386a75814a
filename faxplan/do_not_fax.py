"""Numbers to which a tenant's users send nothing, by the tenant's own word: who was reached asked for it.

Asked when a fax is accepted. What the operator bars is another matter: number_policy.
"""

from faxplan import numbers
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.number_policy import NumberBarred

LONGEST_REASON = 200


class DoNotFax(NumberBarred):
    """The tenant's do-not-fax list has this number."""

    error_id = "do-not-fax"


_ALL = """
    select d.number, d.reason, coalesce(nullif(u.name, ''), u.email,
           case when d.added_by = 'recipient' then 'who has it' else 'an operator' end) as added_by, d.added_at
    from do_not_fax d left join users u on u.tenant_id = d.tenant_id and d.added_by = 'user:' || u.id
    where d.tenant_id = %(tenant)s"""


def add(tx: Transaction, tenant_id: int, number: str, reason: str, added_by: str) -> bool:
    """number: E.164. added_by: as an actor of the audit. False where it is on the list (role portal or admin)."""
    return bool(
        tx.execute(
            """insert into do_not_fax (tenant_id, number, reason, added_by) values (%s, %s, %s, %s)
               on conflict on constraint do_not_fax_pkey do nothing""",
            (tenant_id, number, reason, added_by),
        )
    )


def remove(tx: Transaction, tenant_id: int, number: str) -> None:
    """Faxes go there again (role admin). Raises NotFound."""
    if not tx.execute("delete from do_not_fax where tenant_id = %s and number = %s", (tenant_id, number)):
        raise NotFound(
            _("{number} is not on the do-not-fax list. `faxplan do-not-fax list` shows all.").format(number=number)
        )


def find(tx: Transaction, tenant_id: int, number: str) -> Row | None:
    """An entry: number, reason, added_by (for people), added_at."""
    return tx.row(f"{_ALL} and d.number = %(number)s", {"tenant": tenant_id, "number": number})


def of_tenant(
    tx: Transaction, tenant_id: int, *, digits: str = "", after: str = "", limit: int | None = None
) -> list[Row]:
    """Entries by number, as `find` gives them, those behind `after`. digits: the number has them in it."""
    return tx.rows(
        f"""{_ALL} and d.number > %(after)s and strpos(d.number, %(digits)s) > 0
            order by d.number limit %(limit)s""",
        {"tenant": tenant_id, "after": after, "digits": digits, "limit": limit},
    )


def check(tx: Transaction, tenant_id: int, number: str, country: str) -> None:
    """Raises DoNotFax. number: E.164. country: of whoever reads that."""
    found = find(tx, tenant_id, number)
    if found is not None:
        why = f" ({found['reason']})" if found["reason"] else ""
        raise DoNotFax(
            _(
                "{number} is on your organisation's do-not-fax list{reason}: {added_by} entered it on "
                "{added_at:%Y-%m-%d}. An administrator of your organisation can take it off."
            ).format(
                number=numbers.readable(number, country),
                reason=why,
                added_by=found["added_by"],
                added_at=found["added_at"],
            )
        )
