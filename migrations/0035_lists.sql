-- Lists of faxes of any length: where each fax stands, with what lists are ordered, filtered and searched by; and labels.

create table listings (
    tenant_id  bigint not null,
    list       text not null,
    owner_id   bigint not null,
    at         timestamptz not null,
    fax_id     bigint not null,
    number     text collate "C",
    standing   text not null,
    unread     boolean not null default false,
    number_6   text collate "C" generated always as (left(number, 6)) stored,
    number_9   text collate "C" generated always as (left(number, 9)) stored,
    number_12  text collate "C" generated always as (left(number, 12)) stored,
    constraint listings_pkey primary key (tenant_id, list, owner_id, at, fax_id),
    constraint listings_fax_key unique (tenant_id, fax_id),
    constraint listings_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete cascade,
    constraint listings_list_known check (list in ('inbox', 'sent', 'deleted')),
    constraint listings_standing_known check (standing in ('open', 'arrived', 'partial', 'failed', 'stopped'))
);
create index listings_unread_idx on listings (tenant_id, list, owner_id, at, fax_id) where unread;
create index listings_standing_idx on listings (tenant_id, list, owner_id, standing, at, fax_id);
create index listings_number_6_idx on listings (tenant_id, list, owner_id, number_6, at, fax_id);
create index listings_number_9_idx on listings (tenant_id, list, owner_id, number_9, at, fax_id);
create index listings_number_12_idx on listings (tenant_id, list, owner_id, number_12, at, fax_id);
comment on table listings is
    'Where each fax stands in a list of the portal: beside faxes, so that what is listed by is indexed, and the state of a fax is not. Written by triggers.';
comment on column listings.list is 'inbox, of the mailbox owner_id; sent, of the user owner_id; or deleted, of whose it was before.';
comment on column listings.at is 'When it was laid into the mailbox, or handed in.';
comment on column listings.number is 'The other one''s, E.164; null: withheld. number_6 and the others: its beginning, by which lists are searched.';
comment on column listings.standing is 'open: not ended. As users are told: arrived, partial, failed, stopped.';

create table labels (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    name        text not null,
    key         text collate "C" not null,
    created_at  timestamptz not null default now(),
    constraint labels_pkey primary key (tenant_id, id),
    constraint labels_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint labels_key_key unique (tenant_id, key),
    constraint labels_name_form check (length(name) between 1 and 40 and name !~ '[[:cntrl:]]')
);
comment on table labels is 'What users call faxes. One that is on no fax goes when a new one is made.';
comment on column labels.key is 'The name as names are compared: folded.';

create table fax_labels (
    tenant_id  bigint not null,
    fax_id     bigint not null,
    label_id   bigint not null,
    list       text not null,
    owner_id   bigint not null,
    at         timestamptz not null,
    constraint fax_labels_pkey primary key (tenant_id, fax_id, label_id),
    constraint fax_labels_label_fkey foreign key (tenant_id, label_id) references labels (tenant_id, id) on delete cascade,
    constraint fax_labels_listing_fkey foreign key (tenant_id, list, owner_id, at, fax_id)
        references listings (tenant_id, list, owner_id, at, fax_id) on update cascade on delete cascade
);
create index fax_labels_label_idx on fax_labels (tenant_id, label_id, list, owner_id, at, fax_id);
comment on table fax_labels is 'Which labels are on a fax. list, owner_id, at: as its listing has them, for lists of a label.';

create function standing_of(state text) returns text
    language sql immutable parallel safe
    return case when state in ('sent', 'received') then 'arrived' when state in ('partial', 'failed') then state
                when state = 'cancelled' then 'stopped' else 'open' end;
comment on function standing_of(text) is 'Of a fax''s state: listings.standing.';

create function list_fax() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    update listings l
        set list = case when new.deleted_at is not null then 'deleted' when new.direction = 'inbound' then 'inbox' else 'sent' end,
            at = case when new.direction = 'outbound' then new.created_at else l.at end,
            number = case when new.direction = 'outbound' then new.called_number else new.calling_number end,
            standing = standing_of(new.state)
        where l.tenant_id = new.tenant_id and l.fax_id = new.id;
    if found or new.direction = 'outbound' and new.user_id is null
        or new.direction = 'inbound' and (new.mailbox_id is null or new.finished_at is null) then
        return null;
    end if;
    insert into listings (tenant_id, list, owner_id, at, fax_id, number, standing)
        values (new.tenant_id, case when new.deleted_at is not null then 'deleted' when new.direction = 'inbound' then 'inbox' else 'sent' end,
                case when new.direction = 'inbound' then new.mailbox_id else new.user_id end, new.created_at, new.id,
                case when new.direction = 'inbound' then new.calling_number else new.called_number end, standing_of(new.state));
    return null;
