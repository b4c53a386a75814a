-- Times in the clock of who reads them, who may sit elsewhere than their organisation.

alter table users
    add column time_zone text,
    add constraint users_time_zone_known check (time_zone is null or timezone(time_zone, timestamptz 'epoch') is not null);
comment on column users.time_zone is 'IANA name, in which their pages show times; null: the tenant''s.';
grant update (time_zone) on users to faxplan_portal;
