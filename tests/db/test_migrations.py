import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from faxplan import migrations
from faxplan.migrations import MigrationFailed
from tests.installations import Installation, Installations, server


@pytest.fixture
def empty(all_installations: Installations) -> Iterator[Installation]:
    """A database of faxplan_owner's with nothing in it."""
    database = all_installations.unused()
    with server(all_installations.cluster) as cursor:
        cursor.execute(
            sql.SQL("create database {} owner {} template template0").format(
                sql.Identifier(database.database), sql.Identifier(migrations.OWNER)
            )
        )
    yield database
    database.dispose()


def test_the_chain_of_migrations_gives_schema_sql(empty: Installation, installation: Installation) -> None:
    migrations.apply(empty.url("postgres"))
    # Tables, columns in their order, constraints, indexes, policies, grants, functions, triggers and comments.
    assert _dumped(empty, "postgres") == _dumped(installation, "postgres")


def test_failure_policy_lets_what_expires_too_late_stay(empty: Installation, tmp_path: Path) -> None:
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "failure_policy")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("insert into tenants (slug, country, name, time_zone) values ('a', 'DE', 'A', 'Europe/Berlin')")
        cursor.execute(
            """insert into destinations (tenant_id, number, entered_by, expires_at)
               select id, n, 'user:1', now() + make_interval(days => d)
               from tenants, (values ('+49301', 99999999), ('+49302', 30)) v (n, d)"""
        )
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute("select number, expires_at is null from destinations order by number")
        assert cursor.fetchall() == [("+49301", True), ("+49302", False)]


def test_us_header_name_gives_us_tenants_without_one_their_own(empty: Installation, tmp_path: Path) -> None:
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "us_header_name")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    long = "The Harrow & Pike Boat Building, Repair and Salvage Company"
    tenants = [("named", "US", "A", "Known as B"), ("empty", "US", long, ""), ("blank", "US", "C", " \t"),
               ("nameless", "US", " ", ""), ("abroad", "DE", "E", "")]  # fmt: skip
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        for values in tenants:
            cursor.execute(
                """insert into tenants (slug, country, name, header_name, time_zone)
                   values (%s, %s, %s, %s, 'America/New_York')""",
                values,
            )
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute("select slug, header_name from tenants")
        assert dict(cursor.fetchall()) == {
            "named": "Known as B", "empty": long[:50], "blank": "C", "nameless": "nameless", "abroad": "",
        }  # fmt: skip
        cursor.execute("select relforcerowsecurity from pg_class where oid = 'tenants'::regclass")
        assert cursor.fetchone() == (True,)


def test_toll_fraud_tells_of_each_queued_fax_how_many_pages_it_has_to_send(empty: Installation, tmp_path: Path) -> None:
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "toll_fraud")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        for tenant, pages, done in ((1, 5, 2), (1, 1, 0), (2, 9, 0)):
            cursor.execute(
                """insert into tenants (slug, country, name, time_zone) values (%s, 'DE', 'A', 'Europe/Berlin')
                   on conflict do nothing""",
                (f"tenant{tenant}",),
            )
            cursor.execute(
                """with f as (
                       insert into faxes (tenant_id, direction, state, called_number, pages, pages_done)
                       select id, 'outbound', 'queued', '+4930123456', %s, %s from tenants where slug = %s
                       returning tenant_id, id)
                   insert into fax_queue (tenant_id, fax_id, not_before, priority, destination, lane)
                   select tenant_id, id, now(), 100, '+4930123456', '1:' from f""",
                (pages, done, f"tenant{tenant}"),
            )
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute("select pages from fax_queue order by fax_id")
        assert cursor.fetchall() == [(3,), (1,), (9,)]


def test_a_fresh_installation_needs_no_migration(installation: Installation) -> None:
    assert migrations.apply(installation.url("postgres")) == []
    assert _recorded(installation) == [(each.number, each.name) for each in migrations.available()]


def test_applied_migrations_are_recorded_and_not_repeated(empty: Installation) -> None:
    applied = migrations.apply(empty.url("postgres"))
    assert applied == migrations.available() != []
    assert _recorded(empty) == [(each.number, each.name) for each in applied]
    assert migrations.apply(empty.url("postgres")) == []


