-- Whoever has made a webhook is told by mail that it was turned off.

alter table notices
    drop constraint notices_kind_known,
    add constraint notices_kind_known check (kind in ('sent', 'failed', 'cancelled', 'received', 'partial', 'alert', 'accepted', 'webhook'));

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
          and (new.kind in ('alert', 'webhook') or (u.mail_results = 'all' and new.kind <> 'accepted' or u.mail_results = 'failed' and new.kind = 'failed')
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
