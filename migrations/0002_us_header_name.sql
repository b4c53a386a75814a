-- In the US the header line names the sender (47 CFR 68.318(d)): tenants whose header name shows nothing get their own name.
-- The owner is bound by row-level security too, and no policy lets it write tenants: for these rows it is taken off.
alter table tenants no force row level security;
do $$
declare
    nameless bigint;
    changed bigint;
begin
    select count(*) into nameless from tenants where country = 'US' and header_name !~ '[^[:space:][:cntrl:]]';
    update tenants set header_name = case when left(name, 50) ~ '[^[:space:][:cntrl:]]' then left(name, 50) else slug end
        where country = 'US' and header_name !~ '[^[:space:][:cntrl:]]';
    get diagnostics changed = row_count;
    assert changed = nameless, format('%s of %s header names were set', changed, nameless);
end $$;
alter table tenants force row level security;

alter table tenants add constraint tenants_us_header_name check (country <> 'US' or header_name ~ '[^[:space:][:cntrl:]]');
comment on column tenants.header_name is 'Who sends, in the header line. Where it shows nothing, which the US does not allow, the line has the tenant''s name.';
