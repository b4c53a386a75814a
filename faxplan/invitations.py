"""Invitations: by a link a user chooses a password, once, and gets a key with it (or another one).

The link's token is shown to whoever made it, who hands it over; the database has the hash only. Each function works
within a tenant (roles admin and portal).
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from faxplan import audit, users
from faxplan.audit import Who
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.users import User

DAYS = 7
"""So long a link works."""
TOKEN_BYTES = 32


class InvitationGone(FaxplanError):
    """No invitation has this token: it was used, is too old, or there is a newer one."""

    error_id = "invitation-gone"


@dataclass(frozen=True, slots=True)
class Invitation:
    """user: who is invited. expires_at: until when the link works."""

    user: User
    expires_at: datetime


def make(tx: Transaction, user: User, *, actor: Who) -> str:
    """A token for a user's link (`link`), shown this once. The user's link before works no more.

    Whoever has it before the user does chooses the user's password, and logs in as that user: what came in before a
    key was lost stays locked to them all the same. actor: as audit.record takes it.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    tx.execute("delete from invitations where tenant_id = %s and user_id = %s", (user.tenant_id, user.id))
    tx.execute(
        """insert into invitations (tenant_id, user_id, token_hash, made_by, expires_at)
           values (%s, %s, %s, %s, now() + make_interval(days => %s))""",
        (user.tenant_id, user.id, _hash(token), audit.name_of(actor), DAYS),
    )
    audit.record(tx, user.tenant_id, actor=actor, action="user.invite", object=f"user:{user.id}", email=user.email)
    return token


def link(base: str, token: str) -> str:
    """Where the browser goes. base: the tenant's address, such as https://acme.fax.example.

    The token stands in the fragment, which browsers send to no server: it is in no log and no Referer.
    """
    return f"{base}/welcome#{token}"


def open_until(tx: Transaction, tenant_id: int, user_id: int) -> datetime | None:
    """Until when a user's link works; None: there is none."""
    found: datetime | None = tx.value(
        "select expires_at from invitations where tenant_id = %s and user_id = %s and expires_at > now()",
        (tenant_id, user_id),
    )
    return found


def find(tx: Transaction, tenant_id: int, token: str) -> Invitation:
    """Raises InvitationGone, also where the user may not act any more."""
    row = tx.row(
        "select user_id, expires_at from invitations where tenant_id = %s and token_hash = %s and expires_at > now()",
        (tenant_id, _hash(token)),
    )
    if row is None:
        raise _gone()
    try:
        return Invitation(users.get(tx, tenant_id, row["user_id"]), row["expires_at"])
    except NotFound as error:
        raise _gone() from error


def spend(tx: Transaction, tenant_id: int, token: str) -> User:
    """As find, and from now on the token is none: of two who come with it one is first. Raises InvitationGone."""
    found = find(tx, tenant_id, token)
    if not tx.execute("delete from invitations where tenant_id = %s and token_hash = %s", (tenant_id, _hash(token))):
        raise _gone()
    return found.user


def end(tx: Transaction, user: User) -> None:
    """The user's link works no more: they have chosen a password."""
    tx.execute("delete from invitations where tenant_id = %s and user_id = %s", (user.tenant_id, user.id))


def _hash(token: str) -> bytes:
    # SHA-256 will do: nobody guesses 32 random bytes.
    return hashlib.sha256(b"faxplan invitation:" + token.encode("utf-8", "surrogateescape")).digest()


def _gone() -> InvitationGone:
    return InvitationGone(
        _("This link does not work any more: it was used, is older than 7 days, or there is a newer one. If you chose "
          "your password by it, log in with that. Else ask whoever gave it to you for another.")
    )  # fmt: skip
