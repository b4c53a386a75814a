"""A chain of the audit, as people read it: the newest rows first, some at once."""

import re
from collections.abc import Iterable

from faxplan.db import Row, Transaction

COLUMNS = "sequence, at, actor, authenticated, address, action, object, result, details"

_ID = {kind: re.compile(kind + r":[0-9]{1,18}") for kind in ("user", "tenant")}


def some(
    tx: Transaction, chain: int, *, before: int | None, limit: int, action: str = "", actor: str = "", result: str = ""
) -> list[Row]:
    """Rows of a tenant's chain, or of audit.INSTALLATION, before that sequence, the newest first; in its transaction.

    action: one of them, or its noun alone, as `trunk`. actor, result: exactly that. Empty: all.
    """
    return tx.rows(
        f"""select {COLUMNS} from audit
            where tenant_id = %(chain)s and sequence < coalesce(%(before)s, 9223372036854775807)
              and (%(action)s = '' or action = %(action)s or split_part(action, '.', 1) = %(action)s)
              and (%(actor)s = '' or actor = %(actor)s) and (%(result)s = '' or result = %(result)s)
            order by sequence desc limit %(limit)s""",
        {"chain": chain, "before": before, "limit": limit, "action": action, "actor": actor, "result": result},
    )


def nouns(tx: Transaction, chain: int) -> list[str]:
    """What its rows are about: the nouns of the actions of its last rows, by name."""
    rows = tx.rows(
        """select distinct split_part(action, '.', 1) as noun from
             (select action from audit where tenant_id = %s order by sequence desc limit 5000) lately order by noun""",
        (chain,),
    )
    return [row["noun"] for row in rows]


def names(tx: Transaction, rows: Iterable[Row]) -> dict[str, str]:
    """What people call those who stand in these rows (role admin): addresses of users, short names of tenants."""
    said = {each for row in rows for each in (row["actor"], row["object"])}
    users, tenants = ([int(each.partition(":")[2]) for each in said if _ID[kind].fullmatch(each)] for kind in _ID)
    found = tx.rows("select user_id, email from logins where user_id = any(%s)", (users,))
    known = {f"user:{row['user_id']}": row["email"] for row in found}
    found = tx.rows("select id, slug from tenants where id = any(%s)", (tenants,))
    return known | {f"tenant:{row['id']}": row["slug"] for row in found}
