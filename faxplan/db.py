"""The one gate into the database.

A `Database` logs in as one role. Work happens in transactions: `tenant(id)` sees that tenant only (row-level security),
`across_tenants()` sees what the role's named policies show. Both take a pooled connection, and give it back.
"""

import re
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

from faxplan.constraints import ConstraintViolated
from faxplan.database_peer import DEAD_PEER, first_line
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.migrations import application_name

Row = dict[str, Any]
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
Parameters = Sequence[Any] | dict[str, Any]


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

    def stream(self, sql: str, parameters: Parameters | None = None, *, at_once: int = 1000) -> Iterator[Row]:
        """The rows of a query, so many at once, as they were when it began. One at a time in a transaction."""
        self._run(f"declare faxplan_stream no scroll cursor for {sql}", parameters)
        while rows := self.rows(f"fetch {at_once:d} from faxplan_stream"):
            yield from rows
        self._run("close faxplan_stream")

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

    def notify_where(self, condition: str, channel: str, parameters: Sequence[Any]) -> None:
        """As `notify`, if then the condition is true: to ask for it before would be a round trip of its own."""
        self.later(f"select pg_notify(%s, '') where {condition}", (channel, *parameters))

    def give_time(self, seconds: float) -> None:
        """From here to the end of the transaction a statement may take so long."""
        self.later("select set_config('statement_timeout', %s, true)", (f"{int(seconds * 1000)}ms",))

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

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What fails in here is undone alone, and the transaction goes on. Errors as of Database.tenant; not nested."""
        self._run("savepoint faxplan_apart")
        try:
            yield
            self._run("release savepoint faxplan_apart")
        except Exception as error:
            self._waiting = []
            self._run("rollback to savepoint faxplan_apart")
            translated = _translated(error)
            if translated is error:
                raise
            raise translated from error

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
            application_name=application_name(),
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
            raise DatabaseUnavailable(f"PostgreSQL is out of reach ({first_line(error)}). Is it running?") from error
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


_CANNOT_ANSWER = (OperationalError, InterfaceError, psycopg2.OperationalError, psycopg2.InterfaceError)


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, FaxplanError):
        return error  # somebody has said it better
    cause = getattr(error, "orig", None) or error.__cause__ or error
    if isinstance(cause, IntegrityError) and cause.diag.constraint_name:
        return ConstraintViolated(cause.diag.constraint_name)
    if refused := _refused(error, cause):
        return ValueRefused(refused)
    if isinstance(error, (*_CANNOT_ANSWER, MaxConnectionsExceeded)) or isinstance(cause, QueryCanceled):
        return DatabaseUnavailable(f"PostgreSQL did not finish ({first_line(error)}). Is it running?")
    return error


def _refused(error: BaseException, cause: BaseException) -> str | None:
    """Why the database cannot take a value, if that is what was wrong."""
    if isinstance(cause, psycopg2.DataError):
        return f"The database cannot take a value ({first_line(cause)}). Correct it."
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object[:80]!r} is not UTF-8, and the database takes nothing else. Write it anew."
    if type(error) is ValueError and "NUL" in str(error):  # psycopg2 has no class of its own for it
        return "A text holds a NUL character, and the database takes none. Write it anew."
    return None
