"""Users of tenants, and how a command line finds out as whom it acts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from faxplan import audit, language, time_zones
from faxplan.constraints import ConstraintViolated
from faxplan.db import Database, Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _


@dataclass(frozen=True, slots=True)
class User:
    """A person of a tenant. role: user, or administrator of the tenant. operator: of the installation, beside that.
    language: a tag, that they have chosen. time_zone: an IANA name, likewise. None: the tenant's."""

    tenant_id: int
    id: int
    email: str
    name: str
    role: str
    mailbox_id: int | None
    operator: bool = False
    language: str | None = None
    time_zone: str | None = None

    @property
    def zone(self) -> ZoneInfo | None:
        """In whose clock they read times; None: the tenant's, also where this machine knows theirs no more."""
        try:
            return None if self.time_zone is None else ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None


class Results(StrEnum):
    """Of which of their faxes that have ended a user gets a mail: values of users.mail_results."""

    OFF = "off"
    FAILED = "failed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Answers:
    """How mails that became faxes are answered, beside that it is said how the fax ended. at_once: a mail says that it
    was taken. thumbnail: the mail that says how it ended shows the first page, which a worker opens until then."""

    at_once: bool
    thumbnail: bool


USER, ADMINISTRATOR = "user", "administrator"
"""The roles within a tenant."""
CHANGEABLE = (
    "name",
    "role",
    "enabled",
    "operator",
    "permissions",
    "caller_id",
    "caller_ids",
    "mail_accepted",
    "mail_thumbnail",
)
_COLUMNS = "tenant_id, id, email, name, role, mailbox_id, operator, language, time_zone"


def create(tx: Transaction, tenant_id: int, *, email: str, name: str, role: str = USER) -> User:
    """A new user with a personal mailbox (role admin, inside the tenant). Raises ConstraintViolated."""
    email = email.strip().lower()
    if tx.row("select 1 from users where tenant_id = %s and email = %s", (tenant_id, email)):
        # Else it were the mailbox, called so as well, that is said to be there.
        raise ConstraintViolated("users_email_key")
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


def choose_language(tx: Transaction, user: User, name: str | None) -> None:
    """Their pages are shown in it from now on (role portal). None: in the tenant's. Raises NotFound for one that there
    is not."""
    if name is not None and name not in language.available():
        raise NotFound(_("There is no such language here."))
    tx.execute("update users set language = %s where tenant_id = %s and id = %s", (name, user.tenant_id, user.id))
    audit.record(
        tx, user.tenant_id, actor=f"user:{user.id}", action="user.language", object=f"user:{user.id}", language=name
    )


def choose_time_zone(tx: Transaction, user: User, name: str | None) -> None:
    """Their pages show times by its clock from now on (role portal). name: an IANA name; None: by the tenant's. Raises
    UnknownTimeZone."""
    if name is not None:
        time_zones.check(tx, name)
    tx.execute("update users set time_zone = %s where tenant_id = %s and id = %s", (name, user.tenant_id, user.id))
    audit.record(
        tx, user.tenant_id, actor=f"user:{user.id}", action="user.time-zone", object=f"user:{user.id}", time_zone=name
    )


def mail_results(tx: Transaction, user: User) -> Results:
    """Of which of their faxes they get a mail."""
    return Results(
        tx.value("select mail_results from users where tenant_id = %s and id = %s", (user.tenant_id, user.id))
    )


def choose_mail_results(tx: Transaction, user: User, which: Results) -> None:
    """They get a mail of these of their faxes that end from now on (role portal)."""
    tx.execute(
        "update users set mail_results = %s where tenant_id = %s and id = %s", (which.value, user.tenant_id, user.id)
    )
    audit.record(
        tx, user.tenant_id, actor=f"user:{user.id}", action="user.mail-results", object=f"user:{user.id}",
        mail_results=which.value,
    )  # fmt: skip


def answers(tx: Transaction, user: User) -> Answers:
    """How their mails that became faxes are answered."""
    row = tx.one(
        "select mail_accepted, mail_thumbnail from users where tenant_id = %s and id = %s", (user.tenant_id, user.id)
    )
    return Answers(at_once=row["mail_accepted"], thumbnail=row["mail_thumbnail"])


def choose_answers(tx: Transaction, user: User, wanted: Answers) -> None:
    """So their mails that become faxes are answered from now on (role portal)."""
    tx.execute(
        "update users set mail_accepted = %s, mail_thumbnail = %s where tenant_id = %s and id = %s",
        (wanted.at_once, wanted.thumbnail, user.tenant_id, user.id),
    )
    audit.record(
        tx, user.tenant_id, actor=f"user:{user.id}", action="user.mail-answers", object=f"user:{user.id}",
        mail_accepted=wanted.at_once, mail_thumbnail=wanted.thumbnail,
    )  # fmt: skip


def get(tx: Transaction, tenant_id: int, user_id: int) -> User:
    """Raises NotFound, also for a user who may not act at present."""
    row = tx.row(
        f"select {_COLUMNS} from users where tenant_id = %s and id = %s and enabled",
        (tenant_id, user_id),
    )
    if row is None:
        raise NotFound(_("There is no such user."))
    return User(**row)


