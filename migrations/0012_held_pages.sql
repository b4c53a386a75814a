-- A quota that is set while faxes are under way begins with what they hold.

create function held_pages(whose bigint) returns bigint
    language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select coalesce(sum(f.reserved_pages), 0)::bigint from faxes f
    where f.tenant_id = current_tenant() and f.direction = 'outbound' and f.finished_at is null and (whose is null or f.user_id = whose);
end;
comment on function held_pages(bigint) is
    'What faxes hold that are not final, of the current tenant''s user; null: of all. Definer: who sets a quota need not read faxes.';
