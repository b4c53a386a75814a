"""Sessions: who is logged in, in which browser, and until when.

A session is known by a token, of which the database has the hash only; the browser has it in a cookie. Each has a
secret as well, which the server gives to a live session and forgets when that ends: what the browser keeps of the
user's key is locked by it (portal/static/vault/remembered.js). Each function works within a tenant (role portal).
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from faxplan import audit, users
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.identity_providers import Identity
from faxplan.users import User

IDLE_SECONDS = 12 * 3600
"""A session that nobody has used for so long is over."""
LONGEST_SECONDS = 7 * 86400
SEEN_SECONDS = 60
"""So exactly it is known when one was used last: not each request is written down."""
TOKEN_BYTES = SECRET_BYTES = 32
_AGENT_LENGTH = 300

_IS_LIVE = f"""s.seen_at > now() - make_interval(secs => {IDLE_SECONDS})
               and s.created_at > now() - make_interval(secs => {LONGEST_SECONDS})"""


@dataclass(frozen=True, slots=True)
class Session:
    """authenticated: how its user was. csrf: what a form of it has to say beside the cookie. secret: see above.

    is_shut: begun on the word of an identity provider, which whoever administers the tenant names. It does nothing
    until its user has given what opens their key (`open_up`).
    """

    id: int
    user: User
    created_at: datetime
    authenticated: str
    csrf: str = field(repr=False)
    secret: bytes = field(repr=False)
    is_shut: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """A session as its user sees it in a list. agent: the browser, as it names itself."""

    id: int
    authenticated: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime


def begin(
    tx: Transaction,
    user: User,
    *,
    authenticated: str,
    address: str,
    agent: str,
    is_shut: bool = False,
    said: Identity | None = None,
) -> tuple[str, Session]:
    """A new session, and its token, which is shown this once. authenticated: as audit.record takes it. said: who an
    identity provider says that it is, which is kept until it is opened (identity_providers.link).

    What is over of the tenant's sessions goes meanwhile.
    """
    tx.execute(f"delete from sessions s where s.tenant_id = %s and not ({_IS_LIVE})", (user.tenant_id,))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = tx.one(
        """insert into sessions (tenant_id, user_id, token_hash, secret, authenticated, address, agent, is_shut,
                                 issuer, subject)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id, secret, created_at, authenticated, is_shut""",
        (
            user.tenant_id,
            user.id,
            _hash(token),
            secrets.token_bytes(SECRET_BYTES),
            authenticated,
            address,
            agent[:_AGENT_LENGTH],
            is_shut,
            said.issuer if said else None,
            said.subject if said else None,
        ),
    )
    audit.record(
        tx, user.tenant_id, actor=f"user:{user.id}", action="session.begin", object=f"session:{row['id']}",
        authenticated=authenticated, address=address,
    )  # fmt: skip
    return token, _session(row, user, token)


def find(tx: Transaction, tenant_id: int, token: str, *, is_use: bool = True) -> Session | None:
    """The live session of this token; None where there is none, or its user may not act. is_use: whether somebody uses
    it at this moment."""
    row = tx.row(
        f"""select s.id, s.user_id, s.secret, s.created_at, s.authenticated, s.is_shut,
                   s.seen_at < now() - make_interval(secs => {SEEN_SECONDS}) as is_stale
            from sessions s where s.tenant_id = %s and s.token_hash = %s and {_IS_LIVE}""",
        (tenant_id, _hash(token)),
    )
    if row is None:
        return None
    try:
        user = users.get(tx, tenant_id, row["user_id"])
    except NotFound:
        return None
    if is_use and row["is_stale"]:
        tx.execute("update sessions set seen_at = now() where tenant_id = %s and id = %s", (tenant_id, row["id"]))
    return _session(row, user, token)


def open_up(tx: Transaction, session: Session, *, address: str) -> str | None:
    """Its user has given what opens their key: from now on it is as any other, by another token, which is shown this
    once; who knew the one before has nothing by it. None: it was open already."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    opened = tx.execute(
        "update sessions set is_shut = false, token_hash = %s where tenant_id = %s and id = %s and is_shut",
        (_hash(token), session.user.tenant_id, session.id),
    )
    if not opened:
        return None
    actor = audit.Actor(f"user:{session.user.id}", session.authenticated, address)
    audit.record(tx, session.user.tenant_id, actor=actor, action="session.open", object=f"session:{session.id}")
    return token


def end(tx: Transaction, user: User, session_id: int) -> bool:
    """Ends one of a user's sessions; False where it has ended. With its secret goes what the browser keeps."""
    ended = tx.execute(
        "delete from sessions where tenant_id = %s and user_id = %s and id = %s", (user.tenant_id, user.id, session_id)
    )
    if ended:
        audit.record(
            tx, user.tenant_id, actor=f"user:{user.id}", action="session.end", object=f"session:{session_id}"
        )  # fmt: skip
    return bool(ended)


def end_others(tx: Transaction, user: User, session_id: int) -> int:
    """Ends all of a user's sessions but this one; how many."""
    others = [each.id for each in of_user(tx, user) if each.id != session_id]
    return sum(end(tx, user, each) for each in others)


def end_all(tx: Transaction, user: User) -> int:
    """Ends all of a user's sessions: another password, or another key, is theirs from now on."""
    return sum(end(tx, user, each.id) for each in of_user(tx, user))


def of_user(tx: Transaction, user: User) -> list[Open]:
    """A user's live sessions, the one used last first."""
    rows = tx.rows(
        f"""select s.id, s.authenticated, s.address, s.agent, s.created_at, s.seen_at from sessions s
            where s.tenant_id = %s and s.user_id = %s and {_IS_LIVE} order by s.seen_at desc, s.id desc""",
        (user.tenant_id, user.id),
    )
    return [Open(**row) for row in rows]


def _hash(token: str) -> bytes:
    # SHA-256 will do: nobody guesses 32 random bytes.
    return hashlib.sha256(b"faxplan session:" + token.encode("utf-8", "surrogateescape")).digest()


def csrf_of(token: str) -> str:
    """What a form of this session has to say beside the cookie."""
    return hashlib.sha256(b"faxplan csrf:" + token.encode("utf-8", "surrogateescape")).hexdigest()


def _session(row: Row, user: User, token: str) -> Session:
    csrf = csrf_of(token)
    return Session(row["id"], user, row["created_at"], row["authenticated"], csrf, bytes(row["secret"]), row["is_shut"])
