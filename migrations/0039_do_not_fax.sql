-- Numbers that do not want faxes of a tenant, by its own word: none is accepted to them.

create table do_not_fax (
    tenant_id  bigint not null,
    number     text not null,
    reason     text not null default '',
    added_by   text not null,
    added_at   timestamptz not null default now(),
    constraint do_not_fax_pkey primary key (tenant_id, number),
    constraint do_not_fax_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint do_not_fax_number_form check (number ~ '^\+[1-9][0-9]{6,14}$'),
    constraint do_not_fax_reason_form check (length(reason) <= 200)
);
comment on table do_not_fax is 'Numbers, E.164, to which a tenant''s users send nothing: outbound refuses them.';
comment on column do_not_fax.added_by is 'As audit.actor.';

alter table do_not_fax enable row level security;
alter table do_not_fax force row level security;
create policy do_not_fax_tenant on do_not_fax using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));

grant select on do_not_fax to faxplan_backup;
grant select, insert, delete on do_not_fax to faxplan_admin;
grant select, insert on do_not_fax to faxplan_portal;
