-- Who is let in gets the mailbox's key by the same act; and of a mailbox's keys it is known which were made by no reader of it.

drop function let_in(bigint, bigint, bigint);
create function let_in(mailbox bigint, member bigint, newcomer bigint, epoch integer, key bigint, wrap bytea) returns bigint
    language sql security definer set search_path = pg_catalog, public
begin atomic
    with joined as (
        insert into mailbox_members (tenant_id, mailbox_id, user_id)
        select b.tenant_id, b.id, u.id from mailboxes b
        join users u on u.tenant_id = b.tenant_id and u.id = let_in.newcomer and u.enabled
        join user_keys n on n.tenant_id = u.tenant_id and n.user_id = u.id and n.replaced_at is null and n.id = let_in.key
        where b.tenant_id = current_tenant() and b.id = let_in.mailbox and b.kind = 'group' and exists (
            select from mailbox_members m
            join user_keys k on k.tenant_id = m.tenant_id and k.user_id = m.user_id and k.replaced_at is null
            join mailbox_keys h on h.tenant_id = m.tenant_id and h.mailbox_id = m.mailbox_id and h.user_key_id = k.id
            where m.tenant_id = b.tenant_id and m.mailbox_id = b.id and m.user_id = let_in.member and h.epoch = let_in.epoch
              and h.epoch = (select max(e.epoch) from mailbox_epochs e where e.tenant_id = b.tenant_id and e.mailbox_id = b.id))
        on conflict on constraint mailbox_members_pkey do nothing returning tenant_id, mailbox_id),
    handed as (
        insert into mailbox_keys (tenant_id, mailbox_id, epoch, user_key_id, wrap)
        select j.tenant_id, j.mailbox_id, let_in.epoch, let_in.key, let_in.wrap from joined j returning 1)
    select count(*) from handed;
end;
comment on function let_in(bigint, bigint, bigint, integer, bigint, bytea) is
    'Lets a user of the current tenant read a group''s mailbox, by one who reads it and has its newest key, with a wrap of that to the '
    'newcomer''s own; 1, or 0 where that is not so or they do already. Definer: the portal makes nobody a member otherwise.';
revoke execute on function let_in(bigint, bigint, bigint, integer, bigint, bytea) from public;
grant execute on function let_in(bigint, bigint, bigint, integer, bigint, bytea) to faxplan_portal;

-- Who made those of before nobody knows. To none of them is what came before handed on that it has not been yet.
alter table mailbox_epochs add column from_outside boolean not null default false;
do $$
declare
    tenant bigint;
begin
    for tenant in select id from tenants order by id loop
        perform set_config('app.tenant', tenant::text, true);
        update mailbox_epochs set from_outside = true where tenant_id = tenant and epoch > 1 and earlier_key is null;
    end loop;
    perform set_config('app.tenant', '', true);
end $$;
alter table mailbox_epochs add constraint mailbox_epochs_outside_opens_nothing check (earlier_key is null or not from_outside);
comment on column mailbox_epochs.from_outside is
    'Made by somebody who had not shown that they read the mailbox: an administrator. They may have kept its private key, so nothing of before '
    'is wrapped to it, and the next member who unlocks begins another epoch.';
