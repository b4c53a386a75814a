"""Queues of any length, made by SQL in seconds: for tests and benchmarks of claims."""

from contextlib import closing
from typing import Any

import psycopg2

from tests.world import World

_TENANTS = """
    insert into tenants (slug, name, country, time_zone)
        select 't' || n, 'Tenant ' || n, 'DE', 'Europe/Berlin' from generate_series(1, %(tenants)s) n;
    insert into dids (tenant_id, number, mailbox_id)
        select t.id, '+4940' || (10000000 + t.id), m.id from tenants t,
            lateral (select min(id) as id from mailboxes where tenant_id = t.id) m
        where m.id is not null and t.slug like 't%%';
    insert into documents (tenant_id, kind, media_type, bytes, sha256, object_name)
        select id, 'rendering', 'image/tiff', 1, '', 'o' || id from tenants;
    insert into renderings (tenant_id, original_id, resolution, state, document_id)
        select tenant_id, id, 'fine', 'rendered', id from documents;
    insert into sending_hours (tenant_id, weekday, opens, closes)
        select t.id, d, '00:00', '24:00' from tenants t, generate_series(1, 7) d;
    update tenants set max_calls = 100000, calls_per_hour = 10000000;
"""
_HISTORY = """
    insert into faxes (tenant_id, direction, state, called_number, rendering_id, resolution, pages, pages_done,
                       finished_at)
        select t.id, 'outbound', 'sent', '+49' || (2000000000 + n), r.id, 'fine', 1, 1, now()
        from generate_series(1, %(size)s) n
        join (select id, row_number() over (order by id) - 1 as k, count(*) over () as many from tenants) t
            on t.k = n %% t.many
        join renderings r on r.tenant_id = t.id;
    insert into attempts (tenant_id, fax_id, number, node, channel_uuid, outcome, ended_at)
        select tenant_id, id, 1, 'node1', gen_random_uuid()::text, 'sent', now() from faxes where state = 'sent'
"""
_QUEUE = """
    truncate faxes, listings, fax_labels, fax_deadlines, holds, fax_queue, trunk_tests, attempts, t30_traces, calls,
        mailbox_entries, notices, outbox, mails_in, campaign_recipients, campaign_tests, webhook_deliveries;
    insert into faxes (tenant_id, direction, state, called_number, calling_number, rendering_id, resolution, pages,
                       not_before)
        select t.id, 'outbound', 'queued', '+49' || (3000000000 + n), null, r.id, 'fine', 1, now() - interval '1 hour'
        from generate_series(1, %(size)s) n
        join (select id, row_number() over (order by id) - 1 as k, count(*) over () as many from tenants) t
            on t.k = n %% t.many
        join renderings r on r.tenant_id = t.id;
    insert into fax_queue (tenant_id, fax_id, not_before, priority, destination, lane)
        select f.tenant_id, f.id, f.not_before, f.priority, f.called_number, l.lane
        from faxes f join (select id, lane_of(id, '+493000000000') as lane from tenants) l on l.id = f.tenant_id;
"""


def add_tenants(world: World, count: int) -> None:
    """With sending hours, limits that nothing reaches, and each a rendered page."""
    as_superuser(world, _TENANTS, {"tenants": count})


def queue(world: World, size: int) -> None:
    """So many due faxes, of all tenants in turn, each to a number of its own; nothing else is left."""
    as_superuser(world, _QUEUE, {"size": size})
    as_superuser(world, "vacuum analyze")


def send_before(world: World, size: int) -> None:
    """So many faxes were sent long ago: the tables are as they are in an installation that is in use."""
    as_superuser(world, _HISTORY, {"size": size})
    as_superuser(world, "vacuum analyze")


def as_superuser(world: World, statements: str, parameters: dict[str, Any] | None = None) -> None:
    """Past every policy."""
    with closing(psycopg2.connect(world.installation.url("postgres"))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statements, parameters)
