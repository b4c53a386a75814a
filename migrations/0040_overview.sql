-- What operators are shown over all tenants: how calls went, by trunk; how far those in flight are; quotas near their end. Ids, times and counts.

-- Calls are written in the order of their beginning: of the last day's this finds the few blocks, and costs next to nothing.
create index attempts_lately_idx on attempts using brin (started_at);

-- Who tries numbers that may not be called: of all tenants at once, and not of one after the other.
create index audit_refused_lately_idx on audit (at) where result = 'refused';

create policy attempts_overview on attempts for select to faxplan_admin using (true);
create policy faxes_overview on faxes for select to faxplan_admin
    using (exists (select from calls c where c.tenant_id = faxes.tenant_id and c.fax_id = faxes.id));
create policy quotas_overview on quotas for select to faxplan_admin using (true);
create policy audit_refused on audit for select to faxplan_admin using (result = 'refused');

grant select (trunk, outcome, rule, started_at, internal) on attempts to faxplan_admin;
grant select (tenant_id, id, pages, pages_done) on faxes to faxplan_admin;
