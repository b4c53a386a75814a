"""What each database role may do, and that none stands above the policies."""

import pytest
from psycopg2.errors import InsufficientPrivilege

from tests.installations import Installation
from tests.past_the_gate import WORKING_ROLES, column, connected, tenant_tables
from tests.world import World


def test_no_role_stands_above_the_policies(installation: Installation) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            r"""select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin
                from pg_roles where rolname like 'faxplan\_%%' order by 1"""
        )
        roles = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(
            r"""select count(*) from pg_auth_members m join pg_roles r on r.oid in (m.member, m.roleid)
                where r.rolname like 'faxplan\_%%'"""
        )
        memberships = cursor.fetchone()
    none = (False, False, False, False, False)
    assert roles == {
        **{f"faxplan_{role}": (*none, True) for role in WORKING_ROLES},
        "faxplan_owner": (*none, False),
        "faxplan_backup": (False, True, False, False, False, True),
    }
    assert memberships == (0,)


def test_the_backup_role_only_reads(inhabited: World) -> None:
    with connected(inhabited.installation, "faxplan_backup") as cursor:
        cursor.execute("show transaction_read_only")
        assert cursor.fetchone() == ("on",)
    for table in tenant_tables(inhabited.installation):
        with connected(inhabited.installation, "faxplan_backup") as cursor:
            cursor.execute("set transaction read write")
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(f"delete from {table}")


def test_only_listed_functions_act_as_their_owner(installation: Installation) -> None:
    definers = column(
        installation, "select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"
    )
    assert sorted(definers) == [
        "audit_link",
        "fax_to_hold",
        "forget_ended_reader",
        "held_pages",
        "is_did",
        "let_in",
        "mailbox_wraps_note",
        "outbox_bounce",
        "outbox_fill",
        "routing_changed",
        "webhooks_fill",
    ]


def test_no_table_of_a_role_takes_the_place_of_ours_in_them(installation: Installation) -> None:
    """PostgreSQL looks among temporary tables first, unless told otherwise. A database that was made by hand for a
    restore lets everybody make some."""
    unsafe = column(
        installation,
        """select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace and prosqlbody is null
           and not coalesce('search_path=pg_catalog, public, pg_temp' = any (proconfig), false)""",
    )
    assert unsafe == []


@pytest.mark.parametrize("act", ["insert", "update", "delete", "truncate"])
def test_no_role_says_whether_something_was_sealed_to_a_mailbox(installation: Installation, act: str) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            "select r from unnest(%s) r where has_table_privilege('faxplan_' || r, 'sealed_mailboxes', %s)",
            (list(WORKING_ROLES), act),
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize(
    "act", ["delete from sealed_mailboxes", "update sealed_mailboxes set noted_at = now()", "truncate sealed_mailboxes"]
)
def test_what_was_sealed_to_a_mailbox_once_was_also_for_the_owner(inhabited: World, act: str) -> None:
    with connected(inhabited.installation, "postgres") as cursor:
        cursor.execute("select count(*) > 0 from sealed_mailboxes")
        assert cursor.fetchone() == (True,)
        with pytest.raises(InsufficientPrivilege, match="once, was"):
            cursor.execute(act)


def test_nobody_else_forgets_a_users_wraps(inhabited: World) -> None:
    database = inhabited.installation.database
    with connected(inhabited.installation, "postgres") as cursor:
        cursor.execute(f"grant temporary on database {database} to public")
        cursor.connection.commit()
        cursor.execute("select user_key_id from mailbox_keys where tenant_id = %s", (inhabited.acme.tenant.id,))
        (key_id,) = cursor.fetchone() or ()
    with connected(inhabited.installation, "faxplan_switch") as cursor:
        cursor.execute(
            """create temporary table user_keys as
               select %(tenant)s::bigint as tenant_id, %(key)s::bigint as id, %(user)s::bigint as user_id,
                      kind, replaced_at from (values ('reader', now()), ('user', null)) v (kind, replaced_at)""",
            {"tenant": inhabited.acme.tenant.id, "key": key_id, "user": inhabited.acme.user.id},
        )
        cursor.execute("grant select on user_keys to public")
        cursor.execute("select set_config('app.tenant', %s, false)", (str(inhabited.acme.tenant.id),))
        cursor.execute("select forget_ended_reader(%s)", (key_id,))
        cursor.connection.commit()
    with connected(inhabited.installation, "postgres") as cursor:
        cursor.execute("select count(*) from mailbox_keys where user_key_id = %s", (key_id,))
        assert cursor.fetchone() == (2,)  # of both mailboxes


def test_views_ask_as_whoever_reads_them(installation: Installation) -> None:
    assert not column(
        installation,
        """select relname from pg_class where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace
           and not coalesce(reloptions @> '{security_invoker=true}', false)""",
    )


