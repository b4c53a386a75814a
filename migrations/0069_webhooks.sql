-- Webhooks: programs are told of what becomes of faxes.

create table webhook_endpoints (
    tenant_id      bigint not null,
    id             bigint generated always as identity,
    made_by        bigint not null,
    own_only       boolean not null,
    address        text not null,
    description    text not null default '',
    types          text[] not null,
    enabled        boolean not null default true,
    off_because    text not null default '',
    created_at     timestamptz not null default now(),
    failures       integer not null default 0,
    failing_since  timestamptz,
    rests_until    timestamptz,
    served_at      timestamptz,
    worker         text,
    lease_until    timestamptz,
    constraint webhook_endpoints_pkey primary key (tenant_id, id),
    constraint webhook_endpoints_made_by_fkey foreign key (tenant_id, made_by) references users (tenant_id, id),
    constraint webhook_endpoints_address_form check (address ~ '^https?://[!-~]+$' and length(address) <= 2000),
    constraint webhook_endpoints_description_form check (length(description) <= 200 and description !~ '[[:cntrl:]]'),
    constraint webhook_endpoints_types_known check (
        cardinality(types) > 0 and array_position(types, null) is null
        and types <@ array['fax.accepted', 'fax.queued', 'fax.dialing', 'fax.sending', 'fax.sent', 'fax.failed', 'fax.cancelled',
                           'fax.receiving', 'fax.received', 'fax.partial']),
    constraint webhook_endpoints_off_because_known check (off_because in ('', 'gone', 'failing') and (off_because = '' or not enabled)),
    constraint webhook_endpoints_failing check ((failures = 0) = (failing_since is null)),
    constraint webhook_endpoints_lease check ((worker is null) = (lease_until is null))
);
create index webhook_endpoints_made_by_idx on webhook_endpoints (tenant_id, made_by);
create index webhook_endpoints_enabled_idx on webhook_endpoints (tenant_id) where enabled;
comment on table webhook_endpoints is 'Where a tenant''s programs are told of what becomes of its faxes.';
comment on column webhook_endpoints.own_only is 'Of the faxes of made_by alone: those that they send, and those in mailboxes that they read.';
comment on column webhook_endpoints.off_because is 'Why a worker has turned it off: it said that it is gone (410), or failed for days.';
comment on column webhook_endpoints.worker is 'Which thread is at it, until lease_until. rests_until: after failures it is left alone for a while. served_at: they take turns.';

create table webhook_secrets (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    endpoint_id  bigint not null,
    secret       bytea not null,
    private_key  bytea not null,
    public_key   bytea not null,
    created_at   timestamptz not null default now(),
    ends_at      timestamptz,
    constraint webhook_secrets_pkey primary key (tenant_id, id),
    constraint webhook_secrets_endpoint_fkey foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, id) on delete cascade,
    constraint webhook_secrets_sizes check (octet_length(secret) = 32 and octet_length(private_key) = 32 and octet_length(public_key) = 32)
);
create index webhook_secrets_endpoint_idx on webhook_secrets (tenant_id, endpoint_id);
comment on table webhook_secrets is 'By what is signed what an endpoint is told (Standard Webhooks): HMAC-SHA256 and Ed25519. Two while one takes another''s place.';
comment on column webhook_secrets.ends_at is 'Until then it signs beside the one in its place; null: it is the one.';

