-- An organisation's pages look and are called as it says, and may be on a host name of its own.

create table brands (
    tenant_id    bigint not null,
    name         text not null default '',
    colour       text not null default '',
    support      text not null default '',
    legal        text not null default '',
    mail_sender  text not null default '',
    logo         bytea,
    icon         bytea,
    changed_at   timestamptz not null default now(),
    constraint brands_pkey primary key (tenant_id),
    constraint brands_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint brands_name_form check (length(name) <= 80 and name !~ '[[:cntrl:]]'),
    constraint brands_colour_form check (colour ~ '^(#[0-9a-f]{6})?$'),
    constraint brands_support_form check (length(support) <= 200 and support !~ '[[:cntrl:]]'),
    constraint brands_legal_form check (length(legal) <= 4000),
    constraint brands_mail_sender_form check (mail_sender ~ '^([^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+)?$' and length(mail_sender) <= 254),
    constraint brands_picture_sizes check (length(logo) <= 65536 and length(icon) <= 65536)
);
comment on table brands is 'How a tenant''s pages and mails look, and what they are called. No row: as shipped, with the tenant''s name.';
comment on column brands.colour is 'As #rrggbb: pages compute shades of it that are legible. Empty: as shipped.';
comment on column brands.support is 'Whom its people ask: an address, a telephone number or a sentence.';
comment on column brands.logo is 'PNG; as icon.';

create table brand_hosts (
    tenant_id     bigint not null,
    host          text not null,
    confirmed_at  timestamptz,
    created_at    timestamptz not null default now(),
    constraint brand_hosts_pkey primary key (tenant_id, host),
    constraint brand_hosts_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint brand_hosts_confirmed_key exclude using btree (host with =) where (confirmed_at is not null),
    constraint brand_hosts_host_form check (host ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$' and length(host) <= 253)
);
comment on table brand_hosts is 'Host names of a tenant''s own. An operator confirms each: it needs a certificate, and must be the tenant''s.';

do $$
declare
    t text;
begin
    foreach t in array array['brands', 'brand_hosts'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

-- Which tenant a host is of is asked before there is one.
create policy brand_hosts_lookup on brand_hosts for select to faxplan_portal, faxplan_admin using (true);

grant select on brands, brand_hosts to faxplan_backup, faxplan_admin, faxplan_portal, faxplan_worker;
grant insert, update on brands to faxplan_admin;
grant insert, delete, update (confirmed_at) on brand_hosts to faxplan_admin;