def test_a_migration_that_fails_leaves_what_came_before(installation: Installation, tmp_path: Path) -> None:
    folder = _folder_with(tmp_path, "create table half (id integer); select 1 / 0;")
    with pytest.raises(MigrationFailed, match=r"later\.sql was undone: division by zero"):
        migrations.apply(installation.url("postgres"), folder)
    assert _recorded(installation) == [(each.number, each.name) for each in migrations.available()]
    assert "half" not in _dumped(installation, "postgres")


def test_a_migration_runs_as_the_owner(installation: Installation, tmp_path: Path) -> None:
    migrations.apply(installation.url("postgres"), _folder_with(tmp_path, "create table later (id integer);"))
    assert "ALTER TABLE public.later OWNER TO faxplan_owner" in _dumped(installation, "postgres")


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["0001-a.sql"]])
def test_a_folder_with_gaps_doubles_or_strange_names_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(MigrationFailed):
        migrations.available(tmp_path)


def test_tenants_with_a_time_zone_that_postgresql_does_not_know_are_named(empty: Installation, tmp_path: Path) -> None:
    first = migrations.available()[0].path
    (tmp_path / first.name).write_text(first.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            """insert into tenants (slug, name, country, time_zone)
               values ('known', 'K', 'DE', 'Europe/Berlin'), ('here', 'H', 'DE', 'Europe/Nowhere')"""
        )
    with pytest.raises(MigrationFailed, match=r"these tenants: here \(Europe/Nowhere\)\. Give each"):
        migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("update tenants set time_zone = 'Europe/Paris' where slug = 'here'")
    migrations.apply(empty.url("postgres"))
    assert _recorded(empty) == [(each.number, each.name) for each in migrations.available()]


def test_the_backup_role_can_dump_everything(installation: Installation) -> None:
    assert "COPY public.tenants" in _dumped(installation, "faxplan_backup", "--data-only")


def _folder_with(folder: Path, statements: str) -> Path:
    """A copy of the migrations, with one more."""
    for migration in migrations.available():
        (folder / migration.path.name).write_text(migration.path.read_text())
    (folder / f"{len(migrations.available()) + 1:04}_later.sql").write_text(statements)
    return folder


def _dumped(installation: Installation, role: str, content: str = "--schema-only") -> str:
    dump = subprocess.run(
        # Without a fixed key each dump would carry another random one.
        [installation.cluster.programs / "pg_dump", content, "--restrict-key=test", installation.url(role)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dump.stdout


def _recorded(installation: Installation) -> list[tuple[int, str]]:
    with closing(psycopg2.connect(installation.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute("select number, name from schema_migration order by number")
        return cursor.fetchall()


def test_deadlines_gives_one_to_each_fax_that_waits_counted_from_the_update(
    empty: Installation, tmp_path: Path
) -> None:
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "deadlines")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            """insert into tenants (slug, country, name, time_zone)
               values ('a', 'DE', 'A', 'Europe/Berlin'), ('b', 'DE', 'B', 'Europe/Berlin')"""
        )
        cursor.execute(
            """insert into faxes (tenant_id, direction, state, called_number, created_at, send_at, finished_at)
               select id, d, s, '+4930123456', now() - interval '1 year', now() + make_interval(days => later),
                      case when s = 'cancelled' then now() end
               from tenants, (values ('outbound', 'accepted', null), ('outbound', 'queued', 9),
                                     ('inbound', 'receiving', null)) v (d, s, later)"""
        )
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute(
            """select t.slug, f.state, d.ends_at is null,
                      round(extract(epoch from d.waits_from - now()) / 86400)::integer
               from fax_deadlines d join faxes f on f.tenant_id = d.tenant_id and f.id = d.fax_id
               join tenants t on t.id = d.tenant_id order by 1, 2"""
        )
        assert cursor.fetchall() == [
            (slug, *rest) for slug in "ab" for rest in (("accepted", True, 0), ("queued", True, 9))
        ]


@pytest.mark.parametrize("records", ["kept", "removed"])
def test_sealed_mailboxes_has_each_that_had_a_fax(empty: Installation, tmp_path: Path, records: str) -> None:
    """Where purge removed records, of each that has a key: nobody knows any more."""
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "sealed_mailboxes")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            """insert into tenants (slug, country, name, time_zone)
               values ('a', 'DE', 'A', 'Europe/Berlin'), ('b', 'DE', 'B', 'Europe/Berlin')"""
        )
        cursor.execute(
            """insert into mailboxes (tenant_id, name)
               select id, n from tenants, unnest(array['sealed', 'purged', 'with a key', 'empty']) n"""
        )
        cursor.execute(
            """insert into mailbox_epochs (tenant_id, mailbox_id, epoch, public_key)
               select tenant_id, id, 1, sha256(convert_to(tenant_id || name, 'UTF8')) from mailboxes
               where name in ('sealed', 'with a key')"""
        )
        cursor.execute(
            """with d as (
                   insert into documents (tenant_id, kind, media_type, bytes, object_name, header_digest)
                   select id, 'original', 'application/pdf', 1, slug, sha256('') from tenants returning tenant_id, id)
               insert into mailbox_wraps (tenant_id, document_id, mailbox_id, epoch, wrap)
               select d.tenant_id, d.id, m.id, 1, convert_to(repeat('w', 80), 'UTF8')
               from d join mailboxes m on m.tenant_id = d.tenant_id and m.name = 'sealed'"""
        )
        cursor.execute(
            """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, finished_at, purged_at)
               select tenant_id, 'inbound', 'received', id, '+4930123456', now(), now() from mailboxes
               where name = 'purged'"""
        )
        cursor.execute("update purge_state set removed_records = %s", (records == "removed",))
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute(
            """select t.slug, m.name from sealed_mailboxes s join tenants t on t.id = s.tenant_id
               join mailboxes m on m.tenant_id = s.tenant_id and m.id = s.mailbox_id order by 1, 2"""
        )
        had = ["purged", "sealed"] + (["with a key"] if records == "removed" else [])
        assert cursor.fetchall() == [(slug, name) for slug in "ab" for name in had]


