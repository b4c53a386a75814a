"""What the contacts are called whose numbers stand in lists and on cover pages (role portal, within a tenant).

Of several with one number a user's own comes before a shared one. Who may have no contacts sees none of their names.
"""

from collections.abc import Iterable

from faxplan import permissions
from faxplan.contacts import COLUMNS, Contact
from faxplan.db import Transaction
from faxplan.users import User


def names_of(tx: Transaction, user: User, wanted: Iterable[str | None]) -> dict[str, str]:
    """What the contacts are called that a user has for these numbers, E.164."""
    if not (sought := _sought(tx, user, wanted)):
        return {}
    rows = tx.rows(
        """select distinct on (number) number, coalesce(nullif(name, ''), company) as name from contacts
           where tenant_id = %s and number = any(%s) and scope in (0, %s)
           order by number, scope desc, sort_key, id""",
        (user.tenant_id, sought, user.id),
    )
    return {row["number"]: row["name"] for row in rows}


def of_numbers(tx: Transaction, user: User, wanted: Iterable[str | None]) -> dict[str, Contact]:
    """These contacts themselves."""
    if not (sought := _sought(tx, user, wanted)):
        return {}
    rows = tx.rows(
        f"""select distinct on (c.number) {COLUMNS} from contacts c
            where c.tenant_id = %s and c.number = any(%s) and c.scope in (0, %s)
            order by c.number, c.scope desc, c.sort_key, c.id""",
        (user.tenant_id, sought, user.id),
    )
    return {row["number"]: Contact(**row) for row in rows}


def _sought(tx: Transaction, user: User, wanted: Iterable[str | None]) -> list[str]:
    """Those of these numbers whose contacts the user may see."""
    sought = sorted({each for each in wanted if each})
    return sought if sought and permissions.has(tx, user.tenant_id, user.id, permissions.CONTACTS) else []
