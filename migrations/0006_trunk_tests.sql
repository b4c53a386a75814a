-- Faxes that test a trunk.

alter table faxes add column is_test boolean not null default false;
comment on column faxes.is_test is 'It tests a trunk: one call, and no second one whatever came of it.';

create table trunk_tests (
    tenant_id     bigint not null,
    fax_id        bigint not null,
    trunk_id      bigint not null,
    requested_at  timestamptz not null default now(),
    constraint trunk_tests_pkey primary key (tenant_id, fax_id),
    constraint trunk_tests_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id),
    constraint trunk_tests_trunk_fkey foreign key (trunk_id) references trunks (id)
);
comment on table trunk_tests is 'Test faxes that wait for a node, each for a call through one trunk, whatever the routes say. They stand in no fax_queue.';

alter table trunk_tests enable row level security;
alter table trunk_tests force row level security;
create policy trunk_tests_tenant on trunk_tests using (tenant_id = (select current_tenant()))
    with check (tenant_id = (select current_tenant()));
create policy trunk_tests_claim on trunk_tests for all to faxplan_switch using (true) with check (true);
grant select on trunk_tests to faxplan_backup;
grant select, insert, delete on trunk_tests to faxplan_portal;
grant select, delete on trunk_tests to faxplan_switch;
