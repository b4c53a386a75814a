from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from faxplan.installation import LOGINS, create_installation, migrate_installation
from tests.installations import Installation, Installations


@pytest.fixture
def fresh(all_installations: Installations) -> Iterator[Installation]:
    """Not made yet."""
    installation = all_installations.unused()
    yield installation
    installation.dispose()


def test_creating_is_safe_to_repeat(fresh: Installation) -> None:
    create_installation(fresh.cluster.superuser_url(), fresh.database)
    _one_value(fresh.url("postgres"), "create table ours (); select 1")
    create_installation(fresh.cluster.superuser_url(), fresh.database)
    assert _one_value(fresh.url("postgres"), "select to_regclass('ours') is not null") is True
    # It was made under another name; to purge that is no restore.
    assert _one_value(fresh.url("faxplan_purge"), "select database = database_identity() from purge_state") is True


def test_a_role_that_came_later_may_connect_after_a_migration(fresh: Installation) -> None:
    create_installation(fresh.cluster.superuser_url(), fresh.database)
    _one_value(fresh.url("postgres"), f"revoke connect on database {fresh.database} from faxplan_purge; select 1")
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(fresh.url("faxplan_purge"))
    assert migrate_installation(fresh.cluster.superuser_url(), fresh.database).applied == ()
    assert _one_value(fresh.url("faxplan_purge"), "select current_user") == "faxplan_purge"


def test_two_may_create_the_same_installation_at_once(fresh: Installation) -> None:
    with ThreadPoolExecutor(2) as both:
        made = [both.submit(create_installation, fresh.cluster.superuser_url(), fresh.database) for _ in range(2)]
    assert sorted(future.result().created for future in made) == [False, True]
    assert _one_value(fresh.url("faxplan_worker"), "select count(*) from tenants") == 0


def test_a_schema_that_breaks_leaves_no_database_and_can_be_tried_again(fresh: Installation, tmp_path: Path) -> None:
    broken = tmp_path / "schema.sql"
    broken.write_text("create table half (id integer); select 1 / 0;")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        create_installation(fresh.cluster.superuser_url(), fresh.database, schema=broken)
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        psycopg2.connect(fresh.url("postgres"))
    create_installation(fresh.cluster.superuser_url(), fresh.database)
    assert _one_value(fresh.url("faxplan_portal"), "select current_user") == "faxplan_portal"


@pytest.mark.parametrize("role", LOGINS)
def test_each_role_may_connect_and_none_is_powerful(installation: Installation, role: str) -> None:
    def has(power: str) -> object:
        return _one_value(installation.url(role), f"select {power} from pg_roles where rolname = current_user")

    assert has("rolsuper or rolcreatedb or rolcreaterole or rolreplication") is False
    assert has("rolbypassrls") is (role == "faxplan_backup")


def test_the_owner_cannot_log_in(installation: Installation) -> None:
    with pytest.raises(psycopg2.OperationalError, match="not permitted to log in"):
        psycopg2.connect(installation.url("faxplan_owner"))


def test_strangers_may_not_connect(installation: Installation) -> None:
    privilege = "select has_database_privilege('public', current_database(), 'connect, temporary')"
    assert _one_value(installation.url("postgres"), privilege) is False


def test_text_sorts_by_code_point_in_utf8(installation: Installation) -> None:
    order = "select string_agg(word, ' ' order by word) from unnest(array['b', 'B', 'ä', 'a']) word"
    assert _one_value(installation.url("faxplan_portal"), order) == "B a b ä"
    assert _one_value(installation.url("faxplan_portal"), "show server_encoding") == "UTF8"


def _one_value(url: str, query: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    assert row is not None
    return row[0]
