-- In which language pages are shown: as a person has chosen, else as their tenant has, else as the browser asks.

alter table tenants
    add column language text,
    add constraint tenants_language_form check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(language) <= 35);
comment on column tenants.language is 'A tag (RFC 5646), where its people have chosen none; null: as the browser asks.';

alter table users
    add column language text,
    add constraint users_language_form check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(language) <= 35);
comment on column users.language is 'A tag (RFC 5646) that they have chosen; null: the tenant''s.';
grant update (language) on users to faxplan_portal;
