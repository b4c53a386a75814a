"""Tenants are kept apart by the database itself, whatever the application forgets."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from psycopg2.errors import ForeignKeyViolation, InsufficientPrivilege

from faxplan.constraints import ConstraintViolated
from faxplan.db import Database
from tests.installations import Installation
from tests.past_the_gate import WORKING_ROLES, column, connected, tenant_tables
from tests.world import World

PREDICATE = "(tenant_id = ( SELECT current_tenant() AS current_tenant))"
INSTALLATION_CHAIN = (
    "an act on the installation belongs to no tenant: its chain is 0, which no tenant's transaction sees"
)

CHECKPOINT = "a checkpoint signs all chains together: ids, counts and hashes"
CLAIM = "a claim opens calls of several tenants in one statement: it sees those that it names (app.claim), and no other"

DEADLINE = "whoever runs ends what is overdue, of all tenants; a change of a tenant's hours re-dates it: ids and times"

RENEWAL = "a machine renews its key over all tenants: ids, and keys that are wrapped to machines"

MONITORED = "monitoring counts over all tenants: of each row a time, a node and a trunk are granted"

# Every policy that is not the tenant's own, with the roles it serves and the reason.
NOT_THE_TENANT = {
    ("tenants", "tenants_directory", "public"): "the directory of tenants: names and preferences, no faxes",
    ("tenants", "tenants_admin", "faxplan_admin"): "who owns the installation makes tenants",
    ("audit", "audit_tenant", "public"): INSTALLATION_CHAIN,
    ("audit_heads", "audit_heads_tenant", "public"): INSTALLATION_CHAIN,
    ("audit_leaves", "audit_leaves_tenant", "public"): INSTALLATION_CHAIN,
    ("audit_heads", "audit_heads_checkpoint", "faxplan_admin"): CHECKPOINT,
    ("audit_leaves", "audit_leaves_checkpoint", "faxplan_admin"): CHECKPOINT,
    ("logins", "logins_lookup", "faxplan_portal"): "at log-in the address is known and the tenant is not",
    ("logins", "logins_lookup", "faxplan_admin"): "lists whom a command line can act as",
    ("brand_hosts", "brand_hosts_lookup", "faxplan_portal"): "a page is asked of a host; the tenant follows from it",
    ("brand_hosts", "brand_hosts_lookup", "faxplan_admin"): "a host is one tenant's, over all",
    ("dids", "dids_lookup", "faxplan_switch"): "a call comes in for a number; the tenant follows from it",
    ("dids", "dids_owner", "faxplan_owner"): "a role without log-in, for is_did, which says yes or no to any role",
    ("dids", "dids_lookup", "faxplan_admin"): "numbers are given out once, over all tenants",
    ("fax_queue", "fax_queue_claim", "faxplan_switch"): "a node dials for all tenants",
    ("fax_queue", "fax_queue_overview", "faxplan_admin"): "how long the queue is; ids and times",
    ("faxes", "faxes_claim", "faxplan_switch"): CLAIM,
    ("attempts", "attempts_claim", "faxplan_switch"): CLAIM,
    ("renderings", "renderings_claim", "faxplan_switch"): CLAIM,
    ("documents", "documents_claim", "faxplan_switch"): CLAIM,
    ("destinations", "destinations_claim", "faxplan_switch"): CLAIM,
    ("verified_numbers", "verified_numbers_claim", "faxplan_switch"): CLAIM,
    ("sending_hours", "sending_hours_claim", "faxplan_switch"): "a node dials for all tenants, each at its hours",
    ("tenant_turns", "tenant_turns_claim", "faxplan_switch"): "tenants take turns: ids, times and counts",
    ("trunk_tests", "trunk_tests_claim", "faxplan_switch"): "a node dials for all tenants; ids and times",
    ("calls", "calls_node", "faxplan_switch"): "a node's limits and recovery span all tenants",
    ("calls", "calls_overview", "faxplan_admin"): "how busy the nodes are; ids and times",
    ("calls", "calls_removed_nodes", "faxplan_admin"): "the leases of a node that is removed, and no other column",
    ("attempts", "attempts_overview", "faxplan_admin"): "how calls went, by trunk; ids, times and outcomes are granted",
    ("faxes", "faxes_overview", "faxplan_admin"): "how far a fax in a call is; ids and counts of pages are granted",
    ("audit", "audit_refused", "faxplan_admin"): "who tries what is barred, in any tenant, is the operator's to see",
    ("quotas", "quotas_overview", "faxplan_admin"): "which quotas are near their end; ids and counts",
    ("transient_wraps", "transient_wraps_renewal", "faxplan_switch"): RENEWAL,
    ("transient_wraps", "transient_wraps_renewal", "faxplan_worker"): RENEWAL,
    ("fax_deadlines", "fax_deadlines_watch", "faxplan_switch"): DEADLINE,
    ("fax_deadlines", "fax_deadlines_watch", "faxplan_worker"): DEADLINE,
    ("fax_deadlines", "fax_deadlines_watch", "faxplan_admin"): DEADLINE,
    (
        "documents",
        "documents_orphans",
        "faxplan_purge",
    ): "an object's name does not say whose it is: does a row name it?",
    ("transient_keys", "transient_keys_public", "public"): "public keys of machines, no tenant's: all wrap to them",
    ("transient_keys", "transient_keys_dispatch", "faxplan_switch"): "a switch has keys to send with, and none to mail",
    ("transient_keys", "transient_keys_removed_nodes", "faxplan_admin"): "retires the keys of a node that is removed",
    ("transient_keys", "transient_keys_workers", "faxplan_worker"): "a worker has both kinds",
    ("drafts", "drafts_watch", "faxplan_worker"): "a worker closes what has expired, of all tenants: ids and times",
    ("render_jobs", "render_jobs_claim", "faxplan_worker"): "a worker renders for all tenants",
    ("mail_accounts", "mail_accounts_mailer", "faxplan_worker"): "a worker hands over mail of all tenants",
    ("outbox", "outbox_mailer", "faxplan_worker"): "a worker hands over mail of all tenants",
    ("webhook_endpoints", "webhook_endpoints_claim", "faxplan_owner"): CLAIM,
    ("webhook_deliveries", "webhook_deliveries_claim", "faxplan_owner"): CLAIM,
    ("webhook_endpoints", "webhook_endpoints_sender", "faxplan_worker"): "a worker tells programs of all tenants",
    ("webhook_deliveries", "webhook_deliveries_sender", "faxplan_worker"): "a worker tells programs of all tenants",
    ("campaigns", "campaigns_due", "faxplan_worker"): "which campaigns go on, of all tenants: ids and states",
    ("campaign_files", "campaign_files_due", "faxplan_worker"): "which files are to be read, by ids alone",
    ("campaign_tests", "campaign_tests_due", "faxplan_worker"): "which tests are to be sent, by ids alone",
    ("campaign_recipients", "campaign_recipients_due", "faxplan_worker"): "which campaigns have faxes under way: ids",
    ("webhook_endpoints", "webhook_endpoints_overview", "faxplan_admin"): "the doctor sees which are in trouble",
    ("webhook_secrets", "webhook_secrets_overview", "faxplan_admin"): "since when there is one; times are granted",
    ("webhook_deliveries", "webhook_deliveries_overview", "faxplan_admin"): "the doctor sees how many wait; times",
    ("outbox", "outbox_overview", "faxplan_admin"): "who runs the installation sees what waits, as of the queue",
    ("fax_queue", "fax_queue_metrics", "faxplan_metrics"): MONITORED,
    ("calls", "calls_metrics", "faxplan_metrics"): MONITORED,
    ("outbox", "outbox_metrics", "faxplan_metrics"): MONITORED,
    ("render_jobs", "render_jobs_metrics", "faxplan_metrics"): MONITORED,
}


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


NO_REFERENCE = {
    ("calls", "trunk_id"): "a call outlives its trunk's entry",
    ("calls", "fax_id"): "its attempt names the fax, and is a reference",
    ("listings", "owner_id"): "a mailbox, or a user, as its list says: its fax is a reference, and names that",
    ("audit_leaves", "last_sequence"): "rows of the audit have no references to them: they are never deleted",
}


def test_what_names_a_row_of_a_tenant_is_a_reference(installation: Installation) -> None:
    """Else it might name another tenant's, or none."""
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            r"""select a.attrelid::regclass::text, a.attname::text from pg_attribute a
               where a.attrelid = any (%s::regclass[]) and a.attname like '%%\_id' and a.atttypid = 'bigint'::regtype
                 and a.attname <> 'tenant_id' and not exists (
                     select from pg_constraint k
                     where k.contype = 'f' and k.conrelid = a.attrelid and a.attnum = any (k.conkey))""",
            (tenant_tables(installation),),
        )
        assert set(cursor.fetchall()) <= set(NO_REFERENCE)


