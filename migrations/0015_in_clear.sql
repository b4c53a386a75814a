-- What a trunk with encrypted media takes goes by no other unless a route says so: a trunk of theirs that could not take a call
-- was followed by whatever else the routes had.
alter table routes add column in_clear boolean not null default false;
comment on column routes.in_clear is
    'Its trunk, without encrypted media, may take what one with them takes that stands before it or beside it; else it is passed over.';

drop function lane_of(bigint, text);
drop function trunks_for(bigint, text);
drop function barred_prefix(bigint, text);
drop function matching_routes(bigint, text);

create function matching_routes(tenant bigint, called text)
    returns table (trunk_id bigint, prefix text, dedicated boolean, own boolean, usable boolean, overflow boolean, "position" integer,
                   weight integer, cost numeric, specific integer[], encrypted boolean, in_clear boolean)
    language sql stable
begin atomic
    select r.trunk_id, r.prefix, t.dedicated_to is not null, r.only_for is not null or t.dedicated_to is not null, coalesce(t.enabled, true),
           coalesce(t.overflow, true), r.position, r.weight, r.cost,
           array[length(r.prefix), length(translate(r.prefix, 'XZN', ''))],
           coalesce(t.encrypted_media, false), r.in_clear
    from routes r left join trunks t on t.id = r.trunk_id
    where r.enabled and (r.only_for is null or r.only_for = tenant) and (t.dedicated_to is null or t.dedicated_to = tenant)
      and case when r.prefix ~ '[XZN]'
               then called ~ ('^\' || replace(replace(replace(r.prefix, 'X', '[0-9]'), 'Z', '[1-9]'), 'N', '[2-9]'))
               else starts_with(called, r.prefix) end;
end;
comment on function matching_routes(bigint, text) is
    'The routes that a tenant has for an E.164 number. specific: the larger, the better it fits (more digits, then fewer wild ones).';

create function barred_prefix(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select case when m.trunk_id is null then m.prefix end from matching_routes(tenant, called) m
    order by m.specific desc, m.own desc, m.trunk_id is not null limit 1;
end;
comment on function barred_prefix(bigint, text) is 'The prefix by which a number is barred for a tenant; null: it is not.';

create function trunks_for(tenant bigint, called text)
    returns table (trunk_id bigint, stage integer, prefix text, "position" integer, weight integer, cost numeric)
    language sql stable
begin atomic
    with matching as materialized (
        select m.* from matching_routes(tenant, called) m
    ), bar as (
        select m.specific, m.own from matching m where m.trunk_id is null order by m.specific desc, m.own desc limit 1
    ), ranked as (
        select m.*, rank() over (partition by m.dedicated order by m.specific desc) as fit
        from matching m where m.trunk_id is not null
    ), best as (
        select r.*, bool_and(r.overflow) filter (where r.dedicated) over () as may_overflow from ranked r where r.fit = 1
    ), placed as (
        select b.*, case when b.dedicated then 1 when b.own then 2 else 3 end as stage from best b
        where (b.dedicated or coalesce(b.may_overflow, true))
          and not exists (select from bar where (bar.specific, bar.own) > (b.specific, b.own))
    )
    select p.trunk_id, p.stage, p.prefix, p.position, p.weight, p.cost
    from placed p
    where p.usable
      and (p.encrypted or p.in_clear
           or not exists (select from placed e where e.encrypted and (e.stage, e.position) <= (p.stage, p.position)))
    order by 2, 4, 5 desc, 1;
end;
comment on function trunks_for(bigint, text) is
    'The trunks that may take a call, in the order in which they are tried: by stage (the tenant''s dedicated ones, then those of its own '
    'routes, then the others), then by position; weight decides among equals. The dedicated ones are those of the longest prefix that leads '
    'to one, and the others those of the longest prefix that leads to any other. A bar holds for each route that fits the number less well, '
    'or as well and is for all where the bar is for the tenant. A trunk that is dedicated and does not overflow keeps its tenant''s calls to '
    'itself, also while it is disabled. What a trunk with encrypted media takes, or would if it were enabled, goes by none without them that '
    'stands after it or beside it, unless that route says in_clear.';

create function lane_of(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select v.version || ':' || case when is_did(called) then 'internal ' else '' end
           || coalesce((select string_agg(distinct t.stage || t.prefix || ':' || t.trunk_id, ' ') from trunks_for(tenant, called) t),
                       case when barred_prefix(tenant, called) is not null then 'barred'
                            when exists (select from matching_routes(tenant, called) m where m.trunk_id is not null) then 'off'
                            else '' end)
    from routing_version v;
end;
comment on function lane_of(bigint, text) is
    'What all numbers of a tenant have in common that the same trunks take; and the routing_version of which that was true. Numbers that '
    'are DIDs here have lanes of their own, internal; so have those that are barred, and those whose trunks are all off. Trunks are named one '
    'by one: which of a prefix''s there are may depend on other prefixes.';

drop trigger routing_changed on trunks;
create trigger routing_changed after update of enabled, dedicated_to, overflow, encrypted_media on trunks for each statement execute function routing_changed();

grant select (encrypted_media) on trunks to faxplan_worker;

-- Every lane is to be named anew.
update routing_version set version = version + 1;
