"""Notices: what a user, or the readers of a mailbox, are to be told about a fax."""

from faxplan.db import Transaction


def tell_user(tx: Transaction, tenant_id: int, user_id: int, fax_id: int, kind: str, text: str) -> None:
    """kind: sent, failed or cancelled."""
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
