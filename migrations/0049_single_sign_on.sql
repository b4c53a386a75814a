-- An organisation's people may log in by its own identity provider (OpenID Connect).

create table identity_providers (
    tenant_id      bigint not null,
    issuer         text not null,
    client_id      text not null,
    client_secret  text not null default '',
    label          text not null default '',
    trusts_email   boolean not null default false,
    changed_at     timestamptz not null default now(),
    constraint identity_providers_pkey primary key (tenant_id),
    constraint identity_providers_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint identity_providers_issuer_form check (issuer ~ '^https?://[!-~]+$' and length(issuer) <= 500),
    constraint identity_providers_client_form check (client_id ~ '^[!-~]([ -~]*[!-~])?$' and length(client_id) <= 255
        and client_secret ~ '^[ -~]*$' and length(client_secret) <= 1000),
    constraint identity_providers_label_form check (length(label) <= 40 and label !~ '[[:cntrl:]]')
);
comment on table identity_providers is 'Where a tenant''s people may log in as well: OpenID Connect. No row: nowhere.';
comment on column identity_providers.client_secret is 'Empty: a public client, by PKCE alone. It logs nobody in and opens nothing by itself.';
comment on column identity_providers.label is 'What the button says. Empty: the issuer''s host.';
comment on column identity_providers.trusts_email is 'Whether its addresses count though it does not say that it has verified them.';

create table identities (
    tenant_id  bigint not null,
    issuer     text not null,
    subject    text not null,
    user_id    bigint not null,
    linked_at  timestamptz not null default now(),
    constraint identities_pkey primary key (tenant_id, issuer, subject),
    constraint identities_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint identities_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint identities_user_key unique (tenant_id, user_id, issuer),
    constraint identities_subject_form check (subject ~ '^[ -~]+$' and length(subject) <= 255)
);
comment on table identities is 'Who is who at an identity provider. Made at the first log-in by it, by the address; from then on the subject counts.';

do $$
declare
    t text;
begin
    foreach t in array array['identity_providers', 'identities'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

grant select on identity_providers, identities to faxplan_backup, faxplan_portal, faxplan_admin;
grant insert, update, delete on identity_providers to faxplan_admin;
grant insert on identities to faxplan_portal;
grant delete on identities to faxplan_admin;
