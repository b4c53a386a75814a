-- Who has logged in by an identity provider does nothing before they have shown what opens their key.

alter table sessions add column is_shut boolean not null default false;
comment on column sessions.is_shut is 'Begun on another''s word: it does nothing until its user has given password or recovery code.';
grant update (is_shut, token_hash) on sessions to faxplan_portal;

-- Those that began so before are over: nobody has shown anything in them.
do $$
declare
    tenant bigint;
begin
    for tenant in select id from tenants order by id loop
        perform set_config('app.tenant', tenant::text, true);
        delete from sessions where tenant_id = tenant and authenticated = 'single-sign-on';
    end loop;
    perform set_config('app.tenant', '', true);
end $$;
