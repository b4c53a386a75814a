-- What was handed in together is looked at, counted and stopped together.

alter table faxes add column batch bigint;
comment on column faxes.batch is 'What it was handed in with, by a program: of one request. Of no table: what a batch is say its faxes.';
create index faxes_batch_idx on faxes (tenant_id, batch) where batch is not null;
create sequence fax_batches;
comment on sequence fax_batches is 'Of faxes.batch.';
grant select on fax_batches to faxplan_backup;
grant usage on fax_batches to faxplan_portal;

-- Names of scopes have hyphens, too.
alter table api_keys drop constraint api_keys_scopes_form;
alter table api_keys add constraint api_keys_scopes_form check (
    cardinality(scopes) between 1 and 50 and array_position(scopes, null) is null
    and array_to_string(scopes, ' ') ~ '^[a-z]+([:-][a-z]+)*( [a-z]+([:-][a-z]+)*)*$');
