-- Trunks with limits, rest and a tenant of their own; routes with several trunks; lanes; failure rules; what is known of numbers.

create function claimed_tenants() returns bigint[]
    language sql stable parallel safe
    return string_to_array(nullif(current_setting('app.claim', true), ''), ',')::bigint[];
comment on function claimed_tenants() is 'The tenants whose calls this transaction of the switch opens, or null.';

alter table tenants
    add column max_calls integer,
    add column calls_per_hour integer,
    add column redial_limits text not null default 'none',
    add constraint tenants_max_calls_range check (max_calls > 0),
    add constraint tenants_calls_per_hour_range check (calls_per_hour > 0),
    add constraint tenants_redial_limits_known check (redial_limits in ('none', 'us'));
comment on column tenants.max_calls is 'Calls at once on all nodes, sent and received; null: no limit of its own.';
comment on column tenants.calls_per_hour is 'Calls that go out in one hour by the clock; null: no limit.';
comment on column tenants.redial_limits is
    'us: 47 CFR 68.318(b), an hour''s rest after the second call to a number without success, or the fifteenth if it was busy each time.';

create table sending_hours (
    tenant_id  bigint not null,
    id         bigint generated always as identity,
    priority   integer,
    weekday    integer not null,
    opens      time not null,
    closes     time not null,
    constraint sending_hours_pkey primary key (tenant_id, id),
    constraint sending_hours_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint sending_hours_priority_known check (priority in (10, 100, 1000)),
    constraint sending_hours_weekday_range check (weekday between 1 and 7),
    constraint sending_hours_order check (opens < closes)
);
comment on table sending_hours is
    'When a tenant''s faxes may be dialled, by the clock of its time zone. A priority without a row is dialled at any time.';
comment on column sending_hours.priority is 'As faxes.priority; null: every one.';
comment on column sending_hours.weekday is 'ISO 8601: 1 is Monday.';
comment on column sending_hours.closes is 'The first moment that is too late; 24:00 for the end of the day.';

alter table trunks
    add column max_calls integer,
    add column calls_per_second double precision,
    add column dedicated_to bigint,
    add column overflow boolean not null default true,
    add constraint trunks_max_calls_range check (max_calls > 0),
    add constraint trunks_calls_per_second_range check (calls_per_second > 0),
    add constraint trunks_dedicated_to_fkey foreign key (dedicated_to) references tenants (id);
comment on column trunks.max_calls is 'Calls at once on all nodes, both directions; null: no limit of its own.';
comment on column trunks.calls_per_second is 'New calls a second that go out, from all nodes together; null: no limit of its own.';
comment on column trunks.dedicated_to is 'The only tenant whose calls go out through it, before any other trunk; null: shared.';
comment on column trunks.overflow is 'Of a dedicated trunk: whether a call that it cannot take goes on to the shared ones.';

create table trunk_states (
    trunk_id        bigint not null,
    failures        integer not null default 0,
    rests_until     timestamptz not null default '-infinity',
    next_call_at    timestamptz not null default '-infinity',
    last_failure    text,
    last_failure_at timestamptz,
    last_success_at timestamptz,
    constraint trunk_states_pkey primary key (trunk_id),
    constraint trunk_states_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade
);
comment on table trunk_states is 'How a trunk has done lately, on all nodes. A trunk that was never used has no row.';
comment on column trunk_states.failures is 'Calls in a row that the trunk could not take.';
comment on column trunk_states.rests_until is 'Not used before then: it has failed too often in a row.';
comment on column trunk_states.next_call_at is 'When calls_per_second allows the next call (generic cell rate algorithm, ITU-T I.371).';

drop function route_for(bigint, text);
alter table routes
    add column weight integer not null default 1,
    add column cost numeric,
    drop constraint routes_prefix_form,
    add constraint routes_prefix_form check (prefix ~ '^\+[0-9XZN]{0,15}$'),
    add constraint routes_weight_range check (weight between 1 and 1000),
    add constraint routes_cost_range check (cost >= 0);
comment on table routes is
    'Which trunks take which numbers. The longest prefix that fits wins; its trunks are tried by position, those of one position by weight.';
comment on column routes.prefix is 'How numbers begin that it takes. X stands for any digit, Z for 1 to 9, N for 2 to 9.';
comment on column routes.trunk_id is 'Null: numbers with this prefix are barred, for every tenant that has no route of its own for it.';
comment on column routes.only_for is 'A tenant that has this route for itself; null: every tenant.';
comment on column routes.weight is 'Share of the calls among trunks of one position.';
comment on column routes.cost is 'What a minute costs, in the installation''s currency: for records only.';

