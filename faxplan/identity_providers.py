"""A tenant's own identity provider (OpenID Connect), and who of its users is who there."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from faxplan import users
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.users import User

CHANGEABLE = ("issuer", "client_id", "client_secret", "label", "trusts_email")


class UnknownIdentity(FaxplanError):
    """The identity provider knows somebody whom the tenant does not, or not so."""

    error_id = "unknown-identity"


@dataclass(frozen=True, slots=True)
class Provider:
    """Columns as in schema.sql. tenant_id: 0 before it is stored."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    label: str = ""
    trusts_email: bool = False
    tenant_id: int = 0

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.label or urlsplit(self.issuer).hostname or self.issuer


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, as a provider says. email: one that counts; empty: it has none, or does not vouch for it."""

    issuer: str
    subject: str
    email: str


def of(tx: Transaction, tenant_id: int) -> Provider | None:
    """A tenant's (role portal); None: it has none."""
    row = tx.row(
        """select issuer, client_id, client_secret, label, trusts_email, tenant_id from identity_providers
           where tenant_id = %s""",
        (tenant_id,),
    )
    return None if row is None else Provider(**row)


def put(tx: Transaction, tenant_id: int, provider: Provider) -> None:
    """Sets it, in place of another (role admin)."""
    values: dict[str, Any] = {name: getattr(provider, name) for name in CHANGEABLE}
    tx.execute(
        """insert into identity_providers (tenant_id, issuer, client_id, client_secret, label, trusts_email)
           values (%(tenant)s, %(issuer)s, %(client_id)s, %(client_secret)s, %(label)s, %(trusts_email)s)
           on conflict on constraint identity_providers_pkey do update
           set issuer = excluded.issuer, client_id = excluded.client_id, client_secret = excluded.client_secret,
               label = excluded.label, trusts_email = excluded.trusts_email, changed_at = now()""",
        {"tenant": tenant_id, **values},
    )


def remove(tx: Transaction, tenant_id: int) -> bool:
    """Takes it away, and with it who is who there (role admin); False where there is none."""
    tx.execute("delete from identities where tenant_id = %s", (tenant_id,))
    return bool(tx.execute("delete from identity_providers where tenant_id = %s", (tenant_id,)))


def linked(tx: Transaction, tenant_id: int) -> list[Row]:
    """Users who have logged in by it: user_id, email, issuer, subject, linked_at; by address."""
    return tx.rows(
        """select i.user_id, u.email, i.issuer, i.subject, i.linked_at from identities i
           join users u on u.tenant_id = i.tenant_id and u.id = i.user_id where i.tenant_id = %s order by u.email""",
        (tenant_id,),
    )


def unlink(tx: Transaction, tenant_id: int, user_id: int) -> bool:
    """Whoever comes next with this user's address is this user (role admin); False where there is nothing to undo."""
    return bool(tx.execute("delete from identities where tenant_id = %s and user_id = %s", (tenant_id, user_id)))


def user_of(tx: Transaction, tenant_id: int, identity: Identity) -> User:
    """Who this is: by the subject, or by the address where that is new. Raises UnknownIdentity, also where the user is
    another one there."""
    user_id = tx.value(
        "select user_id from identities where tenant_id = %s and issuer = %s and subject = %s",
        (tenant_id, identity.issuer, identity.subject),
    )
    if user_id is None and not identity.email:
        raise UnknownIdentity(
            _("Your organisation's log-in does not say which e-mail address is yours. Ask your administrator.")
        )
    try:
        user = users.get(tx, tenant_id, user_id or users.by_email(tx, tenant_id, identity.email).id)
    except NotFound as error:
        raise UnknownIdentity(
            _("Nobody here has the address {email}, or may log in. Ask your administrator.").format(
                email=identity.email or _("that you log in with")
            )
        ) from error
    subject = tx.value(
        "select subject from identities where tenant_id = %s and user_id = %s and issuer = %s",
        (tenant_id, user.id, identity.issuer),
    )
    if subject not in (None, identity.subject):
        raise UnknownIdentity(
            _("{email} has logged in here as somebody else before. Ask your administrator to undo that.").format(
                email=user.email
            )
        )
    return user


def link(tx: Transaction, tenant_id: int, session_id: int) -> None:
    """A session that is shut is being opened: from now on the subject by which it began says who it is. Where one says
    so already, as of another session that was opened meanwhile, that stays."""
    tx.execute(
        """insert into identities (tenant_id, issuer, subject, user_id)
           select s.tenant_id, s.issuer, s.subject, s.user_id from sessions s
           where s.tenant_id = %s and s.id = %s and s.is_shut and s.subject is not null
           on conflict do nothing""",
        (tenant_id, session_id),
    )
