-- One node alone registers a trunk that registers, until it dies or is drained.

create table trunk_holders (
    trunk_id    bigint not null,
    node        text not null,
    since       timestamptz not null default now(),
    constraint trunk_holders_pkey primary key (trunk_id),
    constraint trunk_holders_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade,
    constraint trunk_holders_node_fkey foreign key (node) references nodes (name) on delete cascade
);
comment on table trunk_holders is
    'Which node alone registers a trunk that registers, and dials through it: until it is silent or drained. A trunk without a row may be dialled by any.';

grant select on trunk_holders to faxplan_backup, faxplan_admin;
grant select, insert, update, delete on trunk_holders to faxplan_switch;
