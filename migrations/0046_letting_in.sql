-- A member of a group's mailbox lets somebody in, without an administrator of the tenant.

create function let_in(mailbox bigint, member bigint, newcomer bigint) returns bigint
    language sql security definer set search_path = pg_catalog, public
begin atomic
    with joined as (
        insert into mailbox_members (tenant_id, mailbox_id, user_id)
        select b.tenant_id, b.id, u.id from mailboxes b
        join users u on u.tenant_id = b.tenant_id and u.id = newcomer and u.enabled
        where b.tenant_id = current_tenant() and b.id = mailbox and b.kind = 'group' and exists (
            select from mailbox_members m
            join user_keys k on k.tenant_id = m.tenant_id and k.user_id = m.user_id and k.replaced_at is null
            join mailbox_keys h on h.tenant_id = m.tenant_id and h.mailbox_id = m.mailbox_id and h.user_key_id = k.id
            where m.tenant_id = b.tenant_id and m.mailbox_id = b.id and m.user_id = member
              and h.epoch = (select max(e.epoch) from mailbox_epochs e where e.tenant_id = b.tenant_id and e.mailbox_id = b.id))
        on conflict on constraint mailbox_members_pkey do nothing returning 1)
    select count(*) from joined;
end;
comment on function let_in(bigint, bigint, bigint) is
    'Lets a user of the current tenant read a group''s mailbox, by one who reads it and has its newest key; 1, or 0 where that is not so or '
    'they do already. Definer: the portal makes nobody a member otherwise.';
revoke execute on function let_in(bigint, bigint, bigint) from public;
grant execute on function let_in(bigint, bigint, bigint) to faxplan_portal;
