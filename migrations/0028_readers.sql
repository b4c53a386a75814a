-- Readers that are no users: a tenant's recovery key, and API readers of chosen mailboxes.

create function sealable_to(public_key bytea) returns boolean
    language sql immutable
begin atomic
    select octet_length(public_key) <> 32 or set_byte(public_key, 31, get_byte(public_key, 31) & 127) not in (
        '\x0000000000000000000000000000000000000000000000000000000000000000',
        '\x0100000000000000000000000000000000000000000000000000000000000000',
        '\xe0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
        '\x5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
        '\xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        '\xedffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        '\xeeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
end;
comment on function sealable_to(bytea) is
    'False for the points of small order (RFC 7748, 6.1): whoever wraps to one fails, and a reader who brought it would stop all others.';

alter table mailbox_epochs add constraint mailbox_epochs_public_key_sealable check (sealable_to(public_key));
alter table user_keys alter column user_id drop not null,
    add constraint user_keys_public_key_sealable check (sealable_to(public_key)),
    add column kind text not null default 'user',
    add column name text,
    add constraint user_keys_kind_known check (kind in ('user', 'recovery', 'reader')),
    add constraint user_keys_owner check ((kind = 'user') = (user_id is not null) and (kind = 'reader') = (name is not null)),
    add constraint user_keys_name_form check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
    add constraint user_keys_one_recovery exclude (tenant_id with =) where (kind = 'recovery' and replaced_at is null),
    add constraint user_keys_reader_name exclude (tenant_id with =, name with =) where (replaced_at is null);
comment on table user_keys is 'A reader''s key pair (X25519). A user''s private key lies in key_locks only, locked; another reader''s nowhere.';
comment on column user_keys.kind is 'user; recovery: the tenant''s recovery key, on paper; reader: an API reader''s, in a file of its client.';
comment on column user_keys.name is 'Of an API reader.';
comment on column user_keys.replaced_at is 'Since then a user has another one, or the reader is none any more. A user''s locks stay: they open what came before.';

create table reader_mailboxes (
    tenant_id    bigint not null,
    mailbox_id   bigint not null,
    user_key_id  bigint not null,
    added_by     bigint not null,
    created_at   timestamptz not null default now(),
    constraint reader_mailboxes_pkey primary key (tenant_id, mailbox_id, user_key_id),
    constraint reader_mailboxes_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint reader_mailboxes_user_key_fkey foreign key (tenant_id, user_key_id) references user_keys (tenant_id, id),
    constraint reader_mailboxes_added_by_fkey foreign key (tenant_id, added_by) references users (tenant_id, id)
);
create index reader_mailboxes_user_key_idx on reader_mailboxes (tenant_id, user_key_id);
comment on table reader_mailboxes is 'Which mailboxes an API reader reads.';
comment on column reader_mailboxes.added_by is 'The member who let it in. When that one leaves, it goes too.';
alter table reader_mailboxes enable row level security;
alter table reader_mailboxes force row level security;
create policy reader_mailboxes_tenant on reader_mailboxes
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));

create function forget_ended_reader(key bigint) returns void
    language sql security definer set search_path = pg_catalog, public
begin atomic
    delete from mailbox_keys h using user_keys k
    where h.tenant_id = current_tenant() and h.user_key_id = key
      and k.tenant_id = h.tenant_id and k.id = h.user_key_id and k.kind <> 'user' and k.replaced_at is not null
      and exists (
          select from mailbox_keys o
          join user_keys u on u.tenant_id = o.tenant_id and u.id = o.user_key_id and u.replaced_at is null
          join mailbox_members m on m.tenant_id = o.tenant_id and m.mailbox_id = o.mailbox_id and m.user_id = u.user_id
          where o.tenant_id = h.tenant_id and o.mailbox_id = h.mailbox_id and o.epoch >= h.epoch and not exists (
              select from mailbox_epochs e
              where e.tenant_id = o.tenant_id and e.mailbox_id = o.mailbox_id
                and e.epoch > h.epoch and e.epoch <= o.epoch and e.earlier_key is null));
end;
comment on function forget_ended_reader(bigint) is
    'Removes what is wrapped to a recovery key that is off, or a revoked API reader, of what a member opens (vault.readable_epochs): the last '
    'readable wrap stays. Definer: nobody else''s wraps go that way.';

grant select on reader_mailboxes to faxplan_backup;
grant select, insert, delete on reader_mailboxes to faxplan_portal;
grant select, delete on reader_mailboxes to faxplan_admin;
-- Users' clients bring their keys, and a wrap goes by forget_ended_reader alone.
revoke insert on user_keys from faxplan_admin;
revoke delete on mailbox_keys from faxplan_admin;
-- Whether faxes lie in a mailbox: then the administrator alone lets nobody in.
grant select (tenant_id, mailbox_id) on mailbox_wraps to faxplan_admin;

-- Passkeys as locks: any number of a user's key.

alter table key_locks drop constraint key_locks_kind_key,
    drop constraint key_locks_kind_known,
    add column credential_id bytea,
    add column name text,
    add constraint key_locks_kind_known check (kind in ('password', 'recovery', 'passkey')),
    add constraint key_locks_kind_key exclude (tenant_id with =, user_key_id with =, kind with =) where (kind <> 'passkey'),
    add constraint key_locks_passkey check (
        (kind = 'passkey') = (credential_id is not null) and (kind = 'passkey') = (name is not null)
        and (kind <> 'passkey' or (salt is not null and memory_kib is null and passes is null and lanes is null and auth_hash is null))),
    add constraint key_locks_passkey_sizes check (octet_length(credential_id) between 1 and 1023 and (kind <> 'passkey' or octet_length(salt) = 32)),
    add constraint key_locks_credential_key unique (tenant_id, user_key_id, credential_id),
    add constraint key_locks_name_key unique (tenant_id, user_key_id, name),
    add constraint key_locks_name_form check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]');
comment on table key_locks is 'What opens a user''s private key: a password (Argon2id, RFC 9106), the recovery code, or a passkey (WebAuthn''s prf).';
comment on column key_locks.salt is 'Of a password; of a passkey: what its prf is asked for.';
comment on column key_locks.name is 'Of a passkey, by which its user knows it.';

-- Mail: a second kind of reader for a while, of mailboxes that choose it.

alter table mailboxes add column mail boolean not null default false;
comment on column mailboxes.mail is 'Received faxes are wrapped to the workers'' mailer keys too, until each is handed over or given up: they are to be sent by mail.';
grant update (mail) on mailboxes to faxplan_portal;

alter table transient_wraps add column created_at timestamptz not null default now();
comment on column transient_wraps.created_at is 'Since when it waits, under whatever key.';
comment on table transient_keys is
    'Readers for a while: dispatch reads what waits to be sent, mailer what waits to be mailed. The private keys lie on their nodes, outside database, store and backups.';

-- The switch has no key of its own to mail with, and takes none of the workers' away.
alter table transient_keys enable row level security;
alter table transient_keys force row level security;
create policy transient_keys_public on transient_keys for select using (true);
create policy transient_keys_dispatch on transient_keys for all to faxplan_switch using (purpose = 'dispatch') with check (purpose = 'dispatch');
create policy transient_keys_workers on transient_keys for all to faxplan_worker using (true) with check (true);

-- Temporary tables come last: else whoever may make some puts one in the place of ours.
alter function audit_link() set search_path = pg_catalog, public, pg_temp;
alter function routing_changed() set search_path = pg_catalog, public, pg_temp;
