"""DIDs: whose numbers they are, and where their faxes go."""

from dataclasses import dataclass

from faxplan.db import Row, Transaction
from faxplan.errors import NotFound


@dataclass(frozen=True, slots=True)
class Did:
    """A direct inward dialling number: whose it is, and where its faxes go. station_ident: or empty."""

    tenant_id: int
    number: str
    mailbox_id: int
    station_ident: str


def of_tenant(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's DIDs: number (E.164), mailbox, station_ident, enabled; the first is the caller ID of its calls."""
    return tx.rows(
        """select d.number, m.name as mailbox, d.station_ident, d.enabled
           from dids d join mailboxes m on m.tenant_id = d.tenant_id and m.id = d.mailbox_id
           where d.tenant_id = %s order by d.created_at, d.number""",
        (tenant_id,),
    )


def remove(tx: Transaction, tenant_id: int, number: str) -> None:
    """Takes a number (E.164) from a tenant (role admin); calls to it get 404 from then on. Raises NotFound."""
    if not tx.execute("delete from dids where tenant_id = %s and number = %s", (tenant_id, number)):
        raise NotFound(f"The tenant has no DID {number}. `faxplan did list` shows all.")


def assign(tx: Transaction, tenant_id: int, number: str, mailbox_id: int, station_ident: str = "") -> Did:
    """Gives a number (E.164) to a tenant's mailbox. Raises ConstraintViolated, also where another tenant has it."""
    tx.execute(
        "insert into dids (tenant_id, number, mailbox_id, station_ident) values (%s, %s, %s, %s)",
        (tenant_id, number, mailbox_id, station_ident),
    )
    return Did(tenant_id, number, mailbox_id, station_ident)


def find(tx: Transaction, number: str) -> Did | None:
    """Whose DID this E.164 number is, over all tenants (role switch); None where nobody's, or switched off.

    station_ident: the one to answer with, so its own, else the tenant's, else the number.
    """
    row = tx.row(
        """select d.tenant_id, d.number, d.mailbox_id,
                  coalesce(nullif(d.station_ident, ''), nullif(t.station_ident, ''), d.number) as station_ident
           from dids d join tenants t on t.id = d.tenant_id
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
