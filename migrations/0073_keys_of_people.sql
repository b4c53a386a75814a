-- Administrators see the API keys of their people, and end them; by what a key is known they do not see.
grant select (tenant_id, id, user_id, name, ending, scopes, created_at, expires_at, used_at, ended_at) on api_keys to faxplan_admin;
grant update (ended_at) on api_keys to faxplan_admin;
