-- Which node has taken up which version of a trunk.

alter table trunks add column version integer not null default 1;
alter table trunks add column changed_at timestamptz not null default now();
comment on column trunks.version is 'Raised by each change; node_trunks says which of them a node has taken up.';

create function raise_version() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    new.changed_at := now();
    return new;
end $$;
create trigger trunks_version before update on trunks for each row execute function raise_version();

create table node_trunks (
    node        text not null,
    trunk_id    bigint not null,
    version     integer not null,
    applied_at  timestamptz not null default now(),
    error       text,
    constraint node_trunks_pkey primary key (node, trunk_id),
    constraint node_trunks_node_fkey foreign key (node) references nodes (name) on delete cascade,
    constraint node_trunks_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade
);
comment on table node_trunks is 'Which version of a trunk a node''s switch has. A node whose gateways are kept by hand has no rows.';
comment on column node_trunks.error is 'Why the newest version could not be taken up; null: nothing is wrong.';

grant select on node_trunks to faxplan_backup, faxplan_admin;
grant select, insert, update, delete on node_trunks to faxplan_switch;
grant select (version, changed_at) on trunks to faxplan_portal;
