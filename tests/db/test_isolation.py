"""Tenants are kept apart by the database itself, whatever the application forgets."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import extensions
from psycopg2.errors import ForeignKeyViolation, InsufficientPrivilege

from faxplan import inbound, outbound, quotas
from faxplan.call_result import CallResult
from faxplan.db import ConstraintViolated, Database
from faxplan.inbound import Accepted, IncomingCall
from faxplan.outbound import SendRequest
from faxplan.pending import Pending
from tests.installations import Installation
from tests.world import Office, World

WORKING_ROLES = ("admin", "portal", "switch", "worker")
PREDICATE = "(tenant_id = ( SELECT current_tenant() AS current_tenant))"
INSTALLATION_CHAIN = (
    "an act on the installation belongs to no tenant: its chain is 0, which no tenant's transaction sees"
)

# Every policy that is not the tenant's own, with the roles it serves and the reason.
NOT_THE_TENANT = {
    ("tenants", "tenants_directory", "public"): "the directory of tenants: names and preferences, no faxes",
    ("tenants", "tenants_admin", "faxplan_admin"): "who owns the installation makes tenants",
    ("audit", "audit_tenant", "public"): INSTALLATION_CHAIN,
    ("audit_heads", "audit_heads_tenant", "public"): INSTALLATION_CHAIN,
    ("logins", "logins_lookup", "faxplan_portal"): "at log-in the address is known and the tenant is not",
    ("logins", "logins_lookup", "faxplan_admin"): "lists whom a command line can act as",
    ("dids", "dids_lookup", "faxplan_switch"): "a call comes in for a number; the tenant follows from it",
    ("dids", "dids_lookup", "faxplan_admin"): "numbers are given out once, over all tenants",
    ("fax_queue", "fax_queue_claim", "faxplan_switch"): "a node dials for all tenants",
    ("fax_queue", "fax_queue_overview", "faxplan_admin"): "how long the queue is; ids and times",
    ("calls", "calls_node", "faxplan_switch"): "a node's limits and recovery span all tenants",
    ("calls", "calls_overview", "faxplan_admin"): "how busy the nodes are; ids and times",
    ("render_jobs", "render_jobs_claim", "faxplan_worker"): "a worker renders for all tenants",
}


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


def submit(world: World, office: Office, letter: Path) -> int:
    request = SendRequest("+493023125009", letter, "letter.txt")
    return outbound.submit(world.portal, world.store, office.user, request).fax_id


def live(world: World, office: Office, folder: Path) -> None:
    """Something of this tenant in every table."""
    letter = folder / "letter.txt"
    letter.write_text(f"A letter of {office.tenant.name}.\n")

    with world.admin.tenant(office.tenant.id) as tx:
        for user_id in (None, office.user.id):
            quotas.set_limit(tx, office.tenant.id, period="day", pages=100, user_id=user_id)
    submit(world, office, letter)
    world.render_all()
    outbound.cancel(world.portal, office.user, submit(world, office, letter))
    pending = Pending(world.settings.pending)
    pending.prepare()
    for number in range(2):
        call = IncomingCall(f"{office.tenant.slug}-{number}", "127.0.0.1", None, office.did, "+493099", None)
        accepted = inbound.accept(
            world.switch,
            world.spool,
            call,
            node="node1",
            switch_uuid="s",
            lease_seconds=60,
            max_channels=100,
            deadline=float("inf"),
        )
        assert isinstance(accepted, Accepted)
        if number == 0:
            with world.store.open(_a_rendering(world, office)) as pages:
                world.spool.inbound_tiff(accepted.sidecar.attempt_id).write_bytes(pages.read())
            result = CallResult("NORMAL_CLEARING", fax_success=True, pages=1)
            received = pending.secure(world.spool, accepted.sidecar, result)
            assert inbound.deliver(world.switch, world.store, received, actor="test") == "received"


def _a_rendering(world: World, office: Office) -> object:
    with world.portal.tenant(office.tenant.id) as tx:
        row = tx.one("select object_name, bytes, sha256 from documents where kind = 'rendering' limit 1")
    return outbound.StoredObject(**row)


@pytest.fixture
def inhabited(world: World, tmp_path: Path) -> World:
    """Both tenants have rows in every table of theirs; the backup role, which sees past policies, confirms it."""
    for office in (world.acme, world.borea):
        live(world, office, tmp_path)
    for office in (world.acme, world.borea):
        # Last, since a worker renders for all: these wait for one.
        submit(world, office, tmp_path / "letter.txt")
    ids = {world.acme.tenant.id, world.borea.tenant.id}
    with connected(world.installation, "faxplan_backup") as cursor:
        for table in tenant_tables(world.installation):
            cursor.execute(f"select distinct tenant_id from {table}")
            assert {row[0] for row in cursor.fetchall()} >= ids, f"{table} is empty: nothing below would be shown"
    return world


# -------------------------------------------------------------------------------------------------------- the catalogue


def test_every_tenant_table_forces_row_level_security(installation: Installation) -> None:
    tables = tenant_tables(installation)
    forced = column(installation, "select relname from pg_class where relrowsecurity and relforcerowsecurity")
    with_policy = column(installation, "select distinct tablename from pg_policies where schemaname = 'public'")
    assert {"faxes", "attempts", "documents", "audit"} <= set(tables)
    assert set(tables) - set(forced) == set()
    assert set(tables) - set(with_policy) == set()


def test_every_tenant_table_has_an_index_that_begins_with_the_tenant(installation: Installation) -> None:
    indexed = column(
        installation,
        """select distinct c.relname from pg_index i join pg_class c on c.oid = i.indrelid
           join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
           where a.attname = 'tenant_id' and i.indpred is null""",
    )
    assert set(tenant_tables(installation)) - set(indexed) == set()


def test_every_policy_that_is_not_the_tenants_is_listed_with_its_reason(installation: Installation) -> None:
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            """select tablename, policyname, unnest(roles)::text, qual, with_check, permissive, cmd from pg_policies
               where schemaname = 'public'"""
        )
        found = cursor.fetchall()
    other = set()
    for table, policy, role, using, check, permissive, command in found:
        assert permissive == "PERMISSIVE"
        if (role, using, check, command) != ("public", PREDICATE, PREDICATE, "ALL"):
            other.add((table, policy, role))
    assert other == set(NOT_THE_TENANT)
    assert all(NOT_THE_TENANT.values())


def test_references_between_tenant_tables_carry_the_tenant(installation: Installation) -> None:
    tables = set(tenant_tables(installation))
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            """select k.conname, k.conrelid::regclass::text, k.confrelid::regclass::text,
                      array(select a.attname::text from unnest(k.conkey) with ordinality as u (n, o)
                            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by u.o),
                      array(select a.attname::text from unnest(k.confkey) with ordinality as u (n, o)
                            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by u.o)
               from pg_constraint k where k.contype = 'f' and k.connamespace = 'public'::regnamespace"""
        )
        references = cursor.fetchall()
    between = [each for each in references if {each[1], each[2]} <= tables]
    assert len(between) > 15
    for name, _, _, here, there in between:
        assert (here[0], there[0]) == ("tenant_id", "tenant_id"), name


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
    assert definers == ["audit_link"]


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


# ------------------------------------------------------------------------------------------------------------- the rows


@pytest.mark.parametrize("role", [*WORKING_ROLES, "owner"])
def test_without_a_tenant_there_are_no_rows(inhabited: World, role: str) -> None:
    user = f"faxplan_{role}"
    seen_by_all = {table for table, _, who in NOT_THE_TENANT if who == user}
    looked_at = 0
    with connected(inhabited.installation, user) as cursor:
        for table in tenant_tables(inhabited.installation):
            cursor.execute("select has_table_privilege(%s, %s, 'select')", (user, table))
            if cursor.fetchone() != (True,) or table in seen_by_all:
                continue
            cursor.execute(f"select count(*) from {table}")
            assert cursor.fetchone() == (0,), table
            looked_at += 1
    assert looked_at >= 5


@pytest.mark.parametrize("role", [*WORKING_ROLES, "owner"])
def test_a_tenant_sees_its_own_rows_only(inhabited: World, role: str) -> None:
    user = f"faxplan_{role}"
    seen_by_all = {table for table, _, who in NOT_THE_TENANT if who == user}
    looked_at = 0
    with connected(inhabited.installation, user, inhabited.borea.tenant.id) as cursor:
        for table in tenant_tables(inhabited.installation):
            cursor.execute("select has_table_privilege(%s, %s, 'select')", (user, table))
            if cursor.fetchone() == (True,) and table not in seen_by_all:
                cursor.execute(f"select distinct tenant_id from {table}")
                assert cursor.fetchall() == [(inhabited.borea.tenant.id,)], table
                looked_at += 1
    assert looked_at >= 5


@pytest.fixture
def one_connection(inhabited: World) -> Iterator[Database]:
    """A pool that has a single connection: whoever comes next gets what the last one left."""
    db = Database(inhabited.installation.url("faxplan_portal"), max_connections=1)
    yield db
    db.close()


def test_a_pooled_connection_never_shows_the_last_tenants_rows(inhabited: World, one_connection: Database) -> None:
    acme, borea = inhabited.acme.tenant.id, inhabited.borea.tenant.id
    look = "select distinct tenant_id, pg_backend_pid() as pid from faxes"
    with one_connection.tenant(acme) as tx:
        first = tx.one(look)
    with one_connection.tenant(borea) as tx:
        second = tx.one(look)
    with one_connection.across_tenants() as tx:
        assert tx.rows(look) == []
    assert (first["tenant_id"], second["tenant_id"]) == (acme, borea)
    assert first["pid"] == second["pid"]


def test_an_exception_leaves_no_tenant_behind(inhabited: World, one_connection: Database) -> None:
    with suppress(ZeroDivisionError), one_connection.tenant(inhabited.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes")
        raise ZeroDivisionError
    with suppress(ConstraintViolated), one_connection.tenant(inhabited.acme.tenant.id) as tx:
        tx.execute("update faxes set called_number = 'nonsense'")
    with one_connection.across_tenants() as tx:
        assert tx.value("select count(*) from faxes") == 0


def test_a_setting_left_on_the_session_does_not_leak(inhabited: World, one_connection: Database) -> None:
    acme, borea = inhabited.acme.tenant.id, inhabited.borea.tenant.id
    with one_connection.tenant(acme) as tx:
        tx.execute("select set_config('app.tenant', %s, false)", (str(acme),))
    with one_connection.across_tenants() as tx:
        assert tx.value("select count(*) from faxes") == 0
    with one_connection.tenant(borea) as tx:
        assert tx.rows("select distinct tenant_id from faxes") == [{"tenant_id": borea}]


def test_a_nested_transaction_is_refused(inhabited: World, one_connection: Database) -> None:
    with one_connection.tenant(inhabited.acme.tenant.id) as tx:
        with pytest.raises(RuntimeError), one_connection.tenant(inhabited.borea.tenant.id):
            pytest.fail("a second transaction began in the first")
        assert tx.rows("select distinct tenant_id from faxes") == [{"tenant_id": inhabited.acme.tenant.id}]


def test_a_row_of_another_tenant_cannot_be_written(inhabited: World) -> None:
    acme, borea = inhabited.acme.tenant.id, inhabited.borea.tenant.id
    for table in tenant_tables(inhabited.installation):
        columns = column(
            inhabited.installation,
            f"""select attname from pg_attribute where attrelid = '{table}'::regclass and attnum > 0
                and not attisdropped and attname <> 'tenant_id'""",
        )
        listed = ", ".join(columns)
        # The owner has every grant and none of the application's filters.
        insert = f"""insert into {table} (tenant_id, {listed}) overriding system value
                     select {borea}, {listed} from {table} limit 1"""
        for statement in (insert, f"update {table} set tenant_id = {borea}"):
            with (
                connected(inhabited.installation, "faxplan_owner", acme) as cursor,
                pytest.raises(InsufficientPrivilege, match=r"row-level security|append-only"),
            ):
                cursor.execute(statement)


def test_an_update_without_a_filter_reaches_the_own_tenant_only(inhabited: World) -> None:
    acme, borea = inhabited.acme.tenant.id, inhabited.borea.tenant.id
    for table in set(tenant_tables(inhabited.installation)) - {"audit"}:
        with connected(inhabited.installation, "faxplan_backup") as cursor:
            cursor.execute(f"select count(*) from {table} where tenant_id = {acme}")
            own = cursor.fetchone()
        with connected(inhabited.installation, "faxplan_owner", acme) as cursor:
            cursor.execute(f"update {table} set tenant_id = tenant_id")
            assert (cursor.rowcount,) == own, table
            cursor.execute(f"update {table} set tenant_id = tenant_id where tenant_id = {borea}")
            assert cursor.rowcount == 0, table


def test_a_reference_to_another_tenants_row_fails(inhabited: World) -> None:
    acme, borea = inhabited.acme.tenant.id, inhabited.borea.tenant.id
    with connected(inhabited.installation, "postgres") as cursor:
        cursor.execute(
            """select k.conname, k.conrelid::regclass::text, k.confrelid::regclass::text, a.attname, f.attname
               from pg_constraint k
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[2]
               join pg_attribute f on f.attrelid = k.confrelid and f.attnum = k.confkey[2]
               where k.contype = 'f' and k.connamespace = 'public'::regnamespace and cardinality(k.conkey) = 2"""
        )
        references = cursor.fetchall()
    assert len(references) > 15
    for name, table, there, here, key in references:
        with connected(inhabited.installation, "faxplan_backup") as cursor:
            cursor.execute(
                f"""select {key} from {there} b where tenant_id = {borea}
                    and not exists (select from {there} a where a.tenant_id = {acme} and a.{key} = b.{key}) limit 1"""
            )
            foreign = cursor.fetchone()
        assert foreign is not None, f"{there} has no row to refer to"
        with (
            connected(inhabited.installation, "faxplan_owner", acme) as cursor,
            pytest.raises(ForeignKeyViolation) as refused,
        ):
            cursor.execute(
                f"""update {table} set {here} = %s where ctid =
                    (select ctid from {table} order by {here} is null limit 1)""",
                foreign,
            )
        assert refused.value.diag.constraint_name == name


# ------------------------------------------------------------------------------------------------------------ the audit


CHANGES = ("update audit set result = 'done'", "delete from audit", "truncate audit")


def test_the_audit_is_append_only_for_every_role_and_the_owner(inhabited: World) -> None:
    for role in (*WORKING_ROLES, "owner", "backup"):
        for statement in CHANGES:
            # The backup role needs no tenant, and read-write must be a transaction's first word.
            tenant_id = None if role == "backup" else inhabited.acme.tenant.id
            with connected(inhabited.installation, f"faxplan_{role}", tenant_id) as cursor:
                if role == "backup":
                    cursor.execute("set transaction read write")
                with pytest.raises(InsufficientPrivilege):
                    cursor.execute(statement)


def test_the_audit_is_append_only_even_for_a_superuser(inhabited: World) -> None:
    for statement in CHANGES:
        with (
            connected(inhabited.installation, "postgres") as cursor,
            pytest.raises(InsufficientPrivilege, match="append-only"),
        ):
            cursor.execute(statement)


@pytest.mark.parametrize("role", WORKING_ROLES)
def test_no_role_writes_the_heads_of_the_chains(installation: Installation, role: str) -> None:
    with connected(installation, "postgres") as cursor:
        for privilege in ("insert", "update", "delete", "truncate"):
            cursor.execute("select has_table_privilege(%s, 'audit_heads', %s)", (f"faxplan_{role}", privilege))
            assert cursor.fetchone() == (False,), privilege
