-- How long faxes are kept, legal holds, and their end: purge, by a role of its own (roles.sql).

alter table faxes
    add column deleted_at timestamptz,
    add column purged_at timestamptz;
create index faxes_kept_idx on faxes (tenant_id, mailbox_id, direction, created_at, id) where purged_at is null;
comment on index faxes_kept_idx is 'What purge looks through. Not of finished_at: the end of a fax would have to be written into every index of faxes.';
create index faxes_deleted_idx on faxes (tenant_id, deleted_at, id) where deleted_at is not null and purged_at is null;
create index faxes_purged_idx on faxes (tenant_id, purged_at, id) where purged_at is not null;
create index faxes_tiff_idx on faxes (tenant_id, tiff_id) where tiff_id is not null;
comment on index faxes_tiff_idx is 'Who deletes a document asks who refers to it. faxes_pdf_idx, renderings_document_idx: likewise.';
create index faxes_pdf_idx on faxes (tenant_id, pdf_id) where pdf_id is not null;
comment on column faxes.deleted_at is 'A user has deleted it: nobody sees it any more, and purge destroys it. Null: no.';
comment on column faxes.purged_at is 'Since then it has no documents, and nobody can open it; the row is a record of it. Null: it is kept.';
create index renderings_document_idx on renderings (tenant_id, document_id) where document_id is not null;
create index mailbox_entries_fax_idx on mailbox_entries (tenant_id, fax_id);
create index notices_fax_idx on notices (tenant_id, fax_id);

create table retention_bounds (
    id              bigint generated always as identity,
    only_for        bigint,
    min_days        integer,
    max_days        integer,
    remove_records  boolean,
    constraint retention_bounds_pkey primary key (id),
    constraint retention_bounds_only_for_fkey foreign key (only_for) references tenants (id),
    constraint retention_bounds_entry_key unique nulls not distinct (only_for),
    constraint retention_bounds_min_days_range check (min_days between 0 and 36500),
    constraint retention_bounds_max_days_range check (max_days between 1 and 36500),
    constraint retention_bounds_order check (min_days <= max_days)
);
comment on table retention_bounds is 'What the administrator asks of how long faxes are kept: of all tenants, or of one.';
comment on column retention_bounds.only_for is 'Of this tenant, in place of what holds for all; null: of all tenants.';
comment on column retention_bounds.min_days is 'Since its end a fax is kept so long at least, whoever deletes it; null: as for all, or none.';
comment on column retention_bounds.max_days is 'And so long at most; null: as for all, or no limit.';
comment on column retention_bounds.remove_records is 'Whether the rows of a fax and its calls go as well, in the month after; null: as for all, or no.';

create table retention_choices (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    mailbox_id  bigint,
    direction   text,
    days        integer not null,
    constraint retention_choices_pkey primary key (tenant_id, id),
    constraint retention_choices_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint retention_choices_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint retention_choices_entry_key unique nulls not distinct (tenant_id, mailbox_id, direction),
    constraint retention_choices_direction_known check (direction in ('outbound', 'inbound')),
    constraint retention_choices_days_range check (days between 1 and 36500)
);
comment on table retention_choices is 'How long a tenant wants its faxes to be kept. What is beyond the bounds of now counts as the bound.';
comment on column retention_choices.mailbox_id is 'Of faxes of this mailbox; null: of each that has no choice of its own.';
comment on column retention_choices.direction is 'Of these only; null: of both.';

create table holds (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    mailbox_id  bigint,
    fax_id      bigint,
    reason      text not null,
    set_by      text not null,
    set_at      timestamptz not null default now(),
    constraint holds_pkey primary key (tenant_id, id),
    constraint holds_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint holds_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint holds_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id),
    constraint holds_reason_given check (length(btrim(reason)) between 1 and 500)
);
create index holds_fax_idx on holds (tenant_id, fax_id);
comment on table holds is 'Legal holds: of a fax, of all of a mailbox, or of all of a tenant. What is held is neither deleted nor purged.';
comment on column holds.mailbox_id is 'Of a hold of a fax: the mailbox that it is of.';
comment on column holds.fax_id is 'Null: all faxes of the mailbox; where that is null as well, all of the tenant.';

create table tombstones (
    tenant_id    bigint not null,
    object_name  text not null,
    buried_at    timestamptz not null default now(),
    constraint tombstones_pkey primary key (tenant_id, object_name)
);
comment on table tombstones is
    'Objects of purged faxes that may lie in the store still. Nothing opens them: their wraps went in the transaction that wrote the row.';

