"""The one gate into the database.

A `Database` logs in as one role. Work happens in transactions: `tenant(id)` sees that tenant only (row-level security),
`across_tenants()` sees what the role's named policies show. Both take a pooled connection, and give it back.
"""

import re
import select
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import psycopg2
from peewee import InterfaceError, OperationalError, PeeweeException
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase
from psycopg2.errors import IntegrityError, QueryCanceled
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from faxplan.errors import DatabaseUnavailable, FaxplanError

Row = dict[str, Any]
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
Parameters = Sequence[Any] | dict[str, Any]

# libpq's, in seconds but for the last one: a server that went away without a word, as at a network fail-over, is an
# error after some ten seconds. The kernel's own patience is hours. Without effect on a Unix socket.
DEAD_PEER: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

CONSTRAINT_MESSAGES = {
    "tenants_slug_key": "There is already a tenant with this short name. Choose another.",
    "tenants_slug_form": "A tenant's short name has lower-case letters, digits and hyphens only, at most 40.",
    "tenants_country_form": "A country is its two-letter ISO code, such as DE or US.",
    "tenants_us_header_line": "In the US the header line cannot be switched off (47 CFR 68.318(d)).",
    "tenants_us_header_name": "In the US the header line names the sender (47 CFR 68.318(d)). Give a header name.",
    "tenants_station_ident_form": "A station ident has digits, + and spaces only, at most 20 characters (T.30).",
    "dids_station_ident_form": "A station ident has digits, + and spaces only, at most 20 characters (T.30).",
    "tenants_header_name_form": "The name in the header line has at most 50 characters.",
    "users_email_key": "This tenant has a user with this e-mail address already.",
    "users_email_form": "A user's e-mail address is needed, in lower case.",
    "users_role_known": "A user's role is user or administrator.",
    "mailboxes_name_key": "This tenant has a mailbox of this name already. (A user's is named as the address.)",
    "dids_pkey": "This number is a DID of this tenant already.",
    "dids_number_key": "This number is a DID of some tenant already.",
    "dids_number_form": "A DID is given in E.164 form, such as +4930123456.",
    "verified_numbers_pkey": "This number is verified for this tenant already.",
    "verified_numbers_number_form": "A number is given in E.164 form, such as +4930123456.",
    "verified_numbers_how_given": "Say how the number was verified, in at most 200 characters.",
    "dids_name_form": "A DID's name has at most 100 characters.",
    "dids_max_calls_range": "A DID takes 1 call at once or more; without a number it has no limit of its own.",
    "dids_refusal_known": "A caller that is not let in is answered with decline or busy.",
    "did_callers_pkey": "This DID has an entry for this caller already. Remove that one first.",
    "did_callers_caller_form": (
        "A caller is + and the leading digits of E.164 numbers, + alone for all, or anonymous for those without one."
    ),
    "did_callers_rule_known": "A rule about a caller is allow or block.",
    "trunks_called_from_known": (
        "The called number is looked for in one or more of request, to, diversion and history-info."
    ),
    "trunk_tests_trunk_fkey": "A test fax waits for this trunk. It is gone within minutes; try again then.",
    "trunks_name_key": "There is already a trunk of this name.",
    "trunks_name_form": "A trunk's name has letters, digits, _ and - only, at most 63.",
    "trunks_transport_known": "A trunk's transport is udp, tcp or tls.",
    "trunks_called_format_known": "A trunk's called format is e164, e164-no-plus or national.",
    "trunks_calling_format_known": "A trunk's calling format is e164, e164-no-plus or national.",
    "trunks_inbound_format_known": "A trunk's inbound format is any, e164, e164-no-plus or national.",
    "trunks_registration_complete": "A trunk that registers needs a username and a password.",
    "tenants_name_given": "A tenant needs a name, of at most 200 characters.",
    "tenants_max_attempts_range": "A fax may have 1 to 20 attempts.",
    "trunks_inbound_country_form": "A country is its two-letter ISO code, such as DE or US.",
    "trunks_port_range": "A port is a number from 1 to 65535.",
    "trunks_ping_seconds_range": "A trunk is pinged every 5 to 3600 seconds, or not at all.",
    "routes_trunk_fkey": "Routes lead to this trunk. Remove them first; `faxplan route list` shows them.",
    "quotas_period_known": "A quota is for a day or a month.",
    "quotas_counts_range": "A quota is a number of pages, 0 or more.",
    "routes_entry_key": "This prefix has a route to this trunk already.",
    "routes_prefix_form": (
        "A route's prefix is + and the leading digits of E.164 numbers; + alone matches all. X stands for any digit, "
        "Z for 1 to 9, N for 2 to 9."
    ),
    "routes_weight_range": "A route's weight is 1 to 1000.",
    "routes_cost_range": "A route's cost is 0 or more.",
    "trunks_max_calls_range": "A trunk takes 1 call at once or more; without a number it has no limit of its own.",
    "trunks_calls_per_second_range": "A trunk's calls a second are more than 0; without a number there is no limit.",
    "trunks_caller_id_in_known": "A trunk's caller ID stands in from, pai or rpid.",
    "trunks_caller_id_told": (
        "Nowhere would the trunk be told the calling number: with privacy or a From user it stands in pai or rpid."
    ),
    "trunks_t38_request_known": "Of a trunk's calls the receiver asks for T.38, the sender, or nobody.",
    "trunks_t38_redundancy_range": "A T.38 packet repeats 0 to 3 earlier ones.",
    "trunks_codec_known": "A trunk's codec is any, pcmu or pcma.",
    "trunks_encrypted_media_keys": (
        "Encrypted media need TLS: their keys stand in SDP, where anybody could read them. Add --transport tls."
    ),
    "trunks_encrypted_media_audio": "T.38 cannot be encrypted: with encrypted media a trunk has G.711. Add --t38 off.",
    "tenants_max_calls_range": "A tenant may have 1 call at once or more; without a number it has no limit of its own.",
    "tenants_calls_per_hour_range": "A tenant may make 1 call an hour or more; without a number there is no limit.",
    "tenants_redial_limits_known": "Redial limits are none, or us (47 CFR 68.318(b)).",
    "sending_hours_weekday_range": "A weekday is 1 (Monday) to 7 (Sunday).",
    "sending_hours_order": "Sending hours close after they open; hours over midnight are two, one for each day.",
    "failure_rules_delay_range": "A delay is 0 to 86400 seconds, a day.",
    "failure_rules_times_range": "A rule leads to another call 0 to 100 times.",
}


