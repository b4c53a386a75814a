-- Log-in is completed in the browser: invitations, second factors, passkeys that log in, browsers that are known.

create table invitations (
    tenant_id   bigint not null,
    user_id     bigint not null,
    token_hash  bytea not null,
    made_by     text not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    constraint invitations_pkey primary key (tenant_id, user_id),
    constraint invitations_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint invitations_token_hash_key unique (tenant_id, token_hash),
    constraint invitations_token_hash_size check (octet_length(token_hash) = 32)
);
comment on table invitations is 'A user may choose a password by a link, once. A row goes with that, and with a newer one.';

create table second_factors (
    tenant_id   bigint not null,
    user_id     bigint not null,
    sealed      bytea not null,
    last_step   bigint not null,
    created_at  timestamptz not null default now(),
    constraint second_factors_pkey primary key (tenant_id, user_id),
    constraint second_factors_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint second_factors_sealed_size check (octet_length(sealed) = 48)
);
comment on table second_factors is 'Codes that a user''s telephone makes (TOTP, RFC 6238), asked for after the password.';
comment on column second_factors.sealed is 'The secret, AES-256-GCM under a key of what the password gives for the log-in, which is kept nowhere.';
comment on column second_factors.last_step is 'Of the code used last: it, and those before it, log in no more.';

create table passkeys (
    tenant_id      bigint not null,
    id             bigint generated always as identity,
    user_id        bigint not null,
    credential_id  bytea not null,
    public_key     bytea not null,
    sign_count     bigint not null,
    name           text not null,
    created_at     timestamptz not null default now(),
    used_at        timestamptz,
    constraint passkeys_pkey primary key (tenant_id, id),
    constraint passkeys_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint passkeys_credential_key unique (tenant_id, credential_id),
    constraint passkeys_name_key unique (tenant_id, user_id, name),
    constraint passkeys_name_form check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
    constraint passkeys_sizes check (octet_length(credential_id) between 1 and 1023 and octet_length(public_key) between 1 and 4096)
);
comment on table passkeys is 'By which users log in (WebAuthn). Those that also open the user''s key have a lock of it in key_locks.';
comment on column passkeys.public_key is 'COSE (RFC 9052).';
comment on column passkeys.sign_count is 'As the passkey said last; 0: it counts nothing.';

create table spent_challenges (
    tenant_id   bigint not null,
    hash        bytea not null,
    expires_at  timestamptz not null,
    constraint spent_challenges_pkey primary key (tenant_id, hash),
    constraint spent_challenges_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint spent_challenges_hash_size check (octet_length(hash) = 32)
);
comment on table spent_challenges is 'What passkeys have signed: once. A row goes once its challenge is too old anyway.';

create table known_browsers (
    tenant_id   bigint not null,
    user_id     bigint not null,
    token_hash  bytea not null,
    seen_at     timestamptz not null default now(),
    constraint known_browsers_pkey primary key (tenant_id, user_id, token_hash),
    constraint known_browsers_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint known_browsers_token_hash_size check (octet_length(token_hash) = 32)
);
comment on table known_browsers is 'In which a user has logged in before: who tries that user''s password elsewhere does not shut these out.';

comment on column key_locks.auth_hash is 'SHA-256 of what is sent at log-in, which the password or the recovery code gives beside the key of this lock, and which opens nothing.';
comment on table login_tries is 'How often who has failed to log in. key: a keyed hash of a network address, of an e-mail address, of both, or of a browser.';

do $$
declare
    t text;
begin
    foreach t in array array['invitations', 'second_factors', 'passkeys', 'spent_challenges', 'known_browsers'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

grant select on invitations, second_factors, passkeys, spent_challenges, known_browsers to faxplan_backup;
grant select on passkeys_id_seq to faxplan_backup;
grant select, insert, delete on invitations to faxplan_admin, faxplan_portal;
grant select, insert, delete, update (sealed, last_step) on second_factors to faxplan_portal;
grant select, insert, delete, update (sign_count, used_at) on passkeys to faxplan_portal;
grant select, insert, delete on spent_challenges to faxplan_portal;
grant select, insert, delete, update (seen_at) on known_browsers to faxplan_portal;
