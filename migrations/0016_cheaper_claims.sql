-- A claim costs less: one index less is written for each call, of random keys, in a table that only grows. Whoever has the UUID of a
-- channel has a call in flight, and calls has its own.
alter table attempts drop constraint attempts_channel_uuid_key;

-- A claim computes every waiting tenant's local time.
do $$
declare
    unknown text;
begin
    select string_agg(format('%s (%s)', t.slug, t.time_zone), ', ' order by t.slug) into unknown from tenants t
        where t.time_zone not in (select name from pg_timezone_names);
    if unknown is not null then
        raise exception 'PostgreSQL does not know the time zones of these tenants: %. Give each another, as '
            '`faxplan tenant set TENANT --time-zone Europe/Berlin`, then migrate again', unknown;
    end if;
end $$;
alter table tenants add constraint tenants_time_zone_known check (timezone(time_zone, timestamptz 'epoch') is not null);