create table webhook_deliveries (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    endpoint_id  bigint not null,
    message      text not null,
    type         text not null,
    at           timestamptz not null,
    fax_id       bigint,
    direction    text,
    fax_state    text,
    state        text not null default 'waiting',
    tries        integer not null default 0,
    not_before   timestamptz not null default now(),
    waits_since  timestamptz not null default now(),
    tried_at     timestamptz,
    status       integer,
    said         text not null default '',
    answer       text not null default '',
    ended_at     timestamptz,
    constraint webhook_deliveries_pkey primary key (tenant_id, id),
    constraint webhook_deliveries_endpoint_fkey foreign key (tenant_id, endpoint_id)
        references webhook_endpoints (tenant_id, id) on delete cascade,
    constraint webhook_deliveries_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete cascade,
    constraint webhook_deliveries_message_key unique (tenant_id, endpoint_id, message),
    constraint webhook_deliveries_state_known check (state in ('waiting', 'delivered', 'failed', 'given-up')),
    constraint webhook_deliveries_ended check ((state = 'waiting') = (ended_at is null)),
    constraint webhook_deliveries_of_fax check ((fax_id is null) = (direction is null) and (fax_id is null) = (fax_state is null))
);
create index webhook_deliveries_due_idx on webhook_deliveries (tenant_id, endpoint_id, not_before, id) where state = 'waiting';
create index webhook_deliveries_list_idx on webhook_deliveries (tenant_id, endpoint_id, id);
create index webhook_deliveries_fax_idx on webhook_deliveries (tenant_id, fax_id);
create index webhook_deliveries_ended_idx on webhook_deliveries (ended_at) where ended_at is not null;
comment on table webhook_deliveries is 'What endpoints are told: one an event and endpoint. Written by a trigger in the transaction of what happened.';
comment on column webhook_deliveries.message is 'webhook-id: the same for all endpoints, and whenever it is tried.';
comment on column webhook_deliveries.state is 'failed: the endpoint has said that it is gone. given-up: it was tried for three days.';
comment on column webhook_deliveries.said is 'Why the last try has failed. status, answer: what the endpoint answered to it, and how that began.';

create function webhooks_fill() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
    event text := 'fax.' || new.state;
    message text;
begin
    -- Most tenants have none, and this is all that it costs them.
    if not exists (select from webhook_endpoints e where e.tenant_id = new.tenant_id and e.enabled) then
        return null;
    end if;
    message := 'msg_' || replace(gen_random_uuid()::text, '-', '');
    insert into webhook_deliveries (tenant_id, endpoint_id, message, type, at, fax_id, direction, fax_state)
    select e.tenant_id, e.id, message, event, clock_timestamp(), new.id, new.direction, new.state
    from webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.enabled and event = any(e.types)
      and exists (select from tenants t where t.id = new.tenant_id and 'api' = any(t.permissions))
      and (not e.own_only
           or new.direction = 'outbound' and e.made_by = new.user_id
           or new.direction = 'inbound' and exists (
               select from mailbox_members m join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
               where m.tenant_id = e.tenant_id and m.mailbox_id = new.mailbox_id and m.user_id = e.made_by and u.enabled
                 and array['receive', 'api'] <@ u.permissions))
    -- One that is being deleted is passed over: what has happened neither fails by that nor waits for it.
    for key share of e skip locked;
    if found then
        perform pg_notify('faxplan_webhooks', '');
    end if;
    return null;
end $$;
comment on function webhooks_fill() is 'Who is told of a fax''s state. Definer: who changes one need not see any endpoint.';
create trigger faxes_told after insert on faxes for each row execute function webhooks_fill();
create trigger faxes_told_again after update of state on faxes for each row when (old.state <> new.state) execute function webhooks_fill();

do $$
declare
    t text;
begin
    foreach t in array array['webhook_endpoints', 'webhook_secrets', 'webhook_deliveries'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
    -- webhooks_fill in a claim, which opens calls of several tenants.
    foreach t in array array['webhook_endpoints', 'webhook_deliveries'] loop
        execute format('create policy %I on %I to faxplan_owner using (tenant_id = any ((select claimed_tenants())::bigint[])) '
                       'with check (tenant_id = any ((select claimed_tenants())::bigint[]))', t || '_claim', t);
        execute format('create policy %I on %I to faxplan_worker using (true) with check (true)', t || '_sender', t);
    end loop;
end $$;

-- What signs only the worker reads.
grant select on webhook_endpoints, webhook_secrets, webhook_deliveries to faxplan_backup;
grant select on webhook_endpoints_id_seq, webhook_secrets_id_seq, webhook_deliveries_id_seq to faxplan_backup;
grant select, insert, delete, update (address, description, types, enabled, off_because, failures, failing_since, rests_until)
    on webhook_endpoints to faxplan_portal;
grant insert, delete, update (ends_at), select (tenant_id, id, endpoint_id, public_key, created_at, ends_at) on webhook_secrets to faxplan_portal;
grant select, insert, update (state, tries, not_before, waits_since, ended_at) on webhook_deliveries to faxplan_portal;
grant select, update (enabled, off_because, failures, failing_since, rests_until, served_at, worker, lease_until)
    on webhook_endpoints to faxplan_worker;
grant select on webhook_secrets to faxplan_worker;
grant select, delete, update (state, tries, not_before, tried_at, status, said, answer, ended_at) on webhook_deliveries to faxplan_worker;
