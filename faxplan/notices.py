"""Notices: what a user, or the readers of a mailbox, are to be told about a fax."""

from faxplan.db import Transaction


def tell_user(tx: Transaction, tenant_id: int, user_id: int, fax_id: int, kind: str, text: str) -> None:
    """kind: sent, failed or cancelled."""
    tx.later(
        "insert into notices (tenant_id, user_id, fax_id, kind, text) values (%s, %s, %s, %s, %s)",
        (tenant_id, user_id, fax_id, kind, text),
    )


def tell_mailbox(tx: Transaction, tenant_id: int, mailbox_id: int, fax_id: int, kind: str, text: str) -> None:
    """kind: received, partial or failed."""
    tx.later(
        "insert into notices (tenant_id, mailbox_id, fax_id, kind, text) values (%s, %s, %s, %s, %s)",
        (tenant_id, mailbox_id, fax_id, kind, text),
    )
