-- What a user has handed in and looks at before it is sent.

create table drafts (
    tenant_id     bigint not null,
    id            bigint generated always as identity,
    user_id       bigint not null,
    rendering_id  bigint not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz not null,
    closed        boolean not null default false,
    constraint drafts_pkey primary key (tenant_id, id),
    constraint drafts_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint drafts_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id)
);
create index drafts_user_idx on drafts (tenant_id, user_id, id);
create index drafts_rendering_idx on drafts (tenant_id, rendering_id);
create index drafts_expires_at_idx on drafts (expires_at) where not closed;
comment on table drafts is
    'Documents that a user has handed in and not sent yet: one goes as soon as it is sent, and its faxes have the document from then on.';
comment on column drafts.rendering_id is 'What is shown, and is sent.';
comment on column drafts.expires_at is 'From then on nobody sees it or sends it, and purge destroys its document.';
comment on column drafts.closed is 'It has expired, and no machine opens it any more.';

alter table drafts enable row level security;
alter table drafts force row level security;
create policy drafts_tenant on drafts
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
create policy drafts_watch on drafts to faxplan_worker using (true) with check (true);

grant select on drafts to faxplan_backup;
grant select on drafts_id_seq to faxplan_backup;
grant select, insert, delete, update (rendering_id, expires_at, closed) on drafts to faxplan_portal;
grant select, update (closed) on drafts to faxplan_worker;
grant select, delete on drafts to faxplan_purge;
