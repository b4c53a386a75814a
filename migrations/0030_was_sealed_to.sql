-- Whether something was ever sealed to a mailbox: purge empties it, and its keys still open what backups hold.

alter table mailboxes add column was_sealed_to boolean not null default false;
comment on column mailboxes.was_sealed_to is
    'Something was sealed to it, whether or not it was purged since: its keys open that in every backup. Then the administrator alone lets nobody in.';

-- Row-level security is forced on the owner too: tenant by tenant. Where purge has removed records, any mailbox with a key may have had some.
do $$
declare
    t bigint;
    due bigint;
    changed bigint;
begin
    for t in select id from tenants order by id loop
        perform set_config('app.tenant', t::text, true);
        select count(*) into due from mailboxes b
            where exists (select from mailbox_wraps w where w.tenant_id = t and w.mailbox_id = b.id)
               or exists (select from faxes f where f.tenant_id = t and f.mailbox_id = b.id)
               or (select p.removed_records from purge_state p)
                  and exists (select from mailbox_epochs e where e.tenant_id = t and e.mailbox_id = b.id);
        update mailboxes b set was_sealed_to = true
            where b.tenant_id = t
              and (b.id in (select w.mailbox_id from mailbox_wraps w where w.tenant_id = t union
                            select f.mailbox_id from faxes f where f.tenant_id = t)
                   or (select p.removed_records from purge_state p)
                      and b.id in (select e.mailbox_id from mailbox_epochs e where e.tenant_id = t));
        get diagnostics changed = row_count;
        if changed <> due then
            raise exception 'tenant %: % of % mailboxes to which something was sealed were noted', t, changed, due;
        end if;
    end loop;
    perform set_config('app.tenant', '', true);
end $$;

create function mailboxes_refuse() returns trigger
    language plpgsql
as $$
begin
    raise exception 'what was sealed to a mailbox once, was' using errcode = 'insufficient_privilege';
end $$;
comment on function mailboxes_refuse() is 'Nobody makes a mailbox look as if nothing had ever been sealed to it.';
create trigger mailboxes_sealed_to before update of was_sealed_to on mailboxes for each row
    when (old.was_sealed_to and not new.was_sealed_to) execute function mailboxes_refuse();

create function mailbox_wraps_note() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
    each record;
begin
    -- Always in the same order: two who note the same mailboxes must not wait for each other.
    for each in select distinct w.tenant_id, w.mailbox_id from wrapped w order by 1, 2 loop
        update mailboxes m set was_sealed_to = true
            where m.tenant_id = each.tenant_id and m.id = each.mailbox_id and not m.was_sealed_to;
    end loop;
    return null;
end $$;
comment on function mailbox_wraps_note() is 'Sets mailboxes.was_sealed_to, once for each. Definer: no role may write that itself.';
create trigger mailbox_wraps_note after insert on mailbox_wraps referencing new table as wrapped
    for each statement execute function mailbox_wraps_note();

-- Not whether something was sealed to it; and for that the administrator need not see wraps any more.
revoke insert, update on mailboxes from faxplan_admin;
grant insert (tenant_id, name, kind), update (name) on mailboxes to faxplan_admin;
revoke select (tenant_id, mailbox_id) on mailbox_wraps from faxplan_admin;
