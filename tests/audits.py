"""An audit with some rows, and what somebody does to it who owns the server: triggers off, policies passed by."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2 import extensions
from psycopg2.extras import RealDictCursor

from faxplan import audit, audit_form
from faxplan.audit_chain import Fault
from faxplan.audit_verification import Verified, verify
from faxplan.checkpoints import Checkpoint
from tests.world import World


def write(world: World, tenant_id: int, count: int, *, what: str = "fax.send") -> None:
    """So many more rows, each in a transaction of its own; with what a canonical form may trip over."""
    for number in range(count):
        with world.admin.tenant(tenant_id) as tx:
            audit.record(
                tx, tenant_id, actor="user:17", action=what, object=f"fax:{number}", authenticated="password+totp",
                address="2001:db8::7", name='Müller, "A":\n\u2014 😀', ratio=1.50, nothing=None,
                more=[1, {"b": 2, "a": 1}],
            )  # fmt: skip


@contextmanager
def _superuser(world: World) -> Iterator[extensions.cursor]:
    with (
        closing(psycopg2.connect(world.installation.url("postgres"))) as connection,
        connection,
        connection.cursor(cursor_factory=RealDictCursor) as cursor,
    ):
        cursor.execute("set session_replication_role = replica")
        yield cursor


def tamper(world: World, *statements: str) -> None:
    """As the superuser, with every trigger switched off."""
    with _superuser(world) as cursor:
        for statement in statements:
            cursor.execute(statement)


def rewrite(world: World, tenant_id: int, change: str) -> None:
    """Writes a whole chain anew from changed rows: every hash is right again, and so is the head.

    change: an update's `set`, for the first row.
    """
    tamper(world, f"update audit set {change} where tenant_id = {tenant_id} and sequence = 1")
    with _superuser(world) as cursor:
        cursor.execute(f"{audit_form.SELECT} where tenant_id = %s order by sequence", (tenant_id,))
        before = ""
        for row in [dict(each) for each in cursor.fetchall()]:
            row["previous_hash"] = before
            before = audit_form.hash_of(row) or ""
            cursor.execute(
                "update audit set previous_hash = %s, hash = %s where tenant_id = %s and sequence = %s",
                (row["previous_hash"], before, tenant_id, row["sequence"]),
            )
        cursor.execute("update audit_heads set hash = %s where tenant_id = %s", (before, tenant_id))


def found(world: World, *checkpoints: Checkpoint, tenant_id: int | None = None) -> list[tuple[int, int, str]]:
    """What `verify` says is wrong: tenant, sequence, kind."""
    return [shown(each) for each in verified(world, *checkpoints, tenant_id=tenant_id).faults]


def verified(world: World, *checkpoints: Checkpoint, tenant_id: int | None = None) -> Verified:
    return verify(world.admin, tenant_id, checkpoints)


def shown(fault: Fault) -> tuple[int, int, str]:
    return fault.tenant_id, fault.sequence, fault.kind