create table purge_state (
    id               integer not null,
    database         text not null,
    generation       integer not null,
    runs             bigint not null default 0,
    ended_at         timestamptz,
    finished         boolean not null default true,
    next_folder      integer not null default 0,
    swept_at         timestamptz,
    removed_records  boolean not null default false,
    constraint purge_state_pkey primary key (id),
    constraint purge_state_one check (id = 1),
    constraint purge_state_folder_range check (next_folder between 0 and 255)
);
comment on table purge_state is 'One row: how far purge is, and for which database and store.';
comment on column purge_state.database is 'database_identity when an administrator last said that database and store belong together. Another one now: it was restored.';
comment on column purge_state.generation is 'audit_tree.generation likewise.';
comment on column purge_state.runs is 'How many there were. The store notes it as well: one that knows of more belongs to a database that was restored.';
comment on column purge_state.ended_at is 'When the last one came to its end; null: there was none. finished: nothing due was left then.';
comment on column purge_state.next_folder is 'Of the store, where the search goes on for objects that no row names; swept_at: when all were looked through.';
comment on column purge_state.removed_records is 'Whether rows of faxes were ever removed: records of all time do not add up between tenants since.';

create function database_identity() returns text
    language sql stable
    return (select system_identifier from pg_control_system()) || '/' || (select timeline_id from pg_control_checkpoint())
           || '/' || (select oid from pg_database where datname = current_database());
comment on function database_identity() is 'Another one after a dump was restored, a standby promoted, or a backup recovered to a point in time.';
insert into purge_state (id, database, generation) select 1, database_identity(), t.generation from audit_tree t;

create function fax_to_hold(fax bigint) returns table (mailbox_id bigint, purged_at timestamptz)
    language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select f.mailbox_id, f.purged_at from faxes f where f.tenant_id = current_tenant() and f.id = fax;
end;
comment on function fax_to_hold(bigint) is
    'Of a fax of the current tenant, what a hold has to know; no row: there is none. Definer: who sets a hold need not read faxes.';

create function refuse_held() returns trigger
    language plpgsql
as $$
begin
    if exists (select from holds h where h.tenant_id = old.tenant_id
               and case when h.fax_id is not null then h.fax_id = old.id
                        else h.mailbox_id is null or h.mailbox_id = old.mailbox_id end) then
        raise exception 'fax % is under legal hold', old.id using errcode = 'restrict_violation', constraint = 'faxes_held';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function refuse_held() is 'Whatever the application forgets: what is under legal hold is not purged.';
create trigger faxes_held_delete before delete on faxes for each row execute function refuse_held();
create trigger faxes_held_purge before update of purged_at on faxes for each row
    when (new.purged_at is not null and old.purged_at is null) execute function refuse_held();

do $$
declare
    t text;
begin
    foreach t in array array['retention_choices', 'holds', 'tombstones'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;
create policy documents_orphans on documents for select to faxplan_purge using (true);

grant usage on schema public to faxplan_purge;
grant select on retention_bounds, retention_choices, holds, tombstones, purge_state, retention_bounds_id_seq, retention_choices_id_seq, holds_id_seq
    to faxplan_backup;
-- How long faxes are kept, and what is held.
grant select, insert, update on retention_bounds to faxplan_admin;
grant select on retention_bounds to faxplan_portal, faxplan_purge;
grant select on retention_choices to faxplan_admin, faxplan_purge;
grant select, insert, update, delete on retention_choices to faxplan_portal;
grant select, insert, delete on holds to faxplan_admin;
grant select on holds to faxplan_portal, faxplan_purge;
grant select on purge_state to faxplan_admin, faxplan_portal, faxplan_purge;
grant update (database, generation) on purge_state to faxplan_admin;

-- purge: destroys what was kept for long enough. It reads no wrap, no trace and no notice.
grant select on schema_migration, tenants, mailboxes, faxes, renderings, audit_tree to faxplan_purge;
grant insert on audit to faxplan_purge;
grant update (purged_at, rendering_id, tiff_id, pdf_id) on faxes to faxplan_purge;
grant delete on faxes, attempts, renderings, render_jobs, documents, mailbox_wraps, transient_wraps, mailbox_entries, notices, t30_traces
    to faxplan_purge;
grant select (tenant_id, id, fax_id, channel_uuid) on attempts to faxplan_purge;
grant select (tenant_id, id, bytes, object_name) on documents to faxplan_purge;
grant select (tenant_id, rendering_id) on render_jobs to faxplan_purge;
grant select (tenant_id, document_id, mailbox_id) on mailbox_wraps to faxplan_purge;
grant select (tenant_id, document_id) on transient_wraps to faxplan_purge;
grant select (tenant_id, fax_id) on mailbox_entries, notices to faxplan_purge;
grant select (tenant_id, attempt_id) on t30_traces to faxplan_purge;
grant select, insert, delete on tombstones to faxplan_purge;
grant update (runs, ended_at, finished, next_folder, swept_at, removed_records) on purge_state to faxplan_purge;
