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
    assert sorted(definers) == ["audit_link", "forget_ended_reader", "held_pages", "is_did", "routing_changed"]


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


@pytest.mark.parametrize("table", ["documents", "faxes", "attempts", "renderings", "mailbox_entries", "notices"])
def test_the_installations_administrator_reads_no_fax(installation: Installation, table: str) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute("select has_any_column_privilege('faxplan_admin', %s, 'select')", (table,))
        assert cursor.fetchone() == (False,)
