"""Migrations that run beside older releases do nothing that these, or whoever waits for them, would feel."""

from pathlib import Path

import pytest

from faxplan import migrations
from faxplan.migration_files import Migration
from tests import migration_lint


def linted(folder: Path, text: str, name: str = "later") -> list[str]:
    path = folder / f"0084_{name}.sql"
    path.write_text(text)
    return migration_lint.faults(Migration(84, name, path))


def test_those_that_there_are_do_not() -> None:
    assert [fault for each in migrations.available() for fault in migration_lint.faults(each)] == []


def test_earlier_ones_would_be_found_but_for_their_number() -> None:
    old = [Migration(each.number + 1000, each.name, each.path) for each in migrations.available()]
    assert len([fault for each in old for fault in migration_lint.faults(each)]) > 20


def test_large_tables_are_those_of_the_schema() -> None:
    text = migrations.MIGRATIONS.with_name("schema.sql").read_text()
    assert {each for each in migration_lint.LARGE if f"create table {each} (" not in text} == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alter table tenants rename column name to title;", "renames"),
        ("ALTER TABLE tenants RENAME TO organisations;", "renames"),
        ("alter table tenants drop column name;", "drops a column"),
        ("alter table tenants drop name;", "drops a column"),
        ("drop table labels;", "drops what"),
        ("alter table tenants alter column name type varchar(20);", "changes a type"),
        ("alter table tenants alter name set data type varchar(20);", "changes a type"),
        ("alter table tenants alter column country set not null;", "sets not null"),
        ("alter table tenants add column later integer not null;", "no default"),
        ("alter table tenants add later integer not null, add other text not null default '';", "no default"),
        ("revoke select on tenants from faxplan_portal;", "takes a right away"),
        ("truncate labels;", "takes the whole table"),
        ("-- faxes, by day\ncreate index faxes_later on faxes (created_at);", "create index concurrently"),
        ("create unique index on documents (object_name);", "create index concurrently"),
        ("alter table faxes add constraint faxes_later check (pages > 0);", "not valid"),
        ("alter table faxes add foreign key (tenant_id) references tenants (id);", "not valid"),
        ("alter table faxes validate constraint faxes_later;", "validates in a transaction"),
        ("alter table faxes add column later uuid not null default gen_random_uuid();", "differs by row"),
    ],
)
def test_what_others_would_feel_is_found(tmp_path: Path, text: str, said: str) -> None:
    (fault,) = linted(tmp_path, text)
    assert said in fault


@pytest.mark.parametrize(
    "text",
    [
        "alter table tenants add column later integer;",
        "alter table faxes add column later integer not null default 0;",
        "alter table faxes add column later integer default 0 not null;",
        "alter table tenants add a text not null default '', add b integer, add c boolean not null default false;",
        "create table later (id integer not null); create index on later (id); alter table later rename to sooner;",
        "-- each statement by itself\ncreate index concurrently faxes_later on faxes (id);",
        "-- each statement by itself\nalter table faxes validate constraint faxes_later;",
        "alter table faxes add constraint faxes_later check (pages > 0) not valid;",
        "create index tenants_later on tenants (name); grant select on tenants to faxplan_metrics;",
        "create or replace function later() returns void language plpgsql as $$ begin drop table x; end $$;",
        "comment on table faxes is 'Once we rename it; drop table is a word here.';",
        "alter table tenants drop constraint tenants_later, alter column name drop not null;",
    ],
)
def test_what_nobody_feels_is_not(tmp_path: Path, text: str) -> None:
    assert linted(tmp_path, text) == []


def test_a_contraction_may(tmp_path: Path) -> None:
    assert linted(tmp_path, "-- suits releases that know 0084\ndrop table labels;", "contract_labels") == []
