-- What an organisation's cover pages say.

create table cover_templates (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    name        text not null,
    body        text not null,
    footer      text not null default '',
    is_default  boolean not null default false,
    changed_at  timestamptz not null default now(),
    constraint cover_templates_pkey primary key (tenant_id, id),
    constraint cover_templates_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint cover_templates_name_key unique (tenant_id, name),
    constraint cover_templates_name_form check (length(name) between 1 and 80 and name !~ '[[:cntrl:]]'),
    constraint cover_templates_body_length check (length(body) between 1 and 4000),
    constraint cover_templates_footer_length check (length(footer) <= 600)
);
create unique index cover_templates_default_idx on cover_templates (tenant_id) where is_default;
comment on table cover_templates is 'What an organisation''s cover pages say, beside the plain one that each has. Faxes keep what they were sent with.';
comment on column cover_templates.body is 'What stands below the fields, in the words of cover_words.py.';
comment on column cover_templates.footer is 'What stands at the foot of each page, likewise.';
comment on column cover_templates.is_default is 'Chosen unless its sender chooses another, or none.';

alter table cover_templates enable row level security;
alter table cover_templates force row level security;
create policy cover_templates_tenant on cover_templates using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));

grant select on cover_templates to faxplan_backup, faxplan_admin, faxplan_portal;
grant select on cover_templates_id_seq to faxplan_backup;
grant insert, delete, update (name, body, footer, is_default, changed_at) on cover_templates to faxplan_admin;
