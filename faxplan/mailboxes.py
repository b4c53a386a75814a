"""Mailboxes, and the DIDs whose faxes land in them."""

from dataclasses import dataclass
from datetime import datetime

from faxplan.db import Transaction


@dataclass(frozen=True, slots=True)
class Did:
    """A direct inward dialling number: whose it is, and where its faxes go. number: E.164."""

    tenant_id: int
    number: str
    mailbox_id: int
    station_ident: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A received fax in a mailbox. pages: whole pages; calling_number None: withheld."""

    fax_id: int
    mailbox: str
    state: str
    called_number: str
    calling_number: str | None
    pages: int
    added_at: datetime
    read_at: datetime | None


def create_group(tx: Transaction, tenant_id: int, name: str) -> int:
    """A new group mailbox; its id. Raises ConstraintViolated."""
    return int(tx.value("insert into mailboxes (tenant_id, name) values (%s, %s) returning id", (tenant_id, name)))


def assign_did(tx: Transaction, tenant_id: int, number: str, mailbox_id: int, station_ident: str = "") -> Did:
    """Gives a number (E.164) to a tenant's mailbox. Raises ConstraintViolated, also where another tenant has it."""
    tx.execute(
        "insert into dids (tenant_id, number, mailbox_id, station_ident) values (%s, %s, %s, %s)",
        (tenant_id, number, mailbox_id, station_ident),
    )
    return Did(tenant_id, number, mailbox_id, station_ident)


def find_did(tx: Transaction, number: str) -> Did | None:
    """Whose DID this E.164 number is, over all tenants (role switch); None where nobody's, or switched off."""
    row = tx.row(
        """select d.tenant_id, d.number, d.mailbox_id, d.station_ident from dids d join tenants t on t.id = d.tenant_id
           where d.number = %s and d.enabled and t.enabled""",
        (number,),
    )
    return None if row is None else Did(**row)


def caller_id(tx: Transaction, tenant_id: int) -> Did | None:
    """The DID with which the tenant's calls go out: its first; None where it has none."""
    row = tx.row(
        """select tenant_id, number, mailbox_id, station_ident from dids where tenant_id = %s and enabled
           order by created_at, number limit 1""",
        (tenant_id,),
    )
    return None if row is None else Did(**row)


def deliver(tx: Transaction, tenant_id: int, mailbox_id: int, fax_id: int) -> None:
    """Puts a received fax into a mailbox."""
    tx.execute(
        "insert into mailbox_entries (tenant_id, mailbox_id, fax_id) values (%s, %s, %s)",
        (tenant_id, mailbox_id, fax_id),
    )


def entries(tx: Transaction, tenant_id: int, user_id: int, limit: int = 50) -> list[Entry]:
    """What lies in the mailboxes that a user reads, newest first."""
    rows = tx.rows(
        """select e.fax_id, m.name as mailbox, f.state, f.called_number, f.calling_number, f.pages_done as pages,
                  e.added_at, e.read_at
           from mailbox_members mm
           join mailboxes m on m.tenant_id = mm.tenant_id and m.id = mm.mailbox_id
           join mailbox_entries e on e.tenant_id = m.tenant_id and e.mailbox_id = m.id
           join faxes f on f.tenant_id = e.tenant_id and f.id = e.fax_id
           where mm.tenant_id = %s and mm.user_id = %s order by e.added_at desc, e.fax_id desc limit %s""",
        (tenant_id, user_id, limit),
    )
    return [Entry(**row) for row in rows]