KNOWN_TO_ALL = {
    "dids_number_key": "a number is one tenant's",
    "documents_object_name_key": "random",
    "calls_channel_uuid_key": "random",
    "user_keys_public_key_key": "random",
    "mailbox_epochs_public_key_key": "random",
    "outbox_token_key": "random",
    "audit_leaves_first_leaf_key": "one tree over all chains",
}


def test_what_is_unique_is_so_within_a_tenant(installation: Installation) -> None:
    """A value that is refused as taken tells that somebody has it."""
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            """select i.indexrelid::regclass::text from pg_index i
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
               where i.indisunique and i.indrelid = any (%s::regclass[]) and a.attname <> 'tenant_id'""",
            (tenant_tables(installation),),
        )
        assert {name for (name,) in cursor.fetchall()} == set(KNOWN_TO_ALL)


# ------------------------------------------------------------------------------------------------------------- the rows


def seen_without_a_tenant(user: str) -> set[str]:
    return {table for (table, _, who), reason in NOT_THE_TENANT.items() if who == user and reason != CLAIM}


@pytest.mark.parametrize("role", [*WORKING_ROLES, "owner"])
def test_without_a_tenant_there_are_no_rows(inhabited: World, role: str) -> None:
    user = f"faxplan_{role}"
    seen_by_all = seen_without_a_tenant(user)
    looked_at = 0
    with connected(inhabited.installation, user) as cursor:
        for table in tenant_tables(inhabited.installation):
            cursor.execute("select has_table_privilege(%s, %s, 'select')", (user, table))
            if cursor.fetchone() != (True,) or table in seen_by_all:
                continue
            # 0: the installation's own, in the audit.
            cursor.execute(f"select count(*) from {table} where tenant_id <> 0")
            assert cursor.fetchone() == (0,), table
            looked_at += 1
    # Monitoring reads columns of tenants' tables, of none a whole row.
    assert looked_at >= 5 or (role, looked_at) == ("metrics", 0)


