-- Numbers that are nobody's, to which faxes end as they are asked to, without a trunk.

alter table tenants add column sandbox_numbers boolean not null default true;
comment on column tenants.sandbox_numbers is 'Whether faxes to sandbox numbers are taken, and end as each of these says; else they are refused.';

create function is_sandbox(called text) returns boolean
    language sql immutable parallel safe
    return starts_with(called, '+1555555010');
comment on function is_sandbox(text) is 'Whether an E.164 number is one of the ten that no trunk is ever given (sandbox_numbers.py).';

create or replace function lane_of(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select v.version || ':' || case when is_sandbox(called) then 'sandbox' else
           case when is_did(called) then 'internal ' else '' end
           || coalesce((select string_agg(distinct t.stage || t.prefix || ':' || t.trunk_id, ' ') from trunks_for(tenant, called) t),
                       case when barred_prefix(tenant, called) is not null then 'barred'
                            when exists (select from matching_routes(tenant, called) m where m.trunk_id is not null) then 'off'
                            else '' end) end
    from routing_version v;
end;
comment on function lane_of(bigint, text) is
    'What all numbers of a tenant have in common that the same trunks take; and the routing_version of which that was true. Numbers that '
    'are DIDs here have lanes of their own, internal; so have sandbox numbers, those that are barred, and those whose trunks are all off. Trunks are named one '
    'by one: which of a prefix''s there are may depend on other prefixes.';
update routing_version set version = version + 1;

create index fax_queue_sandbox_idx on fax_queue (priority, tenant_id, not_before) where strpos(lane, ':sandbox') > 0;
comment on column faxes.is_test is
    'It tests a trunk: one call, and no second one whatever came of it. Or it goes to a sandbox number, and is followed up as any fax is. Neither is in reports.';
