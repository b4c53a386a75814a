"""Faxes that have ended, with documents in the store, some of them long ago; and purges of them."""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import psycopg2

from faxplan import inbound, retention, tenants
from faxplan.call_result import CallResult
from faxplan.purge import Purge, Purged
from tests.db.test_failing_over import settle
from tests.faxes import accepted, claim, fax_tiff, pending_folder, queued
from tests.past_the_gate import connected
from tests.world import Office, World

SENT = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1)


def received(world: World, office: Office, uuid: str, *, days_ago: float = 0, traced: bool = False) -> int:
    """A fax that came in by a call, with TIFF, PDF, mailbox entry, notice (and T.30 trace); its id."""
    side = accepted(world, office, uuid)
    fax_tiff(world.spool.inbound_tiff(side.attempt_id), 1)
    fax = pending_folder(world).secure(world.spool, side, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    assert inbound.deliver(world.switch, world.store, fax, actor="test") == "received"
    if traced:
        with world.switch.tenant(office.tenant.id) as tx:
            tx.execute(
                "insert into t30_traces (tenant_id, attempt_id, trace) values (%s, %s, 'FLOW T.30')",
                (office.tenant.id, side.attempt_id),
            )
    age(world, office, [side.fax_id], days_ago)
    return side.fax_id


def sent(world: World, office: Office, *, days_ago: float = 0) -> int:
    """A fax that has gone out; its id."""
    fax_id = queued(world, office, pages=1)
    (fax,) = claim(world)
    settle(world, fax, SENT)
    age(world, office, [fax_id], days_ago)
    return fax_id


def age(world: World, office: Office, fax_ids: Iterable[int], days: float) -> None:
    """Lets faxes have begun and ended, and been laid into their mailboxes, so long ago."""
    execute(
        world,
        """update faxes set created_at = created_at - make_interval(secs => %(s)s),
               finished_at = finished_at - make_interval(secs => %(s)s)
           where tenant_id = %(tenant)s and id = any(%(ids)s)""",
        {"s": days * 86400, "tenant": office.tenant.id, "ids": list(fax_ids)},
    )
    execute(
        world,
        """update mailbox_entries set added_at = added_at - make_interval(secs => %s)
           where tenant_id = %s and fax_id = any(%s)""",
        (days * 86400, office.tenant.id, list(fax_ids)),
    )


def execute(world: World, sql: str, parameters: Any = None) -> None:
    """As the superuser, committed."""
    with closing(psycopg2.connect(world.installation.url("postgres"))) as connection, connection:
        connection.cursor().execute(sql, parameters)


def bound(world: World, office: Office | None, **values: Any) -> None:
    """What the administrator allows: min_days, max_days, remove_records."""
    with world.admin.across_tenants() as tx:
        retention.set_bounds(tx, None if office is None else office.tenant.id, values)


def a_purge(world: World, *, seconds: float | None = None) -> Purge:
    return Purge(world.purge, world.store, world.spool, pending_folder(world), seconds)


def purge(world: World, *, seconds: float | None = None) -> Purged:
    """Of all tenants, as cron does."""
    with world.admin.across_tenants() as tx:
        everyone = tenants.everyone(tx)
    return a_purge(world, seconds=seconds).run(everyone, everything=True)


def count(world: World, table: str, where: str = "true") -> int:
    """Rows of all tenants."""
    with connected(world.installation, "postgres") as cursor:
        cursor.execute(f"select count(*) from {table} where {where}")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def kept(world: World, office: Office) -> list[int]:
    """The faxes of an office that were not purged."""
    with world.purge.tenant(office.tenant.id) as tx:
        return [row["id"] for row in tx.rows("select id from faxes where purged_at is null order by id")]
