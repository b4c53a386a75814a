"""Notices: what a user, or the readers of a mailbox, are to be told about a fax."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from faxplan.db import Transaction
from faxplan.users import ADMINISTRATOR, User

ALERT = "alert"
ACCEPTED = "accepted"
WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Notice:
    """What its user has not seen yet. kind: failed, or alert, which is of the whole organisation. number: whom the fax
    was for."""

    id: int
    fax_id: int
    kind: str
    text: str
    created_at: datetime
    number: str


def unseen(tx: Transaction, user: User, limit: int) -> Sequence[Notice]:
    """Of faxes of the user that did not arrive, and alerts, as long as they are an administrator; the newest first
    (role portal)."""
    rows = tx.rows(
        """select n.id, n.fax_id, n.kind, n.text, n.created_at, f.called_number as number
           from (select id, tenant_id, fax_id, kind, text, created_at from notices
                 where tenant_id = %s and user_id = %s and seen_at is null and kind in ('failed', 'alert')
                   and (kind <> 'alert' or %s)
                 order by id desc limit %s) n
           join faxes f on f.tenant_id = n.tenant_id and f.id = n.fax_id order by n.id desc""",
        (user.tenant_id, user.id, user.role == ADMINISTRATOR, limit),
    )
    return [Notice(**row) for row in rows]


def newest(tx: Transaction, user: User) -> int:
    """The number of the newest of these; 0: there is none (role portal)."""
    found: int = tx.value(
        """select coalesce(max(id), 0) from notices where tenant_id = %s and user_id = %s and seen_at is null
           and kind in ('failed', 'alert') and (kind <> 'alert' or %s)""",
        (user.tenant_id, user.id, user.role == ADMINISTRATOR),
    )
    return found


def seen(tx: Transaction, user: User, last: int) -> int:
    """The user has seen those up to this one; how many (role portal)."""
    return tx.execute(
        """update notices set seen_at = now()
           where tenant_id = %s and user_id = %s and id <= %s and seen_at is null and kind in ('failed', 'alert')""",
        (user.tenant_id, user.id, last),
    )


def tell_user(tx: Transaction, tenant_id: int, user_id: int, fax_id: int, kind: str, text: str) -> None:
    """kind: sent, failed or cancelled; of one that came by mail, accepted; webhook: one of theirs was turned off."""
    tx.later(
        "insert into notices (tenant_id, user_id, fax_id, kind, text) values (%s, %s, %s, %s, %s)",
        (tenant_id, user_id, fax_id, kind, text),
    )


def alert_administrators(tx: Transaction, tenant_id: int, fax_id: int, text: str) -> None:
    """Tells a tenant's administrators (kind alert) what keeps its faxes; the same at most once a day.

    fax_id: a fax that shows it. Role switch.
    """
    tx.later(
        """insert into notices (tenant_id, user_id, fax_id, kind, text)
           select u.tenant_id, u.id, %(fax)s, 'alert', %(text)s from users u
           where u.tenant_id = %(tenant)s and u.role = 'administrator' and u.enabled
             and not exists (
                 select from notices n where n.tenant_id = u.tenant_id and n.user_id = u.id and n.kind = 'alert'
                 and n.text = %(text)s and n.created_at > now() - interval '1 day')""",
        {"tenant": tenant_id, "fax": fax_id, "text": text},
    )


def tell_mailbox(tx: Transaction, tenant_id: int, mailbox_id: int, fax_id: int, kind: str, text: str) -> None:
    """kind: received, partial or failed."""
    tx.later(
        "insert into notices (tenant_id, mailbox_id, fax_id, kind, text) values (%s, %s, %s, %s, %s)",
        (tenant_id, mailbox_id, fax_id, kind, text),
    )