create function matching_routes(tenant bigint, called text)
    returns table (trunk_id bigint, prefix text, dedicated boolean, own boolean, usable boolean, overflow boolean, "position" integer,
                   weight integer, cost numeric, specific integer[])
    language sql stable
begin atomic
    select r.trunk_id, r.prefix, t.dedicated_to is not null, r.only_for is not null or t.dedicated_to is not null, coalesce(t.enabled, true),
           coalesce(t.overflow, true), r.position, r.weight, r.cost,
           array[length(r.prefix), length(translate(r.prefix, 'XZN', ''))]
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
    with ranked as (
        select m.*, rank() over (partition by m.dedicated order by m.specific desc) as fit
        from matching_routes(tenant, called) m where m.trunk_id is not null
    ), best as (
        select r.*, bool_and(r.overflow) filter (where r.dedicated) over () as may_overflow from ranked r where r.fit = 1
    )
    select b.trunk_id, case when b.dedicated then 1 when b.own then 2 else 3 end, b.prefix, b.position, b.weight, b.cost
    from best b
    where b.usable and (b.dedicated or coalesce(b.may_overflow, true)) and barred_prefix(tenant, called) is null
    order by 2, 4, 5 desc, 1;
end;
comment on function trunks_for(bigint, text) is
    'The trunks that may take a call, in the order in which they are tried: by stage (the tenant''s dedicated ones, then those of its own '
    'routes, then the others), then by position; weight decides among equals. Each stage has the longest prefix. A trunk that is dedicated '
    'and does not overflow keeps its tenant''s calls to itself, also while it is disabled.';

create table routing_version (
    version  bigint not null,
    constraint routing_version_pkey primary key (version)
);
comment on table routing_version is 'One row: how often routes, or what they mean, have changed.';
insert into routing_version (version) values (1);

create function routing_changed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public
as $$
begin
    update routing_version set version = version + 1;
    return null;
end $$;
comment on function routing_changed() is 'Makes every lane out of date. Definer: no role may write routing_version itself.';
create trigger routing_changed after insert or update or delete on routes for each statement execute function routing_changed();
create trigger routing_changed after update of enabled, dedicated_to, overflow on trunks for each statement execute function routing_changed();

create function lane_of(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select v.version || ':' || coalesce((select string_agg(distinct t.stage || t.prefix, ' ') from trunks_for(tenant, called) t), '')
    from routing_version v;
end;
comment on function lane_of(bigint, text) is
    'What all numbers of a tenant have in common that the same trunks take; and the routing_version of which that was true.';

alter table renderings
    drop constraint renderings_resolution_known,
    add constraint renderings_resolution_known check (resolution in ('standard', 'fine', 'superfine', 'fine-a4'));

alter table faxes
    add column send_at timestamptz,
    add column t38_off boolean not null default false,
    add column v17_off boolean not null default false,
    add column ecm_off boolean not null default false,
    add column rendered_again boolean not null default false,
    add column waits_since timestamptz,
    add column redialled integer not null default 0,
    add column redialled_busy boolean not null default true,
    add constraint faxes_priority_known check (priority in (10, 100, 1000));
comment on column faxes.priority is '10: urgent, 100: normal, 1000: bulk. No fax is dialled while a more urgent one of any tenant could be.';
comment on column faxes.send_at is 'Not dialled before; null: at once.';
comment on column faxes.t38_off is 'This fax''s next call goes without T.38, because earlier ones failed with it. v17_off, ecm_off: likewise.';
comment on column faxes.rendered_again is 'Its pages were made anew, as A4, because a far machine did not take them.';
comment on column faxes.waits_since is 'Since then no trunk could take it; null: the last call reached its number, or there was none.';
comment on column faxes.redialled is 'Calls in a row that reached the number without success, since the last rest that 47 CFR 68.318(b) asks for.';
comment on column faxes.redialled_busy is 'Whether each of these found the line busy.';

-- What is queued gets its lane from a claim: no routing_version is 0.
alter table fax_queue
    add column lane text not null default '0:',
    add column tried bigint[] not null default '{}',
    set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.2);
alter table fax_queue alter column lane drop default;
drop index fax_queue_due_idx;
drop index fax_queue_not_before_idx;
create index fax_queue_lane_idx on fax_queue (priority, tenant_id, lane, not_before);
comment on column fax_queue.lane is
    'lane_of when it was queued: a claim passes over a whole lane whose trunks are full. One that is out of date is mended by the claim.';
comment on column fax_queue.tried is 'Trunks that could not take this call just before: it goes to another one.';

