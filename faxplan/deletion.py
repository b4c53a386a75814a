"""A user deletes a fax: nobody sees it from then on, and the next purge destroys it, once the minimum is over.

Until purge has come it can be brought back. In a mailbox that several read it is gone for all of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from faxplan import audit, holds, mailboxes, queue, retention
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.holds import Held
from faxplan.language import _
from faxplan.users import User


class NotEnded(FaxplanError):
    """A fax that is under way cannot be deleted."""

    error_id = "not-ended"


@dataclass(frozen=True, slots=True)
class Deleted:
    """kept_until: the minimum, before which purge does not take it; None: the next one does."""

    fax_id: int
    kept_until: datetime | None


def delete(portal: Database, user: User, fax_id: int) -> Deleted:
    """Raises NotFound for a fax that is not the user's, or is gone; NotEnded; and Held, of which the audit tells."""
    with portal.tenant(user.tenant_id) as tx:
        fax = _of(tx, user, fax_id, is_deleted=False)
        if fax["finished_at"] is None:
            raise NotEnded(
                _("Fax {fax_id} is under way. `faxplan cancel {fax_id}` stops one that is sent.").format(fax_id=fax_id)
            )
        hold = holds.of_fax(tx, user.tenant_id, fax_id, fax["mailbox_id"])
        until = fax["finished_at"] + timedelta(days=retention.bounds_for(tx, user.tenant_id).min_days)
        if hold is None:
            tx.execute("update faxes set deleted_at = now() where tenant_id = %s and id = %s", (user.tenant_id, fax_id))
        now = tx.value("select now()")
        _record(tx, user, "fax.delete", fax_id, refused=hold is not None)
    if hold is not None:
        raise Held(
            _(
                "Fax {fax_id} is under legal hold since {set_at:%Y-%m-%d} and cannot be deleted. Ask the administrator."
            ).format(fax_id=fax_id, set_at=hold.set_at)
        )
    return Deleted(fax_id, until if until > now else None)


def undelete(portal: Database, user: User, fax_id: int) -> None:
    """Brings a deleted fax back that was not purged yet. Raises NotFound."""
    with portal.tenant(user.tenant_id) as tx:
        _of(tx, user, fax_id, is_deleted=True)
        tx.execute("update faxes set deleted_at = null where tenant_id = %s and id = %s", (user.tenant_id, fax_id))
        _record(tx, user, "fax.undelete", fax_id, refused=False)


def _of(tx: Transaction, user: User, fax_id: int, *, is_deleted: bool) -> Row:
    """The fax, locked: sent by the user, or received in a mailbox that the user reads, as history shows them."""
    holds.take_turn(tx, user.tenant_id)
    fax = queue.lock_fax(tx, user.tenant_id, fax_id)
    is_there = fax is not None and fax["purged_at"] is None and (fax["deleted_at"] is not None) == is_deleted
    if fax is not None and is_there and _is_theirs(tx, user, fax):
        return fax
    raise NotFound(
        _("You have no deleted fax {fax_id}, or it was purged: that cannot be undone.").format(fax_id=fax_id)
        if is_deleted
        else _("You have no fax {fax_id}. `faxplan list` shows yours.").format(fax_id=fax_id)
    )


def _is_theirs(tx: Transaction, user: User, fax: Row) -> bool:
    is_received = fax["direction"] == "inbound"
    return fax["user_id"] == user.id or (
        is_received and mailboxes.reads(tx, user.tenant_id, fax["mailbox_id"], user.id)
    )


def _record(tx: Transaction, user: User, action: str, fax_id: int, *, refused: bool) -> None:
    audit.record(
        tx, user.tenant_id, actor=f"user:{user.id}", action=action, object=f"fax:{fax_id}",
        result="refused" if refused else "done",
    )  # fmt: skip
