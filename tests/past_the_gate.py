"""The database as it is itself, past faxplan.db: for tests of what it refuses whatever the application forgets."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2 import extensions

from tests.installations import Installation

WORKING_ROLES = ("admin", "portal", "switch", "worker", "purge", "metrics")


@contextmanager
def connected(installation: Installation, role: str, tenant_id: int | None = None) -> Iterator[extensions.cursor]:
    """A transaction past the gate, never committed. "faxplan_owner" is a superuser who takes that role."""
    login = "postgres" if role in ("faxplan_owner", "postgres") else role
    with closing(psycopg2.connect(installation.url(login))) as connection, connection.cursor() as cursor:
        if role == "faxplan_owner":
            cursor.execute("set role faxplan_owner")
        if tenant_id is not None:
            cursor.execute("select set_config('app.tenant', %s, true)", (str(tenant_id),))
        yield cursor
        connection.rollback()


def column(installation: Installation, sql: str) -> list[str]:
    with connected(installation, "postgres") as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def tenant_tables(installation: Installation) -> list[str]:
    return column(
        installation,
        """select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
           where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1""",
    )