end $$;
comment on function list_fax() is
    'Lists a fax that a user sends from the beginning, and one that came in from its end, or once it lies in its mailbox (list_entry).';
create trigger faxes_listed after insert on faxes for each row
    when (new.direction = 'outbound' and new.user_id is not null or new.direction = 'inbound' and new.finished_at is not null)
    execute function list_fax();
create trigger faxes_listed_again after update of state, finished_at, deleted_at, created_at, calling_number on faxes for each row
    when (old.finished_at is distinct from new.finished_at or old.deleted_at is distinct from new.deleted_at
          or old.created_at <> new.created_at or old.calling_number is distinct from new.calling_number
          or new.finished_at is not null and old.state <> new.state)
    execute function list_fax();

create function list_entry() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into listings (tenant_id, list, owner_id, at, fax_id, number, standing, unread)
        select f.tenant_id, case when f.deleted_at is null then 'inbox' else 'deleted' end, new.mailbox_id, new.added_at, f.id,
               f.calling_number, standing_of(f.state), new.read_at is null
        from faxes f where f.tenant_id = new.tenant_id and f.id = new.fax_id
        on conflict on constraint listings_fax_key
        do update set owner_id = excluded.owner_id, at = excluded.at, unread = excluded.unread;
    return null;
end $$;
comment on function list_entry() is 'Lists a fax by its entry: in that mailbox, from when it was laid there, and unread until it is read.';
create trigger mailbox_entries_listed after insert or update of mailbox_id, added_at, read_at on mailbox_entries
    for each row execute function list_entry();

do $$
declare
    t text;
begin
    foreach t in array array['listings', 'labels', 'fax_labels'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

-- Row-level security is forced on the owner too: tenant by tenant.
do $$
declare
    t bigint;
    due bigint;
    listed bigint;
begin
    for t in select id from tenants order by id loop
        perform set_config('app.tenant', t::text, true);
        select count(*) into due from faxes f left join mailbox_entries e on e.tenant_id = f.tenant_id and e.mailbox_id = f.mailbox_id and e.fax_id = f.id
            where f.tenant_id = t
              and (f.direction = 'outbound' and f.user_id is not null
                   or f.direction = 'inbound' and f.mailbox_id is not null and (f.finished_at is not null or e.fax_id is not null));
        insert into listings (tenant_id, list, owner_id, at, fax_id, number, standing, unread)
            select t, case when f.deleted_at is not null then 'deleted' when f.direction = 'inbound' then 'inbox' else 'sent' end,
                   case when f.direction = 'inbound' then f.mailbox_id else f.user_id end,
                   case when f.direction = 'inbound' then coalesce(e.added_at, f.created_at) else f.created_at end, f.id,
                   case when f.direction = 'inbound' then f.calling_number else f.called_number end, standing_of(f.state),
                   e.fax_id is not null and e.read_at is null
            from faxes f left join mailbox_entries e on e.tenant_id = f.tenant_id and e.mailbox_id = f.mailbox_id and e.fax_id = f.id
            where f.tenant_id = t
              and (f.direction = 'outbound' and f.user_id is not null
                   or f.direction = 'inbound' and f.mailbox_id is not null and (f.finished_at is not null or e.fax_id is not null));
        get diagnostics listed = row_count;
        if listed <> due then
            raise exception 'tenant %: % of % faxes were listed', t, listed, due;
        end if;
    end loop;
    perform set_config('app.tenant', '', true);
end $$;

grant select on listings, labels, fax_labels to faxplan_backup;
grant select on labels_id_seq to faxplan_backup;
grant select, insert, update on listings to faxplan_portal, faxplan_switch;
grant select, update on listings to faxplan_worker;
grant select, insert, delete on labels to faxplan_portal;
grant select, insert, delete on fax_labels to faxplan_portal;