class ConstraintViolated(FaxplanError):
    """A row breaks a rule of schema.sql; `constraint` is the rule's name there."""

    error_id = "constraint-violated"

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint
        super().__init__(CONSTRAINT_MESSAGES.get(constraint, f"The database refused the change: rule {constraint}."))


@dataclass(frozen=True)
class Prepared:
    """A statement whose plan costs more than its execution, with %(name)s placeholders, each with a cast."""

    name: str
    sql: str

    @cached_property
    def preparing(self) -> str:
        """With $1, $2, ... in the order in which names first stand there; what is doubled for %s is single here."""
        names = self._names()
        numbered = _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", self.sql)
        return f"prepare {self.name} as {numbered}"

    @cached_property
    def executing(self) -> str:
        """With the placeholders, for psycopg2."""
        return f"execute {self.name}({', '.join(f'%({name})s' for name in self._names())})"

    def _names(self) -> list[str]:
        return list(dict.fromkeys(_PLACEHOLDER.findall(self.sql)))


class ValueRefused(FaxplanError):
    """PostgreSQL cannot take a value at all: a number out of range, or text that is not UTF-8."""

    error_id = "value-refused"


class Transaction:
    """An open transaction. Statements use psycopg2's %s and %(name)s placeholders.

    A round trip costs both sides more than most statements do: BEGIN goes with the first statement, and what `later`
    takes goes with the next one, or with COMMIT.
    """

    def __init__(self, pool: PooledPostgresqlDatabase, tenant: str) -> None:
        self._pool = pool
        self._waiting: list[bytes] = []
        self._begun = False
        self.later("begin")
        self._enter(tenant)

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        """All rows, each a dict by column name."""
        return self._fetched(self._run(sql, parameters))

    def rows_of(self, statement: Prepared, parameters: dict[str, Any]) -> list[Row]:
        """As `rows`, of a statement that PostgreSQL plans once a connection."""
        known = self._pool.prepared()
        if statement.name not in known:
            self._run(statement.preparing)
            known.add(statement.name)
        return self._fetched(self._run(statement.executing, parameters))

    def _fetched(self, cursor: Any) -> list[Row]:
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def row(self, sql: str, parameters: Parameters | None = None) -> Row | None:
        """The first row, or None where there is none."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def one(self, sql: str, parameters: Parameters | None = None) -> Row:
        """The row of a statement that always has one (an insert that returns, an aggregate)."""
        found = self.row(sql, parameters)
        if found is None:
            raise LookupError(f"no row from: {sql}")
        return found

    def value(self, sql: str, parameters: Parameters | None = None) -> Any:
        """The first column of the first row; None where there is no row."""
        values = self._run(sql, parameters).fetchone()
        return None if values is None else values[0]

    def execute(self, sql: str, parameters: Parameters | None = None) -> int:
        """Runs a statement; how many rows it changed."""
        return int(self._run(sql, parameters).rowcount)

    def later(self, sql: str, parameters: Parameters | None = None) -> None:
        """A statement that is sent with the next one, or with the commit; what is wrong with it is raised then."""
        self._waiting.append(self._pool.connection().cursor().mogrify(sql, parameters))

    def query(self, query: Any) -> Any:
        """A peewee query (see models.py) bound to this transaction's connection."""
        if self._waiting:
            self._send(self._waiting)
        return query.bind(self._pool)

    def notify(self, channel: str) -> None:
        """Wakes the listeners of `channel` at commit. There is no payload: any role may listen."""
        self.later("select pg_notify(%s, '')", (channel,))

    def take_turn(self, what: int, tenant_id: int) -> None:
        """From the next statement to the end of the transaction no other one of this tenant has its turn at `what`."""
        # The key is two integers. Should two tenants share one, they take turns with each other.
        self.later("select pg_advisory_xact_lock(%s, %s)", (what, tenant_id % 2**31))

    def enter_tenant(self, tenant_id: int) -> None:
        """From here on this transaction also sees this tenant's rows, in place of another's."""
        self._enter(str(tenant_id))

    def enter_tenants(self, tenant_ids: Iterable[int]) -> None:
        """From here on this transaction of role switch sees these tenants' rows, in what a claim works with."""
        listed = ",".join(f"{tenant_id:d}" for tenant_id in tenant_ids)
        self.later("select set_config('app.claim', %s, true)", (listed,))

    def commit(self) -> None:
        """Makes it all last, `later` statements first; the gate's. Nothing is sent where nothing was asked for."""
        if not self._begun:
            if len(self._waiting) == _OPENING_STATEMENTS:
                return
            # Apart from the commit: should the connection turn out to be dead, this is safe to repeat.
            self._send(self._waiting)
        self._run("commit")

    def _enter(self, tenant: str) -> None:
        self.later("select set_config('app.tenant', %s, true)", (tenant,))

    def _run(self, sql: str, parameters: Parameters | None = None) -> Any:
        """The cursor that ran a statement, after all that waits."""
        if not self._waiting:
            cursor = self._pool.connection().cursor()
            cursor.execute(sql, parameters)
            return cursor
        return self._send([*self._waiting, self._pool.connection().cursor().mogrify(sql, parameters)])

    def _send(self, statements: list[bytes]) -> Any:
        text = b";".join(statements)
        try:
            cursor = self._pool.connection().cursor()
            cursor.execute(text)
        except psycopg2.Error:
            # A pooled connection may have died meanwhile. It is replaced once, where nothing is lost with it.
            if self._begun or not self._pool.connection().closed:
                raise
            self._pool.manual_close()
            self._pool.close_idle()
            self._pool.connect()
            cursor = self._pool.connection().cursor()
            cursor.execute(text)
        self._begun = True
        self._waiting = []
        return cursor