create table tenant_turns (
    tenant_id   bigint not null,
    served_at   timestamptz not null,
    hour        timestamptz not null,
    calls       integer not null,
    constraint tenant_turns_pkey primary key (tenant_id),
    constraint tenant_turns_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table tenant_turns is 'When a tenant was last given a call, so that tenants take turns; and its calls in that hour by the clock.';

alter table attempts
    add column rule text,
    add column route_prefix text,
    add column t38_offered boolean,
    add column ecm_offered boolean,
    add column v17_offered boolean;
comment on column attempts.rule is 'The line of the failure policy that decided what followed.';
comment on column attempts.route_prefix is 'The route that led to the trunk.';
comment on column attempts.t38_offered is 'Whether this call could use T.38; ecm_offered, v17_offered: likewise.';

create table failure_rules (
    id           bigint generated always as identity,
    only_for     bigint,
    trunk_id     bigint,
    condition    text not null,
    action       text not null,
    delay        integer,
    times        integer,
    constraint failure_rules_pkey primary key (id),
    constraint failure_rules_only_for_fkey foreign key (only_for) references tenants (id),
    constraint failure_rules_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade,
    constraint failure_rules_entry_key unique nulls not distinct (only_for, trunk_id, condition),
    constraint failure_rules_condition_form check (condition ~ '^(fax:[0-9]{1,2}|sip:[3-6][0-9]{2}|cause:[A-Za-z_-]{1,60})$'),
    constraint failure_rules_action_known check (action in ('retry', 'next-trunk', 'final')),
    constraint failure_rules_delay_range check (delay between 0 and 86400),
    constraint failure_rules_times_range check (times between 0 and 100)
);
comment on table failure_rules is 'What an administrator decided otherwise than faxplan/failure_rules.py does. docs/failures.md explains both.';
comment on column failure_rules.only_for is 'Of this tenant''s calls only; null: of all.';
comment on column failure_rules.trunk_id is 'Of calls through this trunk only; null: through any.';
comment on column failure_rules.delay is 'Seconds before the next call; null: as the shipped rule.';
comment on column failure_rules.times is 'How often it may lead to another call of one fax; null: as the shipped rule.';

create table destinations (
    tenant_id     bigint not null,
    number        text not null,
    t38_off       boolean not null default false,
    v17_off       boolean not null default false,
    ecm_off       boolean not null default false,
    t38_failures  integer not null default 0,
    entered_by    text not null,
    why           text not null default '',
    updated_at    timestamptz not null default now(),
    expires_at    timestamptz,
    constraint destinations_pkey primary key (tenant_id, number),
    constraint destinations_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint destinations_number_form check (number ~ '^\+[1-9][0-9]{2,14}$')
);
comment on table destinations is 'What a tenant''s calls have taught about a number, or what somebody entered. What has expired counts for nothing.';
comment on column destinations.t38_failures is 'Calls in a row that failed in T.38; the second switches it off.';
comment on column destinations.entered_by is 'learned, or who entered it.';
comment on column destinations.expires_at is 'Null: never.';

alter table calls add column tried bigint[] not null default '{}';
create index calls_destination_idx on calls (destination);
comment on column calls.tried is 'Trunks that could not take it just before.';

do $$
declare
    t text;
begin
    foreach t in array array['sending_hours', 'tenant_turns', 'destinations'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;
create policy sending_hours_claim on sending_hours for select to faxplan_switch using (true);
-- A claim opens the calls of several tenants in one statement, and names them: app.claim.
do $$
declare
    t text;
begin
    foreach t in array array['faxes', 'attempts', 'renderings', 'documents', 'destinations'] loop
        execute format('create policy %I on %I to faxplan_switch using (tenant_id = any ((select claimed_tenants())::bigint[])) '
                       'with check (tenant_id = any ((select claimed_tenants())::bigint[]))', t || '_claim', t);
    end loop;
end $$;
create policy tenant_turns_claim on tenant_turns for all to faxplan_switch using (true) with check (true);

grant select on sending_hours, trunk_states, tenant_turns, failure_rules, destinations, routing_version to faxplan_backup;
grant select on routing_version to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_worker;
grant select on all sequences in schema public to faxplan_backup;
grant select, insert, update, delete on failure_rules, sending_hours to faxplan_admin;
grant select, delete on trunk_states to faxplan_admin;
grant select (max_calls, calls_per_second, dedicated_to, overflow) on trunks to faxplan_portal;
grant select on failure_rules, sending_hours, trunk_states to faxplan_portal;
grant select, insert, update, delete on destinations to faxplan_portal;
grant insert on renderings, render_jobs to faxplan_switch;
grant select on sending_hours, failure_rules to faxplan_switch;
grant select, insert, update on trunk_states, tenant_turns, destinations to faxplan_switch;
grant delete on destinations to faxplan_switch;
grant select on routes to faxplan_worker;
grant select (id, dedicated_to, overflow, enabled) on trunks to faxplan_worker;
