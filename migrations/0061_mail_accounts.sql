-- Mail in a tenant's own name: through its own account at a mail provider, and signed for its own domains.

create table mail_accounts (
    tenant_id      bigint not null,
    host           text not null,
    port           integer not null,
    security       text not null default 'starttls',
    sender         text not null,
    user_name      text not null,
    password       text not null default '',
    token_url      text not null default '',
    client_id      text not null default '',
    client_secret  text not null default '',
    refresh_token  text not null default '',
    scope          text not null default '',
    changed_at     timestamptz not null default now(),
    constraint mail_accounts_pkey primary key (tenant_id),
    constraint mail_accounts_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint mail_accounts_security_known check (security in ('starttls', 'tls')),
    constraint mail_accounts_port_range check (port between 1 and 65535),
    constraint mail_accounts_host_form check (host ~ '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$'),
    constraint mail_accounts_log_in check ((password = '') <> (refresh_token = '') and (token_url = '') = (refresh_token = '')),
    constraint mail_accounts_sizes check (
        length(user_name) between 1 and 254 and length(sender) between 3 and 254 and length(password) <= 1000
        and length(token_url) <= 2000 and length(client_id) <= 500 and length(client_secret) <= 1000 and length(refresh_token) <= 8000
        and length(scope) <= 1000)
);
comment on table mail_accounts is 'The account of a mail provider by which a tenant''s mail goes out. No row: by the installation''s mail server.';
comment on column mail_accounts.refresh_token is 'By which the provider gives out what logs in (OAuth 2.0, XOAUTH2), instead of a password.';

create table mail_signing_keys (
    tenant_id    bigint not null,
    domain       text not null,
    selector     text not null,
    private_key  text not null,
    record       text not null,
    created_at   timestamptz not null default now(),
    constraint mail_signing_keys_pkey primary key (tenant_id, domain),
    constraint mail_signing_keys_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint mail_signing_keys_domain_form check (domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$' and length(domain) <= 253),
    constraint mail_signing_keys_selector_form check (selector ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')
);
comment on table mail_signing_keys is 'By which mail from a domain of a tenant''s is signed (DKIM, RFC 6376).';
comment on column mail_signing_keys.record is 'What the DNS has to say at selector._domainkey.domain.';

do $$
declare
    t text;
begin
    foreach t in array array['mail_accounts', 'mail_signing_keys'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;
create policy mail_accounts_mailer on mail_accounts for select to faxplan_worker using (true);

-- What logs in, and what signs, only the worker reads.
grant select on mail_accounts, mail_signing_keys to faxplan_backup;
grant select (tenant_id, host, port, security, sender, user_name, token_url, client_id, scope, changed_at) on mail_accounts to faxplan_admin;
grant select (tenant_id, domain, selector, record, created_at) on mail_signing_keys to faxplan_admin;
grant insert, update, delete on mail_accounts, mail_signing_keys to faxplan_admin;
grant select, update (refresh_token) on mail_accounts to faxplan_worker;
grant select on mail_signing_keys to faxplan_worker;
