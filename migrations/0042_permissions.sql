-- What a tenant, and each of its people, may do; as which numbers they call; and whom a fax is charged to.

alter table tenants
    add column permissions text[] not null default '{send,receive,mail-in,mail-out,campaigns,contacts,api}',
    add column billing_codes text not null default 'none',
    add constraint tenants_permissions_known check (permissions <@ '{send,receive,mail-in,mail-out,campaigns,contacts,api}'::text[]),
    add constraint tenants_billing_codes_known check (billing_codes in ('none', 'optional', 'required'));
comment on column tenants.permissions is 'What its people may be permitted at most.';
comment on column tenants.billing_codes is 'Whether a fax that is sent has one: none, optional, required.';

alter table users
    add column permissions text[] not null default '{send,receive,mail-in,mail-out,campaigns,contacts,api}',
    add column caller_id text,
    add column caller_ids text[] not null default '{}',
    add constraint users_permissions_known check (permissions <@ '{send,receive,mail-in,mail-out,campaigns,contacts,api}'::text[]),
    add constraint users_caller_ids_form check (
        coalesce(caller_id, '+10') ~ '^\+[1-9][0-9]{1,14}$' and cardinality(caller_ids) <= 100
        and array_position(caller_ids, null) is null and (caller_ids = '{}' or array_to_string(caller_ids, '') ~ '^(\+[1-9][0-9]{1,14})+$'));
comment on column users.permissions is 'Of what the tenant has.';
comment on column users.caller_id is 'E.164, the number that faxes call as where nothing else is said; null: the tenant''s first.';
comment on column users.caller_ids is 'E.164, as which faxes may call; empty: any of the tenant''s.';

alter table faxes
    add column billing_code text not null default '',
    add constraint faxes_billing_code_form check (length(billing_code) <= 40 and billing_code !~ '[[:cntrl:]]');
comment on column faxes.billing_code is 'Whom or what it is charged to, in the sender''s words; empty: nothing was said.';
