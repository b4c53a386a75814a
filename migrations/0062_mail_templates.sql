-- What mails about faxes say, in a tenant's own words.

create table mail_templates (
    tenant_id   bigint not null,
    kind        text not null,
    language    text not null,
    subject     text not null,
    body        text not null,
    changed_at  timestamptz not null default now(),
    constraint mail_templates_pkey primary key (tenant_id, kind, language),
    constraint mail_templates_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint mail_templates_kind_known check (kind in ('received', 'sent', 'failed')),
    constraint mail_templates_language_form check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(language) <= 35),
    constraint mail_templates_lengths check (length(subject) between 1 and 200 and subject !~ '[[:cntrl:]]' and length(body) between 1 and 4000)
);
comment on table mail_templates is 'What mails about faxes say in a tenant''s own words, by what they tell of and in which language. No row: as shipped.';

do $$
begin
    alter table mail_templates enable row level security;
    alter table mail_templates force row level security;
    create policy mail_templates_tenant on mail_templates using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
end $$;

grant select on mail_templates to faxplan_backup, faxplan_admin, faxplan_worker;
grant insert, update, delete on mail_templates to faxplan_admin;
