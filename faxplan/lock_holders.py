"""Who holds up a connection, as PostgreSQL tells it: for whoever waits for a lock, to say so."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import psycopg2

_FIRST_LOOK_SECONDS, _LOOK_SECONDS = 0.05, 0.2


@dataclass(frozen=True, slots=True)
class Holder:
    """A process of PostgreSQL. since: when its transaction began, UTC. state: what it does, in PostgreSQL's words."""

    pid: int
    role: str
    application: str
    since: str
    state: str

    @property
    def words(self) -> str:
        """For people."""
        of = f"{self.application or 'a program without a name'}, as {self.role}"
        return f"process {self.pid} ({of}), in a transaction since {self.since}, {self.state}"


@dataclass(frozen=True, slots=True)
class TurnHolder:
    """A process of PostgreSQL that has an advisory lock for as long as it is connected. since: when it came, UTC.
    client: the machine that it came from; '' for PostgreSQL's own."""

    pid: int
    role: str
    application: str
    since: str
    client: str

    @property
    def words(self) -> str:
        """For people."""
        where = f" from {self.client}" if self.client else ""
        of = f"{self.application or 'a program without a name'}, as {self.role}{where}"
        return f"process {self.pid} ({of}), connected since {self.since}"


def of_turn(cursor: psycopg2.extensions.cursor, lock: int) -> TurnHolder | None:
    """Who has this advisory lock of the cursor's database; None: nobody any more. lock: below 2^32."""
    cursor.execute(
        """select a.pid, coalesce(a.usename, a.backend_type), a.application_name,
                  to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
                  coalesce(host(a.client_addr), '')
           from pg_locks l join pg_stat_activity a using (pid)
           where l.locktype = 'advisory' and l.granted and l.objid = %s and l.classid = 0
             and l.database = (select oid from pg_database where datname = current_database())
           order by l.mode desc limit 1""",
        (lock,),
    )
    found = cursor.fetchone()
    return None if found is None else TurnHolder(*found)


_HOLDERS = """
    select pid, coalesce(usename, backend_type), application_name,
           coalesce(to_char(xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), 'an unknown time'),
           coalesce(state, 'at work')
    from pg_stat_activity where pid = any(pg_blocking_pids(%s)) order by xact_start"""
_PROGRESS = """
    select phase,
           coalesce(100 * greatest(blocks_done, tuples_done) / nullif(greatest(blocks_total, tuples_total), 0), 0)
    from pg_stat_progress_create_index where pid = %s"""


class Watch:
    """Looks, in a thread with a connection of its own, at who holds up the process `pid`, while the block runs.

    told: what an index that is being made has come to. holders: whom it saw last. A server that gives no second
    connection is no error: then nobody is named.
    """

    def __init__(self, url: str, pid: int, told: Callable[[str], None]) -> None:
        self._url = url
        self._pid = pid
        self._told = told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lock-holders", daemon=True)
        self.holders: list[Holder] = []

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def words(self) -> str:
        """Who held it up, for people."""
        return "; ".join(each.words for each in self.holders) or "others"

    def _look(self) -> None:
        if self._stop.wait(_FIRST_LOOK_SECONDS):
            return
        with suppress(psycopg2.Error):
            connection = psycopg2.connect(self._url, connect_timeout=5, application_name="faxplan, looking")
            connection.autocommit = True
            try:
                with connection.cursor() as cursor:
                    while True:
                        self._look_once(cursor)
                        if self._stop.wait(_LOOK_SECONDS):
                            return
            finally:
                connection.close()

    def _look_once(self, cursor: psycopg2.extensions.cursor) -> None:
        cursor.execute(_HOLDERS, (self._pid,))
        if found := [Holder(*row) for row in cursor.fetchall()]:
            self.holders = found
        cursor.execute(_PROGRESS, (self._pid,))
        for phase, percent in cursor.fetchall():
            # In steps: a log has a line for each.
            self._told(f"{phase}, {percent // 20 * 20} %" if percent else phase)
