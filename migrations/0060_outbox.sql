-- Mail about faxes: how a mailbox's go out, whom it is sent to, and what waits to be handed to a mail server.

alter table mailboxes
    add column mail_mode text not null default 'notice',
    add column mail_format text not null default 'pdf',
    add column mail_password text;
-- Who had chosen mail chose before there was any, and no way for it: what is the least is a notice.
alter table mailboxes drop column mail;
alter table mailboxes
    add column mail boolean not null generated always as (mail_mode in ('smime', 'openpgp', 'locked-pdf', 'plain')) stored,
    add constraint mailboxes_mail_mode_known check (mail_mode in ('off', 'notice', 'smime', 'openpgp', 'locked-pdf', 'plain')),
    add constraint mailboxes_mail_format_known check (mail_format in ('pdf', 'tiff')),
    add constraint mailboxes_mail_password check (mail_mode <> 'locked-pdf' or length(mail_password) between 12 and 127 and mail_format = 'pdf');
comment on column mailboxes.mail_mode is 'How received faxes go out by mail: not at all, as a notice with a link, or themselves: sealed to each recipient, in a PDF with a password, or as they are.';
comment on column mailboxes.mail_password is 'Of locked-pdf: the worker needs it for each mail. Nobody is shown it.';
comment on column mailboxes.mail is 'Received faxes are wrapped to the workers'' mailer keys too, until each is handed over or given up: they are to be sent by mail.';
grant update (mail_mode, mail_format, mail_password) on mailboxes to faxplan_portal;
revoke select on mailboxes from faxplan_admin, faxplan_portal, faxplan_switch, faxplan_purge;
grant select (tenant_id, id, name, kind, created_at, mail_mode, mail_format, mail) on mailboxes
    to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_purge;

alter table users
    add column mail_results text not null default 'failed',
    add constraint users_mail_results_known check (mail_results in ('off', 'failed', 'all'));
comment on column users.mail_results is 'Of which of their faxes that have ended the user gets a mail.';
grant update (mail_results) on users to faxplan_portal;

create table mail_recipients (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    mailbox_id   bigint not null,
    address      text not null,
    certificate  bytea,
    openpgp_key  bytea,
    added_by     bigint not null,
    added_at     timestamptz not null default now(),
    constraint mail_recipients_pkey primary key (tenant_id, id),
    constraint mail_recipients_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint mail_recipients_added_by_fkey foreign key (tenant_id, added_by) references users (tenant_id, id),
    constraint mail_recipients_address_key unique (tenant_id, mailbox_id, address),
    constraint mail_recipients_address_form check (address ~ '^[^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+$' and length(address) <= 254),
    constraint mail_recipients_sizes check (octet_length(certificate) <= 65536 and octet_length(openpgp_key) <= 262144)
);
create index mail_recipients_added_by_idx on mail_recipients (tenant_id, added_by);
comment on table mail_recipients is 'Whom a mailbox''s faxes, or notices of them, are mailed to; where there is none, notices go to who reads it.';
comment on column mail_recipients.certificate is 'X.509, DER: for S/MIME. openpgp_key: for OpenPGP, without armor.';

create table outbox (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    notice_id    bigint not null,
    recipient    text not null,
    token        text not null default replace(gen_random_uuid()::text, '-', ''),
    state        text not null default 'waiting',
    tries        integer not null default 0,
    not_before   timestamptz not null default now(),
    worker       text,
    lease_until  timestamptz,
    said         text not null default '',
    sent_as      text,
    created_at   timestamptz not null default now(),
    ended_at     timestamptz,
    constraint outbox_pkey primary key (tenant_id, id),
    constraint outbox_notice_fkey foreign key (tenant_id, notice_id) references notices (tenant_id, id),
    constraint outbox_recipient_key unique (tenant_id, notice_id, recipient),
    constraint outbox_token_key unique (token),
    constraint outbox_state_known check (state in ('waiting', 'accepted', 'refused', 'given-up', 'bounced')),
    constraint outbox_ended check ((state = 'waiting') = (ended_at is null)),
    constraint outbox_lease check ((worker is null) = (lease_until is null))
);
create index outbox_due_idx on outbox (not_before) where state = 'waiting';
comment on table outbox is 'Mails that wait to be handed over, and what became of them: one a notice and recipient. None is kept: each is made when it goes out.';
comment on column outbox.token is 'Its Message-ID, whenever it is tried, and by which a bounce is known.';
comment on column outbox.said is 'What the mail server said last, or why none was asked.';
comment on column outbox.sent_as is 'The mode by which it went out: one that could not be kept to is a notice.';

create function outbox_fill() returns trigger
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
          and (new.kind = 'alert' or u.mail_results = 'all' or u.mail_results = 'failed' and new.kind = 'failed')) told;
    if found then
        perform pg_notify('faxplan_mail', '');
    end if;
    return null;
end $$;
comment on function outbox_fill() is 'Who is told by mail of a notice. Definer: who writes one need not read whom a mailbox mails.';
create trigger outbox_fill after insert on notices for each row execute function outbox_fill();

do $$
declare
    t text;
begin
    foreach t in array array['mail_recipients', 'outbox'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;
create policy outbox_mailer on outbox for all to faxplan_worker using (true) with check (true);

grant select on mail_recipients, outbox to faxplan_backup;
grant select on mail_recipients_id_seq, outbox_id_seq to faxplan_backup;
grant select, insert, update, delete on mail_recipients to faxplan_portal;
grant select, delete on mail_recipients to faxplan_admin;
grant select on mail_recipients, notices to faxplan_worker;
grant select on outbox to faxplan_portal, faxplan_admin;
grant select, update on outbox to faxplan_worker;
grant delete on outbox to faxplan_purge;
grant select (tenant_id, notice_id) on outbox to faxplan_purge;
grant select (id) on notices to faxplan_purge;
