-- To which mailboxes something was ever sealed: purge empties them, and their keys still open what backups hold.

create table sealed_mailboxes (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    mailbox_id   bigint not null,
    noted_at     timestamptz not null default now(),
    constraint sealed_mailboxes_pkey primary key (tenant_id, id),
    constraint sealed_mailboxes_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id)
);
create index sealed_mailboxes_mailbox_idx on sealed_mailboxes (tenant_id, mailbox_id);
comment on table sealed_mailboxes is
    'To which mailboxes something was ever sealed, whether or not it was purged since: their keys open that in every backup, so the '
    'administrator alone lets nobody into them. A row each, or some where the first came at once: no transaction waits for another here.';
alter table sealed_mailboxes enable row level security;
alter table sealed_mailboxes force row level security;
create policy sealed_mailboxes_tenant on sealed_mailboxes
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));

-- Row-level security is forced on the owner too: tenant by tenant. Where purge has removed records, any mailbox with a key may have had some.
do $$
declare
    t bigint;
    due bigint;
    noted bigint;
begin
    for t in select id from tenants order by id loop
        perform set_config('app.tenant', t::text, true);
        select count(*) into due from mailboxes b
            where b.tenant_id = t
              and (exists (select from mailbox_wraps w where w.tenant_id = t and w.mailbox_id = b.id)
                   or exists (select from faxes f where f.tenant_id = t and f.mailbox_id = b.id)
                   or (select p.removed_records from purge_state p)
                      and exists (select from mailbox_epochs e where e.tenant_id = t and e.mailbox_id = b.id));
        insert into sealed_mailboxes (tenant_id, mailbox_id)
            select t, w.mailbox_id from mailbox_wraps w where w.tenant_id = t
            union select t, f.mailbox_id from faxes f where f.tenant_id = t and f.mailbox_id is not null
            union select t, e.mailbox_id from mailbox_epochs e, purge_state p where e.tenant_id = t and p.removed_records;
        get diagnostics noted = row_count;
        if noted <> due then
            raise exception 'tenant %: % of % mailboxes to which something was sealed were noted', t, noted, due;
        end if;
    end loop;
    perform set_config('app.tenant', '', true);
end $$;

create function sealed_mailboxes_refuse() returns trigger
    language plpgsql
as $$
begin
    raise exception 'what was sealed to a mailbox once, was' using errcode = 'insufficient_privilege';
end $$;
comment on function sealed_mailboxes_refuse() is 'Nobody makes a mailbox look as if nothing had ever been sealed to it.';
create trigger sealed_mailboxes_refuse before delete on sealed_mailboxes for each row execute function sealed_mailboxes_refuse();
create trigger sealed_mailboxes_refuse_change after update on sealed_mailboxes for each row
    when (old is distinct from new) execute function sealed_mailboxes_refuse();
create trigger sealed_mailboxes_refuse_truncate before truncate on sealed_mailboxes
    for each statement execute function sealed_mailboxes_refuse();

create function mailbox_wraps_note() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into sealed_mailboxes (tenant_id, mailbox_id)
        select distinct w.tenant_id, w.mailbox_id from wrapped w where not exists (
            select from sealed_mailboxes s where s.tenant_id = w.tenant_id and s.mailbox_id = w.mailbox_id);
    return null;
end $$;
comment on function mailbox_wraps_note() is 'Notes in sealed_mailboxes where the first is sealed to. Definer: no role may write that itself.';
create trigger mailbox_wraps_note after insert on mailbox_wraps referencing new table as wrapped
    for each statement execute function mailbox_wraps_note();

grant select on sealed_mailboxes to faxplan_backup;
grant select on sealed_mailboxes to faxplan_admin;
grant select on sealed_mailboxes_id_seq to faxplan_backup;
-- For that it need not see wraps any more.
revoke select (tenant_id, mailbox_id) on mailbox_wraps from faxplan_admin;
