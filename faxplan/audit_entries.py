"""A tenant's audit, to be read: the newest rows first, some at a time, by who, what and when."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from faxplan.db import Row, Transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows. actor, action, object: exactly these; empty: any. action: also what begins with it and a dot."""

    actor: str = ""
    action: str = ""
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None


def some(tx: Transaction, tenant_id: int, wanted: Wanted, *, before: int | None, limit: int) -> list[Row]:
    """sequence, at, actor, action, object, result, details, authenticated, address (role portal or admin).

    before: rows with a lower sequence only. Of a long audit a rare actor is found by reading through it.
    """
    return tx.rows(
        """select sequence, at, actor, action, object, result, details, authenticated, address from audit
           where tenant_id = %(tenant)s and sequence < coalesce(%(before)s, 9223372036854775807)
             and (%(actor)s = '' or actor = %(actor)s) and (%(object)s = '' or object = %(object)s)
             and (%(action)s = '' or action = %(action)s or starts_with(action, %(action)s || '.'))
             and at >= coalesce(%(since)s, '-infinity'::timestamptz)
             and at < coalesce(%(until)s, 'infinity'::timestamptz)
           order by sequence desc limit %(limit)s""",
        {
            "tenant": tenant_id,
            "before": before,
            "limit": limit,
            "actor": wanted.actor,
            "action": wanted.action,
            "object": wanted.object,
            "since": wanted.since,
            "until": wanted.until,
        },
    )


def names(tx: Transaction, tenant_id: int, rows: Collection[Row]) -> Mapping[str, str]:
    """What people call the users and mailboxes in these rows, by what the audit calls them (`user:7`, `mailbox:3`)."""
    known = {each for row in rows for each in (row["actor"], row["object"], *_named(row["details"]))}
    ids = {kind: [int(each.partition(":")[2]) for each in known if _is_of(kind, each)] for kind in ("user", "mailbox")}
    found = tx.rows(
        """select 'user:' || id as place, coalesce(nullif(name, ''), email) as name from users
           where tenant_id = %(tenant)s and id = any(%(user)s)
           union all
           select 'mailbox:' || id, name from mailboxes where tenant_id = %(tenant)s and id = any(%(mailbox)s)""",
        {"tenant": tenant_id, **ids},
    )
    return {row["place"]: row["name"] for row in found}


def _named(details: Mapping[str, object]) -> list[str]:
    return [each for each in details.values() if isinstance(each, str)]


def _is_of(kind: str, name: str) -> bool:
    before, _colon, number = name.partition(":")
    return before == kind and number.isascii() and number.isdigit() and len(number) < 19
