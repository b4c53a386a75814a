-- Users log in to the portal.

create table sessions (
    tenant_id      bigint not null,
    id             bigint generated always as identity,
    user_id        bigint not null,
    token_hash     bytea not null,
    secret         bytea not null,
    authenticated  text not null,
    address        text not null,
    agent          text not null,
    created_at     timestamptz not null default now(),
    seen_at        timestamptz not null default now(),
    constraint sessions_pkey primary key (tenant_id, id),
    constraint sessions_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint sessions_token_hash_key unique (tenant_id, token_hash),
    constraint sessions_sizes check (octet_length(token_hash) = 32 and octet_length(secret) = 32)
);
create index sessions_user_idx on sessions (tenant_id, user_id);
comment on table sessions is 'Who is logged in to the portal. A row goes at log-out, or once it is over.';
comment on column sessions.secret is 'What the browser keeps of the user''s key is locked by it; given to the live session only.';
comment on column sessions.agent is 'The browser, as it names itself.';

create table login_tries (
    tenant_id    bigint not null,
    key          bytea not null,
    failures     integer not null,
    window_ends  timestamptz not null,
    constraint login_tries_pkey primary key (tenant_id, key),
    constraint login_tries_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table login_tries is 'How often who has failed to log in. key: a keyed hash of a network address, with an e-mail address or without.';

create table login_secret (
    secret  bytea not null,
    constraint login_secret_pkey primary key (secret)
);
comment on table login_secret is 'One row: of it the salts are made of users that do not exist, so that they look like those that do.';
insert into login_secret (secret) values (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

do $$
declare
    t text;
begin
    foreach t in array array['sessions', 'login_tries'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

grant select on sessions, login_tries, login_secret to faxplan_backup;
grant select on sessions_id_seq to faxplan_backup;
grant select, insert, delete, update (seen_at) on sessions to faxplan_portal;
grant select, insert, delete, update (failures) on login_tries to faxplan_portal;
grant select on login_secret to faxplan_portal;