@pytest.mark.parametrize("role", WORKING_ROLES)
@pytest.mark.parametrize("secret", ["username", "password"])
def test_only_administrator_and_switch_read_how_a_trunk_logs_in(
    installation: Installation, role: str, secret: str
) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute("select has_column_privilege(%s, 'trunks', %s, 'select')", (f"faxplan_{role}", secret))
        assert cursor.fetchone() == (role in ("admin", "switch"),)


def test_the_portal_reads_every_other_column_of_trunks(installation: Installation) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            """select array_agg(attname::text order by attnum) from pg_attribute where attrelid = 'trunks'::regclass
               and attnum > 0 and not has_column_privilege('faxplan_portal', 'trunks', attname, 'select')"""
        )
        assert cursor.fetchone() == (["username", "password"],)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("mailbox_wraps", "wrap"),
        ("transient_wraps", "wrap"),
        ("documents", "sealed_name"),
        ("documents", "file_name"),
        ("t30_traces", "trace"),
        ("notices", "text"),
        ("attempts", "remote_station_id"),
    ],
)
def test_purge_destroys_what_it_cannot_read(installation: Installation, table: str, column: str) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            """select has_table_privilege('faxplan_purge', %(t)s, 'delete'),
                      has_column_privilege('faxplan_purge', %(t)s, %(c)s, 'select')""",
            {"t": table, "c": column},
        )
        assert cursor.fetchone() == (True, False)


def test_only_purge_removes_faxes_and_it_makes_none(installation: Installation) -> None:
    with connected(installation, "postgres") as cursor:
        for table in ("faxes", "attempts", "mailbox_wraps", "renderings"):
            cursor.execute(
                """select r from unnest(%s) r where has_table_privilege('faxplan_' || r, %s, 'delete')""",
                (list(WORKING_ROLES), table),
            )
            assert cursor.fetchall() == [("purge",)], table
        cursor.execute(
            """select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
               and has_any_column_privilege('faxplan_purge', c.oid, 'insert') order by 1"""
        )
        assert cursor.fetchall() == [("audit",), ("tombstones",)]
        cursor.execute("select attname from pg_attribute where attrelid = 'faxes'::regclass and attnum > 0 "
                       "and has_column_privilege('faxplan_purge', 'faxes', attname, 'update') order by 1")  # fmt: skip
        assert {"purged_at", "rendering_id"} <= {row[0] for row in cursor.fetchall()}
        cursor.execute("select has_column_privilege('faxplan_purge', 'faxes', 'state', 'update')")
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize("table", ["documents", "renderings", "mailbox_entries", "notices"])
def test_the_installations_administrator_reads_no_fax(installation: Installation, table: str) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute("select has_any_column_privilege('faxplan_admin', %s, 'select')", (table,))
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        # How far a call is, of a fax that is in one (faxes_overview).
        ("faxes", {"tenant_id", "id", "pages", "pages_done"}),
        # How calls went, by trunk; not whose they were, nor to whom.
        ("attempts", {"trunk", "outcome", "rule", "started_at", "internal"}),
    ],
)
def test_of_faxes_the_installations_administrator_counts_pages_and_ends(
    installation: Installation, table: str, columns: set[str]
) -> None:
    granted = column(
        installation,
        f"select attname from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped "
        f"and has_column_privilege('faxplan_admin', attrelid, attnum, 'select')",
    )
    assert set(granted) == columns


@pytest.mark.parametrize("role", ["switch", "worker"])
@pytest.mark.parametrize("table", ["user_keys", "key_locks", "mailbox_keys"])
def test_machines_read_no_private_key_however_it_is_locked(installation: Installation, role: str, table: str) -> None:
    """Whoever takes a converter or the switch over gets nothing to guess passwords against."""
    with connected(installation, "postgres") as cursor:
        cursor.execute("select has_any_column_privilege(%s, %s, 'select')", (f"faxplan_{role}", table))
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize(
    ("table", "act", "who"),
    [
        # Users' clients bring keys, and the administrator's none in their name.
        ("user_keys", "insert", ["portal"]),
        ("user_keys", "delete", []),
        ("key_locks", "insert", ["portal"]),
        ("key_locks", "delete", ["portal"]),
        # A wrap goes by forget_ended_reader alone.
        ("mailbox_keys", "delete", []),
        ("mailbox_keys", "update", []),
        # A document's goes with its fax.
        ("mailbox_wraps", "delete", ["purge"]),
        ("mailbox_wraps", "update", []),
        ("mailbox_epochs", "delete", []),
    ],
)
def test_who_brings_keys_and_takes_them_away(installation: Installation, table: str, act: str, who: list[str]) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            "select r from unnest(%s) r where has_table_privilege('faxplan_' || r, %s, %s) order by r",
            (list(WORKING_ROLES), table, act),
        )
        assert [row[0] for row in cursor.fetchall()] == who
