-- Faxplan's roles. They belong to the whole PostgreSQL server, so they stand apart from schema.sql and its migrations.
-- Run by a superuser; safe to repeat. Passwords, where the server asks for them, are set by whoever installs Faxplan.
--
--   faxplan_owner    owns every table; nobody logs in as it
--   faxplan_admin    the command line of whoever owns the installation
--   faxplan_portal   what users do: submit, look, manage
--   faxplan_switch   the scripts in FreeSWITCH
--   faxplan_worker   renders documents
--   faxplan_purge    destroys what was kept for long enough
--   faxplan_metrics  reads counts and times for monitoring
--   faxplan_backup   reads everything for pg_dump: under FORCE ROW LEVEL SECURITY not even the owner could
do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            ('faxplan_owner',  'nologin nobypassrls'),
            ('faxplan_admin',  'login nobypassrls'),
            ('faxplan_portal', 'login nobypassrls'),
            ('faxplan_switch', 'login nobypassrls'),
            ('faxplan_worker', 'login nobypassrls'),
            ('faxplan_purge',  'login nobypassrls'),
            ('faxplan_metrics', 'login nobypassrls'),
            ('faxplan_backup', 'login bypassrls')
        ) as role (name, attributes)
    loop
        if not exists (select from pg_roles where rolname = wanted.name) then
            execute format('create role %I nosuperuser nocreatedb nocreaterole noreplication %s',
                           wanted.name, wanted.attributes);
        end if;
    end loop;
end $$;

-- Whatever the roles were made by: a role with more power than this would see every tenant's faxes.
do $$
declare
    strong text;
begin
    select string_agg(rolname, ', ') into strong
    from pg_roles
    where rolname in ('faxplan_owner', 'faxplan_admin', 'faxplan_portal', 'faxplan_switch', 'faxplan_worker', 'faxplan_purge', 'faxplan_metrics', 'faxplan_backup')
      and (rolsuper or rolcreaterole or rolbypassrls <> (rolname = 'faxplan_backup') or (rolcanlogin and rolname = 'faxplan_owner'));
    if strong is not null then
        raise exception 'these roles exist with other powers than Faxplan gives them: %; alter them as migrations/roles.sql says', strong;
    end if;
end $$;

-- Without this a backup could be overwritten by a mistyped command; the role has no write grant anyhow.
alter role faxplan_backup set default_transaction_read_only = on;
