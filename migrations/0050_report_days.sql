-- Counts of each report by itself: of a year it reads a row for each day and each thing that it counts by, where it read
-- one for all things together.

alter table report_days no force row level security;
create temporary table before on commit drop as table report_days;
drop table report_days;

create table report_days (
    tenant_id   bigint not null,
    report      text not null,
    day         date not null,
    what        text not null,
    calls       integer not null,
    successful  integer not null,
    pages       integer not null,
    t38         integer not null,
    seconds     integer not null,
    constraint report_days_pkey primary key (tenant_id, report, day, what),
    constraint report_days_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table report_days is 'Attempts that have ended, by the day in the tenant''s time zone on which they began, as each report counts them.';
comment on column report_days.what is 'Of which the report counts: a trunk, a country (ISO 3166-1 alpha-2), a rule, a direction, or a direction and its T.38; empty: none, or not known.';
comment on column report_days.calls is 'Attempts; of report volume, faxes that arrived.';
comment on column report_days.successful is 'Attempts that brought pages across.';
comment on column report_days.seconds is 'From answer to end.';

insert into report_days
    select tenant_id, 'volume', day, direction,
           coalesce(sum(attempts) filter (where outcome in ('sent', 'received', 'partial')), 0), 0, sum(pages), 0, 0
    from before group by tenant_id, day, direction
    union all
    select b.tenant_id, k.report, b.day, k.what, sum(b.attempts),
           coalesce(sum(b.attempts) filter (where b.outcome in ('sent', 'incomplete')), 0), sum(b.pages),
           coalesce(sum(b.attempts) filter (where b.t38 = 'negotiated'), 0), sum(b.seconds)
    from before b cross join lateral (values ('trunks', b.trunk), ('destinations', b.country)) k (report, what)
    where b.direction = 'outbound' and b.outcome <> 'cancelled' group by b.tenant_id, k.report, b.day, k.what
    union all
    select tenant_id, 'failures', day, rule, sum(attempts), 0, 0, 0, 0 from before
    where direction = 'outbound' and outcome in ('not-sent', 'unknown') group by tenant_id, day, rule
    union all
    select tenant_id, 'transmission', day, direction || ' ' || t38, sum(attempts), 0, sum(pages), 0, sum(seconds) from before
    where trunk <> '(within)' and outcome in ('sent', 'incomplete', 'received', 'partial')
    group by tenant_id, day, direction, t38;

alter table report_days enable row level security;
alter table report_days force row level security;
create policy report_days_tenant on report_days using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select on report_days to faxplan_backup, faxplan_portal;
grant insert, delete on report_days to faxplan_portal;
