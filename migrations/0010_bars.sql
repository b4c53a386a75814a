-- A bar holds against each route by itself: a dedicated trunk's route lifted it for the shared trunks too. Numbers that are
-- barred have a lane of their own, and end; those without a route shared theirs, and waited with them.
create or replace function trunks_for(tenant bigint, called text)
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
    )
    select b.trunk_id, case when b.dedicated then 1 when b.own then 2 else 3 end, b.prefix, b.position, b.weight, b.cost
    from best b
    where b.usable and (b.dedicated or coalesce(b.may_overflow, true))
      and not exists (select from bar where (bar.specific, bar.own) > (b.specific, b.own))
    order by 2, 4, 5 desc, 1;
end;
comment on function trunks_for(bigint, text) is
    'The trunks that may take a call, in the order in which they are tried: by stage (the tenant''s dedicated ones, then those of its own '
    'routes, then the others), then by position; weight decides among equals. The dedicated ones are those of the longest prefix that leads '
    'to one, and the others those of the longest prefix that leads to any other. A bar holds for each route that fits the number less well, '
    'or as well and is for all where the bar is for the tenant. A trunk that is dedicated and does not overflow keeps its tenant''s calls to '
    'itself, also while it is disabled.';

create or replace function lane_of(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select v.version || ':' || case when is_did(called) then 'internal ' else '' end
           || coalesce((select string_agg(distinct t.stage || t.prefix, ' ') from trunks_for(tenant, called) t),
                       case when barred_prefix(tenant, called) is not null then 'barred'
                            when exists (select from matching_routes(tenant, called) m where m.trunk_id is not null) then 'off'
                            else '' end)
    from routing_version v;
end;
comment on function lane_of(bigint, text) is
    'What all numbers of a tenant have in common that the same trunks take; and the routing_version of which that was true. Numbers that '
    'are DIDs here have lanes of their own, internal; so have those that are barred, and those whose trunks are all off.';

-- Every lane is to be named anew.
update routing_version set version = version + 1;
