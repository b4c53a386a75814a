-- A claim costs less: fewer indexes are written for a call, and a fax changes its state within its page.

drop index fax_queue_lane_idx;
create index fax_queue_lane_idx on fax_queue (priority, tenant_id, lane, not_before) with (deduplicate_items = off);
comment on index fax_queue_lane_idx is
    'Faxes of one rendering are queued in one moment, with equal keys. Merged into one entry they could not be marked as gone one by one.';

drop index faxes_rendering_idx;
create index faxes_rendering_idx on faxes (tenant_id, rendering_id);
comment on index faxes_rendering_idx is 'Not of some states only: each change of state would have to be written into every index of faxes.';
alter table faxes set (fillfactor = 80);

drop index calls_node_idx;
drop index calls_destination_idx;
drop index calls_lease_idx;

create trigger routing_changed after insert or update of number or delete on dids for each statement execute function routing_changed();
comment on table routing_version is 'One row: how often routes, or what they mean, have changed, or which numbers are DIDs.';
