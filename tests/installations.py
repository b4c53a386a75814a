"""Throw-away installations of Faxplan on this run's PostgreSQL: each a database of its own, copied from a template."""

import fcntl
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from faxplan import migrations, postgres
from faxplan.installation import SCHEMA, create_installation, grant_connect


@dataclass(frozen=True)
class Installation:
    """A database with `schema.sql` and nothing else in it."""

    cluster: postgres.Cluster
    database: str

    def url(self, role: str) -> str:
        """The libpq URL for a role, such as `faxplan_switch`; "postgres" is the superuser."""
        return self.cluster.url(self.database, role)

    def end_connections(self, role: str) -> None:
        """Ends a role's connections, as a restart of PostgreSQL does."""
        with server(self.cluster) as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = %s and datname = %s",
                (role, self.database),
            )

    def let_in(self, *, anybody: bool) -> None:
        """False: who is connected is thrown out, and nobody gets in, as while a server is away; True: as before."""
        with server(self.cluster) as cursor:
            cursor.execute(
                sql.SQL("alter database {} allow_connections {}").format(
                    sql.Identifier(self.database), sql.Literal(anybody)
                )
            )
            if not anybody:
                cursor.execute(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", (self.database,)
                )

    def dispose(self) -> None:
        """Drops the database, whoever is connected. May be called again."""
        with server(self.cluster) as cursor:
            cursor.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(self.database)))


@dataclass(frozen=True)
class Installations:
    """Makes installations. The cluster is the whole run's: a test that stops or crashes one starts its own."""

    cluster: postgres.Cluster
    template: str

    def unused(self) -> Installation:
        """The name of a database that does not exist yet, for whoever makes it in a way of their own."""
        return Installation(self.cluster, f"test_{secrets.token_hex(8)}")

    def create(self, template: str | None = None, name: str | None = None) -> Installation:
        """A fresh installation; the caller disposes of it.

        template: the database of which it is a copy; None: there is nothing in it. name: its database's, which tells
        whose template it will be.
        """
        made = self.unused() if name is None else Installation(self.cluster, name)
        with server(self.cluster) as cursor:
            cursor.execute(
                sql.SQL("create database {} owner {} template {} strategy file_copy").format(
                    sql.Identifier(made.database),
                    sql.Identifier(migrations.OWNER),
                    sql.Identifier(template or self.template),
                )
            )
            grant_connect(cursor.connection, made.database)
        return made


def prepare(run_directory: Path) -> Installations:
    """Starts the run's cluster and makes the template, or finds what another worker of the run has made.

    Each schema has a template of its own: a run may be of several trees (tests/mutants/).
    """
    template = f"faxplan_template_{hashlib.sha256(SCHEMA.read_bytes()).hexdigest()[:16]}"
    with one_at_a_time(run_directory):
        cluster = postgres.start(_data_dir(run_directory), durable=False)
        template_made = run_directory / f"{template}-made"
        if not template_made.exists():
            create_installation(cluster.superuser_url(), template)
            template_made.touch()
    return Installations(cluster, template)


@contextmanager
def one_at_a_time(run_directory: Path) -> Iterator[None]:
    """Of the workers of a run, for what each finds as the first of them has made it."""
    with (run_directory / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove(run_directory: Path) -> None:
    """Ends the run's cluster, if it was ever started, and deletes everything."""
    data_dir = _data_dir(run_directory)
    if data_dir.exists():
        cluster = postgres.at(data_dir)
        # Nobody wants what is in it, so it need not write it out first.
        cluster.kill9()
        shutil.rmtree(cluster.data_dir)
    shutil.rmtree(run_directory)


def _data_dir(run_directory: Path) -> Path:
    return run_directory / "postgres"


@contextmanager
def server(cluster: postgres.Cluster) -> Iterator[psycopg2.extensions.cursor]:
    """A superuser's cursor outside any database of ours, in autocommit mode: for `create database` and its like."""
    connection = psycopg2.connect(cluster.superuser_url())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
