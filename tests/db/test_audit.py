"""The audit log is append-only, for everybody."""

import pytest
from psycopg2.errors import InsufficientPrivilege

from tests.installations import Installation
from tests.past_the_gate import WORKING_ROLES, connected
from tests.world import World

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


@pytest.mark.parametrize("role", WORKING_ROLES)
@pytest.mark.parametrize("table", ["audit", "audit_leaves"])
def test_no_role_is_granted_more_than_to_add_to_the_audit(installation: Installation, role: str, table: str) -> None:
    """Besides the triggers, which the owner of the tables could switch off."""
    with connected(installation, "postgres") as cursor:
        for privilege in ("update", "delete", "truncate", "references", "trigger"):
            cursor.execute("select has_table_privilege(%s, %s, %s)", (f"faxplan_{role}", table, privilege))
            assert cursor.fetchone() == (False,), privilege
