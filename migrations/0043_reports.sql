-- What reports are drawn from: counts by day, so that they take as long with many faxes as with few.

create table report_days (
    tenant_id  bigint not null,
    day        date not null,
    direction  text not null,
    trunk      text not null,
    country    text not null,
    outcome    text not null,
    rule       text not null,
    t38        text not null,
    attempts   integer not null,
    pages      integer not null,
    seconds    integer not null,
    constraint report_days_pkey primary key (tenant_id, day, direction, trunk, country, outcome, rule, t38),
    constraint report_days_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table report_days is 'Attempts that have ended, by the day in the tenant''s time zone on which they began. Columns as in attempts; empty: none, or not known.';
comment on column report_days.country is 'Of the far number, ISO 3166-1 alpha-2.';
comment on column report_days.seconds is 'From answer to end.';

create table report_hours (
    tenant_id  bigint not null,
    day        date not null,
    hour       integer not null,
    direction  text not null,
    attempts   integer not null,
    constraint report_hours_pkey primary key (tenant_id, day, hour, direction),
    constraint report_hours_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table report_hours is 'The same attempts, by the hour of the day in which they began.';

create table report_people (
    tenant_id     bigint not null,
    day           date not null,
    user_id       bigint not null,
    billing_code  text not null,
    faxes         integer not null,
    pages         integer not null,
    constraint report_people_pkey primary key (tenant_id, day, user_id, billing_code),
    constraint report_people_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint report_people_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index report_people_user_idx on report_people (tenant_id, user_id);
comment on table report_people is 'What was sent, by whom and charged to whom: faxes that arrived whole, and pages of all.';

create table report_states (
    tenant_id    bigint not null,
    open_from    date not null,
    computed_at  timestamptz not null,
    constraint report_states_pkey primary key (tenant_id),
    constraint report_states_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table report_states is 'Days before open_from are counted for good; the others were at computed_at.';

do $$
declare
    t text;
begin
    foreach t in array array['report_days', 'report_hours', 'report_people', 'report_states'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

grant select on report_days, report_hours, report_people, report_states to faxplan_backup, faxplan_portal;
grant insert, delete on report_days, report_hours, report_people to faxplan_portal;
grant insert, update on report_states to faxplan_portal;
