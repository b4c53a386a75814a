-- How a trunk's registration fares on its node, which of them have failed, and which runtime was stopped on purpose.

alter table nodes add column stopped_at timestamptz;
comment on column nodes.stopped_at is 'When its runtime was stopped on purpose (fax_queue::stop); it counts until the node reports again.';
alter table nodes add column registered text[] not null default '{}';
comment on column nodes.registered is 'Trunks that its switch has registered, by what that said when the node looked last.';

alter table trunk_holders add column failing_since timestamptz;
comment on column trunk_holders.failing_since is 'Since when the node has seen that its switch has not registered the trunk; null: it has. It counts from since on, and from the last change of the trunk.';
alter table trunk_holders add column tried jsonb not null default '{}';
comment on column trunk_holders.tried is 'By node: when it was taken away from that one because it failed there. No such node takes it again for an hour, or until the trunk is changed.';

comment on table trunk_holders is
    'Which node alone registers a trunk that registers, and dials through it: until it is silent, stopped, drained or paused, or fails to. A trunk without a row may be dialled by any.';
