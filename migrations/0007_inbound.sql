-- Who may call a DID and what it can do; where trunks say who calls whom; what an INVITE said; delivery without a call.

alter table dids
    add column name text not null default '',
    add column max_calls integer,
    add column ecm boolean not null default true,
    add column t38 boolean not null default true,
    add column refusal text not null default 'decline',
    add constraint dids_name_form check (length(name) <= 100),
    add constraint dids_max_calls_range check (max_calls > 0),
    add constraint dids_refusal_known check (refusal in ('decline', 'busy'));
comment on column dids.name is 'What people call the number, for lists.';
comment on column dids.max_calls is 'Calls for it at once; null: no limit of its own. The next one is busy.';
comment on column dids.ecm is 'Whether its calls may use error correction (T.30, annex A). t38: likewise; off: G.711 audio only.';
comment on column dids.refusal is 'How a caller that is not let in is answered: decline (603) or busy (486).';

create table did_callers (
    tenant_id   bigint not null,
    number      text not null,
    caller      text not null,
    rule        text not null,
    created_at  timestamptz not null default now(),
    constraint did_callers_pkey primary key (tenant_id, number, caller),
    constraint did_callers_did_fkey foreign key (tenant_id, number) references dids (tenant_id, number) on delete cascade,
    constraint did_callers_caller_form check (caller = 'anonymous' or caller ~ '^\+([1-9][0-9]{0,14})?$'),
    constraint did_callers_rule_known check (rule in ('allow', 'block'))
);
comment on table did_callers is
    'Who may call a DID. The longest prefix that fits the caller decides. With any entry of rule allow, whom none fits is refused.';
comment on column did_callers.caller is 'How E.164 numbers begin; + alone: every number. anonymous: callers without one.';

create table did_refusals (
    tenant_id  bigint not null,
    number     text not null,
    reason     text not null,
    calls      bigint not null default 0,
    last_at    timestamptz not null default now(),
    constraint did_refusals_pkey primary key (tenant_id, number, reason),
    constraint did_refusals_did_fkey foreign key (tenant_id, number) references dids (tenant_id, number) on delete cascade,
    constraint did_refusals_reason_known check (reason in ('caller', 'did-full', 'tenant-full'))
);
comment on table did_refusals is 'How many calls for a DID were refused, since it is there, and why.';
comment on column did_refusals.reason is
    'caller: by did_callers. did-full, tenant-full: as many calls were going on as dids.max_calls, or tenants.max_calls, allows.';

alter table trunks
    add column called_from text[] not null default '{request}',
    add constraint trunks_called_from_known check (
        called_from <@ array['request', 'to', 'diversion', 'history-info'] and cardinality(called_from) between 1 and 4);
comment on column trunks.trusts_identity is
    'Whether what it says about callers is believed: P-Asserted-Identity, Remote-Party-ID, verstat, Identity, Diversion, History-Info.';
comment on column trunks.called_from is
    'Where its INVITEs say which number is called, in the order in which they are looked at. request stands for To where it is our own Contact.';

create function is_did(called text) returns boolean
    language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select exists (select from dids d where d.number = called);
end;
comment on function is_did(text) is
    'Whether an E.164 number is a DID of this installation. Definer: who queues a fax need not read whose DIDs there are.';

create or replace function lane_of(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select v.version || ':' || case when is_did(called) then 'internal ' else '' end
           || coalesce((select string_agg(distinct t.stage || t.prefix, ' ') from trunks_for(tenant, called) t), '')
    from routing_version v;
end;
comment on function lane_of(bigint, text) is
    'What all numbers of a tenant have in common that the same trunks take; and the routing_version of which that was true. Numbers that '
    'are DIDs here have lanes of their own, internal.';
create index fax_queue_internal_idx on fax_queue (priority, tenant_id, not_before) where strpos(lane, ':internal') > 0;

alter table attempts
    add column internal boolean not null default false,
    add column called_from text,
    add column invite_uri text,
    add column invite_to text,
    add column invite_from text,
    add column invite_asserted text,
    add column invite_diversion text,
    add column verstat text,
    add column attest text,
    add constraint attempts_called_from_known check (called_from in ('request', 'to', 'diversion', 'history-info')),
    add constraint attempts_verstat_known check (verstat ~ '^(TN-Validation-(Passed|Failed)(-[ABC])?|No-TN-Validation)$'),
    add constraint attempts_attest_known check (attest in ('A', 'B', 'C'));
comment on column attempts.internal is 'Delivered from tenant to tenant within this installation: there was no call, and no trunk.';
comment on column attempts.called_from is 'Inbound: where the INVITE said which number is called; see trunks.called_from.';
comment on column attempts.invite_uri is
    'Inbound: the Request-URI as the peer wrote it. invite_to, invite_from, invite_asserted (P-Asserted-Identity, or Remote-Party-ID) and '
    'invite_diversion (Diversion, or History-Info): those headers. At most 250 characters; not shown to people where the caller is anonymous.';
comment on column attempts.verstat is 'Whether the calling number is proven (3GPP TS 24.229, 7.2A.20): by FreeSWITCH, or says a trunk that is trusted.';
comment on column attempts.attest is 'How the caller''s provider vouches for the number (RFC 8588): A fully, B partly, C not.';

do $$
declare
    t text;
begin
    foreach t in array array['did_callers', 'did_refusals'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;
create policy dids_owner on dids for select to faxplan_owner using (true);

grant select on did_callers, did_refusals to faxplan_backup;
grant select (called_from) on trunks to faxplan_portal;
grant select, insert, update, delete on did_callers to faxplan_admin;
grant select on did_refusals to faxplan_admin;
grant select on did_callers, did_refusals to faxplan_portal;
grant select on did_callers to faxplan_switch;
grant select, insert, update on did_refusals to faxplan_switch;
