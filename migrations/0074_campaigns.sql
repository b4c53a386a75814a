-- Campaigns: one document to many numbers, let go bit by bit.

alter table drafts add column kept boolean not null default false;
comment on column drafts.kept is 'A campaign has it: it does not expire, and stands in no list of drafts.';
grant update (kept) on drafts to faxplan_portal;
grant select (tenant_id, rendering_id, closed) on drafts to faxplan_switch;

create table campaigns (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    user_id      bigint not null,
    name         text not null,
    state        text not null default 'draft',
    draft_id     bigint,
    rendering_id bigint not null,
    calling      text,
    billing_code text not null default '',
    per_minute   integer not null default 30,
    at_once      integer not null default 10,
    opens        text not null default '00:00',
    closes       text not null default '24:00',
    weekdays     integer[] not null default '{1,2,3,4,5,6,7}',
    start_at     timestamptz,
    paced_from   timestamptz,
    paced        bigint not null default 0,
    why          text not null default '',
    created_at   timestamptz not null default now(),
    started_at   timestamptz,
    ended_at     timestamptz,
    constraint campaigns_pkey primary key (tenant_id, id),
    constraint campaigns_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint campaigns_draft_fkey foreign key (tenant_id, draft_id) references drafts (tenant_id, id) on delete set null (draft_id),
    constraint campaigns_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id),
    constraint campaigns_name_form check (length(name) between 1 and 80 and name !~ '[[:cntrl:]]'),
    constraint campaigns_state_known check (state in ('draft', 'running', 'paused', 'cancelled', 'finished')),
    constraint campaigns_ended check ((ended_at is not null) = (state in ('cancelled', 'finished'))),
    constraint campaigns_pace_range check (per_minute between 1 and 6000 and at_once between 1 and 1000),
    constraint campaigns_hours_form check (opens ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' and closes ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' and opens < closes),
    constraint campaigns_weekdays_form check (cardinality(weekdays) between 1 and 7 and weekdays <@ array[1, 2, 3, 4, 5, 6, 7])
);
create index campaigns_user_idx on campaigns (tenant_id, user_id, id);
create index campaigns_draft_idx on campaigns (tenant_id, draft_id);
create index campaigns_rendering_idx on campaigns (tenant_id, rendering_id);
create index campaigns_running_idx on campaigns (tenant_id, id) where state = 'running';
comment on table campaigns is 'A document that goes to many numbers: each recipient becomes a fax when its turn comes.';
comment on column campaigns.draft_id is 'Keeps the document, for the machines that send as well, until the campaign has ended.';
comment on column campaigns.paced_from is 'Since when `paced` faxes were let go, at per_minute.';
comment on column campaigns.why is 'Why it is paused, if nobody has paused it.';

create table campaign_files (
    tenant_id    bigint not null,
    campaign_id  bigint not null,
    content      bytea not null,
    reading      text not null,
    lines        integer not null,
    lines_read   integer not null default 0,
    wrong        text not null default '',
    brought_at   timestamptz not null default now(),
    constraint campaign_files_pkey primary key (tenant_id, campaign_id),
    constraint campaign_files_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade
);
comment on table campaign_files is 'A file of recipients that is being read: so many lines are done. It goes when all are.';
comment on column campaign_files.reading is 'How it is to be read, as JSON (contact_files.Reading).';

create table campaign_recipients (
    tenant_id    bigint not null,
    campaign_id  bigint not null,
    id           bigint generated always as identity,
    line         integer not null,
    written      text not null,
    number       text,
    name         text not null default '',
    fields       jsonb not null default '{}',
    state        text not null default 'waiting',
    why          text,
    fax_id       bigint,
    constraint campaign_recipients_pkey primary key (tenant_id, campaign_id, id),
    constraint campaign_recipients_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade,
    constraint campaign_recipients_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete set null (fax_id),
    constraint campaign_recipients_state_known check (state in ('waiting', 'released', 'sent', 'failed', 'cancelled', 'left-out')),
    constraint campaign_recipients_why check ((state = 'left-out') = (why is not null)),
    constraint campaign_recipients_why_known check (why in ('invalid-number', 'duplicate', 'do-not-fax', 'number-barred')),
    constraint campaign_recipients_number_form check (number ~ '^\+[1-9][0-9]{2,14}$'),
    constraint campaign_recipients_has_number check (number is not null or state = 'left-out')
);
create unique index campaign_recipients_number_idx on campaign_recipients (tenant_id, campaign_id, number) where state <> 'left-out';
create index campaign_recipients_waiting_idx on campaign_recipients (tenant_id, campaign_id, id) where state = 'waiting';
create index campaign_recipients_released_idx on campaign_recipients (tenant_id, campaign_id, id) where state = 'released';
create index campaign_recipients_fax_idx on campaign_recipients (tenant_id, fax_id) where fax_id is not null;
comment on table campaign_recipients is 'Whom a campaign goes to, a row for each line of its files: also those who get nothing, and why.';

do $$
declare
    t text;
begin
    foreach t in array array['campaigns', 'campaign_files', 'campaign_recipients'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;
create policy campaigns_due on campaigns for select to faxplan_worker using (state in ('running', 'cancelled'));
create policy campaign_files_due on campaign_files for select to faxplan_worker using (true);
create policy campaign_recipients_due on campaign_recipients for select to faxplan_worker using (state = 'released');

grant select on campaigns, campaign_files, campaign_recipients to faxplan_backup;
grant select on campaigns_id_seq, campaign_recipients_id_seq to faxplan_backup;
grant select, insert, update, delete on campaigns, campaign_files, campaign_recipients to faxplan_portal;
grant select (tenant_id, id, state, ended_at) on campaigns to faxplan_worker;
grant select (tenant_id, campaign_id) on campaign_files to faxplan_worker;
grant select (tenant_id, campaign_id, state) on campaign_recipients to faxplan_worker;
grant select (tenant_id, campaign_id, fax_id), update (fax_id) on campaign_recipients to faxplan_purge;
