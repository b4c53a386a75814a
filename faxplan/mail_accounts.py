"""A tenant's own account at a mail provider, by which its mail goes out instead of by the installation's mail server.

It logs in by a password, or by a token that the provider gives out for a refresh token (OAuth 2.0, RFC 6749, 6; SASL
XOAUTH2, as Microsoft 365 and Google have it). Only the worker reads what logs in.
"""

import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.web_client import AddressRefused, FetchFailed, WebClient, shown

_EARLY_SECONDS = 60
"""Before it ends, a token is taken for ended."""
_SHORTEST_SECONDS = 60
_LONGEST_SECONDS = 3600
_LONGEST_REFRESH_TOKEN = 8000
"""As schema.sql has it."""
PROVIDERS = {
    "microsoft": ("smtp.office365.com", "https://login.microsoftonline.com/common/oauth2/v2.0/token",
                  "https://outlook.office.com/SMTP.Send offline_access"),
    "google": ("smtp.gmail.com", "https://oauth2.googleapis.com/token", ""),
}  # fmt: skip
"""Host, where tokens are given out, and the scope that is asked for."""


class LogInRefused(FaxplanError):
    """The provider gives out no token for an account; another try may succeed."""

    error_id = "mail-log-in-refused"
    retryable = True


@dataclass(frozen=True, slots=True)
class Account:
    """Columns as in schema.sql. password or refresh_token: either."""

    host: str
    port: int
    security: str
    sender: str
    user_name: str
    password: str = field(default="", repr=False)
    token_url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""


_COLUMNS = (
    "host, port, security, sender, user_name, password, token_url, client_id, client_secret, refresh_token, scope"
)


def of(tx: Transaction, tenant_id: int) -> Account | None:
    """A tenant's, with what logs in (role worker)."""
    row = tx.row(f"select {_COLUMNS} from mail_accounts where tenant_id = %s", (tenant_id,))
    return None if row is None else Account(**row)


def known(tx: Transaction, tenant_id: int) -> Row | None:
    """What anybody of its administrators may see of it (role admin): without what logs in, and changed_at."""
    return tx.row(
        """select host, port, security, sender, user_name, token_url, client_id, scope, changed_at from mail_accounts
           where tenant_id = %s""",
        (tenant_id,),
    )


def put(tx: Transaction, tenant_id: int, account: Account) -> None:
    """A tenant's from now on (role admin). Raises ConstraintViolated."""
    # Not by an update: what logs in is not ours to read.
    remove(tx, tenant_id)
    columns = _COLUMNS.split(", ")
    tx.execute(
        f"insert into mail_accounts (tenant_id, {_COLUMNS}) values (%s{', %s' * len(columns)})",
        (tenant_id, *(getattr(account, each) for each in columns)),
    )


def remove(tx: Transaction, tenant_id: int) -> bool:
    """Its mail goes out by the installation's mail server again (role admin); False where it does."""
    return bool(tx.execute("delete from mail_accounts where tenant_id = %s", (tenant_id,)))


def rotated(tx: Transaction, tenant_id: int, before: str, refresh_token: str) -> None:
    """The provider has given out another refresh token in the place of one (role worker)."""
    tx.execute(
        "update mail_accounts set refresh_token = %s where tenant_id = %s and refresh_token = %s",
        (refresh_token, tenant_id, before),
    )


@dataclass(frozen=True, slots=True)
class Token:
    """What logs in for a while. refresh_token: in the place of the one that was shown; None: that stays."""

    value: str = field(repr=False)
    ends: float
    """On the monotonic clock."""
    refresh_token: str | None = field(default=None, repr=False)


class Tokens:
    """Those that providers have given out, as long as they hold, of one process."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._kept: dict[tuple[str, str, str], Token] = {}
        self._lock = threading.Lock()

    def of(self, account: Account) -> Token:
        """One that holds. Raises LogInRefused, and AddressRefused where nothing is asked (any more)."""
        key = (account.token_url, account.user_name, account.refresh_token)
        with self._lock:
            found = self._kept.get(key)
        if found is not None and monotonic() < found.ends:
            return found
        found = _asked(self._client, account)
        with self._lock:
            self._kept = {each: token for each, token in self._kept.items() if monotonic() < token.ends}
            # By the one that was shown as well: the database may not hear of the other (relays), and the provider may
            # not take this one again.
            self._kept |= {(key[0], key[1], each): found for each in (key[2], found.refresh_token) if each}
        return found


def _asked(client: WebClient, account: Account) -> Token:
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": account.refresh_token,
        "client_id": account.client_id,
        **({"client_secret": account.client_secret} if account.client_secret else {}),
        **({"scope": account.scope} if account.scope else {}),
    }
    try:
        answer = client.post(account.token_url, fields)
        said: Any = answer.json() if answer.status == 200 else None
    except (AddressRefused, FetchFailed) as error:
        # AddressRefused: its host may lead somewhere else than it did.
        raise LogInRefused(str(error)) from error
    token = said.get("access_token") if isinstance(said, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise LogInRefused(
            _("{host} does not log {user} in ({status}). Give the account's access anew.").format(
                host=shown(account.token_url), user=account.user_name, status=answer.status
            )
        )
    lasts = said.get("expires_in")
    seconds = lasts if isinstance(lasts, int) and not isinstance(lasts, bool) else _SHORTEST_SECONDS + _EARLY_SECONDS
    newer = said.get("refresh_token")
    return Token(
        token,
        monotonic() + min(max(seconds - _EARLY_SECONDS, _SHORTEST_SECONDS), _LONGEST_SECONDS),
        newer if _can_be_kept(newer) and newer != account.refresh_token else None,
    )


def _can_be_kept(refresh_token: object) -> bool:
    text = refresh_token if isinstance(refresh_token, str) else ""
    return 0 < len(text) <= _LONGEST_REFRESH_TOKEN and text.isascii() and text.isprintable()