_OPENING_STATEMENTS = 2
"""BEGIN and the tenant."""
_CANNOT_CONNECT = (PeeweeException, psycopg2.Error, MaxConnectionsExceeded)


class _Pool(PooledPostgresqlDatabase):  # type: ignore[misc]  # peewee has no types
    """Without a `select 1` at each check-out: Transaction replaces a connection that turns out to be dead."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()

    def _is_closed(self, conn: Any) -> bool:
        return bool(conn.closed)

    def prepared(self) -> set[str]:
        """The names of the statements that this thread's connection has planned; to be added to."""
        return self._prepared.setdefault(self.connection(), set())


class Database:
    """Connections of one role, pooled; safe to share between threads."""

    def __init__(
        self,
        url: str,
        *,
        max_connections: int = 8,
        wait_seconds: float = 10,
        connect_seconds: int = 5,
        statement_seconds: float = 30,
    ) -> None:
        self.url = url
        self._pool = _Pool(
            url,
            max_connections=max_connections,
            timeout=wait_seconds,
            stale_timeout=300,
            autoconnect=False,
            connect_timeout=connect_seconds,
            **DEAD_PEER,
            options=f"-c statement_timeout={int(statement_seconds * 1000)} -c timezone=UTC",
        )

    @contextmanager
    def tenant(self, tenant_id: int) -> Iterator[Transaction]:
        """A transaction that sees one tenant. Commits at the end, rolls back on any exception.

        Raises DatabaseUnavailable (try again later), ConstraintViolated and ValueRefused.
        """
        with self._transaction(str(tenant_id)) as transaction:
            yield transaction

    @contextmanager
    def across_tenants(self) -> Iterator[Transaction]:
        """A transaction without a tenant: installation tables, and what this role's named policies show.

        Errors as `tenant`.
        """
        with self._transaction("") as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, tenant: str) -> Iterator[Transaction]:
        if not self._pool.is_closed():
            raise RuntimeError("this thread is in a transaction already: pass it on instead of opening another")
        try:
            self._pool.connect()
        except _CANNOT_CONNECT as error:
            raise DatabaseUnavailable(f"PostgreSQL is out of reach ({_first_line(error)}). Is it running?") from error
        try:
            transaction = Transaction(self._pool, tenant)
            yield transaction
            transaction.commit()
        except BaseException as error:
            self._roll_back()
            translated = _translated(error)
            if translated is error:
                raise
            raise translated from error
        finally:
            self._give_back()

    def _roll_back(self) -> None:
        try:
            self._pool.rollback()
        except (PeeweeException, psycopg2.Error):
            # The connection is gone, and the transaction with it; _give_back drops it from the pool.
            self._pool.manual_close()

    def _give_back(self) -> None:
        if not self._pool.is_closed():
            self._pool.close()

    def close(self) -> None:
        """Closes every pooled connection."""
        self._give_back()
        self._pool.close_all()