@pytest.mark.parametrize("role", [*WORKING_ROLES, "owner"])
def test_a_tenant_sees_its_own_rows_only(inhabited: World, role: str) -> None:
    user = f"faxplan_{role}"
    seen_by_all = seen_without_a_tenant(user)
    looked_at = 0
    with connected(inhabited.installation, user, inhabited.borea.tenant.id) as cursor:
        for table in tenant_tables(inhabited.installation):
            cursor.execute("select has_table_privilege(%s, %s, 'select')", (user, table))
            if cursor.fetchone() == (True,) and table not in seen_by_all:
                cursor.execute(f"select distinct tenant_id from {table}")
                assert cursor.fetchall() == [(inhabited.borea.tenant.id,)], table
                looked_at += 1
    # Monitoring reads columns of tenants' tables, of none a whole row.
    assert looked_at >= 5 or (role, looked_at) == ("metrics", 0)


@pytest.mark.parametrize("role", WORKING_ROLES)
def test_a_claim_shows_the_switch_the_tenants_that_it_names_and_nobody_else_anything(
    inhabited: World, role: str
) -> None:
    user, borea = f"faxplan_{role}", inhabited.borea.tenant.id
    with connected(inhabited.installation, user) as cursor:
        cursor.execute("select set_config('app.claim', %s, true)", (str(borea),))
        for table in ("faxes", "attempts", "renderings", "documents"):
            cursor.execute("select has_table_privilege(%s, %s, 'select')", (user, table))
            if cursor.fetchone() == (True,):
                cursor.execute(f"select distinct tenant_id from {table}")
                assert cursor.fetchall() == ([(borea,)] if role == "switch" else []), table


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


def test_nothing_of_a_transaction_stays_on_its_connection(inhabited: World) -> None:
    """Whatever comes next, also past the gate."""
    db = Database(inhabited.installation.url("faxplan_switch"), max_connections=1)
    with db.tenant(inhabited.acme.tenant.id) as tx:
        tx.enter_tenants([inhabited.acme.tenant.id, inhabited.borea.tenant.id])
        assert tx.value("select count(*) from faxes")
    db._pool.connect()
    with db._pool.connection().cursor() as cursor:
        cursor.execute("select current_setting('app.tenant', true), current_setting('app.claim', true)")
        assert cursor.fetchone() == ("", "")
        cursor.execute("select count(*) from faxes")
        assert cursor.fetchone() == (0,)
    db.close()


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
                and not attisdropped and attgenerated = '' and attname <> 'tenant_id'""",
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
    for table in set(tenant_tables(inhabited.installation)) - {"audit", "audit_leaves"}:
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
        # What is held would say first that it is not moved.
        unheld = "delete from holds; " if table == "faxes" else ""
        with (
            connected(inhabited.installation, "faxplan_owner", acme) as cursor,
            pytest.raises(ForeignKeyViolation) as refused,
        ):
            cursor.execute(
                f"""{unheld}update {table} set {here} = %s where ctid =
                    (select ctid from {table} where tenant_id = {acme} order by {here} is null, ctid desc limit 1)""",
                foreign,
            )
        assert refused.value.diag.constraint_name == name
