-- Programs that act for a user: their keys, how often each asks, and what it has asked before.

create table api_keys (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    user_id     bigint not null,
    name        text not null,
    digest      bytea not null,
    ending      text not null,
    scopes      text[] not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz,
    used_at     timestamptz,
    ended_at    timestamptz,
    constraint api_keys_pkey primary key (tenant_id, id),
    constraint api_keys_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint api_keys_digest_key unique (tenant_id, digest),
    constraint api_keys_digest_size check (octet_length(digest) = 32),
    constraint api_keys_name_form check (length(name) between 1 and 60 and name !~ '[[:cntrl:]]'),
    constraint api_keys_scopes_form check (
        cardinality(scopes) between 1 and 50 and array_position(scopes, null) is null
        and array_to_string(scopes, ' ') ~ '^[a-z]+(:[a-z]+)?( [a-z]+(:[a-z]+)?)*$')
);
create index api_keys_user_idx on api_keys (tenant_id, user_id);
comment on table api_keys is 'By what programs act for a user of the tenant: the secret is shown once, and kept as SHA-256.';
comment on column api_keys.ending is 'Its last characters, by which people tell one from another.';
comment on column api_keys.used_at is 'When it was used last, to a minute.';

create unlogged table api_use (
    tenant_id  bigint not null,
    key_id     bigint not null,
    began_at   timestamptz not null,
    requests   integer not null,
    constraint api_use_pkey primary key (tenant_id, key_id),
    constraint api_use_key_fkey foreign key (tenant_id, key_id) references api_keys (tenant_id, id) on delete cascade
);
comment on table api_use is 'How many requests a key has made since its minute began.';

create table api_requests (
    tenant_id   bigint not null,
    key_id      bigint not null,
    key         text not null,
    asked       bytea not null,
    attempt     text not null,
    status      integer,
    answer      text,
    begun_at    timestamptz not null default now(),
    constraint api_requests_pkey primary key (tenant_id, key_id, key),
    constraint api_requests_key_fkey foreign key (tenant_id, key_id) references api_keys (tenant_id, id) on delete cascade,
    constraint api_requests_key_form check (key ~ '^[!-~]{1,255}$'),
    constraint api_requests_asked_size check (octet_length(asked) = 32),
    constraint api_requests_answered check ((status is null) = (answer is null))
);
create index api_requests_begun_idx on api_requests (tenant_id, begun_at);
comment on table api_requests is 'Requests with an Idempotency-Key: what was asked (SHA-256), and the answer, once there is one; for a day.';
comment on column api_requests.attempt is 'Who works on it: an answer of somebody else is not taken any more.';

do $$
declare
    t text;
begin
    foreach t in array array['api_keys', 'api_use', 'api_requests'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

grant select on api_keys, api_use, api_requests to faxplan_backup;
grant select on api_keys_id_seq to faxplan_backup;
grant select, insert on api_keys to faxplan_portal;
grant update (used_at, ended_at) on api_keys to faxplan_portal;
grant select, insert, update, delete on api_use, api_requests to faxplan_portal;
