-- Mail that becomes faxes: who may send by it, how they prove that they are it, and what has become of each mail.

alter table tenants
    add column mail_body text not null default 'cover',
    add column mail_pins boolean not null default false,
    add column mail_signing_domains text[] not null default '{}',
    add constraint tenants_mail_body_known check (mail_body in ('cover', 'page', 'ignore')),
    add constraint tenants_mail_signing_domains_form check (
        cardinality(mail_signing_domains) <= 20 and array_position(mail_signing_domains, null) is null
        and array_to_string(mail_signing_domains, ' ') ~ '^([a-z0-9_-]+(\.[a-z0-9_-]+)+( (?!$)|$))*$');
comment on column tenants.mail_body is 'What becomes of the text of a mail that is faxed: a cover page, its first page, or nothing.';
comment on column tenants.mail_pins is 'Whether a PIN proves who has sent a mail.';
comment on column tenants.mail_signing_domains is 'Whose DKIM keys sign for its people''s addresses, beside those of the addresses'' own domains.';

alter table users add column mail_accepted boolean not null default false;
comment on column users.mail_accepted is 'Whether a mail that has become a fax is answered at once, and not only when the fax has ended.';
grant update (mail_accepted) on users to faxplan_portal;

alter table notices
    drop constraint notices_kind_known,
    add constraint notices_kind_known check (kind in ('sent', 'failed', 'cancelled', 'received', 'partial', 'alert', 'accepted'));

create table mail_senders (
    tenant_id  bigint not null,
    address    text not null,
    user_id    bigint not null,
    added_at   timestamptz not null default now(),
    constraint mail_senders_pkey primary key (tenant_id, address),
    constraint mail_senders_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mail_senders_address_form check (
        address = lower(address) and address ~ '^[^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+$' and length(address) <= 254)
);
create index mail_senders_user_idx on mail_senders (tenant_id, user_id);
comment on table mail_senders is 'Further addresses from which mails of a user come that become faxes; the user''s own is always one.';

create table mail_tokens (
    tenant_id   bigint not null,
    user_id     bigint not null,
    token_hash  bytea not null,
    created_at  timestamptz not null default now(),
    constraint mail_tokens_pkey primary key (tenant_id, user_id),
    constraint mail_tokens_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mail_tokens_hash_key unique (tenant_id, token_hash),
    constraint mail_tokens_hash_size check (octet_length(token_hash) = 32)
);
comment on table mail_tokens is 'The secret part of an address with which whoever has it faxes in a user''s name; one a user.';

create table mail_pins (
    tenant_id   bigint not null,
    user_id     bigint not null,
    salt        bytea not null,
    pin_hash    bytea not null,
    changed_at  timestamptz not null default now(),
    constraint mail_pins_pkey primary key (tenant_id, user_id),
    constraint mail_pins_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mail_pins_sizes check (octet_length(salt) = 16 and octet_length(pin_hash) = 32)
);
comment on table mail_pins is 'Digits that prove a mail, where the tenant allows that: Argon2id of them.';

create table mails_in (
    tenant_id    bigint not null,
    user_id      bigint not null,
    digest       bytea not null,
    fax_id       bigint,
    message_id   text,
    answer_to    text,
    received_at  timestamptz not null default now(),
    constraint mails_in_pkey primary key (tenant_id, user_id, digest),
    constraint mails_in_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mails_in_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete set null (fax_id),
    constraint mails_in_digest_size check (octet_length(digest) = 32),
    constraint mails_in_message_id_form check (message_id ~ '^[!-;=?-~]{1,250}$'),
    constraint mails_in_answer_to_form check (answer_to ~ '^[^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+$' and length(answer_to) <= 254)
);
create index mails_in_fax_idx on mails_in (tenant_id, fax_id);
create index mails_in_received_idx on mails_in (tenant_id, received_at);
comment on table mails_in is 'Which mail became which fax, a row for each recipient: what comes a second time is known, and becomes no second fax.';
comment on column mails_in.digest is 'SHA-256 of sender, Message-ID, recipient and content.';
comment on column mails_in.message_id is 'To which its answers refer, without < >; null: it had none, or the fax is purged.';
comment on column mails_in.answer_to is 'Who is told by mail how the fax has ended; null: as for faxes that did not come by mail.';

create or replace function outbox_fill() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into outbox (tenant_id, notice_id, recipient)
    select distinct new.tenant_id, new.id, told.address from (
        select r.address from mailboxes b
        join mail_recipients r on r.tenant_id = b.tenant_id and r.mailbox_id = b.id
        where b.tenant_id = new.tenant_id and b.id = new.mailbox_id and b.mail_mode <> 'off'
          and exists (select from tenants t where t.id = new.tenant_id and 'mail-out' = any(t.permissions))
          -- Pages go out in the name of somebody who reads them.
          and (not b.mail or exists (
              select from mailbox_members m join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
              where m.tenant_id = b.tenant_id and m.mailbox_id = b.id and m.user_id = r.added_by and u.enabled
                and array['receive', 'mail-out'] <@ u.permissions))
        union all
        select u.email from mailboxes b
        join mailbox_members m on m.tenant_id = b.tenant_id and m.mailbox_id = b.id
        join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
        join tenants t on t.id = u.tenant_id
        where b.tenant_id = new.tenant_id and b.id = new.mailbox_id and b.mail_mode = 'notice' and u.enabled
          and array['receive', 'mail-out'] <@ u.permissions and array['receive', 'mail-out'] <@ t.permissions
          and not exists (select from mail_recipients r where r.tenant_id = b.tenant_id and r.mailbox_id = b.id)
        union all
        select u.email from users u
        where u.tenant_id = new.tenant_id and u.id = new.user_id and u.enabled
          and (new.kind = 'alert' or (u.mail_results = 'all' and new.kind <> 'accepted' or u.mail_results = 'failed' and new.kind = 'failed')
               and not exists (select from mails_in i where i.tenant_id = new.tenant_id and i.fax_id = new.fax_id
                               and i.user_id = new.user_id and i.answer_to is not null))
        union all
        -- A fax that came by mail is answered by mail, whatever its user has chosen for others.
        select i.answer_to from mails_in i join users u on u.tenant_id = i.tenant_id and u.id = i.user_id
        where i.tenant_id = new.tenant_id and i.fax_id = new.fax_id and i.user_id = new.user_id and i.answer_to is not null
          and u.enabled and new.kind in ('accepted', 'sent', 'failed', 'cancelled')) told;
    if found then
        perform pg_notify('faxplan_mail', '');
    end if;
    return null;
end $$;

do $$
declare
    t text;
begin
    foreach t in array array['mail_senders', 'mail_tokens', 'mail_pins', 'mails_in'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

-- What hashes PINs can be guessed from: only where they are compared.
grant select on mail_senders, mail_tokens, mail_pins, mails_in to faxplan_backup, faxplan_portal;
grant insert on mails_in to faxplan_portal;
grant select, insert, delete on mail_senders, mail_tokens to faxplan_admin;
grant insert, delete, select (tenant_id, user_id, changed_at) on mail_pins to faxplan_admin;
grant select on mails_in to faxplan_worker;
grant select (tenant_id, fax_id, outcome, answered_at, ended_at) on attempts to faxplan_worker;
grant delete, update (message_id, answer_to), select (tenant_id, fax_id, received_at) on mails_in to faxplan_purge;
