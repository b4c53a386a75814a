"""By which mail server each tenant's mail goes out, and which are left alone for a while; role worker.

Keys are tenants with an account of their own (mail_accounts), and None: the installation's mail server.
"""

import time
from dataclasses import dataclass

from faxplan import mail_accounts
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.mail import Relay, Security
from faxplan.mail_accounts import Account, LogInRefused, Tokens
from faxplan.smtp_answers import ServerAway
from faxplan.web_client import AddressRefused, WebClient

SHORTEST_REST_SECONDS = 10.0
LONGEST_REST_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class _Rest:
    """until: on the monotonic clock. seconds: how long it is."""

    until: float
    seconds: float


class Relays:
    """Those of one process; for several threads, of which each has another one in hand."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._client = WebClient.of(settings)
        self._tokens = Tokens(self._client)
        self._rests: dict[int | None, _Rest] = {}
        self._taken: set[int | None] = set()

    def of(self, key: int | None) -> Relay:
        """Raises InvalidSetting, and ServerAway for an account that nobody logs in to now."""
        if key is None:
            return Relay.of(self._settings)
        with self._db.tenant(key) as tx:
            account = mail_accounts.of(tx, key)
        if account is None:
            return Relay.of(self._settings)
        return Relay(
            account.host, account.port, account.sender, Security(account.security), account.user_name, account.password,
            self._token(key, account), client=self._client,
        )  # fmt: skip

    def _token(self, key: int, account: Account) -> str:
        if not account.refresh_token:
            return ""
        try:
            token = self._tokens.of(account)
        except (LogInRefused, AddressRefused) as error:
            raise ServerAway(str(error)) from error
        if token.refresh_token not in (None, account.refresh_token):
            with self._db.tenant(key) as tx:
                mail_accounts.rotated(tx, key, account.refresh_token, token.refresh_token)
        return token.value

    def take(self, key: int | None) -> None:
        """A thread has it in hand, and others leave it alone."""
        self._taken.add(key)

    def let_go(self, key: int | None) -> None:
        """It has not any more."""
        self._taken.discard(key)

    def rests(self, key: int | None) -> bool:
        """Whether it is left alone now."""
        rest = self._rests.get(key)
        return key in self._taken or (rest is not None and time.monotonic() < rest.until)

    def tenants_at_rest(self) -> list[int]:
        """Those whose own accounts are left alone now."""
        return [key for key in {*list(self._rests), *list(self._taken)} if key is not None and self.rests(key)]

    def away(self, key: int | None) -> float:
        """It took nothing: for how many seconds it is left alone now, each time for longer."""
        before = self._rests.get(key)
        seconds = SHORTEST_REST_SECONDS if before is None else min(2 * before.seconds, LONGEST_REST_SECONDS)
        self._rests[key] = _Rest(time.monotonic() + seconds, seconds)
        return seconds

    def there(self, key: int | None) -> None:
        """It takes mail."""
        self._rests.pop(key, None)
