-- What waits in the outbox is seen by who runs the installation; and a mailbox says who has its faxes mailed so.

create policy outbox_overview on outbox for select to faxplan_admin using (state = 'waiting');

alter table mailboxes
    add column mail_set_by bigint,
    add column mail_set_at timestamptz,
    add constraint mailboxes_mail_set_by_fkey foreign key (tenant_id, mail_set_by) references users (tenant_id, id);
create index mailboxes_mail_set_by_idx on mailboxes (tenant_id, mail_set_by);
comment on column mailboxes.mail_set_by is 'Who chose mail_mode last; null: nobody did, or they read the mailbox no more.';
grant update (mail_set_by, mail_set_at) on mailboxes to faxplan_portal;
grant select (mail_set_by, mail_set_at) on mailboxes to faxplan_admin, faxplan_portal;
