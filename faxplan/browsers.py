"""Browsers in which a user has logged in before: each is known by a token of its own, which outlives sessions.

It logs nobody in. Who tries a user's password elsewhere does not shut these out (tries; OWASP calls it a device
cookie). The database has the tokens' hashes. Within a tenant (role portal).
"""

import hashlib
import re
import secrets

from faxplan.db import Transaction
from faxplan.users import User

DAYS = 180
"""A browser in which nobody has logged in for so long is a stranger's again."""
TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def is_known(tx: Transaction, user: User, token: str | None) -> bool:
    """Whether this user has logged in where this token is. None: there is none."""
    if token is None:
        return False
    found: bool = tx.value(
        """select exists (select from known_browsers
                          where tenant_id = %s and user_id = %s and token_hash = %s
                                and seen_at > now() - make_interval(days => %s))""",
        (user.tenant_id, user.id, _hash(token), DAYS),
    )
    return found


def remember(tx: Transaction, user: User, token: str | None) -> str:
    """The browser's token from now on, for its cookie: the one that it has, where somebody of the tenant has logged in
    with it before."""
    tx.execute(
        "delete from known_browsers where tenant_id = %s and seen_at <= now() - make_interval(days => %s)",
        (user.tenant_id, DAYS),
    )
    if token is None or not _TOKEN.fullmatch(token) or not _is_ours(tx, user.tenant_id, token):
        token = secrets.token_urlsafe(TOKEN_BYTES)
    tx.execute(
        """insert into known_browsers (tenant_id, user_id, token_hash) values (%s, %s, %s)
           on conflict on constraint known_browsers_pkey do update set seen_at = now()""",
        (user.tenant_id, user.id, _hash(token)),
    )
    return token


def forget(tx: Transaction, user: User) -> None:
    """All of a user's: another password is theirs, and who knew the old one may have been in one of them."""
    tx.execute("delete from known_browsers where tenant_id = %s and user_id = %s", (user.tenant_id, user.id))


def _is_ours(tx: Transaction, tenant_id: int, token: str) -> bool:
    found: bool = tx.value(
        "select exists (select from known_browsers where tenant_id = %s and token_hash = %s)",
        (tenant_id, _hash(token)),
    )
    return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(b"faxplan browser:" + token.encode("utf-8", "surrogateescape")).digest()
