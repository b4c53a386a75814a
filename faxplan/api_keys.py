"""API keys: by what programs act for a user (`fxp_`), in what they were given (scopes), until they end or expire.

A key does what its user may, and of that what its scopes name. The secret has 256 bits and is kept as SHA-256: a slow
hash for each request would be a denial of service. It opens no document: that does a reader's key (`fxr_`,
reader_keys), which is never sent. Each function works within a tenant (role portal; `of_user` and `end` also admin).
"""

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from faxplan import audit, permissions, users
from faxplan.audit import Who
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, Forbidden, NotFound
from faxplan.language import _, marked
from faxplan.users import User

PREFIX = "fxp_"
MOST_OF_USER = 50
LONGEST_NAME = 60
SEEN_SECONDS = 60
"""So exactly it is known when one was used last: not each request is written down."""
_SECRET = re.compile(r"fxp_[A-Za-z0-9_-]{43}")
_SHOWN = 4
_TURN = 0x6B657973
"""Any number ("keys" in ASCII)."""


class Scope(StrEnum):
    """What a program may do of what its user may."""

    FAXES_READ = "faxes:read"
    FAXES_OPEN = "faxes:open"
    FAXES_SEND = "faxes:send"
    FAXES_CHANGE = "faxes:change"
    ACCOUNT_READ = "account:read"
    CONTACTS_READ = "contacts:read"
    CONTACTS_CHANGE = "contacts:change"
    CAMPAIGNS = "campaigns"
    AUDIT_READ = "audit:read"
    WEBHOOKS = "webhooks"
    KEYS = "keys"
    MAILBOXES = "mailboxes"
    NUMBERS = "numbers"
    COVER_PAGES = "cover-pages"
    DO_NOT_FAX = "do-not-fax"
    OPERATOR = "operator"


LABELS = {
    Scope.FAXES_READ: marked("See faxes, and fetch them sealed"),
    Scope.FAXES_OPEN: marked("Open faxes, for whoever types your password there"),
    Scope.FAXES_SEND: marked("Send faxes"),
    Scope.FAXES_CHANGE: marked("Stop, label and delete faxes"),
    Scope.ACCOUNT_READ: marked("See numbers, mailboxes, cover pages and quota"),
    Scope.CONTACTS_READ: marked("See contacts and groups"),
    Scope.CONTACTS_CHANGE: marked("Change contacts and groups"),
    Scope.CAMPAIGNS: marked("See, make and start campaigns"),
    Scope.AUDIT_READ: marked("Read the audit, as an administrator"),
    Scope.WEBHOOKS: marked("See and change webhooks"),
    Scope.KEYS: marked("See and end API keys"),
    Scope.MAILBOXES: marked("See and make mailboxes, and who reads them, as an administrator"),
    Scope.NUMBERS: marked("See and change numbers, as an administrator"),
    Scope.COVER_PAGES: marked("See and change cover pages, as an administrator"),
    Scope.DO_NOT_FAX: marked("See and change the do-not-fax list, as an administrator"),
    Scope.OPERATOR: marked("Run this installation: organisations, numbers, trunks, routes"),
}


def open_to(user: User) -> list[Scope]:
    """Those that a key of theirs may name: of the installation only who runs it has one."""
    return [each for each in Scope if each is not Scope.OPERATOR or user.operator]


class InvalidKey(FaxplanError):
    """An API key as it is wanted cannot be."""

    error_id = "invalid-api-key"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One that has not ended. scopes: without those that there are none of any more."""

    id: int
    user: User
    name: str
    ending: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = field(default=None, compare=False)

    @property
    def has_expired(self) -> bool:
        """Whether it opens nothing any more."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


