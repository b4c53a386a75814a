-- The hours of a day stand in one row: a year of a busy tenant is read as fast as one of a quiet one.

create temporary table hours_before (tenant_id bigint, day date, hour integer, direction text, attempts integer) on commit drop;
do $$
declare
    tenant bigint;
begin
    for tenant in select id from tenants order by id loop
        perform set_config('app.tenant', tenant::text, true);
        insert into hours_before select tenant_id, day, hour, direction, attempts from report_hours where tenant_id = tenant;
        delete from report_hours where tenant_id = tenant;
    end loop;
end $$;

-- Its primary key goes with it.
alter table report_hours drop column hour;
alter table report_hours alter column attempts type integer[] using array[attempts];
alter table report_hours
    add constraint report_hours_pkey primary key (tenant_id, day, direction),
    add constraint report_hours_of_a_day check (cardinality(attempts) = 24 and array_position(attempts, null) is null);
comment on table report_hours is 'The same attempts, by the hour of the day in which they began, of which the first is from midnight on.';

do $$
declare
    tenant bigint;
begin
    for tenant in select id from tenants order by id loop
        perform set_config('app.tenant', tenant::text, true);
        insert into report_hours (tenant_id, day, direction, attempts)
        select tenant, d.day, d.direction, array(
            select coalesce((select b.attempts from hours_before b
                             where b.tenant_id = tenant and b.day = d.day and b.direction = d.direction and b.hour = h), 0)
            from generate_series(0, 23) h order by h)
        from (select distinct day, direction from hours_before where tenant_id = tenant) d;
    end loop;
    perform set_config('app.tenant', '', true);
end $$;
