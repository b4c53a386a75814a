-- Key pairs of users and mailboxes: public keys, and private keys that are sealed to others or locked by a password.

create table user_keys (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    user_id      bigint not null,
    public_key   bytea not null,
    created_at   timestamptz not null default now(),
    replaced_at  timestamptz,
    constraint user_keys_pkey primary key (tenant_id, id),
    constraint user_keys_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint user_keys_public_key_key unique (public_key),
    constraint user_keys_public_key_size check (octet_length(public_key) = 32),
    constraint user_keys_one_current exclude (tenant_id with =, user_id with =) where (replaced_at is null)
);
comment on table user_keys is 'A user''s key pair (X25519). The private key lies in key_locks only, locked.';
comment on column user_keys.replaced_at is 'Since then the user has another one. Its locks stay: they open what came before.';

create table key_locks (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    user_key_id  bigint not null,
    kind         text not null,
    salt         bytea,
    memory_kib   integer,
    passes       integer,
    lanes        integer,
    auth_hash    bytea,
    locked       bytea not null,
    created_at   timestamptz not null default now(),
    constraint key_locks_pkey primary key (tenant_id, id),
    constraint key_locks_user_key_fkey foreign key (tenant_id, user_key_id) references user_keys (tenant_id, id),
    constraint key_locks_kind_key unique (tenant_id, user_key_id, kind),
    constraint key_locks_kind_known check (kind in ('password', 'recovery')),
    constraint key_locks_password_derived check (
        (kind = 'password') = (salt is not null and memory_kib is not null and passes is not null and lanes is not null
                               and auth_hash is not null)),
    constraint key_locks_cost_floor check (memory_kib >= 65536 and passes >= 3 and lanes >= 1),
    constraint key_locks_sizes check (octet_length(locked) = 60 and octet_length(salt) >= 16 and octet_length(auth_hash) = 32)
);
comment on table key_locks is 'What opens a user''s private key: a password (Argon2id, RFC 9106), or the recovery code.';
comment on column key_locks.auth_hash is 'SHA-256 of what is sent at log-in, which the password gives beside the key of this lock, and which opens nothing.';
comment on column key_locks.locked is 'The private key, AES-256-GCM: docs/sealed-files/.';

create table mailbox_epochs (
    tenant_id    bigint not null,
    mailbox_id   bigint not null,
    epoch        integer not null,
    public_key   bytea not null,
    earlier_key  bytea,
    created_at   timestamptz not null default now(),
    constraint mailbox_epochs_pkey primary key (tenant_id, mailbox_id, epoch),
    constraint mailbox_epochs_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint mailbox_epochs_public_key_key unique (public_key),
    constraint mailbox_epochs_epoch_range check (epoch >= 1),
    constraint mailbox_epochs_sizes check (octet_length(public_key) = 32 and octet_length(earlier_key) = 80),
    constraint mailbox_epochs_first_has_none_before check (epoch > 1 or earlier_key is null)
);
comment on table mailbox_epochs is 'A mailbox''s key pairs. A new epoch begins when a member leaves; what arrives is sealed to the newest.';
comment on column mailbox_epochs.earlier_key is 'The private key of the epoch before, wrapped to this one: one key opens the whole history. Null: no member has done it yet.';

create table mailbox_keys (
    tenant_id    bigint not null,
    mailbox_id   bigint not null,
    epoch        integer not null,
    user_key_id  bigint not null,
    wrap         bytea not null,
    created_at   timestamptz not null default now(),
    constraint mailbox_keys_pkey primary key (tenant_id, mailbox_id, epoch, user_key_id),
    constraint mailbox_keys_epoch_fkey foreign key (tenant_id, mailbox_id, epoch)
        references mailbox_epochs (tenant_id, mailbox_id, epoch),
    constraint mailbox_keys_user_key_fkey foreign key (tenant_id, user_key_id) references user_keys (tenant_id, id),
    constraint mailbox_keys_wrap_size check (octet_length(wrap) = 80)
);
create index mailbox_keys_user_key_idx on mailbox_keys (tenant_id, user_key_id);
comment on table mailbox_keys is 'The private key of a mailbox''s epoch, wrapped to a member (HPKE, RFC 9180).';

do $$
declare
    t text;
begin
    foreach t in array array['user_keys', 'key_locks', 'mailbox_epochs', 'mailbox_keys'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

grant select on user_keys, key_locks, mailbox_epochs, mailbox_keys, user_keys_id_seq, key_locks_id_seq to faxplan_backup;
-- Users' clients bring their own keys, and those of the mailboxes that they read.
grant select, insert on user_keys, mailbox_epochs, mailbox_keys to faxplan_portal, faxplan_admin;
grant update (replaced_at) on user_keys to faxplan_portal;
grant update (earlier_key) on mailbox_epochs to faxplan_portal;
grant select, insert, delete on key_locks to faxplan_portal;
grant delete on mailbox_keys to faxplan_admin;
grant select on mailbox_epochs to faxplan_switch, faxplan_worker;
