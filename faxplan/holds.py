"""Legal holds: what must not be deleted, moved or purged, whatever retention says, and keeps somebody who can open it.

A hold is of one fax, of all faxes of a mailbox, or of all of a tenant. Who sets one, purges, deletes or hands a fax on
takes the tenant's turn first: once a hold is set, nothing that it holds is destroyed any more. Triggers of schema.sql
(refuse_held) keep a held fax from being marked as purged or moved to another mailbox, whatever is forgotten here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _

_TURN = 0x686F6C64
"""Any number ("hold" in ASCII)."""


class Held(FaxplanError):
    """Something is under legal hold, and stays as it is."""

    error_id = "held"


class NothingToHold(FaxplanError):
    """The fax was purged before."""

    error_id = "nothing-to-hold"


@dataclass(frozen=True, slots=True)
class Hold:
    """mailbox: its name. Both it and fax_id None: the whole tenant. set_by: as an actor of the audit."""

    id: int
    mailbox_id: int | None
    mailbox: str | None
    fax_id: int | None
    reason: str
    set_by: str
    set_at: datetime

    @property
    def what(self) -> str:
        """What is held, for people."""
        if self.fax_id is not None:
            return f"fax {self.fax_id}"
        return "the whole tenant" if self.mailbox_id is None else f"mailbox {self.mailbox}"

    def holds(self, fax_id: int, mailbox_id: int | None) -> bool:
        """Whether a fax of that mailbox is held by it."""
        if self.fax_id is not None:
            return self.fax_id == fax_id
        return self.holds_all_of(mailbox_id)

    def holds_all_of(self, mailbox_id: int | None) -> bool:
        """Whether every fax of a mailbox is."""
        return self.fax_id is None and (self.mailbox_id is None or self.mailbox_id == mailbox_id)


def take_turn(tx: Transaction, tenant_id: int) -> None:
    """From the next statement on nobody else sets a hold, deletes, moves or purges in this tenant, until commit.

    Before any row of a fax is locked.
    """
    tx.take_turn(_TURN, tenant_id)


def place(
    tx: Transaction, tenant_id: int, *, mailbox_id: int | None, fax_id: int | None, reason: str, set_by: str
) -> int:
    """A new hold; its id (role admin). At most one of mailbox_id and fax_id is given.

    Raises NotFound, NothingToHold, and ConstraintViolated without a reason.
    """
    take_turn(tx, tenant_id)
    if fax_id is not None:
        fax = tx.row("select mailbox_id, purged_at from fax_to_hold(%s)", (fax_id,))
        if fax is None:
            raise NotFound(_("The tenant has no fax {fax_id}.").format(fax_id=fax_id))
        if fax["purged_at"] is not None:
            raise NothingToHold(
                _(
                    "Fax {fax_id} was purged on {purged_at:%Y-%m-%d}: nothing is left of it to hold, but in backups of "
                    "before."
                ).format(fax_id=fax_id, purged_at=fax["purged_at"])
            )
        mailbox_id = fax["mailbox_id"]
    return int(
        tx.value(
            """insert into holds (tenant_id, mailbox_id, fax_id, reason, set_by) values (%s, %s, %s, %s, %s)
               returning id""",
            (tenant_id, mailbox_id, fax_id, reason, set_by),
        )
    )


def release(tx: Transaction, tenant_id: int, hold_id: int) -> Hold:
    """Ends a hold (role admin); it as it was. What else holds the same faxes goes on. Raises NotFound."""
    take_turn(tx, tenant_id)
    found = next((each for each in of_tenant(tx, tenant_id) if each.id == hold_id), None)
    if found is None:
        raise NotFound(_("The tenant has no hold {hold_id}. `faxplan hold list` shows all.").format(hold_id=hold_id))
    tx.execute("delete from holds where tenant_id = %s and id = %s", (tenant_id, hold_id))
    return found


_ALL = """
    select h.id, h.mailbox_id, m.name as mailbox, h.fax_id, h.reason, h.set_by, h.set_at from holds h
    left join mailboxes m on m.tenant_id = h.tenant_id and m.id = h.mailbox_id
    where h.tenant_id = %s"""


def of_tenant(tx: Transaction, tenant_id: int) -> list[Hold]:
    """All that are in force, oldest first."""
    return [Hold(**row) for row in tx.rows(f"{_ALL} order by h.id", (tenant_id,))]


def of_mailboxes(tx: Transaction, tenant_id: int) -> list[Hold]:
    """Those of whole mailboxes, and of the tenant: few, however many faxes are held one by one."""
    return [Hold(**row) for row in tx.rows(f"{_ALL} and h.fax_id is null order by h.id", (tenant_id,))]


def of_fax(tx: Transaction, tenant_id: int, fax_id: int, mailbox_id: int | None) -> Hold | None:
    """The oldest hold that a fax is under; None: it is under none."""
    rows = tx.rows(f"{_ALL} and (h.fax_id is null or h.fax_id = %s) order by h.id", (tenant_id, fax_id))
    return next((each for each in (Hold(**row) for row in rows) if each.holds(fax_id, mailbox_id)), None)


def check_readers(tx: Transaction, tenant_id: int, mailbox_id: int, lost: Sequence[int]) -> None:
    """Raises Held where a member leaves without whom some epochs (`lost`) of a mailbox are opened by nobody."""
    if not lost:
        return
    for each in of_tenant(tx, tenant_id):
        if each.holds_all_of(mailbox_id) or each.mailbox_id == mailbox_id:
            raise Held(
                _(
                    "There is a legal hold on {what} (hold {id}, {set_at:%Y-%m-%d}: {reason}), and nobody who stays "
                    "could open all that lies in this mailbox. Let who leaves unlock once (`faxplan unlock`), which "
                    "hands the keys on, or let the hold be released."
                ).format(what=each.what, id=each.id, set_at=each.set_at, reason=each.reason)
            )


def count_of_faxes(tx: Transaction, tenant_id: int) -> int:
    """How many holds of single faxes are in force."""
    return int(tx.value("select count(*) from holds where tenant_id = %s and fax_id is not null", (tenant_id,)))
