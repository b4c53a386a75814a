"""The moment in which a restored database gets its name."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from faxplan import database_restore, migrations
from faxplan.database_restore import RestoreFailed, RestoreRefused
from faxplan.installation import url_of
from tests.installations import Installation


@pytest.mark.parametrize("who", ["comes to the one that is there", "is in the new one"])
def test_whoever_comes_in_that_moment_leaves_the_database_its_name(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    name, server = installation.database, installation.cluster.superuser_url("postgres")
    url = installation.url("postgres")
    here = [psycopg2.connect(url)]
    with here[0] as connection, connection.cursor() as cursor:
        cursor.execute("insert into tenants (slug, name, country, time_zone) values ('acme', 'Acme', 'DE', 'UTC')")
    here.pop().close()
    examined: Callable[..., Any] = database_restore._examined

    def then_somebody_comes(*given: Any) -> Any:
        found = examined(*given)
        if asked:
            comes_to = name if who.startswith("comes") else f"{name}_unfinished"
            here.append(psycopg2.connect(url_of(url, comes_to)))
        asked.append(True)
        return found

    asked: list[bool] = []
    monkeypatch.setattr(database_restore, "_examined", then_somebody_comes)
    monkeypatch.setattr(database_restore, "_load", lambda *_: None)
    monkeypatch.setattr(migrations, "apply", lambda *_, **__: [])
    with Path("/dev/null").open("rb") as dump, pytest.raises(RestoreFailed, match="is as it was"):
        database_restore.restore(server, name, dump, replace_as=f"{name}_before")
    for each in here:
        each.close()
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from tenants")
        assert (cursor.fetchone() or (0,))[0] >= 1
    connection.close()


def make(url: str, name: str, *statements: str) -> None:
    """A database of that name, with these in it."""
    _run(url, f"create database {name}")
    for each in statements:
        _run(url_of(url, name), each)


def _run(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


OTHERS = ("create table v_domains (domain_uuid uuid)",)
PUT_ASIDE = ("create table tenants (id bigint)", "create table schema_migration ()", "insert into tenants values (1)")


@pytest.fixture
def other(installation: Installation) -> Iterator[str]:
    """A name for a database on the tests' server; what comes of it goes."""
    name, url = f"{installation.database}_other", installation.cluster.superuser_url("postgres")
    yield name
    for more in ("", "_empty", "_unfinished"):
        _run(url, f"drop database if exists {name}{more} with (force)")


def test_a_database_of_somebody_else_is_not_replaced(
    installation: Installation, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = installation.cluster.superuser_url("postgres")
    make(server, other, *OTHERS)
    monkeypatch.setattr(database_restore, "_load", lambda *_: None)
    monkeypatch.setattr(migrations, "apply", lambda *_, **__: [])
    with Path("/dev/null").open("rb") as dump, pytest.raises(RestoreRefused, match="not Faxplan's, or"):
        database_restore.restore(server, other, dump, replace_as=None)
    _run(url_of(server, other), "select from v_domains")


@pytest.mark.parametrize("there", [OTHERS, PUT_ASIDE])
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_one_that_is_called_empty_and_is_not_stays(
    installation: Installation, other: str, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], *, again: bool
) -> None:
    server = installation.cluster.superuser_url("postgres")
    make(server, other)
    make(server, f"{other}_empty", *there)
    if again:
        _run(server, f"comment on database {other} is '{database_restore._MARK}one'")
    monkeypatch.setattr(database_restore, "_load", lambda *_: None)
    monkeypatch.setattr(migrations, "apply", lambda *_, **__: [])
    with Path("/dev/null").open("rb") as dump:
        if again:
            database_restore.restore(server, other, dump, replace_as=None, of="one")
        else:
            with pytest.raises(RestoreRefused, match=f"{other}_empty"):
                database_restore.restore(server, other, dump, replace_as=None, of="one")
    _run(url_of(server, f"{other}_empty"), f"select from {there[0].split()[2]}")
