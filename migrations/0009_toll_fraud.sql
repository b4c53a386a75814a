-- Which numbers a tenant may call, pages an hour, digits after the answer, and refused attempts found again.

alter table tenants
    add column pages_per_hour integer,
    add column permitted_kinds text[] not null default '{}',
    add column allowed_numbers text[] not null default '{}',
    add column blocked_numbers text[] not null default '{}',
    add constraint tenants_pages_per_hour_range check (pages_per_hour > 0),
    add constraint tenants_permitted_kinds_known check (permitted_kinds <@ array['premium-rate', 'shared-cost', 'personal', 'satellite']),
    add constraint tenants_number_lists_form check (
        array_to_string(allowed_numbers || blocked_numbers, ' ', '') ~ '^((\+([1-9][0-9]{0,14})?|[A-Z]{2})( (?!$)|$))*$'),
    add constraint tenants_number_lists_size check (cardinality(allowed_numbers) + cardinality(blocked_numbers) <= 1000);
comment on column tenants.pages_per_hour is
    'Pages of the calls that go out in one hour by the clock; null: no limit. What a call did not send is given back.';
comment on column tenants.permitted_kinds is 'Kinds of numbers that cost more than a call (number_policy) and may be called all the same.';
comment on column tenants.allowed_numbers is
    'How E.164 numbers begin that may be called (+ alone: all), or countries (ISO 3166-1 alpha-2). Empty: all.';
comment on column tenants.blocked_numbers is 'Numbers that may not be called, likewise. What fits a number best, in either list, decides.';

alter table faxes
    add column post_dial text not null default '',
    add constraint faxes_post_dial_form check (post_dial ~ '^[0-9*#A-Dwp]{0,40}$');
comment on column faxes.post_dial is
    'DTMF digits that each call sends after the answer, before the fax; w, p: a pause of 0.5 s, of 2 s. No part of the number.';

alter table fax_queue add column pages integer not null default 1;
comment on column fax_queue.pages is 'How many the next call has to send.';
-- Row-level security is forced on the owner too: tenant by tenant.
do $$
declare
    t bigint;
    waiting bigint;
    changed bigint;
begin
    for t in select id from tenants order by id loop
        perform set_config('app.tenant', t::text, true);
        select count(*) into waiting from fax_queue q where q.tenant_id = t;
        update fax_queue q set pages = greatest(coalesce(f.pages, 1) - f.pages_done, 1)
        from faxes f where q.tenant_id = t and f.tenant_id = q.tenant_id and f.id = q.fax_id;
        get diagnostics changed = row_count;
        if changed <> waiting then
            raise exception 'tenant %: % of % queued faxes changed', t, changed, waiting;
        end if;
    end loop;
    perform set_config('app.tenant', '', true);
end $$;

alter table tenant_turns add column pages integer not null default 0;
comment on column tenant_turns.pages is 'Pages of the calls in that hour: all that they were to send, less what they did not.';

create index audit_refused_idx on audit (tenant_id, sequence) where result = 'refused';

-- What is left of an hour, for people.
grant select on tenant_turns to faxplan_admin;
