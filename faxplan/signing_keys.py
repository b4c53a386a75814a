"""By which mail from a domain of a tenant's is signed (DKIM), once the domain's owner has put the record into the DNS.

The private half only the worker reads.
"""

from dataclasses import dataclass, field

from faxplan import mail_signature
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _


@dataclass(frozen=True, slots=True)
class SigningKey:
    """selector: by which the record is found in the DNS. private_key: PEM."""

    domain: str
    selector: str
    private_key: str = field(repr=False)


def of(tx: Transaction, tenant_id: int, domain: str) -> SigningKey | None:
    """That of a sender's domain (role worker)."""
    row = tx.row(
        "select domain, selector, private_key from mail_signing_keys where tenant_id = %s and domain = %s",
        (tenant_id, domain.lower()),
    )
    return None if row is None else SigningKey(**row)


def known(tx: Transaction, tenant_id: int) -> list[Row]:
    """All of a tenant's without their private halves (role admin): domain, selector, record, created_at."""
    return tx.rows(
        "select domain, selector, record, created_at from mail_signing_keys where tenant_id = %s order by domain",
        (tenant_id,),
    )


def make(tx: Transaction, tenant_id: int, domain: str, selector: str) -> str:
    """Another key for a domain from now on (role admin): what the DNS has to say at `<selector>._domainkey.<domain>`.

    Raises ConstraintViolated.
    """
    made, domain = mail_signature.new_key(), plain(domain)
    tx.execute("delete from mail_signing_keys where tenant_id = %s and domain = %s", (tenant_id, domain))
    tx.execute(
        "insert into mail_signing_keys (tenant_id, domain, selector, private_key, record) values (%s, %s, %s, %s, %s)",
        (tenant_id, domain, selector.lower(), made.private.decode(), made.record),
    )
    return made.record


def remove(tx: Transaction, tenant_id: int, domain: str) -> None:
    """Mail from there is signed no more (role admin). Raises NotFound."""
    if not tx.execute("delete from mail_signing_keys where tenant_id = %s and domain = %s", (tenant_id, plain(domain))):
        raise NotFound(_("There is no key for {domain}.").format(domain=repr(domain[:80])))


def plain(domain: str) -> str:
    """As it is kept."""
    return domain.strip().rstrip(".").lower()
