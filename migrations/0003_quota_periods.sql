-- Quotas begin a new period by themselves, in the tenant's time zone. What they counted so far stays: it was counted since
-- period_start, and is of no account as soon as that is in an earlier period. No row is changed here.

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

alter table quotas alter column period_start drop default;

comment on column quotas.used_pages is
    'In the period that began on period_start. Once that is over they count no more, whether a later change has begun the next period here or not.';
comment on column quotas.reserved_pages is 'Held for faxes that are not final, in whatever period they were submitted.';
comment on column quotas.period_start is 'A day in tenants.time_zone. Never goes back.';
comment on column tenants.time_zone is 'IANA name, known to PostgreSQL too; header lines use it, and days and months of quotas.';
