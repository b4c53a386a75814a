-- Which trunks a node's switch cannot reach, by its own OPTIONS: seen before a call fails.

alter table nodes add column silent_trunks text[] not null default '{}';
comment on column nodes.silent_trunks is 'Trunks of whose gateways its switch says that OPTIONS are not answered, when the node looked last.';
