-- What monitoring reads: counters that no purge takes back, and a role that sees counts and times alone.

create table counters (
    name    text not null,
    labels  text[] not null,
    value   double precision not null,
    constraint counters_pkey primary key (name, labels)
);
comment on table counters is 'Counts since the beginning, of all tenants together: they never fall (counters.py).';
comment on column counters.labels is 'Of what it is a count, in the order that counters.py gives.';

create table uncounted (
    id         bigint generated always as identity,
    what       text not null,
    direction  text not null,
    trunk      text not null default '',
    result     text not null default '',
    reason     text not null default '',
    number     integer not null default 1,
    pages      integer not null default 0,
    by_t38     boolean not null default false,
    talked     double precision,
    waited     double precision,
    constraint uncounted_pkey primary key (id),
    constraint uncounted_what_known check (what in ('call', 'fax', 'submitted'))
);
comment on table uncounted is
    'What has ended and is not in counters yet. Written beside what it counts, without a common row: calls that end at once do not wait for each other.';
comment on column uncounted.trunk is '(within): delivered without a call; empty: none.';
comment on column uncounted.result is 'Of a call as attempts.outcome, of a fax as faxes.state.';
comment on column uncounted.reason is 'Of a call as attempts.rule, of a fax as faxes.error_id.';
comment on column uncounted.talked is 'Seconds from answer to end; null: nobody answered.';
comment on column uncounted.waited is 'Seconds from submission, or the time that its user had asked for, to the first call; null: it is not the first.';

create function count_call() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into uncounted (what, direction, trunk, result, reason, pages, by_t38, talked, waited)
    select 'call', f.direction, case when new.internal then '(within)' else coalesce(new.trunk, '') end, new.outcome,
           coalesce(new.rule, ''), new.pages, coalesce(new.t38_status = 'negotiated', false),
           case when new.answered_at is not null then greatest(extract(epoch from new.ended_at - new.answered_at), 0) end,
           case when f.direction = 'outbound' and new.number = 1
                then greatest(extract(epoch from new.started_at - greatest(f.created_at, f.send_at)), 0) end
    from faxes f where f.tenant_id = new.tenant_id and f.id = new.fax_id and not f.is_test;
    return null;
end $$;
create trigger attempts_counted after update of outcome on attempts for each row
    when (old.outcome is null and new.outcome is not null) execute function count_call();

create function count_fax() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into uncounted (what, direction, result, reason) values ('fax', new.direction, new.state, coalesce(new.error_id, ''));
    return null;
end $$;
create trigger faxes_counted after update of finished_at on faxes for each row
    when (old.finished_at is null and new.finished_at is not null and not new.is_test) execute function count_fax();
create trigger faxes_counted_at_once after insert on faxes for each row
    when (new.finished_at is not null and new.copy_of is null and not new.is_test) execute function count_fax();

create function count_submitted() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into uncounted (what, direction, number)
    select 'submitted', 'outbound', count(*) from submitted where direction = 'outbound' and not is_test having count(*) > 0;
    return null;
end $$;
create trigger faxes_submitted after insert on faxes referencing new table as submitted
    for each statement execute function count_submitted();

grant select on counters, uncounted, uncounted_id_seq to faxplan_backup;
grant insert on uncounted to faxplan_portal, faxplan_switch, faxplan_worker;
grant select, delete on uncounted to faxplan_worker;
grant select, insert, update on counters to faxplan_worker;

-- metrics: how much, how long and since when; never whose, but for tenants' short names.
create policy fax_queue_metrics on fax_queue for select to faxplan_metrics using (true);
create policy calls_metrics on calls for select to faxplan_metrics using (true);
create policy outbox_metrics on outbox for select to faxplan_metrics using (state = 'waiting');
create policy render_jobs_metrics on render_jobs for select to faxplan_metrics using (true);
grant usage on schema public to faxplan_metrics;
grant select on schema_migration, nodes, counters, uncounted to faxplan_metrics;
grant select (id, slug) on tenants to faxplan_metrics;
grant select (id, name, enabled, max_calls) on trunks to faxplan_metrics;
grant select (trunk_id, failures, rests_until, node_rests, last_success_at) on trunk_states to faxplan_metrics;
grant select (tenant_id, not_before) on fax_queue to faxplan_metrics;
grant select (direction, node, trunk_id) on calls to faxplan_metrics;
grant select (state, created_at) on outbox to faxplan_metrics;
grant select (not_before, worker, lease_until) on render_jobs to faxplan_metrics;