def test_lists_take_in_the_faxes_that_were_there_before(empty: Installation, tmp_path: Path) -> None:
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "lists")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            """insert into tenants (slug, name, country, time_zone) values ('a', 'A', 'DE', 'Europe/Berlin');
               insert into mailboxes (tenant_id, name, kind) select id, 'Post', 'group' from tenants;
               insert into users (tenant_id, email, name, mailbox_id)
                   select tenant_id, 'u@a.example', 'U', id from mailboxes"""
        )
        faxes = {
            "sent": ("outbound", "sent", True), "queued": ("outbound", "queued", True),
            "nobody's": ("outbound", "failed", False), "read": ("inbound", "received", True),
            "unread": ("inbound", "partial", True), "deleted": ("inbound", "received", True),
            "without pages": ("inbound", "failed", True), "arriving": ("inbound", "receiving", True),
        }  # fmt: skip
        ids = {}
        for name, (direction, state, has_owner) in faxes.items():
            cursor.execute(
                """insert into faxes (tenant_id, direction, state, user_id, mailbox_id, called_number, calling_number,
                                      pages, pages_done, finished_at, deleted_at)
                   select u.tenant_id, %(direction)s, %(state)s,
                          case when %(direction)s = 'outbound' and %(owned)s then u.id end,
                          case when %(direction)s = 'inbound' then u.mailbox_id end, '+4930123456', '+4989123456', 1, 1,
                          case when %(state)s not in ('queued', 'receiving') then now() end,
                          case when %(deleted)s then now() end
                   from users u returning id""",
                {"direction": direction, "state": state, "owned": has_owner, "deleted": name == "deleted"},
            )
            (ids[name],) = cursor.fetchone() or ()
        for name in ("read", "unread", "deleted"):
            cursor.execute(
                """insert into mailbox_entries (tenant_id, mailbox_id, fax_id, added_at, read_at)
                   select tenant_id, mailbox_id, id, created_at + interval '1 minute', case when %s then now() end
                   from faxes where id = %s""",
                (name != "unread", ids[name]),
            )
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute(
            """select l.fax_id, l.list, l.number, l.standing, l.unread, l.at > f.created_at, l.number_6
               from listings l join faxes f on f.id = l.fax_id"""
        )
        assert {row[0]: row[1:] for row in cursor.fetchall()} == {
            ids["sent"]: ("sent", "+4930123456", "arrived", False, False, "+49301"),
            ids["queued"]: ("sent", "+4930123456", "open", False, False, "+49301"),
            ids["read"]: ("inbox", "+4989123456", "arrived", False, True, "+49891"),
            ids["unread"]: ("inbox", "+4989123456", "partial", True, True, "+49891"),
            ids["deleted"]: ("deleted", "+4989123456", "arrived", False, True, "+49891"),
            ids["without pages"]: ("inbox", "+4989123456", "failed", False, False, "+49891"),
        }


