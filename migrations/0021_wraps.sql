-- Documents' file keys, wrapped to mailboxes and to readers for a while.

alter table documents add column header_digest bytea,
    add column sealed_name bytea,
    alter column sha256 drop not null,
    add constraint documents_sealed_or_not check ((header_digest is null) = (sha256 is not null)),
    add constraint documents_header_digest_size check (octet_length(header_digest) = 32);
comment on column documents.sha256 is 'Of an object that was stored before documents were sealed, hexadecimal; null: it is sealed.';
comment on column documents.header_digest is 'SHA-256 of the sealed file''s header, to which its wraps are bound.';
comment on column documents.sealed_name is 'The file''s name, which its file key opens. file_name is of documents that are not sealed.';
comment on column documents.bytes is 'Of the document, not of the object that it is sealed in.';

create table transient_keys (
    id           bigint generated always as identity,
    purpose      text not null,
    node         text not null,
    public_key   bytea not null,
    created_at   timestamptz not null default now(),
    retired_at   timestamptz,
    constraint transient_keys_pkey primary key (id),
    constraint transient_keys_purpose_known check (purpose in ('dispatch', 'mailer')),
    constraint transient_keys_public_key_key unique (public_key),
    constraint transient_keys_public_key_size check (octet_length(public_key) = 32),
    constraint transient_keys_one_current exclude (purpose with =, node with =) where (retired_at is null)
);
comment on table transient_keys is
    'Readers for a while: dispatch reads what waits to be sent. The private keys lie on their nodes, outside database, store and backups.';
comment on column transient_keys.retired_at is 'Since then nothing new is wrapped to it. It goes with its last wrap.';

create table mailbox_wraps (
    tenant_id    bigint not null,
    document_id  bigint not null,
    mailbox_id   bigint not null,
    epoch        integer not null,
    wrap         bytea not null,
    created_at   timestamptz not null default now(),
    constraint mailbox_wraps_pkey primary key (tenant_id, document_id, mailbox_id, epoch),
    constraint mailbox_wraps_document_fkey foreign key (tenant_id, document_id) references documents (tenant_id, id),
    constraint mailbox_wraps_epoch_fkey foreign key (tenant_id, mailbox_id, epoch)
        references mailbox_epochs (tenant_id, mailbox_id, epoch),
    constraint mailbox_wraps_wrap_size check (octet_length(wrap) = 80)
);
comment on table mailbox_wraps is 'A document''s file key, wrapped to a mailbox: whoever has that epoch''s private key reads it.';

create table transient_wraps (
    tenant_id    bigint not null,
    document_id  bigint not null,
    key_id       bigint not null,
    wrap         bytea not null,
    digest       bytea not null,
    constraint transient_wraps_pkey primary key (tenant_id, document_id, key_id),
    constraint transient_wraps_document_fkey foreign key (tenant_id, document_id) references documents (tenant_id, id),
    constraint transient_wraps_key_fkey foreign key (key_id) references transient_keys (id),
    constraint transient_wraps_sizes check (octet_length(wrap) = 80 and octet_length(digest) = 32)
);
create index transient_wraps_key_idx on transient_wraps (key_id);
comment on table transient_wraps is 'A document''s file key, wrapped to a reader for a while; gone as soon as nothing waits for it.';
comment on column transient_wraps.digest is 'As documents.header_digest: keys are renewed over all tenants.';

do $$
declare
    t text;
begin
    foreach t in array array['mailbox_wraps', 'transient_wraps'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;
create policy transient_wraps_renewal on transient_wraps for all to faxplan_switch, faxplan_worker using (true) with check (true);

grant select on transient_keys, mailbox_wraps, transient_wraps, transient_keys_id_seq to faxplan_backup;
-- Who stores a document wraps its key; who sends it unwraps that, and takes it away.
grant select, insert on mailbox_wraps to faxplan_portal, faxplan_switch, faxplan_worker;
grant select on transient_keys to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_worker;
grant insert, delete on transient_keys to faxplan_switch, faxplan_worker;
grant update (retired_at) on transient_keys to faxplan_switch, faxplan_worker;
grant select, insert, delete on transient_wraps to faxplan_portal, faxplan_switch, faxplan_worker;

-- `faxplan vault adopt` seals what was stored before.
grant update (object_name, bytes, header_digest, sealed_name, sha256, file_name) on documents to faxplan_worker;
