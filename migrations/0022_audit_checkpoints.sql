-- A row of the audit says how its actor was authenticated and whence, and its hash can be reckoned without PostgreSQL (form 2).
-- Rows that are there stay as they are, form 1.
alter table audit
    add column authenticated text not null default '',
    add column address text not null default '',
    add column form smallint not null default 1;
comment on column audit.authenticated is 'How the actor was authenticated, such as machine-account; empty: nobody was.';
comment on column audit.address is 'The network address that the actor came from; empty: there was none.';
comment on column audit.form is 'How hash covers the row. 1: what jsonb_build_array printed, until the migration audit_checkpoints. 2: docs/audit.md has it byte by byte.';

create or replace function audit_link() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public
as $$
begin
    select h.sequence + 1, h.hash into new.sequence, new.previous_hash from audit_heads h where h.tenant_id = new.tenant_id for update;
    if not found then
        insert into audit_heads (tenant_id, sequence, hash) values (new.tenant_id, 0, '')
            on conflict on constraint audit_heads_pkey do nothing;
        select h.sequence + 1, h.hash into strict new.sequence, new.previous_hash
            from audit_heads h where h.tenant_id = new.tenant_id for update;
    end if;
    -- Once the head is ours: later rows have later times.
    new.at := clock_timestamp();
    new.form := 2;
    new.hash := encode(sha256(convert_to(concat(
        '15:faxplan-audit-2,',
        octet_length(new.tenant_id::text), ':', new.tenant_id, ',',
        octet_length(new.sequence::text), ':', new.sequence, ',',
        '27:', to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ',',
        octet_length(new.actor), ':', new.actor, ',',
        octet_length(new.authenticated), ':', new.authenticated, ',',
        octet_length(new.address), ':', new.address, ',',
        octet_length(new.action), ':', new.action, ',',
        octet_length(new.object), ':', new.object, ',',
        octet_length(new.result), ':', new.result, ',',
        '64:', encode(sha256(convert_to(new.details::text, 'UTF8')), 'hex'), ',',
        octet_length(new.previous_hash), ':', new.previous_hash, ','), 'UTF8')), 'hex');
    update audit_heads h set sequence = new.sequence, hash = new.hash where h.tenant_id = new.tenant_id;
    return new;
end $$;

create table audit_leaves (
    tenant_id       bigint not null,
    first_sequence  bigint not null,
    last_sequence   bigint not null,
    last_hash       text not null,
    first_leaf      bigint not null,
    constraint audit_leaves_pkey primary key (tenant_id, first_sequence),
    constraint audit_leaves_first_leaf_key unique (first_leaf),
    constraint audit_leaves_order check (first_sequence > 0 and last_sequence >= first_sequence and first_leaf >= 0)
);
comment on table audit_leaves is 'Which rows of audit are which leaves of the Merkle tree that checkpoints sign: those of one chain that one checkpoint took in.';
comment on column audit_leaves.first_leaf is 'Where in the tree, from 0; the rows follow in their order.';
create trigger audit_leaves_refuse before update or delete on audit_leaves for each row execute function audit_refuse();
create trigger audit_leaves_refuse_truncate before truncate on audit_leaves for each statement execute function audit_refuse();

create table audit_tree (
    generation  integer not null,
    size        bigint not null,
    frontier    text[] not null,
    constraint audit_tree_pkey primary key (generation),
    constraint audit_tree_size check (size >= 0 and cardinality(frontier) <= 64)
);
comment on table audit_tree is 'One row: how far the Merkle tree over all chains has grown (RFC 6962).';
comment on column audit_tree.generation is '1, and one more after each restore of the database: a log of its own for whoever keeps checkpoints.';
comment on column audit_tree.frontier is 'Hashes of its whole subtrees, the largest first, in hexadecimal: one for each 1 in the size as a binary number.';
insert into audit_tree (generation, size, frontier) values (1, 0, '{}');

alter table audit_leaves enable row level security;
alter table audit_leaves force row level security;
create policy audit_leaves_tenant on audit_leaves using (tenant_id = (select coalesce(current_tenant(), 0)))
    with check (tenant_id = (select coalesce(current_tenant(), 0)));
create policy audit_heads_checkpoint on audit_heads for select to faxplan_admin using (true);
create policy audit_leaves_checkpoint on audit_leaves to faxplan_admin using (true) with check (true);

grant select on audit_leaves, audit_tree to faxplan_backup;
-- Checkpoints of the audit: the heads of all chains, and the tree over them.
grant select on audit_heads, audit_tree to faxplan_admin;
-- A tenant verifies its own chain.
grant select on audit_heads to faxplan_portal;
grant update on audit_tree to faxplan_admin;
grant select, insert on audit_leaves to faxplan_admin;
