"""Who may call a DID: lists of callers to let in or to refuse."""

from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _

ANONYMOUS = "anonymous"
ALLOW, BLOCK = "allow", "block"
RULES = (ALLOW, BLOCK)


def add(tx: Transaction, tenant_id: int, number: str, caller: str, rule: str) -> None:
    """caller: + and how its E.164 number begins, or ANONYMOUS; rule: of RULES. Raises ConstraintViolated."""
    tx.execute(
        "insert into did_callers (tenant_id, number, caller, rule) values (%s, %s, %s, %s)",
        (tenant_id, number, caller, rule),
    )


def remove(tx: Transaction, tenant_id: int, number: str, caller: str) -> None:
    """Raises NotFound."""
    if not tx.execute(
        "delete from did_callers where tenant_id = %s and number = %s and caller = %s", (tenant_id, number, caller)
    ):
        raise NotFound(
            _("{number} has no entry for {caller}. `faxplan did caller list` shows all.").format(
                number=number, caller=repr(caller[:20])
            )
        )


def of_did(tx: Transaction, tenant_id: int, number: str) -> list[Row]:
    """The entries of a DID: caller, rule; those that are let in first."""
    return tx.rows(
        "select caller, rule from did_callers where tenant_id = %s and number = %s order by rule, caller",
        (tenant_id, number),
    )


def may_call(tx: Transaction, tenant_id: int, number: str, calling: str | None) -> bool:
    """Whether a DID's list lets a caller in. calling: E.164; None: withheld, or no number.

    The entry that fits best decides, which is the longest prefix. Where none fits, whoever calls is let in unless there
    is any entry to let somebody in.
    """
    row = tx.one(
        """select (select rule from did_callers c where c.tenant_id = %(tenant)s and c.number = %(number)s
                   and case when %(calling)s::text is null then c.caller = 'anonymous'
                       else starts_with(%(calling)s, c.caller) end
                   order by length(c.caller) desc limit 1) as best,
                  exists (select from did_callers c where c.tenant_id = %(tenant)s and c.number = %(number)s
                          and c.rule = 'allow') as only_some""",
        {"tenant": tenant_id, "number": number, "calling": calling},
    )
    return bool(row["best"] == ALLOW or (row["best"] is None and not row["only_some"]))