def test_counts_of_reports_are_kept_when_each_report_gets_its_own(empty: Installation, tmp_path: Path) -> None:
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "report_days")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    day = date(2026, 3, 1)
    before = [
        ("outbound", "east", "DE", "sent", "", "negotiated", 5, 20, 300),
        ("outbound", "west", "DE", "incomplete", "dropped", "off", 2, 3, 90),
        ("outbound", "west", "FR", "not-sent", "busy", "", 7, 0, 0),
        ("outbound", "west", "FR", "cancelled", "", "", 1, 0, 0),
        ("outbound", "(within)", "DE", "sent", "", "", 4, 8, 0),
        ("inbound", "east", "FR", "received", "", "off", 3, 6, 60),
        ("inbound", "east", "FR", "failed", "", "off", 9, 0, 10),
    ]
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("insert into tenants (slug, name, country, time_zone) values ('a', 'A', 'DE', 'UTC')")
        for row in before:
            cursor.execute(
                "insert into report_days select id, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s from tenants", (day, *row)
            )
        cursor.execute(
            """insert into report_hours (tenant_id, day, hour, direction, attempts)
               select id, %s, h, d, n from tenants, (values (0, 'outbound', 3), (23, 'outbound', 4), (9, 'inbound', 5))
               v (h, d, n)""",
            (day,),
        )
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute("select report, what, calls, successful, pages, t38, seconds from report_days order by 1, 2")
        assert cursor.fetchall() == [
            ("destinations", "DE", 11, 11, 31, 5, 390),
            ("destinations", "FR", 7, 0, 0, 0, 0),
            ("failures", "busy", 7, 0, 0, 0, 0),
            ("transmission", "inbound off", 3, 0, 6, 0, 60),
            ("transmission", "outbound negotiated", 5, 0, 20, 0, 300),
            ("transmission", "outbound off", 2, 0, 3, 0, 90),
            ("trunks", "(within)", 4, 4, 8, 0, 0),
            ("trunks", "east", 5, 5, 20, 5, 300),
            ("trunks", "west", 9, 2, 3, 0, 90),
            ("volume", "inbound", 3, 0, 6, 0, 0),
            ("volume", "outbound", 9, 0, 31, 0, 0),
        ]
        cursor.execute("select direction, attempts from report_hours order by 1")
        assert cursor.fetchall() == [("inbound", [0] * 9 + [5] + [0] * 14), ("outbound", [3] + [0] * 22 + [4])]


def test_sessions_that_a_provider_began_are_over_once_they_begin_shut(empty: Installation, tmp_path: Path) -> None:
    chain = migrations.available()
    (at,) = (number for number, migration in enumerate(chain) if migration.name == "shut_sessions")
    for migration in chain[:at]:
        (tmp_path / migration.path.name).write_text(migration.path.read_text())
    migrations.apply(empty.url("postgres"), tmp_path)
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("insert into tenants (slug, country, name, time_zone) values ('a', 'DE', 'A', 'Europe/Berlin')")
        cursor.execute("insert into users (tenant_id, email, name) select id, 'a@a.example', 'A' from tenants")
        cursor.execute(
            """insert into sessions (tenant_id, user_id, token_hash, secret, authenticated, address, agent)
               select tenant_id, id, sha256(how::bytea), sha256('y'), how, '127.0.0.1', 'x'
               from users, (values ('single-sign-on'), ('passkey')) v (how)"""
        )
    migrations.apply(empty.url("postgres"))
    with closing(psycopg2.connect(empty.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute("select authenticated, is_shut from sessions")
        assert cursor.fetchall() == [("passkey", False)]
