"""Routes, as an administrator keeps them. Which trunks take a call is trunks_for's affair (schema.sql)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _

CHANGEABLE = ("position", "weight", "cost", "in_clear", "enabled")


def everyone(tx: Transaction) -> list[Row]:
    """prefix, trunk (None: barred), position, weight, cost, only_for (a tenant's short name, or None: all), enabled,
    in_clear.

    As they are tried for a prefix.
    """
    return tx.rows(
        """select r.prefix, t.name as trunk, r.position, r.weight, r.cost, o.slug as only_for, r.enabled,
                  r.in_clear
           from routes r left join trunks t on t.id = r.trunk_id left join tenants o on o.id = r.only_for
           order by r.prefix, r.only_for nulls last, r.trunk_id is not null, r.position, r.id"""
    )


def add(
    tx: Transaction,
    prefix: str,
    trunk_id: int | None,
    *,
    position: int = 100,
    weight: int = 1,
    cost: Decimal | None = None,
    only_for: int | None = None,
    in_clear: bool = False,
    enabled: bool = True,
) -> None:
    """Sends numbers that begin with `prefix` (`+` alone: all) through a trunk; None: bars them (role admin).

    only_for: the one tenant that has it; position, weight, cost, in_clear, enabled: as in schema.sql. Raises
    ConstraintViolated.
    """
    tx.execute(
        """insert into routes (prefix, trunk_id, position, weight, cost, only_for, in_clear, enabled)
           values (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (prefix, trunk_id, position, weight, cost, only_for, in_clear, enabled),
    )


def change(
    tx: Transaction, prefix: str, trunk_id: int | None, values: Mapping[str, Any], *, only_for: int | None = None
) -> None:
    """Changes some of CHANGEABLE, at least one, of a route, or with trunk_id None of a bar (role admin).

    Raises NotFound and ConstraintViolated.
    """
    if unknown := values.keys() - set(CHANGEABLE):
        raise ValueError(f"no such columns, or not to be changed: {unknown}")
    assignments = ", ".join(f"{column} = %s" for column in values)
    changed = tx.execute(
        f"""update routes set {assignments} where prefix = %s and trunk_id is not distinct from %s
            and only_for is not distinct from %s""",
        (*values.values(), prefix, trunk_id, only_for),
    )
    if not changed:
        raise _unknown(prefix)


def switched_off(tx: Transaction, tenant_id: int, number: str) -> list[Row]:
    """Routes and bars that would fit a tenant's E.164 number, were they enabled: prefix, trunk (None: a bar)."""
    return tx.rows(
        """select r.prefix, t.name as trunk from routes r left join trunks t on t.id = r.trunk_id
           where not r.enabled and (r.only_for is null or r.only_for = %s)
             and (t.dedicated_to is null or t.dedicated_to = %s)
             and %s ~ ('^\\' || replace(replace(replace(r.prefix, 'X', '[0-9]'), 'Z', '[1-9]'), 'N', '[2-9]'))
           order by length(r.prefix) desc, r.prefix, t.name""",
        (tenant_id, tenant_id, number),
    )


def remove(tx: Transaction, prefix: str, trunk_id: int | None, *, only_for: int | None = None) -> None:
    """Takes a route away, or with trunk_id None a bar (role admin). Raises NotFound."""
    gone = tx.execute(
        """delete from routes where prefix = %s and trunk_id is not distinct from %s
           and only_for is not distinct from %s""",
        (prefix, trunk_id, only_for),
    )
    if not gone:
        raise _unknown(prefix)


def _unknown(prefix: str) -> NotFound:
    return NotFound(
        _("There is no such route for {prefix}. `faxplan route list` shows all, with --only-for's tenant.").format(
            prefix=prefix[:20]
        )
    )
