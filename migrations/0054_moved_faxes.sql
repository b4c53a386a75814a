-- A fax that is moved leaves a copy behind, deleted: what opens it there goes with that by purge, and by nothing else.

alter table faxes
    add column left_by bigint,
    add constraint faxes_left_by_fkey foreign key (tenant_id, left_by) references faxes (tenant_id, id) on delete set null (left_by),
    add constraint faxes_left_copy check (left_by is null or forwarded_by is not null);
create index faxes_left_by_idx on faxes (tenant_id, left_by) where left_by is not null;
comment on column faxes.left_by is
    'Of a copy that stayed behind, deleted, where a fax lay that was moved away: that fax. Null where its record was removed.';

drop function forget_moved(bigint, bigint);
