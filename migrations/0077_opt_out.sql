-- Campaigns say how not to be faxed any more, and who asks for it is not.

alter table tenants
    add column opt_out_notice text not null default '',
    add constraint tenants_opt_out_notice_length check (length(opt_out_notice) <= 400);
comment on column tenants.opt_out_notice is 'What the first page of each campaign''s faxes says of how to get no more: {address}, {number} and {code} are filled in. Empty: nothing.';

alter table dids add column opt_out boolean not null default false;
comment on column dids.opt_out is 'Who faxes to it gets no faxes of the tenant any more.';

alter table renderings
    add column notice text not null default '',
    drop constraint renderings_original_key,
    add constraint renderings_original_key unique (tenant_id, original_id, resolution, notice);
comment on column renderings.notice is 'A text in a strip of its own at the foot of the first page.';
grant delete on render_jobs to faxplan_portal;

alter table campaigns
    add column code text,
    add column notice text not null default '',
    add constraint campaigns_code_form check (code ~ '^[2-9A-HJKMNP-Z]{8}$');
create unique index campaigns_code_idx on campaigns (tenant_id, code);
comment on column campaigns.code is 'By which who got its fax asks for no more.';
comment on column campaigns.notice is 'What its first page says of that; empty: nothing.';

grant select, insert on do_not_fax to faxplan_switch;