def known(tx: Transaction, tenant_id: int, user_id: int) -> User:
    """As `get`, also one who may not act at present."""
    row = tx.row(f"select {_COLUMNS} from users where tenant_id = %s and id = %s", (tenant_id, user_id))
    if row is None:
        raise NotFound(_("There is no such user."))
    return User(**row)


def has_administrator(tx: Transaction, tenant_id: int) -> bool:
    """Whether anybody administers the tenant who may act."""
    found: bool = tx.value(
        "select exists (select from users where tenant_id = %s and role = %s and enabled)", (tenant_id, ADMINISTRATOR)
    )
    return found


def concerned_by_quota(tx: Transaction, tenant_id: int, user_id: int | None) -> list[tuple[str, str | None]]:
    """Addresses, and the languages that they have chosen, of those who are told of a quota: its user; of the tenant's
    (None), its administrators."""
    rows = tx.rows(
        """select email, language from users
           where tenant_id = %(tenant)s and enabled
             and case when %(user)s::bigint is null then role = 'administrator' else id = %(user)s end
           order by email""",
        {"tenant": tenant_id, "user": user_id},
    )
    return [(row["email"], row["language"]) for row in rows]


def find(db: Database, name: str) -> User:
    """The user whom `name` means: an e-mail address, or `address/tenant` where several tenants know the address.

    Raises NotFound, saying which tenants know it if there are several.
    """
    email, _slash, slug = name.strip().lower().partition("/")
    with db.across_tenants() as tx:
        known = tx.rows(
            """select l.tenant_id, l.user_id, t.slug from logins l join tenants t on t.id = l.tenant_id
               where l.email = %s and (%s = '' or t.slug = %s) order by t.slug""",
            (email, slug, slug),
        )
    if not known:
        raise NotFound(_("There is no user {name}. `faxplan users` lists whom you can act as.").format(name=repr(name)))
    if len(known) > 1:
        choices = ", ".join(f"{email}/{row['slug']}" for row in known)
        raise NotFound(_("Several tenants know {email}. Say which: {choices}.").format(email=email, choices=choices))
    with db.tenant(known[0]["tenant_id"]) as tx:
        return get(tx, known[0]["tenant_id"], known[0]["user_id"])


def of_tenant(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's users: id, email, name, role, operator, enabled; by address."""
    return tx.rows(
        "select id, email, name, role, operator, enabled from users where tenant_id = %s order by email", (tenant_id,)
    )


_DIRECTORY = """
    select u.id, u.email, u.name, u.role, u.operator, u.enabled, u.created_at, u.permissions, u.caller_id,
           u.caller_ids,
           exists (select from user_keys k where k.tenant_id = u.tenant_id and k.user_id = u.id) as enrolled,
           (select max(s.seen_at) from sessions s where s.tenant_id = u.tenant_id and s.user_id = u.id) as seen_at
    from users u where u.tenant_id = %(tenant)s"""


def directory(tx: Transaction, tenant_id: int, *, words: str = "", after: str = "", limit: int) -> list[Row]:
    """A tenant's users by address, those behind `after` (role portal): id, email, name, role, operator, enabled,
    created_at, permissions, caller_id, caller_ids, enrolled, seen_at (by a session that is live; else None).

    words: name or address has them in it.
    """
    return tx.rows(
        f"""{_DIRECTORY} and u.email > %(after)s
            and (strpos(lower(u.name), lower(%(words)s)) > 0 or strpos(u.email, lower(%(words)s)) > 0)
            order by u.email limit %(limit)s""",
        {"tenant": tenant_id, "after": after, "words": words, "limit": limit},
    )


def entry(tx: Transaction, tenant_id: int, user_id: int) -> Row:
    """One of the directory. Raises NotFound."""
    row = tx.row(f"{_DIRECTORY} and u.id = %(user)s", {"tenant": tenant_id, "user": user_id})
    if row is None:
        raise NotFound(_("There is no such user."))
    return row


def by_email(tx: Transaction, tenant_id: int, email: str) -> User:
    """A tenant's user by address, also one who may not act at present. Raises NotFound."""
    row = tx.row(
        f"select {_COLUMNS} from users where tenant_id = %s and email = %s",
        (tenant_id, email.strip().lower()),
    )
    if row is None:
        raise NotFound(
            _("The tenant has no user {email}. `faxplan user list` shows all.").format(email=repr(email[:254]))
        )
    return User(**row)


def change(tx: Transaction, tenant_id: int, user_id: int, values: Mapping[str, Any]) -> None:
    """Changes some of CHANGEABLE, at least one (role admin). Raises NotFound."""
    if unknown := values.keys() - set(CHANGEABLE):
        raise ValueError(f"no such columns, or not to be changed: {unknown}")
    assignments = ", ".join(f"{column} = %s" for column in values)
    if not tx.execute(
        f"update users set {assignments} where tenant_id = %s and id = %s", (*values.values(), tenant_id, user_id)
    ):
        raise NotFound(_("There is no such user."))


def everyone(db: Database) -> list[tuple[str, str]]:
    """All log-ins: (address, tenant's short name)."""
    with db.across_tenants() as tx:
        rows = tx.rows(
            "select l.email, t.slug from logins l join tenants t on t.id = l.tenant_id order by t.slug, l.email"
        )
    return [(row["email"], row["slug"]) for row in rows]
