-- A trunk with a next to endless pause between two calls stopped every claim: no interval holds it.
update trunks set calls_per_second = least(greatest(calls_per_second, 0.001), 1000);
alter table trunks drop constraint trunks_calls_per_second_range,
    add constraint trunks_calls_per_second_range check (calls_per_second between 0.001 and 1000);

comment on column faxes.priority is '10: urgent, 100: normal, 1000: bulk. Urgent goes before its tenant''s other faxes, and bulk after what is not bulk of all tenants.';