def make(
    tx: Transaction, user: User, name: str, scopes: Collection[Scope], expires_at: datetime | None, *, actor: Who
) -> tuple[str, ApiKey]:
    """A new one, and its secret, which is shown this once. Raises Forbidden and InvalidKey."""
    permissions.check(tx, user.tenant_id, user.id, permissions.Permission.API)
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidKey(
            _("Give the key a name of {most} characters at most, such as that of the program.").format(
                most=LONGEST_NAME
            )
        )
    if not scopes:
        raise InvalidKey(_("Choose what the program may do."))
    if not set(scopes) <= set(open_to(user)):
        raise Forbidden(_("Only who runs this installation has keys for that."))
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidKey(_("The day on which the key ends is over. Choose one that is to come."))
    tx.take_turn(_TURN, user.tenant_id)
    others = of_user(tx, user)
    if any(each.name == name for each in others):
        raise InvalidKey(_("You have an API key of this name already. Choose another."))
    if len(others) >= MOST_OF_USER:
        raise InvalidKey(
            _("You have {most} keys, which is the most. End one that is not used.").format(most=MOST_OF_USER)
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    wanted = [each.value for each in Scope if each in scopes]
    row = tx.one(
        """insert into api_keys (tenant_id, user_id, name, digest, ending, scopes, expires_at)
           values (%s, %s, %s, %s, %s, %s, %s) returning id, created_at""",
        (user.tenant_id, user.id, name, _digest(secret), secret[-_SHOWN:], wanted, expires_at),
    )
    audit.record(
        tx, user.tenant_id, actor=actor, action="api-key.make", object=f"api-key:{row['id']}", name=name,
        scopes=wanted, expires_at=expires_at and expires_at.isoformat(), user=f"user:{user.id}",
    )  # fmt: skip
    made = ApiKey(row["id"], user, name, secret[-_SHOWN:], frozenset(scopes), row["created_at"], expires_at)
    return secret, made


def find(tx: Transaction, tenant_id: int, secret: str) -> ApiKey | None:
    """Of a secret; None where it is none of the tenant's, has ended or expired, or its user may not use one (now)."""
    if not _SECRET.fullmatch(secret):
        return None
    row = tx.row(
        f"""select {_COLUMNS}, used_at is null or used_at < now() - make_interval(secs => {SEEN_SECONDS}) as is_stale
            from api_keys where digest = %s and tenant_id = %s and ended_at is null
              and (expires_at is null or expires_at > now())""",
        (_digest(secret), tenant_id),
    )
    if row is None:
        return None
    try:
        user = users.get(tx, tenant_id, row["user_id"])
    except NotFound:
        return None
    if not permissions.has(tx, tenant_id, user.id, permissions.Permission.API):
        return None
    if row["is_stale"]:
        tx.later("update api_keys set used_at = now() where tenant_id = %s and id = %s", (tenant_id, row["id"]))
    return _key(row, user)


def of_user(tx: Transaction, user: User) -> list[ApiKey]:
    """Those that have not ended, by name; also those that have expired."""
    rows = tx.rows(
        f"""select {_COLUMNS} from api_keys where tenant_id = %s and user_id = %s and ended_at is null
            order by name, id""",
        (user.tenant_id, user.id),
    )
    return [_key(row, user) for row in rows]


def end(tx: Transaction, user: User, key_id: int, *, actor: Who) -> None:
    """A user's own does nothing any more. Raises NotFound."""
    row = tx.row(
        """update api_keys set ended_at = now()
           where tenant_id = %s and id = %s and user_id = %s and ended_at is null returning name""",
        (user.tenant_id, key_id, user.id),
    )
    if row is None:
        raise NotFound(_("There is no such API key."))
    audit.record(
        tx, user.tenant_id, actor=actor, action="api-key.end", object=f"api-key:{key_id}", name=row["name"],
        user=f"user:{user.id}",
    )  # fmt: skip


_COLUMNS = "id, user_id, name, ending, scopes, created_at, expires_at, used_at"


def _key(row: Row, user: User) -> ApiKey:
    known = frozenset(each for each in Scope if each.value in row["scopes"])
    return ApiKey(
        row["id"], user, row["name"], row["ending"], known, row["created_at"], row["expires_at"], row["used_at"]
    )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
