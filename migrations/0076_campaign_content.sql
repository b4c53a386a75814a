-- Campaigns: a cover page with fields of each recipient, and faxes to try it out.

alter table documents drop constraint documents_kind_known;
alter table documents add constraint documents_kind_known check (
    kind in ('original', 'rendering', 'received-tiff', 'received-pdf', 'page-images', 'thumbnail', 'cover', 'cover-pages', 'campaign-cover'));
comment on column documents.kind is
    'page-images: a ZIP with a PNG a page, for the screen. thumbnail: the first page, small. Both of what the rendering, the cover''s pages or the TIFF '
    'holds. cover: what a cover page says. cover-pages: that drawn, as fax TIFF; its pages stand there once for each resolution at which they may go. '
    'campaign-cover: what the covers of a campaign say, with fields.';
create index documents_campaign_cover_idx on documents (tenant_id, id) where kind = 'campaign-cover';

alter table campaigns
    add column cover_id     bigint,
    add column cover_fields text[] not null default '{}',
    add constraint campaigns_cover_fkey foreign key (tenant_id, cover_id) references documents (tenant_id, id);
-- Purge takes the pages of a campaign that is over, once no fax has them any more.
alter table campaigns
    alter column rendering_id drop not null,
    drop constraint campaigns_rendering_fkey,
    add constraint campaigns_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id) on delete set null (rendering_id),
    add constraint campaigns_has_pages check (rendering_id is not null or ended_at is not null);
create index campaigns_cover_idx on campaigns (tenant_id, cover_id) where cover_id is not null;
comment on column campaigns.cover_id is 'What the covers of its faxes say, sealed; null: they have none. Purge destroys one that no campaign has any more.';
comment on column campaigns.cover_fields is 'Fields of recipients that its cover has.';
grant select (tenant_id, cover_id, rendering_id), update (rendering_id) on campaigns to faxplan_purge;
grant select (kind) on documents to faxplan_purge;

alter table campaign_recipients drop constraint campaign_recipients_why_known;
alter table campaign_recipients add constraint campaign_recipients_why_known check (
    why in ('invalid-number', 'duplicate', 'do-not-fax', 'number-barred', 'cover-failed'));

create table campaign_tests (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    campaign_id  bigint not null,
    user_id      bigint not null,
    number       text not null,
    recipient_id bigint,
    asked_at     timestamptz not null default now(),
    done_at      timestamptz,
    fax_id       bigint,
    why          text not null default '',
    constraint campaign_tests_pkey primary key (tenant_id, id),
    constraint campaign_tests_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade,
    constraint campaign_tests_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint campaign_tests_recipient_fkey foreign key (tenant_id, campaign_id, recipient_id)
        references campaign_recipients (tenant_id, campaign_id, id) on delete set null (recipient_id),
    constraint campaign_tests_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete set null (fax_id)
);
create index campaign_tests_campaign_idx on campaign_tests (tenant_id, campaign_id, id);
create index campaign_tests_fax_idx on campaign_tests (tenant_id, fax_id) where fax_id is not null;
create index campaign_tests_due_idx on campaign_tests (tenant_id, id) where done_at is null;
comment on table campaign_tests is 'A fax of a campaign as a recipient would get it, to a number of its user''s own: a worker sends it, as only machines open the campaign''s cover.';
comment on column campaign_tests.recipient_id is 'Whose fields it has; null: the first one''s.';
comment on column campaign_tests.why is 'Why there is no fax, once it is done.';

alter table campaign_tests enable row level security;
alter table campaign_tests force row level security;
create policy campaign_tests_tenant on campaign_tests using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
create policy campaign_tests_due on campaign_tests for select to faxplan_worker using (done_at is null);

grant select on campaign_tests, campaign_tests_id_seq to faxplan_backup;
grant select, insert, update, delete on campaign_tests to faxplan_portal;
grant select (tenant_id, id, campaign_id, done_at) on campaign_tests to faxplan_worker;
grant select (tenant_id, fax_id), update (fax_id) on campaign_tests to faxplan_purge;
