-- A fax that waits to be sent has a deadline: an installation's, or its tenant's own.

alter table tenants
    add column wait_hours integer,
    add constraint tenants_wait_hours_range check (wait_hours between 1 and 8760);
comment on column tenants.wait_hours is 'How long its faxes may wait to be sent, all in all; null: as long as the installation''s setting wait_hours says.';

create table fax_deadlines (
    tenant_id   bigint not null,
    fax_id      bigint not null,
    waits_from  timestamptz not null,
    ends_at     timestamptz,
    constraint fax_deadlines_pkey primary key (tenant_id, fax_id),
    constraint fax_deadlines_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id)
);
create index fax_deadlines_ends_at_idx on fax_deadlines (ends_at) where ends_at is not null;
create index fax_deadlines_waits_from_idx on fax_deadlines (waits_from) where ends_at is null;
comment on table fax_deadlines is
    'Until when faxes that go out may wait: one row each, from its submission to its end. What is overdue and in no call is given up.';
comment on column fax_deadlines.waits_from is 'When it was handed in, or faxes.send_at where that is later.';
comment on column fax_deadlines.ends_at is
    'When it is given up: waits_from and tenants.wait_hours; or, overdue and in a call, when it is looked at again. Null: by the installation''s setting.';
alter table fax_deadlines enable row level security;
alter table fax_deadlines force row level security;
create policy fax_deadlines_tenant on fax_deadlines using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
create policy fax_deadlines_watch on fax_deadlines for all to faxplan_switch, faxplan_worker, faxplan_admin using (true) with check (true);
grant select on fax_deadlines to faxplan_backup;

-- What waits for too long is ended by whoever runs, a switch or a worker, in words that say why it was still waiting.
grant select, insert, delete on fax_deadlines to faxplan_portal;
grant select, update, delete on fax_deadlines to faxplan_switch, faxplan_worker;
grant select, update (ends_at) on fax_deadlines to faxplan_admin;
grant select on render_jobs to faxplan_switch;
grant delete on fax_queue to faxplan_worker;
grant select, delete on trunk_tests to faxplan_worker;
grant select on nodes, sending_hours, tenant_turns to faxplan_worker;
grant select (trunk_id, failures, rests_until, node_rests) on trunk_states to faxplan_worker;
grant select (tenant_id, fax_id, number, rule) on attempts to faxplan_worker;

-- What waits already is counted from now on. Row-level security is forced on the owner too: tenant by tenant.
do $$
declare
    t bigint;
    waiting bigint;
    entered bigint;
begin
    for t in select id from tenants order by id loop
        perform set_config('app.tenant', t::text, true);
        select count(*) into waiting from faxes f where f.tenant_id = t and f.direction = 'outbound' and f.finished_at is null;
        insert into fax_deadlines (tenant_id, fax_id, waits_from)
            select f.tenant_id, f.id, greatest(now(), f.send_at) from faxes f
            where f.tenant_id = t and f.direction = 'outbound' and f.finished_at is null;
        get diagnostics entered = row_count;
        if entered <> waiting then
            raise exception 'tenant %: % of % faxes that wait were given a deadline', t, entered, waiting;
        end if;
    end loop;
    perform set_config('app.tenant', '', true);
end $$;
