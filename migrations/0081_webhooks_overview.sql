-- The doctor sees which webhooks are in trouble; nothing that signs, and nothing that was told or answered.

grant select (tenant_id, id, address, enabled, off_because, failures, failing_since, rests_until, served_at)
    on webhook_endpoints to faxplan_admin;
grant select (tenant_id, endpoint_id, created_at) on webhook_secrets to faxplan_admin;
grant select (tenant_id, endpoint_id, state, not_before) on webhook_deliveries to faxplan_admin;
create policy webhook_endpoints_overview on webhook_endpoints for select to faxplan_admin using (true);
create policy webhook_secrets_overview on webhook_secrets for select to faxplan_admin using (true);
create policy webhook_deliveries_overview on webhook_deliveries for select to faxplan_admin using (state = 'waiting');