class Listener:
    """A connection of its own that waits for NOTIFY, in autocommit. Not for several threads."""

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._url = url
        self._channels = channels
        self._connection: Any = None

    def heard(self, timeout_seconds: float = 0) -> set[str]:
        """The channels on which a notification came within the time, or is there already.

        Reconnects by itself, and then names every channel, since something may have been missed. Raises
        DatabaseUnavailable meanwhile.
        """
        try:
            if self._connection is None:
                self._connect()
                return set(self._channels)
            if timeout_seconds and not self._connection.notifies:
                select.select([self._connection], [], [], timeout_seconds)
            self._connection.poll()
            heard = {notification.channel for notification in self._connection.notifies}
            del self._connection.notifies[:]
            return heard
        except psycopg2.Error as error:
            raise self._lost(error) from error

    def try_lock(self, key: int) -> bool:
        """Takes a session-level advisory lock on this connection, held until it closes; False where another has it."""
        self.heard()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("select pg_try_advisory_lock(%s)", (key,))
                return bool(cursor.fetchone()[0])
        except psycopg2.Error as error:
            raise self._lost(error) from error

    @property
    def connected(self) -> bool:
        """Whether the connection (and with it every lock) has been kept."""
        return self._connection is not None

    def close(self) -> None:
        """Gives up connection and locks."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def _lost(self, error: psycopg2.Error) -> DatabaseUnavailable:
        self.close()
        return DatabaseUnavailable(f"PostgreSQL is out of reach ({_first_line(error)}). Is it running?")

    def _connect(self) -> None:
        self._connection = psycopg2.connect(self._url, connect_timeout=5, **DEAD_PEER)
        self._connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with self._connection.cursor() as cursor:
            for channel in self._channels:
                cursor.execute(f'listen "{channel}"')


_CANNOT_ANSWER = (OperationalError, InterfaceError, psycopg2.OperationalError, psycopg2.InterfaceError)


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, FaxplanError):
        return error  # somebody has said it better
    cause = getattr(error, "orig", None) or error.__cause__ or error
    if isinstance(cause, IntegrityError) and cause.diag.constraint_name:
        return ConstraintViolated(cause.diag.constraint_name)
    if isinstance(cause, psycopg2.DataError):
        return ValueRefused(f"The database cannot take a value ({_first_line(cause)}). Correct it.")
    if isinstance(error, UnicodeEncodeError):
        return ValueRefused(f"{error.object[:80]!r} is not UTF-8, and the database takes nothing else. Write it anew.")
    if isinstance(error, (*_CANNOT_ANSWER, MaxConnectionsExceeded)) or isinstance(cause, QueryCanceled):
        return DatabaseUnavailable(f"PostgreSQL did not finish ({_first_line(error)}). Is it running?")
    return error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
