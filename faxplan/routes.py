"""Routes, as an administrator keeps them. Which trunks take a call is trunks_for's affair (schema.sql)."""

from decimal import Decimal

from faxplan.db import Row, Transaction
from faxplan.errors import NotFound


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
) -> None:
    """Sends numbers that begin with `prefix` (`+` alone: all) through a trunk; None: bars them (role admin).

    only_for: the one tenant that has it; position, weight, cost, in_clear: as in schema.sql. Raises ConstraintViolated.
    """
    tx.execute(
        """insert into routes (prefix, trunk_id, position, weight, cost, only_for, in_clear)
           values (%s, %s, %s, %s, %s, %s, %s)""",
        (prefix, trunk_id, position, weight, cost, only_for, in_clear),
    )


def remove(tx: Transaction, prefix: str, trunk_id: int | None, *, only_for: int | None = None) -> None:
    """Takes a route away, or with trunk_id None a bar (role admin). Raises NotFound."""
    gone = tx.execute(
        """delete from routes where prefix = %s and trunk_id is not distinct from %s
           and only_for is not distinct from %s""",
        (prefix, trunk_id, only_for),
    )
    if not gone:
        raise NotFound(
            f"There is no such route for {prefix}. `faxplan route list` shows all, with --only-for's tenant."
        )
