"""Waiting for what PostgreSQL notifies, on a connection of its own, which also carries a node's lock."""

import select
from collections.abc import Sequence
from typing import Any

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from faxplan.database_peer import DEAD_PEER, first_line
from faxplan.errors import DatabaseUnavailable
from faxplan.migrations import application_name


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

    def unlock(self, key: int) -> None:
        """Gives a lock back at once; when the connection closes, the server notices some moments later."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s)", (key,))
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
        return DatabaseUnavailable(f"PostgreSQL is out of reach ({first_line(error)}). Is it running?")

    def _connect(self) -> None:
        self._connection = psycopg2.connect(
            self._url, connect_timeout=5, application_name=application_name(), **DEAD_PEER
        )
        self._connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with self._connection.cursor() as cursor:
            for channel in self._channels:
                cursor.execute(f'listen "{channel}"')
