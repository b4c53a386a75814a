"""models.py says what schema.sql says: every table, column, type, null and key."""

from contextlib import closing

import psycopg2
import pytest
from peewee import CompositeKey, fn

from faxplan import models, users
from faxplan.directory_models import Table
from faxplan.models import Did, Fax, Tenant, User
from tests.installations import Installation
from tests.world import World

MODELS: dict[str, type[Table]] = {model._meta.table_name: model for model in Table.__subclasses__()}
CATALOGUE_NAMES = {
    "BIGINT": "bigint",
    "BLOB": "bytea",
    "INT": "integer",
    "SMALLINT": "smallint",
    "TEXT": "text",
    "BOOL": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamp with time zone",
    "JSONB": "jsonb",
    "CIDR[]": "cidr[]",
    "BIGINT[]": "bigint[]",
    "INTEGER[]": "integer[]",
    "TEXT[]": "text[]",
    "DOUBLE": "double precision",
    "DECIMAL": "numeric",
    "TIME": "time without time zone",
}

Columns = dict[str, tuple[str, bool]]


def catalogue(installation: Installation) -> dict[str, tuple[Columns, list[str]]]:
    """Per table: type and nullability of each column, and the primary key's columns in order."""
    with closing(psycopg2.connect(installation.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute(
            """select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull
               from pg_class c join pg_attribute a on a.attrelid = c.oid
               where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
               and a.attnum > 0 and not a.attisdropped"""
        )
        tables: dict[str, tuple[Columns, list[str]]] = {}
        for table, column, kind, nullable in cursor.fetchall():
            tables.setdefault(table, ({}, []))[0][column] = (kind, nullable)
        cursor.execute(
            """select k.conrelid::regclass::text, a.attname from pg_constraint k
               cross join lateral unnest(k.conkey) with ordinality as u (n, o)
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n
               where k.contype = 'p' and k.connamespace = 'public'::regnamespace order by 1, u.o"""
        )
        for table, column in cursor.fetchall():
            tables[table][1].append(column)
    return tables


def described(model: type[Table]) -> tuple[Columns, list[str]]:
    meta = model._meta
    columns = {field.column_name: (CATALOGUE_NAMES[field.field_type], field.null) for field in meta.sorted_fields}
    key = meta.primary_key
    return columns, list(key.field_names) if isinstance(key, CompositeKey) else [key.column_name]


def test_every_table_has_a_model_and_every_model_a_table(installation: Installation) -> None:
    assert set(MODELS) == set(catalogue(installation))
    assert {model.__name__ for model in MODELS.values()} == set(models.__all__)


@pytest.mark.parametrize("table", sorted(MODELS))
def test_a_model_is_its_table(catalogued: dict[str, tuple[Columns, list[str]]], table: str) -> None:
    assert described(MODELS[table]) == catalogued[table]


@pytest.fixture(scope="module")
def catalogued(all_installations: object) -> object:
    installation = all_installations.create()  # type: ignore[attr-defined]
    yield catalogue(installation)
    installation.dispose()


def test_no_model_reaches_a_database_by_itself() -> None:
    assert {model._meta.database for model in MODELS.values()} == {None}


def test_a_query_sees_its_transactions_tenant(world: World) -> None:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        found = list(tx.query(User.select(User.email, User.created_at).where(User.enabled)))
        assert [user.email for user in found] == [world.borea.user.email]
        assert found[0].created_at.utcoffset().total_seconds() == 0
        assert tx.query(Fax.select(fn.count(Fax.id))).scalar() == 0
    with world.portal.across_tenants() as tx:
        assert not list(tx.query(User.select()))


def test_parts_make_one_query(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.create(tx, world.acme.tenant.id, email="second@acme.example", name="Second")
    query = User.select(User.name, Tenant.slug).join(Tenant, on=(Tenant.id == User.tenant_id)).order_by(User.id.desc())
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert list(tx.query(query.limit(1).tuples())) == [("Second", "acme")]
        number = tx.query(Did.select(Did.number).where(Did.mailbox_id == world.acme.user.mailbox_id)).scalar()
        assert number == world.acme.did
