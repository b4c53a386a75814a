-- A file of a campaign's recipients is looked at before it is added, and nothing of it is handed in twice.

create table campaign_uploads (
    tenant_id    bigint not null,
    campaign_id  bigint not null,
    file_name    text not null,
    content      bytea not null,
    brought_at   timestamptz not null default now(),
    constraint campaign_uploads_pkey primary key (tenant_id, campaign_id),
    constraint campaign_uploads_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade
);
comment on table campaign_uploads is 'Files of recipients that are looked at before they are added. A row goes then, with the next file, or after a day.';

alter table campaign_uploads enable row level security;
alter table campaign_uploads force row level security;
create policy campaign_uploads_tenant on campaign_uploads
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select on campaign_uploads to faxplan_backup;
grant select, insert, delete on campaign_uploads to faxplan_portal;
