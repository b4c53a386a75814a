"""Users of tenants, and how a command line finds out as whom it acts."""

from dataclasses import dataclass

from faxplan.db import Database, Row, Transaction
from faxplan.errors import NotFound


@dataclass(frozen=True, slots=True)
class User:
    """A person of a tenant."""

    tenant_id: int
    id: int
    email: str
    name: str
    role: str
    mailbox_id: int | None


def create(tx: Transaction, tenant_id: int, *, email: str, name: str, role: str = "user") -> User:
    """A new user with a personal mailbox (role admin, inside the tenant). Raises ConstraintViolated."""
    email = email.strip().lower()
    mailbox_id = tx.value(
        "insert into mailboxes (tenant_id, name, kind) values (%s, %s, 'personal') returning id", (tenant_id, email)
    )
    user_id = tx.value(
        "insert into users (tenant_id, email, name, role, mailbox_id) values (%s, %s, %s, %s, %s) returning id",
        (tenant_id, email, name, role, mailbox_id),
    )
    tx.execute(
        "insert into mailbox_members (tenant_id, mailbox_id, user_id) values (%s, %s, %s)",
        (tenant_id, mailbox_id, user_id),
    )
    tx.execute("insert into logins (tenant_id, email, user_id) values (%s, %s, %s)", (tenant_id, email, user_id))
    return User(tenant_id, user_id, email, name, role, mailbox_id)


def get(tx: Transaction, tenant_id: int, user_id: int) -> User:
    """Raises NotFound, also for a user who may no longer act."""
    row = tx.row(
        "select tenant_id, id, email, name, role, mailbox_id from users where tenant_id = %s and id = %s and enabled",
        (tenant_id, user_id),
    )
    if row is None:
        raise NotFound("There is no such user.")
    return User(**row)


def find(db: Database, name: str) -> User:
    """The user whom `name` means: an e-mail address, or `address/tenant` where several tenants know the address.

    Raises NotFound, saying which tenants know it if there are several.
    """
    email, _, slug = name.strip().lower().partition("/")
    with db.across_tenants() as tx:
        known = tx.rows(
            """select l.tenant_id, l.user_id, t.slug from logins l join tenants t on t.id = l.tenant_id
               where l.email = %s and (%s = '' or t.slug = %s) order by t.slug""",
            (email, slug, slug),
        )
    if not known:
        raise NotFound(f"There is no user {name!r}. `faxplan users` lists whom you can act as.")
    if len(known) > 1:
        choices = ", ".join(f"{email}/{row['slug']}" for row in known)
        raise NotFound(f"Several tenants know {email}. Say which: {choices}.")
    with db.tenant(known[0]["tenant_id"]) as tx:
        return get(tx, known[0]["tenant_id"], known[0]["user_id"])


def of_tenant(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's users: id, email, name, role, enabled; by address."""
    return tx.rows("select id, email, name, role, enabled from users where tenant_id = %s order by email", (tenant_id,))


def by_email(tx: Transaction, tenant_id: int, email: str) -> User:
    """A tenant's user by address, also one who may not act at present. Raises NotFound."""
    row = tx.row(
        "select tenant_id, id, email, name, role, mailbox_id from users where tenant_id = %s and email = %s",
        (tenant_id, email.strip().lower()),
    )
    if row is None:
        raise NotFound(f"The tenant has no user {email[:254]!r}. `faxplan user list` shows all.")
    return User(**row)


def everyone(db: Database) -> list[tuple[str, str]]:
    """All log-ins: (address, tenant's short name)."""
    with db.across_tenants() as tx:
        rows = tx.rows(
            "select l.email, t.slug from logins l join tenants t on t.id = l.tenant_id order by t.slug, l.email"
        )
    return [(row["email"], row["slug"]) for row in rows]
