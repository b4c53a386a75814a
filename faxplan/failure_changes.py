"""What administrators decide otherwise than the shipped table of failure_rules: rows of the table failure_rules."""

import re

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.failure_rules import SHIPPED, Action, Change, Downgrade, Rules
from faxplan.language import _


class PointlessRule(FaxplanError):
    """It says when, how often or how what it ends is to be dialled again."""

    error_id = "pointless-rule"


class UnknownCondition(FaxplanError):
    """No call ends that way."""

    error_id = "unknown-condition"


def rules_for(tx: Transaction, tenant_id: int, trunk_id: int | None) -> Rules:
    """The table for a tenant's calls through a trunk: tenant and trunk, then tenant, then trunk, then all."""
    rows = tx.rows(
        """select condition, action, delay, times, downgrade, (only_for is not null, trunk_id is not null) as scope
           from failure_rules where (only_for is null or only_for = %s) and (trunk_id is null or trunk_id = %s)
           order by only_for nulls last, trunk_id nulls last""",
        (tenant_id, trunk_id),
    )
    tables: dict[str, dict[str, Change]] = {}
    for row in rows:
        less = None if row["downgrade"] is None else Downgrade(row["downgrade"])
        change = Change(Action(row["action"]), row["delay"], row["times"], less)
        tables.setdefault(row["scope"], {})[row["condition"]] = change
    return Rules(tuple(tables.values()))


def everyone(tx: Transaction) -> list[Row]:
    """Every change of an administrator (role admin).

    condition, tenant, trunk (None: all), action, delay, times, downgrade.
    """
    return tx.rows(
        """select f.condition, t.slug as tenant, k.name as trunk, f.action, f.delay, f.times, f.downgrade
           from failure_rules f left join tenants t on t.id = f.only_for left join trunks k on k.id = f.trunk_id
           order by f.condition, t.slug nulls first, k.name nulls first"""
    )


def put(
    tx: Transaction,
    condition: str,
    action: Action,
    *,
    delay: int | None = None,
    times: int | None = None,
    downgrade: Downgrade | None = None,
    only_for: int | None = None,
    trunk_id: int | None = None,
) -> None:
    """Decides otherwise than the shipped table (role admin), in place of an earlier change of the same scope.

    delay: seconds; delay, times, downgrade: None: as the shipped rule. Raises UnknownCondition, PointlessRule and
    ConstraintViolated.
    """
    check_condition(condition)
    less = downgrade not in (None, Downgrade.NONE)
    if action is Action.FINAL and (delay is not None or times is not None or less):
        raise PointlessRule(
            _(
                "After `final` a fax is not dialled again: leave --after and --times out, and --downgrade (or "
                "`none`); or write retry or next-trunk."
            )
        )
    tx.execute(
        """insert into failure_rules (only_for, trunk_id, condition, action, delay, times, downgrade)
           values (%s, %s, %s, %s, %s, %s, %s) on conflict on constraint failure_rules_entry_key do update
           set action = excluded.action, delay = excluded.delay, times = excluded.times,
               downgrade = excluded.downgrade""",
        (only_for, trunk_id, condition, action.value, delay, times, downgrade),
    )


def reset(tx: Transaction, condition: str, *, only_for: int | None = None, trunk_id: int | None = None) -> None:
    """Takes a change back (role admin). Raises NotFound."""
    gone = tx.execute(
        """delete from failure_rules where condition = %s and only_for is not distinct from %s
           and trunk_id is not distinct from %s""",
        (condition, only_for, trunk_id),
    )
    if not gone:
        raise NotFound(
            _("Nothing was changed for {condition} there. `faxplan failure list --changed` shows all.").format(
                condition=condition[:70]
            )
        )


def check_condition(condition: str) -> None:
    """Raises UnknownCondition for what no call can end with."""
    kind, _colon, what = condition.partition(":")
    known = condition in SHIPPED or (kind == "sip" and re.fullmatch("[3-6][0-9]{2}", what) is not None)
    if not known:
        raise UnknownCondition(
            _(
                "{condition} is no way in which a call ends. Write fax:CODE, sip:CODE or cause:NAME; `faxplan "
                "failure list` shows them."
            ).format(condition=repr(condition[:70]))
        )
