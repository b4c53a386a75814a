-- Who runs the installation may be a user of a tenant, as the provider's own people are: the portal shows them its pages.

alter table users add column operator boolean not null default false;
comment on table users is 'People of a tenant.';
comment on column users.operator is 'Runs the installation as well, beside what the role lets them do in the tenant.';
