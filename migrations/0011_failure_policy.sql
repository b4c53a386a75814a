-- A trunk rests after failures to different numbers, and on the node alone whose switch cannot reach it.

alter table trunk_states add column failed_numbers bigint[] not null default '{}';
alter table trunk_states add column node_rests jsonb not null default '{}';
comment on column trunk_states.failures is 'Calls in a row that the trunk could not take; the first of them to different numbers.';
comment on column trunk_states.failed_numbers is 'Hashes of these numbers.';
comment on column trunk_states.node_rests is
    'By node, of those whose switch cannot reach it: how often in a row that was so, and until when it is not used there.';

alter table attempts add column failed_over boolean not null default false;
comment on column attempts.failed_over is 'The fax went on through another trunk at once.';

-- What is to expire later than Python can tell does not expire.
do $$
declare
    tenant bigint;
begin
    for tenant in select id from tenants loop
        perform set_config('app.tenant', tenant::text, true);
        update destinations set expires_at = null where expires_at >= timestamptz '9999-01-01 00:00:00+00';
        assert not exists (select from destinations where expires_at >= timestamptz '9999-01-01 00:00:00+00');
    end loop;
    perform set_config('app.tenant', '', true);
end $$;
alter table destinations add constraint destinations_expires_at_range check (expires_at < timestamptz '9999-01-01 00:00:00+00');
