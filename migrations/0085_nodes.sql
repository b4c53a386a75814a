-- A node may be drained: it dials nothing, refuses calls that come in, and gives up the registrations that it holds.

alter table nodes add column draining_since timestamptz;
alter table nodes add column waiting integer not null default 0;
comment on column nodes.draining_since is 'Since when an administrator wants it to take no calls any more (`faxplan node drain`); null: it takes them.';
comment on column nodes.waiting is 'Received faxes on its disk that were not delivered yet when it last reported.';

grant delete on nodes to faxplan_admin;
grant update (lease_until) on calls to faxplan_admin;
create policy calls_removed_nodes on calls for update to faxplan_admin using (true) with check (true);
create policy transient_keys_removed_nodes on transient_keys for update to faxplan_admin using (purpose = 'dispatch') with check (purpose = 'dispatch');
grant update (retired_at) on transient_keys to faxplan_admin;
