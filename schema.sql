-- Faxplan's database, whole: what a fresh installation loads. migrations/ leads from any earlier level to the same result.
-- Loaded with the role faxplan_owner (no login) in force; roles come from migrations/roles.sql.
--
-- Rules
--   * A table that belongs to tenants has tenant_id first in its primary key, composite foreign keys, and row-level security
--     that is enabled and forced. The tenant is set for one transaction: select set_config('app.tenant', '17', true).
--   * A few tables are read across tenants by one role, under a policy named <table>_<purpose>: they hold ids and routing
--     data only. tests/db/test_isolation.py lists every one of them with its reason.
--   * Every constraint has a name, so that a violation names one error.
--   * Status is text with a check: under a policy an enum's "=" is not leakproof and reaches no index.

create function current_tenant() returns bigint
    language sql stable parallel safe
    return nullif(current_setting('app.tenant', true), '')::bigint;
comment on function current_tenant() is
    'The tenant of this transaction, or null. After a transaction the setting is an empty string, not null.';

create function claimed_tenants() returns bigint[]
    language sql stable parallel safe
    return string_to_array(nullif(current_setting('app.claim', true), ''), ',')::bigint[];
comment on function claimed_tenants() is 'The tenants whose calls this transaction of the switch opens, or null.';

create table schema_migration (
    number     integer not null,
    name       text not null,
    applied_at timestamptz not null default now(),
    constraint schema_migration_pkey primary key (number)
);
comment on table schema_migration is 'Which migrations this database has had.';

-- ---------------------------------------------------------------------------------------------------------------- tenants

create table tenants (
    id              bigint generated always as identity,
    slug            text not null,
    name            text not null,
    country         text not null,
    time_zone       text not null,
    station_ident   text not null default '',
    header_name     text not null default '',
    header_line     boolean not null default true,
    page_n_of_m     boolean not null default true,
    max_attempts    integer not null default 5,
    redial_unknown  boolean not null default true,
    enabled         boolean not null default true,
    created_at      timestamptz not null default now(),
    max_calls       integer,
    calls_per_hour  integer,
    redial_limits   text not null default 'none',
    pages_per_hour  integer,
    permitted_kinds text[] not null default '{}',
    allowed_numbers text[] not null default '{}',
    blocked_numbers text[] not null default '{}',
    wait_hours      integer,
    permissions      text[] not null default '{send,receive,mail-in,mail-out,campaigns,contacts,api}',
    billing_codes    text not null default 'none',
    language         text,
    mail_body        text not null default 'cover',
    mail_pins        boolean not null default false,
    mail_signing_domains text[] not null default '{}',
    sandbox_numbers  boolean not null default true,
    opt_out_notice   text not null default '',
    constraint tenants_pkey primary key (id),
    constraint tenants_slug_key unique (slug),
    constraint tenants_slug_form check (slug ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
    constraint tenants_name_given check (length(name) between 1 and 200),
    constraint tenants_country_form check (country ~ '^[A-Z]{2}$'),
    constraint tenants_time_zone_known check (timezone(time_zone, timestamptz 'epoch') is not null),
    constraint tenants_station_ident_form check (station_ident ~ '^[+0-9 ]{0,20}$'),
    constraint tenants_header_name_form check (length(header_name) <= 50),
    constraint tenants_max_attempts_range check (max_attempts between 1 and 20),
    constraint tenants_us_header_line check (country <> 'US' or header_line),
    constraint tenants_us_header_name check (country <> 'US' or header_name ~ '[^[:space:][:cntrl:]]'),
    constraint tenants_max_calls_range check (max_calls > 0),
    constraint tenants_calls_per_hour_range check (calls_per_hour > 0),
    constraint tenants_redial_limits_known check (redial_limits in ('none', 'us')),
    constraint tenants_pages_per_hour_range check (pages_per_hour > 0),
    constraint tenants_permitted_kinds_known check (permitted_kinds <@ array['premium-rate', 'shared-cost', 'personal', 'satellite']),
    constraint tenants_number_lists_form check (
        array_to_string(allowed_numbers || blocked_numbers, ' ', '') ~ '^((\+([1-9][0-9]{0,14})?|[A-Z]{2})( (?!$)|$))*$'),
    constraint tenants_number_lists_size check (cardinality(allowed_numbers) + cardinality(blocked_numbers) <= 1000),
    constraint tenants_wait_hours_range check (wait_hours between 1 and 8760),
    constraint tenants_permissions_known check (permissions <@ '{send,receive,mail-in,mail-out,campaigns,contacts,api}'::text[]),
    constraint tenants_billing_codes_known check (billing_codes in ('none', 'optional', 'required')),
    constraint tenants_language_form check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(language) <= 35),
    constraint tenants_opt_out_notice_length check (length(opt_out_notice) <= 400),
    constraint tenants_mail_body_known check (mail_body in ('cover', 'page', 'ignore')),
    constraint tenants_mail_signing_domains_form check (
        cardinality(mail_signing_domains) <= 20 and array_position(mail_signing_domains, null) is null
        and array_to_string(mail_signing_domains, ' ') ~ '^([a-z0-9_-]+(\.[a-z0-9_-]+)+( (?!$)|$))*$')
);
comment on column tenants.opt_out_notice is 'What the first page of each campaign''s faxes says of how to get no more: {address}, {number} and {code} are filled in. Empty: nothing.';
comment on table tenants is 'One organisation. Its row is a directory entry: every role may read it, only admin writes it.';
comment on column tenants.country is 'ISO 3166-1 alpha-2; national numbers are read in it.';
comment on column tenants.time_zone is 'IANA name, known to PostgreSQL too; header lines use it, and days and months of quotas.';
comment on column tenants.station_ident is 'T.30 TSI/CSI where a DID has none of its own: digits, + and space, at most 20 characters.';
comment on column tenants.header_name is 'Who sends, in the header line. Where it shows nothing, which the US does not allow, the line has the tenant''s name.';
comment on column tenants.header_line is 'Print the line of 47 CFR 68.318(d) above each page. Cannot be off in the US.';
comment on column tenants.page_n_of_m is 'Faxplan stamps the header line itself, with "page n of m"; off: spandsp prints it, with the page number only.';
comment on column tenants.redial_unknown is 'Dial again, after the last recorded page, when a crash hides how a call ended.';
comment on column tenants.max_calls is 'Calls at once on all nodes, sent and received; null: no limit of its own.';
comment on column tenants.calls_per_hour is 'Calls that go out in one hour by the clock; null: no limit.';
comment on column tenants.redial_limits is
    'us: 47 CFR 68.318(b), an hour''s rest after the second call to a number without success, or the fifteenth if it was busy each time.';

comment on column tenants.pages_per_hour is
    'Pages of the calls that go out in one hour by the clock; null: no limit. What a call did not send is given back.';
comment on column tenants.permitted_kinds is 'Kinds of numbers that cost more than a call (number_policy) and may be called all the same.';
comment on column tenants.allowed_numbers is
    'How E.164 numbers begin that may be called (+ alone: all), or countries (ISO 3166-1 alpha-2). Empty: all.';
comment on column tenants.blocked_numbers is 'Numbers that may not be called, likewise. What fits a number best, in either list, decides.';
comment on column tenants.wait_hours is 'How long its faxes may wait to be sent, all in all; null: as long as the installation''s setting wait_hours says.';
comment on column tenants.permissions is 'What its people may be permitted at most.';
comment on column tenants.billing_codes is 'Whether a fax that is sent has one: none, optional, required.';
comment on column tenants.language is 'A tag (RFC 5646), where its people have chosen none; null: as the browser asks.';
comment on column tenants.mail_body is 'What becomes of the text of a mail that is faxed: a cover page, its first page, or nothing.';
comment on column tenants.mail_pins is 'Whether a PIN proves who has sent a mail.';
comment on column tenants.sandbox_numbers is 'Whether faxes to sandbox numbers are taken, and end as each of these says; else they are refused.';
comment on column tenants.mail_signing_domains is 'Whose DKIM keys sign for its people''s addresses, beside those of the addresses'' own domains.';

create table sending_hours (
    tenant_id  bigint not null,
    id         bigint generated always as identity,
    priority   integer,
    weekday    integer not null,
    opens      time not null,
    closes     time not null,
    constraint sending_hours_pkey primary key (tenant_id, id),
    constraint sending_hours_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint sending_hours_priority_known check (priority in (10, 100, 1000)),
    constraint sending_hours_weekday_range check (weekday between 1 and 7),
    constraint sending_hours_order check (opens < closes)
);
comment on table sending_hours is
    'When a tenant''s faxes may be dialled, by the clock of its time zone. Where there is no row for them, at any time.';
comment on column sending_hours.priority is 'As faxes.priority; null: each that has no rows of its own.';
comment on column sending_hours.weekday is 'ISO 8601: 1 is Monday.';
comment on column sending_hours.closes is 'The first moment that is too late; 24:00 for the end of the day.';

create table users (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    email       text not null,
    name        text not null,
    role        text not null default 'user',
    mailbox_id  bigint,
    enabled     boolean not null default true,
    created_at  timestamptz not null default now(),
    operator    boolean not null default false,
    permissions text[] not null default '{send,receive,mail-in,mail-out,campaigns,contacts,api}',
    caller_id   text,
    caller_ids  text[] not null default '{}',
    language    text,
    time_zone   text,
    mail_results text not null default 'failed',
    mail_accepted boolean not null default false,
    mail_thumbnail boolean not null default false,
    constraint users_pkey primary key (tenant_id, id),
    constraint users_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint users_email_key unique (tenant_id, email),
    constraint users_email_form check (email = lower(email) and email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
    constraint users_role_known check (role in ('user', 'administrator')),
    constraint users_permissions_known check (permissions <@ '{send,receive,mail-in,mail-out,campaigns,contacts,api}'::text[]),
    constraint users_caller_ids_form check (
        coalesce(caller_id, '+10') ~ '^\+[1-9][0-9]{1,14}$' and cardinality(caller_ids) <= 100
        and array_position(caller_ids, null) is null and (caller_ids = '{}' or array_to_string(caller_ids, '') ~ '^(\+[1-9][0-9]{1,14})+$')),
    constraint users_language_form check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(language) <= 35),
    constraint users_time_zone_known check (time_zone is null or timezone(time_zone, timestamptz 'epoch') is not null),
    constraint users_mail_results_known check (mail_results in ('off', 'failed', 'all'))
);
comment on table users is 'People of a tenant.';
comment on column users.mail_results is 'Of which of their faxes that have ended the user gets a mail.';
comment on column users.mail_accepted is 'Whether a mail that has become a fax is answered at once, and not only when the fax has ended.';
comment on column users.mail_thumbnail is 'Whether the mail that says how a fax ended that came by mail shows its first page: a worker opens that until then.';
comment on column users.mailbox_id is 'The personal mailbox.';
comment on column users.operator is 'Runs the installation as well, beside what the role lets them do in the tenant.';
comment on column users.permissions is 'Of what the tenant has.';
comment on column users.caller_id is 'E.164, the number that faxes call as where nothing else is said; null: the tenant''s first.';
comment on column users.caller_ids is 'E.164, as which faxes may call; empty: any of the tenant''s.';
comment on column users.language is 'A tag (RFC 5646) that they have chosen; null: the tenant''s.';
comment on column users.time_zone is 'IANA name, in which their pages show times; null: the tenant''s.';

create table logins (
    tenant_id  bigint not null,
    email      text not null,
    user_id    bigint not null,
    constraint logins_pkey primary key (tenant_id, email),
    constraint logins_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
create index logins_email_idx on logins (email);
comment on table logins is 'Which tenants know an e-mail address: read before a tenant is known.';

create table mailboxes (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    name        text not null,
    kind        text not null default 'group',
    created_at  timestamptz not null default now(),
    mail_mode   text not null default 'notice',
    mail_format text not null default 'pdf',
    mail_password text,
    mail        boolean not null generated always as (mail_mode in ('smime', 'openpgp', 'locked-pdf', 'plain')) stored,
    mail_set_by bigint,
    mail_set_at timestamptz,
    constraint mailboxes_pkey primary key (tenant_id, id),
    constraint mailboxes_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint mailboxes_name_key unique (tenant_id, name),
    constraint mailboxes_kind_known check (kind in ('personal', 'group')),
    constraint mailboxes_mail_mode_known check (mail_mode in ('off', 'notice', 'smime', 'openpgp', 'locked-pdf', 'plain')),
    constraint mailboxes_mail_format_known check (mail_format in ('pdf', 'tiff')),
    constraint mailboxes_mail_password check (mail_mode <> 'locked-pdf' or length(mail_password) between 12 and 127 and mail_format = 'pdf'),
    constraint mailboxes_mail_set_by_fkey foreign key (tenant_id, mail_set_by) references users (tenant_id, id)
);
create index mailboxes_mail_set_by_idx on mailboxes (tenant_id, mail_set_by);
comment on table mailboxes is 'Where received faxes land, of one person or of a group.';
comment on column mailboxes.mail_mode is 'How received faxes go out by mail: not at all, as a notice with a link, or themselves: sealed to each recipient, in a PDF with a password, or as they are.';
comment on column mailboxes.mail_password is 'Of locked-pdf: the worker needs it for each mail. Nobody is shown it.';
comment on column mailboxes.mail is 'Received faxes are wrapped to the workers'' mailer keys too, until each is handed over or given up: they are to be sent by mail.';
comment on column mailboxes.mail_set_by is 'Who chose mail_mode last; null: nobody did, or they read the mailbox no more.';
alter table users add constraint users_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id);

create table mailbox_members (
    tenant_id   bigint not null,
    mailbox_id  bigint not null,
    user_id     bigint not null,
    constraint mailbox_members_pkey primary key (tenant_id, mailbox_id, user_id),
    constraint mailbox_members_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint mailbox_members_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index mailbox_members_user_idx on mailbox_members (tenant_id, user_id);
comment on table mailbox_members is 'Who reads which mailbox.';

create table dids (
    tenant_id      bigint not null,
    number         text not null,
    mailbox_id     bigint not null,
    station_ident  text not null default '',
    enabled        boolean not null default true,
    created_at     timestamptz not null default now(),
    name           text not null default '',
    max_calls      integer,
    ecm            boolean not null default true,
    t38            boolean not null default true,
    refusal        text not null default 'decline',
    opt_out        boolean not null default false,
    constraint dids_pkey primary key (tenant_id, number),
    constraint dids_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint dids_number_key unique (number),
    constraint dids_number_form check (number ~ '^\+[1-9][0-9]{6,14}$'),
    constraint dids_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint dids_station_ident_form check (station_ident ~ '^[+0-9 ]{0,20}$'),
    constraint dids_name_form check (length(name) <= 100),
    constraint dids_max_calls_range check (max_calls > 0),
    constraint dids_refusal_known check (refusal in ('decline', 'busy'))
);
comment on column dids.opt_out is 'Who faxes to it gets no faxes of the tenant any more.';
comment on table dids is 'Direct inward dialling numbers, E.164: whose they are and where their faxes go. The switch reads it before an answer.';
comment on column dids.name is 'What people call the number, for lists.';
comment on column dids.max_calls is 'Calls for it at once; null: no limit of its own. The next one is busy.';
comment on column dids.ecm is 'Whether its calls may use error correction (T.30, annex A). t38: likewise; off: G.711 audio only.';
comment on column dids.refusal is 'How a caller that is not let in is answered: decline (603) or busy (486).';

create table did_callers (
    tenant_id   bigint not null,
    number      text not null,
    caller      text not null,
    rule        text not null,
    created_at  timestamptz not null default now(),
    constraint did_callers_pkey primary key (tenant_id, number, caller),
    constraint did_callers_did_fkey foreign key (tenant_id, number) references dids (tenant_id, number) on delete cascade,
    constraint did_callers_caller_form check (caller = 'anonymous' or caller ~ '^\+([1-9][0-9]{0,14})?$'),
    constraint did_callers_rule_known check (rule in ('allow', 'block'))
);
comment on table did_callers is
    'Who may call a DID. The longest prefix that fits the caller decides. With any entry of rule allow, whom none fits is refused.';
comment on column did_callers.caller is 'How E.164 numbers begin; + alone: every number. anonymous: callers without one.';

create table do_not_fax (
    tenant_id  bigint not null,
    number     text not null,
    reason     text not null default '',
    added_by   text not null,
    added_at   timestamptz not null default now(),
    constraint do_not_fax_pkey primary key (tenant_id, number),
    constraint do_not_fax_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint do_not_fax_number_form check (number ~ '^\+[1-9][0-9]{6,14}$'),
    constraint do_not_fax_reason_form check (length(reason) <= 200)
);
comment on table do_not_fax is 'Numbers, E.164, to which a tenant''s users send nothing: outbound refuses them.';
comment on column do_not_fax.added_by is 'As audit.actor.';

create table did_refusals (
    tenant_id  bigint not null,
    number     text not null,
    reason     text not null,
    calls      bigint not null default 0,
    last_at    timestamptz not null default now(),
    constraint did_refusals_pkey primary key (tenant_id, number, reason),
    constraint did_refusals_did_fkey foreign key (tenant_id, number) references dids (tenant_id, number) on delete cascade,
    constraint did_refusals_reason_known check (reason in ('caller', 'did-full', 'tenant-full'))
);
comment on table did_refusals is 'How many calls for a DID were refused, since it is there, and why.';
comment on column did_refusals.reason is
    'caller: by did_callers. did-full, tenant-full: as many calls were going on as dids.max_calls, or tenants.max_calls, allows.';

create table verified_numbers (
    tenant_id    bigint not null,
    number       text not null,
    how          text not null,
    verified_at  timestamptz not null default now(),
    constraint verified_numbers_pkey primary key (tenant_id, number),
    constraint verified_numbers_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint verified_numbers_number_form check (number ~ '^\+[1-9][0-9]{6,14}$'),
    constraint verified_numbers_how_given check (length(how) between 1 and 200)
);
comment on table verified_numbers is 'Numbers elsewhere, E.164, that a tenant may call as: the administrator has found out that they are its own.';
comment on column verified_numbers.how is 'How that was found out.';

create function calling_number(tenant bigint, wanted text) returns table (number text, station_ident text)
    language sql stable
begin atomic
    select n.number, n.station_ident from (
        select d.number, d.station_ident, true as did, d.created_at as since
        from dids d where d.tenant_id = tenant and d.enabled
        union all
        select v.number, '', false, v.verified_at from verified_numbers v where v.tenant_id = tenant
            and not exists (select from dids d where d.number = v.number and d.tenant_id <> tenant)
    ) n
    order by coalesce(n.number = wanted, false) desc, n.did desc, n.since, n.number limit 1;
end;
comment on function calling_number(bigint, text) is
    'The number that a tenant calls as, with the station ident of its own (or none): the wanted one where it is a DID of the tenant or a '
    'verified number, else its first DID, else its first verified number. No row: it has none.';

-- ----------------------------------------------------------------------------------------------------- trunks and routes

create table trunks (
    id                  bigint generated always as identity,
    name                text not null,
    host                text not null,
    port                integer,
    transport           text not null default 'udp',
    register            boolean not null default false,
    username            text,
    password            text,
    realm               text,
    ping_seconds        integer,
    source_networks     cidr[] not null default '{}',
    called_format       text not null default 'e164',
    calling_format      text not null default 'e164',
    inbound_country     text not null,
    inbound_format      text not null default 'any',
    t38                 boolean not null default true,
    enabled             boolean not null default true,
    created_at          timestamptz not null default now(),
    max_calls           integer,
    calls_per_second    double precision,
    dedicated_to        bigint,
    overflow            boolean not null default true,
    caller_id_in        text not null default 'pai',
    privacy             boolean not null default false,
    from_user           text,
    from_domain         text,
    t38_request         text not null default 'receiver',
    t38_redundancy      integer not null default 3,
    v17                 boolean not null default true,
    ecm                 boolean not null default true,
    codec               text not null default 'any',
    encrypted_media     boolean not null default false,
    trusts_identity     boolean not null default false,
    called_from         text[] not null default '{request}',
    t30_trace           text not null default 'off',
    called_prefix       text not null default '',
    inbound_prefix      text not null default '',
    inbound_calling_format text,
    version             integer not null default 1,
    changed_at          timestamptz not null default now(),
    constraint trunks_pkey primary key (id),
    constraint trunks_name_key unique (name),
    constraint trunks_name_form check (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'),
    constraint trunks_transport_known check (transport in ('udp', 'tcp', 'tls')),
    constraint trunks_port_range check (port between 1 and 65535),
    constraint trunks_ping_seconds_range check (ping_seconds between 5 and 3600),
    constraint trunks_registration_complete check (not register or (username is not null and password is not null)),
    constraint trunks_called_format_known check (called_format in ('e164', 'e164-no-plus', 'national')),
    constraint trunks_calling_format_known check (calling_format in ('e164', 'e164-no-plus', 'national')),
    constraint trunks_inbound_format_known check (inbound_format in ('any', 'e164', 'e164-no-plus', 'national')),
    constraint trunks_inbound_country_form check (inbound_country ~ '^[A-Z]{2}$'),
    constraint trunks_max_calls_range check (max_calls > 0),
    constraint trunks_calls_per_second_range check (calls_per_second between 0.001 and 1000),
    constraint trunks_dedicated_to_fkey foreign key (dedicated_to) references tenants (id),
    constraint trunks_caller_id_in_known check (caller_id_in in ('from', 'pai', 'rpid')),
    constraint trunks_caller_id_told check (caller_id_in <> 'from' or (from_user is null and not privacy)),
    constraint trunks_t38_request_known check (t38_request in ('receiver', 'sender', 'nobody')),
    constraint trunks_t38_redundancy_range check (t38_redundancy between 0 and 3),
    constraint trunks_codec_known check (codec in ('any', 'pcmu', 'pcma')),
    constraint trunks_encrypted_media_keys check (not encrypted_media or transport = 'tls'),
    constraint trunks_encrypted_media_audio check (not (encrypted_media and t38)),
    constraint trunks_called_from_known check (
        called_from <@ array['request', 'to', 'diversion', 'history-info'] and cardinality(called_from) between 1 and 4),
    constraint trunks_t30_trace_known check (t30_trace in ('off', 'failed', 'all')),
    constraint trunks_called_prefix_form check (called_prefix ~ '^[0-9*#]{0,10}$'),
    constraint trunks_called_prefix_digits check (called_prefix = '' or called_format <> 'e164'),
    constraint trunks_inbound_prefix_form check (inbound_prefix ~ '^[0-9*#]{0,10}$'),
    constraint trunks_inbound_calling_format_known check (inbound_calling_format in ('any', 'e164', 'e164-no-plus', 'national'))
);
comment on table trunks is 'SIP trunks of the installation; each is one FreeSWITCH gateway of the same name.';
comment on column trunks.source_networks is 'Where its INVITEs come from. The ACL is made of these, and an inbound call''s trunk is known by them.';
comment on column trunks.inbound_country is
    'The numbering plan of the trunk: national numbers that the carrier writes are read in it, and those that we dial (format national) are written in it.';
comment on column trunks.inbound_format is
    'How the carrier writes numbers. any: a number without + is looked up as E.164 first, then as the country''s.';

comment on column trunks.max_calls is 'Calls at once on all nodes, both directions; null: no limit of its own.';
comment on column trunks.calls_per_second is 'New calls a second that go out, from all nodes together; null: no limit of its own.';
comment on column trunks.dedicated_to is 'The only tenant whose calls go out through it, before any other trunk; null: shared.';
comment on column trunks.overflow is 'Of a dedicated trunk: whether a call that it cannot take goes on to the shared ones.';
comment on column trunks.caller_id_in is
    'Where the calling number stands: from: in From alone; pai, rpid: in P-Asserted-Identity (RFC 3325) or Remote-Party-ID too.';
comment on column trunks.privacy is 'The called party is not told the number: From is anonymous, and Privacy says id (RFC 3323).';
comment on column trunks.from_user is 'What carriers want in From in the number''s place, such as the account; null: the number.';
comment on column trunks.from_domain is 'The domain of From and of the calling number; null: the switch''s address.';
comment on column trunks.t38_request is
    'Which side of a call asks for T.38, by a re-INVITE; whoever does not ask takes what it is asked for. Never both: after a refusal the '
    'second request is not answered.';
comment on column trunks.t38_redundancy is 'How many earlier packets each UDPTL packet repeats.';
comment on column trunks.v17 is 'V.17 (14400 bit/s); off: V.29, 9600 bit/s at most.';
comment on column trunks.ecm is 'Error correction (T.30 Annex A).';
comment on column trunks.codec is 'What is offered in calls that go out: G.711 of either kind, or of one.';
comment on column trunks.trusts_identity is
    'Whether what it says about callers is believed: P-Asserted-Identity, Remote-Party-ID, verstat, Identity, Diversion, History-Info.';
comment on column trunks.called_from is
    'Where its INVITEs say which number is called, in the order in which they are looked at. request stands for To where it is our own Contact.';
comment on column trunks.t30_trace is 'Of which calls a T.30 trace is kept: off (none), failed (those that did not succeed), all.';
comment on column trunks.called_prefix is
    'What is dialled before the called number: for an outside line, or by agreement with the carrier. Empty: nothing.';
comment on column trunks.inbound_prefix is 'What is taken off the called number of a call that comes in, where it begins so. Empty: nothing.';
comment on column trunks.inbound_calling_format is 'How the carrier writes calling numbers, as inbound_format; null: as it wrote the called one.';
comment on column trunks.encrypted_media is 'SRTP or no call, in both directions. Its keys stand in SDP, which TLS hides; T.38 has no encryption.';

comment on column trunks.version is 'Raised by each change; node_trunks says which of them a node has taken up.';

create function raise_version() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    new.changed_at := now();
    return new;
end $$;
create trigger trunks_version before update on trunks for each row execute function raise_version();

create table trunk_states (
    trunk_id        bigint not null,
    failures        integer not null default 0,
    rests_until     timestamptz not null default '-infinity',
    next_call_at    timestamptz not null default '-infinity',
    last_failure    text,
    last_failure_at timestamptz,
    last_success_at timestamptz,
    failed_numbers  bigint[] not null default '{}',
    node_rests      jsonb not null default '{}',
    constraint trunk_states_pkey primary key (trunk_id),
    constraint trunk_states_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade
);
comment on table trunk_states is 'How a trunk has done lately, on all nodes. A trunk that was never used has no row.';
comment on column trunk_states.failures is 'Calls in a row that the trunk could not take; the first of them to different numbers.';
comment on column trunk_states.failed_numbers is 'Hashes of these numbers.';
comment on column trunk_states.node_rests is
    'By node, of those whose switch cannot reach it: how often in a row that was so, and until when it is not used there.';
comment on column trunk_states.rests_until is 'Not used before then: it has failed too often in a row.';
comment on column trunk_states.next_call_at is 'When calls_per_second allows the next call (generic cell rate algorithm, ITU-T I.371).';

create table routes (
    id          bigint generated always as identity,
    prefix      text not null,
    trunk_id    bigint,
    position    integer not null default 100,
    only_for    bigint,
    enabled     boolean not null default true,
    weight      integer not null default 1,
    cost        numeric,
    in_clear    boolean not null default false,
    constraint routes_pkey primary key (id),
    constraint routes_trunk_fkey foreign key (trunk_id) references trunks (id),
    constraint routes_only_for_fkey foreign key (only_for) references tenants (id),
    constraint routes_entry_key unique nulls not distinct (prefix, trunk_id, only_for),
    constraint routes_prefix_form check (prefix ~ '^\+[0-9XZN]{0,15}$'),
    constraint routes_weight_range check (weight between 1 and 1000),
    constraint routes_cost_range check (cost >= 0)
);
comment on table routes is
    'Which trunks take which numbers. The longest prefix that fits wins; its trunks are tried by position, those of one position by weight.';
comment on column routes.prefix is 'How numbers begin that it takes. X stands for any digit, Z for 1 to 9, N for 2 to 9.';
comment on column routes.trunk_id is 'Null: numbers with this prefix are barred, for every tenant that has no route of its own for it.';
comment on column routes.only_for is 'A tenant that has this route for itself; null: every tenant.';
comment on column routes.weight is 'Share of the calls among trunks of one position.';
comment on column routes.in_clear is
    'Its trunk, without encrypted media, may take what one with them takes that stands before it or beside it; else it is passed over.';
comment on column routes.cost is 'What a minute costs, in the installation''s currency: for records only.';

create function matching_routes(tenant bigint, called text)
    returns table (trunk_id bigint, prefix text, dedicated boolean, own boolean, usable boolean, overflow boolean, "position" integer,
                   weight integer, cost numeric, specific integer[], encrypted boolean, in_clear boolean)
    language sql stable
begin atomic
    select r.trunk_id, r.prefix, t.dedicated_to is not null, r.only_for is not null or t.dedicated_to is not null, coalesce(t.enabled, true),
           coalesce(t.overflow, true), r.position, r.weight, r.cost,
           array[length(r.prefix), length(translate(r.prefix, 'XZN', ''))],
           coalesce(t.encrypted_media, false), r.in_clear
    from routes r left join trunks t on t.id = r.trunk_id
    where r.enabled and (r.only_for is null or r.only_for = tenant) and (t.dedicated_to is null or t.dedicated_to = tenant)
      and case when r.prefix ~ '[XZN]'
               then called ~ ('^\' || replace(replace(replace(r.prefix, 'X', '[0-9]'), 'Z', '[1-9]'), 'N', '[2-9]'))
               else starts_with(called, r.prefix) end;
end;
comment on function matching_routes(bigint, text) is
    'The routes that a tenant has for an E.164 number. specific: the larger, the better it fits (more digits, then fewer wild ones).';

create function barred_prefix(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select case when m.trunk_id is null then m.prefix end from matching_routes(tenant, called) m
    order by m.specific desc, m.own desc, m.trunk_id is not null limit 1;
end;
comment on function barred_prefix(bigint, text) is 'The prefix by which a number is barred for a tenant; null: it is not.';

create function trunks_for(tenant bigint, called text)
    returns table (trunk_id bigint, stage integer, prefix text, "position" integer, weight integer, cost numeric)
    language sql stable
begin atomic
    with matching as materialized (
        select m.* from matching_routes(tenant, called) m
    ), bar as (
        select m.specific, m.own from matching m where m.trunk_id is null order by m.specific desc, m.own desc limit 1
    ), ranked as (
        select m.*, rank() over (partition by m.dedicated order by m.specific desc) as fit
        from matching m where m.trunk_id is not null
    ), best as (
        select r.*, bool_and(r.overflow) filter (where r.dedicated) over () as may_overflow from ranked r where r.fit = 1
    ), placed as (
        select b.*, case when b.dedicated then 1 when b.own then 2 else 3 end as stage from best b
        where (b.dedicated or coalesce(b.may_overflow, true))
          and not exists (select from bar where (bar.specific, bar.own) > (b.specific, b.own))
    )
    select p.trunk_id, p.stage, p.prefix, p.position, p.weight, p.cost
    from placed p
    where p.usable
      and (p.encrypted or p.in_clear
           or not exists (select from placed e where e.encrypted and (e.stage, e.position) <= (p.stage, p.position)))
    order by 2, 4, 5 desc, 1;
end;
comment on function trunks_for(bigint, text) is
    'The trunks that may take a call, in the order in which they are tried: by stage (the tenant''s dedicated ones, then those of its own '
    'routes, then the others), then by position; weight decides among equals. The dedicated ones are those of the longest prefix that leads '
    'to one, and the others those of the longest prefix that leads to any other. A bar holds for each route that fits the number less well, '
    'or as well and is for all where the bar is for the tenant. A trunk that is dedicated and does not overflow keeps its tenant''s calls to '
    'itself, also while it is disabled. What a trunk with encrypted media takes, or would if it were enabled, goes by none without them that '
    'stands after it or beside it, unless that route says in_clear.';

create function is_did(called text) returns boolean
    language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select exists (select from dids d where d.number = called);
end;
comment on function is_did(text) is
    'Whether an E.164 number is a DID of this installation. Definer: who queues a fax need not read whose DIDs there are.';

create table routing_version (
    version  bigint not null,
    constraint routing_version_pkey primary key (version)
);
comment on table routing_version is 'One row: how often routes, or what they mean, have changed, or which numbers are DIDs.';
insert into routing_version (version) values (1);

create function routing_changed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
begin
    update routing_version set version = version + 1;
    return null;
end $$;
comment on function routing_changed() is 'Makes every lane out of date. Definer: no role may write routing_version itself.';
create trigger routing_changed after insert or update or delete on routes for each statement execute function routing_changed();
create trigger routing_changed after update of enabled, dedicated_to, overflow, encrypted_media on trunks for each statement execute function routing_changed();
create trigger routing_changed after insert or update of number or delete on dids for each statement execute function routing_changed();

create function is_sandbox(called text) returns boolean
    language sql immutable parallel safe
    return starts_with(called, '+1555555010');
comment on function is_sandbox(text) is 'Whether an E.164 number is one of the ten that no trunk is ever given (sandbox_numbers.py).';

create function lane_of(tenant bigint, called text) returns text
    language sql stable
begin atomic
    select v.version || ':' || case when is_sandbox(called) then 'sandbox' else
           case when is_did(called) then 'internal ' else '' end
           || coalesce((select string_agg(distinct t.stage || t.prefix || ':' || t.trunk_id, ' ') from trunks_for(tenant, called) t),
                       case when barred_prefix(tenant, called) is not null then 'barred'
                            when exists (select from matching_routes(tenant, called) m where m.trunk_id is not null) then 'off'
                            else '' end) end
    from routing_version v;
end;
comment on function lane_of(bigint, text) is
    'What all numbers of a tenant have in common that the same trunks take; and the routing_version of which that was true. Numbers that '
    'are DIDs here have lanes of their own, internal; so have sandbox numbers, those that are barred, and those whose trunks are all off. Trunks are named one '
    'by one: which of a prefix''s there are may depend on other prefixes.';

create table nodes (
    name           text not null,
    switch_uuid    text,
    heartbeat_at   timestamptz not null default now(),
    max_channels   integer not null,
    paused         boolean not null default false,
    draining_since timestamptz,
    waiting        integer not null default 0,
    stopped_at     timestamptz,
    registered     text[] not null default '{}',
    silent_trunks  text[] not null default '{}',
    constraint nodes_pkey primary key (name)
);
comment on table nodes is 'FreeSWITCH machines. switch_uuid is the core UUID of the running switch: a new one proves that every call of the old one is gone. paused: it dials nothing until an operator lets it (fax_queue::resume).';
comment on column nodes.draining_since is 'Since when an administrator wants it to take no calls any more (`faxplan node drain`); null: it takes them.';
comment on column nodes.waiting is 'Received faxes on its disk that were not delivered yet when it last reported.';
comment on column nodes.stopped_at is 'When its runtime was stopped on purpose (fax_queue::stop); it counts until the node reports again.';
comment on column nodes.registered is 'Trunks that its switch has registered, by what that said when the node looked last.';
comment on column nodes.silent_trunks is 'Trunks of whose gateways its switch says that OPTIONS are not answered, when the node looked last.';

create table node_trunks (
    node        text not null,
    trunk_id    bigint not null,
    version     integer not null,
    applied_at  timestamptz not null default now(),
    error       text,
    constraint node_trunks_pkey primary key (node, trunk_id),
    constraint node_trunks_node_fkey foreign key (node) references nodes (name) on delete cascade,
    constraint node_trunks_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade
);
comment on table node_trunks is 'Which version of a trunk a node''s switch has. A node whose gateways are kept by hand has no rows.';
comment on column node_trunks.error is 'Why the newest version could not be taken up; null: nothing is wrong.';

create table trunk_holders (
    trunk_id    bigint not null,
    node        text not null,
    since       timestamptz not null default now(),
    failing_since timestamptz,
    tried       jsonb not null default '{}',
    constraint trunk_holders_pkey primary key (trunk_id),
    constraint trunk_holders_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade,
    constraint trunk_holders_node_fkey foreign key (node) references nodes (name) on delete cascade
);
comment on table trunk_holders is
    'Which node alone registers a trunk that registers, and dials through it: until it is silent, stopped, drained or paused, or fails to. A trunk without a row may be dialled by any.';
comment on column trunk_holders.failing_since is 'Since when the node has seen that its switch has not registered the trunk; null: it has. It counts from since on, and from the last change of the trunk.';
comment on column trunk_holders.tried is 'By node: when it was taken away from that one because it failed there. No such node takes it again for an hour, or until the trunk is changed.';

-- -------------------------------------------------------------------------------------------------------------- documents

create table documents (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    kind         text not null,
    media_type   text not null,
    file_name    text not null default '',
    bytes        bigint not null,
    sha256       text,
    pages        integer,
    object_name  text not null,
    created_at   timestamptz not null default now(),
    header_digest bytea,
    sealed_name  bytea,
    constraint documents_pkey primary key (tenant_id, id),
    constraint documents_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint documents_object_name_key unique (object_name),
    constraint documents_sealed_or_not check ((header_digest is null) = (sha256 is not null)),
    constraint documents_header_digest_size check (octet_length(header_digest) = 32),
    constraint documents_kind_known check (
        kind in ('original', 'rendering', 'received-tiff', 'received-pdf', 'page-images', 'thumbnail', 'cover', 'cover-pages', 'campaign-cover'))
);
comment on table documents is 'What lies in the document store: one row an object.';
comment on column documents.sha256 is 'Of an object that was stored before documents were sealed, hexadecimal; null: it is sealed.';
comment on column documents.header_digest is 'SHA-256 of the sealed file''s header, to which its wraps are bound.';
comment on column documents.sealed_name is 'The file''s name, which its file key opens. file_name is of documents that are not sealed.';
comment on column documents.bytes is 'Of the document, not of the object that it is sealed in.';
comment on column documents.object_name is 'Random; says nothing about tenant or content.';
comment on column documents.kind is
    'page-images: a ZIP with a PNG a page, for the screen. thumbnail: the first page, small. Both of what the rendering, the cover''s pages or the TIFF '
    'holds. cover: what a cover page says. cover-pages: that drawn, as fax TIFF; its pages stand there once for each resolution at which they may go. '
    'campaign-cover: what the covers of a campaign say, with fields.';
create index documents_campaign_cover_idx on documents (tenant_id, id) where kind = 'campaign-cover';

create table renderings (
    tenant_id           bigint not null,
    id                  bigint generated always as identity,
    original_id         bigint not null,
    resolution          text not null,
    state               text not null default 'waiting',
    document_id         bigint,
    error_id            text,
    error_text          text,
    created_at          timestamptz not null default now(),
    images_id           bigint,
    thumbnail_id        bigint,
    notice              text not null default '',
    constraint renderings_pkey primary key (tenant_id, id),
    constraint renderings_original_fkey foreign key (tenant_id, original_id) references documents (tenant_id, id),
    constraint renderings_document_fkey foreign key (tenant_id, document_id) references documents (tenant_id, id),
    constraint renderings_images_fkey foreign key (tenant_id, images_id) references documents (tenant_id, id),
    constraint renderings_thumbnail_fkey foreign key (tenant_id, thumbnail_id) references documents (tenant_id, id),
    constraint renderings_original_key unique (tenant_id, original_id, resolution, notice),
    constraint renderings_resolution_known check (resolution in ('standard', 'fine', 'superfine', 'fine-a4')),
    constraint renderings_state_known check (state in ('waiting', 'rendered', 'failed')),
    constraint renderings_rendered_document check ((state = 'rendered') = (document_id is not null)),
    constraint renderings_failed_error check ((state = 'failed') = (error_id is not null))
);
create index renderings_document_idx on renderings (tenant_id, document_id) where document_id is not null;
create index renderings_images_idx on renderings (tenant_id, images_id) where images_id is not null;
create index renderings_thumbnail_idx on renderings (tenant_id, thumbnail_id) where thumbnail_id is not null;
comment on column renderings.notice is 'A text in a strip of its own at the foot of the first page.';
comment on table renderings is 'An original as fax TIFF at one resolution: made once, however many faxes send it.';
comment on column renderings.images_id is 'Its pages for the screen (documents.kind page-images), thumbnail_id: its first page, small. Null: not made.';

create table render_jobs (
    tenant_id     bigint not null,
    rendering_id  bigint not null,
    not_before    timestamptz not null default now(),
    tries         integer not null default 0,
    worker        text,
    lease_until   timestamptz,
    constraint render_jobs_pkey primary key (tenant_id, rendering_id),
    constraint render_jobs_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id),
    constraint render_jobs_lease_owner check ((worker is null) = (lease_until is null))
);
create index render_jobs_due_idx on render_jobs (not_before);
comment on table render_jobs is 'Renderings that wait for a worker or have one. A lease that has run out is free again.';

create table drafts (
    tenant_id     bigint not null,
    id            bigint generated always as identity,
    user_id       bigint not null,
    rendering_id  bigint not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz not null,
    closed        boolean not null default false,
    kept          boolean not null default false,
    constraint drafts_pkey primary key (tenant_id, id),
    constraint drafts_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint drafts_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id)
);
create index drafts_user_idx on drafts (tenant_id, user_id, id);
create index drafts_rendering_idx on drafts (tenant_id, rendering_id);
create index drafts_expires_at_idx on drafts (expires_at) where not closed;
comment on table drafts is
    'Documents that a user has handed in and not sent yet: one goes as soon as it is sent, and its faxes have the document from then on.';
comment on column drafts.rendering_id is 'What is shown, and is sent.';
comment on column drafts.expires_at is 'From then on nobody sees it or sends it, and purge destroys its document.';
comment on column drafts.closed is 'It has expired, and no machine opens it any more.';
comment on column drafts.kept is 'A campaign has it: it does not expire, and stands in no list of drafts.';

-- ------------------------------------------------------------------------------------------------------------------ faxes

create table faxes (
    tenant_id        bigint not null,
    id               bigint generated always as identity,
    direction        text not null,
    state            text not null,
    user_id          bigint,
    mailbox_id       bigint,
    called_number    text not null,
    calling_number   text,
    rendering_id     bigint,
    tiff_id          bigint,
    pdf_id           bigint,
    resolution       text,
    pages            integer,
    pages_done       integer not null default 0,
    attempts_made    integer not null default 0,
    uncounted        integer not null default 0,
    priority         integer not null default 100,
    not_before       timestamptz,
    cancel_requested boolean not null default false,
    reserved_pages   integer not null default 0,
    error_id         text,
    explanation      text,
    created_at       timestamptz not null default now(),
    finished_at      timestamptz,
    send_at          timestamptz,
    t38_off          boolean not null default false,
    v17_off          boolean not null default false,
    ecm_off          boolean not null default false,
    rendered_again   boolean not null default false,
    waits_since      timestamptz,
    redialled        integer not null default 0,
    redialled_busy   boolean not null default true,
    is_test          boolean not null default false,
    post_dial        text not null default '',
    deleted_at       timestamptz,
    purged_at        timestamptz,
    images_id        bigint,
    thumbnail_id     bigint,
    copy_of          bigint,
    forwarded_by     bigint,
    billing_code     text not null default '',
    cover_id         bigint,
    cover_pages_id   bigint,
    cover_images_id  bigint,
    left_by          bigint,
    max_attempts     integer,
    retry_delays     integer[],
    batch            bigint,
    constraint faxes_pkey primary key (tenant_id, id),
    constraint faxes_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint faxes_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint faxes_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint faxes_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id),
    constraint faxes_tiff_fkey foreign key (tenant_id, tiff_id) references documents (tenant_id, id),
    constraint faxes_pdf_fkey foreign key (tenant_id, pdf_id) references documents (tenant_id, id),
    constraint faxes_images_fkey foreign key (tenant_id, images_id) references documents (tenant_id, id),
    constraint faxes_thumbnail_fkey foreign key (tenant_id, thumbnail_id) references documents (tenant_id, id),
    constraint faxes_direction_known check (direction in ('outbound', 'inbound')),
    constraint faxes_state_known check (
        (direction = 'outbound' and state in ('accepted', 'queued', 'dialing', 'sending', 'sent', 'failed', 'cancelled'))
        or (direction = 'inbound' and state in ('receiving', 'received', 'partial', 'failed'))),
    constraint faxes_finished check (
        (finished_at is not null) = (state in ('sent', 'failed', 'cancelled', 'received', 'partial'))),
    constraint faxes_called_number_form check (called_number ~ '^\+[1-9][0-9]{2,14}$'),
    constraint faxes_pages_done_range check (pages_done >= 0 and (pages is null or pages_done <= pages)),
    constraint faxes_sent_whole check (state <> 'sent' or (pages is not null and pages_done = pages)),
    constraint faxes_priority_known check (priority in (10, 100, 1000)),
    constraint faxes_post_dial_form check (post_dial ~ '^[0-9*#A-Dwp]{0,40}$'),
    constraint faxes_billing_code_form check (length(billing_code) <= 40 and billing_code !~ '[[:cntrl:]]'),
    constraint faxes_copy_of_fkey foreign key (tenant_id, copy_of) references faxes (tenant_id, id) on delete set null (copy_of),
    constraint faxes_forwarded_by_fkey foreign key (tenant_id, forwarded_by) references users (tenant_id, id),
    constraint faxes_forwarded_received check (forwarded_by is null or direction = 'inbound'),
    constraint faxes_copy_forwarded check (copy_of is null or forwarded_by is not null),
    constraint faxes_cover_fkey foreign key (tenant_id, cover_id) references documents (tenant_id, id),
    constraint faxes_cover_pages_fkey foreign key (tenant_id, cover_pages_id) references documents (tenant_id, id),
    constraint faxes_cover_images_fkey foreign key (tenant_id, cover_images_id) references documents (tenant_id, id),
    constraint faxes_cover_sent check (cover_id is null or direction = 'outbound'),
    constraint faxes_cover_drawn check (cover_pages_id is null or cover_id is not null),
    constraint faxes_left_by_fkey foreign key (tenant_id, left_by) references faxes (tenant_id, id) on delete set null (left_by),
    constraint faxes_left_copy check (left_by is null or forwarded_by is not null)
) with (fillfactor = 80);
create index faxes_rendering_idx on faxes (tenant_id, rendering_id);
comment on index faxes_rendering_idx is 'Not of some states only: each change of state would have to be written into every index of faxes.';
create index faxes_images_idx on faxes (tenant_id, images_id) where images_id is not null;
create index faxes_thumbnail_idx on faxes (tenant_id, thumbnail_id) where thumbnail_id is not null;
comment on index faxes_images_idx is 'For the foreign key: a document that goes must not have all faxes looked through. faxes_thumbnail_idx, and those of renderings: likewise.';
create index faxes_created_idx on faxes (tenant_id, direction, created_at desc, id desc);
create index faxes_kept_idx on faxes (tenant_id, mailbox_id, direction, created_at, id) where purged_at is null;
comment on index faxes_kept_idx is 'What purge looks through. Not of finished_at: the end of a fax would have to be written into every index of faxes.';
create index faxes_deleted_idx on faxes (tenant_id, deleted_at, id) where deleted_at is not null and purged_at is null;
create index faxes_purged_idx on faxes (tenant_id, purged_at, id) where purged_at is not null;
create index faxes_tiff_idx on faxes (tenant_id, tiff_id) where tiff_id is not null;
comment on index faxes_tiff_idx is 'Who deletes a document asks who refers to it. faxes_pdf_idx, renderings_document_idx: likewise.';
create index faxes_pdf_idx on faxes (tenant_id, pdf_id) where pdf_id is not null;
create index faxes_copy_of_idx on faxes (tenant_id, copy_of) where copy_of is not null;
create index faxes_left_by_idx on faxes (tenant_id, left_by) where left_by is not null;
create index faxes_cover_idx on faxes (tenant_id, cover_id) where cover_id is not null;
create index faxes_cover_pages_idx on faxes (tenant_id, cover_pages_id) where cover_pages_id is not null;
create index faxes_batch_idx on faxes (tenant_id, batch) where batch is not null;
create sequence fax_batches;
comment on sequence fax_batches is 'Of faxes.batch.';
comment on column faxes.batch is 'What it was handed in with, by a program: of one request. Of no table: what a batch is say its faxes.';
create index faxes_cover_images_idx on faxes (tenant_id, cover_images_id) where cover_images_id is not null;
comment on table faxes is 'One fax, sent or received. A sent fax may take several calls (attempts).';
comment on column faxes.billing_code is 'Whom or what it is charged to, in the sender''s words; empty: nothing was said.';
comment on column faxes.state is
    'accepted: the worker renders it. queued: waits for a call, not before not_before. dialing, sending: in a call. sent, failed, cancelled: final. '
    'receiving: in a call. received, partial, failed: final.';
comment on column faxes.pages_done is 'Outbound: pages that the far end has acknowledged, over all attempts. Inbound: whole pages received.';
comment on column faxes.calling_number is 'E.164 where it is a number; null: withheld.';
comment on column faxes.max_attempts is 'Of the campaign that it is of; null: as many as the tenant has.';
comment on column faxes.retry_delays is 'As campaigns.retry_delays, of the campaign that it is of.';
comment on column faxes.uncounted is 'Attempts for which the switch made no channel: no call, so none of max_attempts.';
comment on column faxes.reserved_pages is 'Pages held in the quota until the fax is final.';
comment on column faxes.explanation is 'Why it is in this state, in words for its user.';
comment on column faxes.priority is '10: urgent, 100: normal, 1000: bulk. Urgent goes before its tenant''s other faxes, and bulk after what is not bulk of all tenants.';
comment on column faxes.send_at is 'Not dialled before; null: at once.';
comment on column faxes.images_id is
    'Inbound: its pages for the screen, thumbnail_id: the first one, small; null: not made. Outbound: those of its rendering.';
comment on column faxes.t38_off is 'This fax''s next call goes without T.38, because earlier ones failed with it. v17_off, ecm_off: likewise.';
comment on column faxes.rendered_again is 'Its pages were made anew, as A4, because a far machine did not take them.';
comment on column faxes.waits_since is 'Since then no trunk could take it; null: the last call reached its number, or there was none.';
comment on column faxes.redialled is 'Calls in a row that reached the number without success, since the last rest that 47 CFR 68.318(b) asks for.';
comment on column faxes.redialled_busy is 'Whether each of these found the line busy.';
comment on column faxes.deleted_at is 'A user has deleted it: nobody sees it any more, and purge destroys it. Null: no.';
comment on column faxes.purged_at is 'Since then it has no documents, and nobody can open it; the row is a record of it. Null: it is kept.';
comment on column faxes.forwarded_by is 'The user who laid this copy here of a fax that came in; null: it came here itself, or was moved here. A copy has no call of its own.';
comment on column faxes.copy_of is 'Of a copy: the fax of which it was made, the one that came in if that had its record still; null where its record was removed.';
comment on column faxes.left_by is
    'Of a copy that stayed behind, deleted, where a fax lay that was moved away: that fax. Null where its record was removed.';
comment on column faxes.is_test is
    'It tests a trunk: one call, and no second one whatever came of it. Or it goes to a sandbox number, and is followed up as any fax is. Neither is in reports.';

comment on column faxes.cover_id is 'What its cover page says; null: it has none. pages counts the cover''s too.';
comment on column faxes.cover_pages_id is 'That drawn, which goes before the rendering; null: the worker has not done it yet.';
comment on column faxes.cover_images_id is 'The same for the screen; null: not made. thumbnail_id is the cover''s, then.';
comment on column faxes.post_dial is
    'DTMF digits that each call sends after the answer, before the fax; w, p: a pause of 0.5 s, of 2 s. No part of the number.';

create table fax_queue (
    tenant_id    bigint not null,
    fax_id       bigint not null,
    not_before   timestamptz not null,
    priority     integer not null,
    destination  text not null,
    lane         text not null,
    tried        bigint[] not null default '{}',
    pages        integer not null default 1,
    constraint fax_queue_pkey primary key (tenant_id, fax_id),
    constraint fax_queue_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.2);
create index fax_queue_lane_idx on fax_queue (priority, tenant_id, lane, not_before) with (deduplicate_items = off);
comment on index fax_queue_lane_idx is
    'Faxes of one rendering are queued in one moment, with equal keys. Merged into one entry they could not be marked as gone one by one.';
create index fax_queue_internal_idx on fax_queue (priority, tenant_id, not_before) where strpos(lane, ':internal') > 0;
create index fax_queue_sandbox_idx on fax_queue (priority, tenant_id, not_before) where strpos(lane, ':sandbox') > 0;
comment on table fax_queue is
    'Faxes that wait for a call. A claim deletes the row and writes one to calls, in one transaction: a fax stands here, in calls, or is final.';
comment on column fax_queue.lane is
    'lane_of when it was queued: a claim passes over a whole lane whose trunks are full. One that is out of date is mended by the claim.';
comment on column fax_queue.tried is 'Trunks that could not take this call just before: it goes to another one. Those that refused it stand there negative; after 0 the others may '
    'have it again (ways.py).';
comment on column fax_queue.pages is 'How many the next call has to send.';

create table fax_deadlines (
    tenant_id   bigint not null,
    fax_id      bigint not null,
    waits_from  timestamptz not null,
    ends_at     timestamptz,
    constraint fax_deadlines_pkey primary key (tenant_id, fax_id),
    constraint fax_deadlines_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id)
);
create index fax_deadlines_ends_at_idx on fax_deadlines (ends_at) where ends_at is not null;
create index fax_deadlines_waits_from_idx on fax_deadlines (waits_from) where ends_at is null;
comment on table fax_deadlines is
    'Until when faxes that go out may wait: one row each, from its submission to its end. What is overdue and in no call is given up.';
comment on column fax_deadlines.waits_from is 'When it was handed in, or faxes.send_at where that is later.';
comment on column fax_deadlines.ends_at is
    'When it is given up: waits_from and tenants.wait_hours; or, overdue and in a call, when it is looked at again. Null: by the installation''s setting.';

create table tenant_turns (
    tenant_id   bigint not null,
    served_at   timestamptz not null,
    hour        timestamptz not null,
    calls       integer not null,
    pages       integer not null default 0,
    constraint tenant_turns_pkey primary key (tenant_id),
    constraint tenant_turns_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table tenant_turns is 'When a tenant was last given a call, so that tenants take turns; and its calls in that hour by the clock.';
comment on column tenant_turns.pages is 'Pages of the calls in that hour: all that they were to send, less what they did not.';

create table trunk_tests (
    tenant_id     bigint not null,
    fax_id        bigint not null,
    trunk_id      bigint not null,
    requested_at  timestamptz not null default now(),
    constraint trunk_tests_pkey primary key (tenant_id, fax_id),
    constraint trunk_tests_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id),
    constraint trunk_tests_trunk_fkey foreign key (trunk_id) references trunks (id)
);
comment on table trunk_tests is 'Test faxes that wait for a node, each for a call through one trunk, whatever the routes say. They stand in no fax_queue.';

create table attempts (
    tenant_id             bigint not null,
    id                    bigint generated always as identity,
    fax_id                bigint not null,
    number                integer not null,
    node                  text not null,
    trunk                 text,
    channel_uuid          text not null,
    start_page            integer not null default 0,
    pages                 integer not null default 0,
    outcome               text,
    explanation           text,
    started_at            timestamptz not null default now(),
    answered_at           timestamptz,
    ended_at              timestamptz,
    sip_code              integer,
    q850_cause            integer,
    hangup_cause          text,
    fax_result_code       integer,
    fax_result_text       text,
    t38_status            text,
    ecm_used              boolean,
    v17_disabled          boolean,
    transfer_rate         integer,
    bad_rows              integer,
    encoding              text,
    image_resolution      text,
    local_station_id      text,
    remote_station_id     text,
    remote_country        text,
    remote_vendor         text,
    remote_model          text,
    sip_call_id           text,
    peer_address          text,
    dialled               text,
    caller_id             text,
    rule                  text,
    route_prefix          text,
    t38_offered           boolean,
    ecm_offered           boolean,
    v17_offered           boolean,
    internal              boolean not null default false,
    called_from           text,
    invite_uri            text,
    invite_to             text,
    invite_from           text,
    invite_asserted       text,
    invite_diversion      text,
    verstat               text,
    attest                text,
    channel               boolean,
    invited_at            timestamptz,
    progress_at           timestamptz,
    hung_up_by            text,
    sip_phrase            text,
    peer_port             integer,
    media_address         text,
    codec                 text,
    failed_over           boolean not null default false,
    constraint attempts_pkey primary key (tenant_id, id),
    constraint attempts_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id),
    constraint attempts_number_key unique (tenant_id, fax_id, number),
    constraint attempts_outcome_known check (outcome in ('sent', 'incomplete', 'not-sent', 'unknown', 'cancelled', 'received', 'partial', 'failed')),
    constraint attempts_settled check ((outcome is null) = (ended_at is null)),
    constraint attempts_called_from_known check (called_from in ('request', 'to', 'diversion', 'history-info')),
    constraint attempts_verstat_known check (verstat ~ '^(TN-Validation-(Passed|Failed)(-[ABC])?|No-TN-Validation)$'),
    constraint attempts_attest_known check (attest in ('A', 'B', 'C')),
    constraint attempts_hung_up_by_known check (hung_up_by in ('us', 'far-end')),
    constraint attempts_peer_port_range check (peer_port between 0 and 65535)
);
create index attempts_started_idx on attempts (tenant_id, started_at, id);
create index attempts_lately_idx on attempts using brin (started_at);
comment on table attempts is 'One call. It is settled once: outcome goes from null to a value by compare-and-set.';
comment on column attempts.start_page is '0-based page of the fax that this call began with (fax_start_page).';
comment on column attempts.pages is 'Pages that the far end acknowledged, or that arrived, in this call.';
comment on column attempts.outcome is
    'Outbound: sent (whole fax done), incomplete (some pages of it), not-sent (none), unknown (a crash hides the truth), cancelled. Inbound: received, partial, failed.';
comment on column attempts.transfer_rate is 'bit/s of the image modem.';
comment on column attempts.rule is 'The line of the failure policy that decided what followed.';
comment on column attempts.failed_over is 'The fax went on through another trunk at once.';
comment on column attempts.route_prefix is 'The route that led to the trunk.';
comment on column attempts.t38_offered is 'Whether this call could use T.38; ecm_offered, v17_offered: likewise.';
comment on column attempts.internal is 'Delivered from tenant to tenant within this installation: there was no call, and no trunk.';
comment on column attempts.called_from is 'Inbound: where the INVITE said which number is called; see trunks.called_from.';
comment on column attempts.invite_uri is
    'The Request-URI: inbound as the peer wrote it, outbound as our switch sent it. invite_to, invite_from, invite_asserted (P-Asserted-Identity, or '
    'Remote-Party-ID): those headers, outbound without tag. invite_diversion (inbound; Diversion, or History-Info). At most 250 characters; not '
    'shown to people where the caller is anonymous.';
comment on column attempts.verstat is 'Whether the calling number is proven (3GPP TS 24.229, 7.2A.20): by FreeSWITCH, or says a trunk that is trusted.';
comment on column attempts.attest is 'How the caller''s provider vouches for the number (RFC 8588): A fully, B partly, C not.';
comment on column attempts.channel is 'Whether the switch made a channel; false: no INVITE was sent. Null: it runs, a crash hides it, or internal.';
comment on column attempts.invited_at is 'When the switch made the channel: the INVITE went out, or had come in.';
comment on column attempts.progress_at is 'Outbound: when the first 180, 181 or 183 came (RFC 3261, 13.2.2.1); null: none before the answer.';
comment on column attempts.hung_up_by is
    'Who ended it, by BYE, CANCEL or a refusal: us, or far-end. Null: it is not known, or nobody did, as where the INVITE was never answered.';
comment on column attempts.sip_phrase is 'Outbound: the reason phrase with which the INVITE was refused, as the far end wrote it.';
comment on column attempts.peer_address is 'Where SIP came from: inbound the INVITE, outbound the latest response. peer_port: likewise.';
comment on column attempts.media_address is 'Address and port to which our RTP or UDPTL went last.';
comment on column attempts.codec is 'Of the audio with which the call began, by its name in RTP: PCMU or PCMA. In T.38, too.';

create table t30_traces (
    tenant_id   bigint not null,
    attempt_id  bigint not null,
    trace       text not null,
    constraint t30_traces_pkey primary key (tenant_id, attempt_id),
    constraint t30_traces_attempt_fkey foreign key (tenant_id, attempt_id) references attempts (tenant_id, id) on delete cascade,
    constraint t30_traces_trace_length check (length(trace) <= 200000)
);
comment on table t30_traces is 'What spandsp logged of the T.30 of a call, by trunks.t30_trace. It lives as long as its attempt.';
comment on column t30_traces.trace is 'Its lines, without those that hold pages (FCD frames).';

create table failure_rules (
    id           bigint generated always as identity,
    only_for     bigint,
    trunk_id     bigint,
    condition    text not null,
    action       text not null,
    delay        integer,
    times        integer,
    downgrade    text,
    constraint failure_rules_pkey primary key (id),
    constraint failure_rules_only_for_fkey foreign key (only_for) references tenants (id),
    constraint failure_rules_trunk_fkey foreign key (trunk_id) references trunks (id) on delete cascade,
    constraint failure_rules_entry_key unique nulls not distinct (only_for, trunk_id, condition),
    constraint failure_rules_condition_form check (condition ~ '^(fax:[0-9]{1,2}|sip:[3-6][0-9]{2}|cause:[A-Za-z_-]{1,60})$'),
    constraint failure_rules_action_known check (action in ('retry', 'next-trunk', 'final')),
    constraint failure_rules_delay_range check (delay between 0 and 86400),
    constraint failure_rules_times_range check (times between 0 and 100),
    constraint failure_rules_downgrade_known check (downgrade in ('less', 'v17', 'audio', 'ecm', 'none'))
);
comment on table failure_rules is 'What an administrator decided otherwise than faxplan/failure_rules.py does. docs/failures.md explains both.';
comment on column failure_rules.only_for is 'Of this tenant''s calls only; null: of all.';
comment on column failure_rules.trunk_id is 'Of calls through this trunk only; null: through any.';
comment on column failure_rules.delay is 'Seconds before the next call; null: as the shipped rule.';
comment on column failure_rules.times is 'How often it may lead to another call of one fax; null: as the shipped rule.';
comment on column failure_rules.downgrade is
    'What the next call goes without: less (V.17, then T.38, then ECM), v17, audio (no T.38), ecm, none; null: as the shipped rule.';

create table configuration_faults (
    hour       timestamptz not null,
    node       text not null,
    trunk      text not null,
    condition  text not null,
    calls      integer not null,
    constraint configuration_faults_pkey primary key (hour, node, trunk, condition)
);
comment on table configuration_faults is
    'Calls that ended by what the operator has configured, or has not (rule our-configuration), counted by the hour; for the doctor. Kept for a week.';
comment on column configuration_faults.trunk is 'Its name; empty: none. node: likewise.';
comment on column configuration_faults.condition is 'How they ended, as in failure_rules.';

create table destinations (
    tenant_id     bigint not null,
    number        text not null,
    t38_off       boolean not null default false,
    v17_off       boolean not null default false,
    ecm_off       boolean not null default false,
    t38_failures  integer not null default 0,
    entered_by    text not null,
    why           text not null default '',
    updated_at    timestamptz not null default now(),
    expires_at    timestamptz,
    constraint destinations_pkey primary key (tenant_id, number),
    constraint destinations_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint destinations_number_form check (number ~ '^\+[1-9][0-9]{2,14}$'),
    constraint destinations_expires_at_range check (expires_at < timestamptz '9999-01-01 00:00:00+00')
);
comment on table destinations is 'What a tenant''s calls have taught about a number, or what somebody entered. What has expired counts for nothing.';
comment on column destinations.t38_failures is 'Calls in a row that failed in T.38; the second switches it off.';
comment on column destinations.entered_by is 'learned, or who entered it.';
comment on column destinations.expires_at is 'Null: never.';

create table calls (
    tenant_id         bigint not null,
    attempt_id        bigint not null,
    fax_id            bigint not null,
    direction         text not null,
    node              text not null,
    switch_uuid       text not null,
    channel_uuid      text not null,
    trunk_id          bigint,
    destination       text not null,
    pages             integer not null default 0,
    started_at        timestamptz not null default now(),
    lease_until       timestamptz not null,
    cancel_requested  boolean not null default false,
    tried             bigint[] not null default '{}',
    constraint calls_pkey primary key (tenant_id, attempt_id),
    constraint calls_attempt_fkey foreign key (tenant_id, attempt_id) references attempts (tenant_id, id),
    constraint calls_fax_key unique (tenant_id, fax_id),
    constraint calls_channel_uuid_key unique (channel_uuid),
    constraint calls_direction_known check (direction in ('outbound', 'inbound'))
);
comment on table calls is 'Calls in flight on every node, for limits, live display and recovery. Settling deletes the row.';
comment on column calls.tried is 'As fax_queue.tried was.';
comment on column calls.pages is 'Pages acknowledged (or arrived) so far in this call: what a crash must not send again.';

create table mailbox_entries (
    tenant_id   bigint not null,
    mailbox_id  bigint not null,
    fax_id      bigint not null,
    added_at    timestamptz not null default now(),
    read_at     timestamptz,
    constraint mailbox_entries_pkey primary key (tenant_id, mailbox_id, fax_id),
    constraint mailbox_entries_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint mailbox_entries_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id)
);
create index mailbox_entries_fax_idx on mailbox_entries (tenant_id, fax_id);
comment on table mailbox_entries is 'Which received faxes lie in which mailbox.';

-- ------------------------------------------------------------------------------------------------------------------ vault
-- Public keys, and private keys sealed to others' public keys or by a password: nothing here opens anything by itself.

create function sealable_to(public_key bytea) returns boolean
    language sql immutable
begin atomic
    select octet_length(public_key) <> 32 or set_byte(public_key, 31, get_byte(public_key, 31) & 127) not in (
        '\x0000000000000000000000000000000000000000000000000000000000000000',
        '\x0100000000000000000000000000000000000000000000000000000000000000',
        '\xe0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
        '\x5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
        '\xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        '\xedffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        '\xeeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
end;
comment on function sealable_to(bytea) is
    'False for the points of small order (RFC 7748, 6.1): whoever wraps to one fails, and a reader who brought it would stop all others.';

create table user_keys (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    user_id      bigint,
    public_key   bytea not null,
    created_at   timestamptz not null default now(),
    replaced_at  timestamptz,
    kind         text not null default 'user',
    name         text,
    constraint user_keys_pkey primary key (tenant_id, id),
    constraint user_keys_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint user_keys_public_key_key unique (public_key),
    constraint user_keys_public_key_size check (octet_length(public_key) = 32),
    constraint user_keys_one_current exclude (tenant_id with =, user_id with =) where (replaced_at is null),
    constraint user_keys_kind_known check (kind in ('user', 'recovery', 'reader')),
    constraint user_keys_owner check ((kind = 'user') = (user_id is not null) and (kind = 'reader') = (name is not null)),
    constraint user_keys_name_form check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
    constraint user_keys_one_recovery exclude (tenant_id with =) where (kind = 'recovery' and replaced_at is null),
    constraint user_keys_reader_name exclude (tenant_id with =, name with =) where (replaced_at is null),
    constraint user_keys_public_key_sealable check (sealable_to(public_key))
);
comment on table user_keys is 'A reader''s key pair (X25519). A user''s private key lies in key_locks only, locked; another reader''s nowhere.';
comment on column user_keys.kind is 'user; recovery: the tenant''s recovery key, on paper; reader: an API reader''s, in a file of its client.';
comment on column user_keys.name is 'Of an API reader.';
comment on column user_keys.replaced_at is 'Since then a user has another one, or the reader is none any more. A user''s locks stay: they open what came before.';
create function user_keys_refuse() returns trigger
    language plpgsql
as $$
begin
    raise exception 'a key that has ended stays ended' using errcode = 'insufficient_privilege';
end $$;
comment on function user_keys_refuse() is 'Whoever has a key that was ended, a recovery key on paper say, is handed nothing again.';
create trigger user_keys_ended before update of replaced_at on user_keys for each row
    when (old.replaced_at is not null and new.replaced_at is distinct from old.replaced_at) execute function user_keys_refuse();

create table key_locks (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    user_key_id  bigint not null,
    kind         text not null,
    salt         bytea,
    memory_kib   integer,
    passes       integer,
    lanes        integer,
    auth_hash    bytea,
    locked       bytea not null,
    created_at   timestamptz not null default now(),
    credential_id bytea,
    name         text,
    constraint key_locks_pkey primary key (tenant_id, id),
    constraint key_locks_user_key_fkey foreign key (tenant_id, user_key_id) references user_keys (tenant_id, id),
    constraint key_locks_kind_key exclude (tenant_id with =, user_key_id with =, kind with =) where (kind <> 'passkey'),
    constraint key_locks_kind_known check (kind in ('password', 'recovery', 'passkey')),
    constraint key_locks_password_derived check (
        (kind = 'password') = (salt is not null and memory_kib is not null and passes is not null and lanes is not null
                               and auth_hash is not null)),
    constraint key_locks_cost_floor check (memory_kib >= 65536 and passes >= 3 and lanes >= 1),
    constraint key_locks_sizes check (octet_length(locked) = 60 and octet_length(salt) >= 16 and octet_length(auth_hash) = 32),
    constraint key_locks_passkey check (
        (kind = 'passkey') = (credential_id is not null) and (kind = 'passkey') = (name is not null)
        and (kind <> 'passkey' or (salt is not null and memory_kib is null and passes is null and lanes is null and auth_hash is null))),
    constraint key_locks_passkey_sizes check (octet_length(credential_id) between 1 and 1023 and (kind <> 'passkey' or octet_length(salt) = 32)),
    constraint key_locks_credential_key unique (tenant_id, user_key_id, credential_id),
    constraint key_locks_name_key unique (tenant_id, user_key_id, name),
    constraint key_locks_name_form check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]')
);
comment on table key_locks is 'What opens a user''s private key: a password (Argon2id, RFC 9106), the recovery code, or a passkey (WebAuthn''s prf).';
comment on column key_locks.salt is 'Of a password; of a passkey: what its prf is asked for.';
comment on column key_locks.name is 'Of a passkey, by which its user knows it.';
comment on column key_locks.auth_hash is 'SHA-256 of what is sent at log-in, which the password or the recovery code gives beside the key of this lock, and which opens nothing.';
comment on column key_locks.locked is 'The private key, AES-256-GCM: docs/sealed-files/.';

create table mailbox_epochs (
    tenant_id    bigint not null,
    mailbox_id   bigint not null,
    epoch        integer not null,
    public_key   bytea not null,
    earlier_key  bytea,
    created_at   timestamptz not null default now(),
    from_outside boolean not null default false,
    constraint mailbox_epochs_pkey primary key (tenant_id, mailbox_id, epoch),
    constraint mailbox_epochs_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint mailbox_epochs_public_key_key unique (public_key),
    constraint mailbox_epochs_epoch_range check (epoch >= 1),
    constraint mailbox_epochs_sizes check (octet_length(public_key) = 32 and octet_length(earlier_key) = 80),
    constraint mailbox_epochs_first_has_none_before check (epoch > 1 or earlier_key is null),
    constraint mailbox_epochs_public_key_sealable check (sealable_to(public_key)),
    constraint mailbox_epochs_outside_opens_nothing check (earlier_key is null or not from_outside)
);
comment on table mailbox_epochs is 'A mailbox''s key pairs. A new epoch begins when a member leaves; what arrives is sealed to the newest.';
comment on column mailbox_epochs.earlier_key is 'The private key of the epoch before, wrapped to this one: one key opens the whole history. Null: no member has done it yet.';
comment on column mailbox_epochs.from_outside is
    'Made by somebody who had not shown that they read the mailbox: an administrator. They may have kept its private key, so nothing of before '
    'is wrapped to it, and the next member who unlocks begins another epoch.';

create table mailbox_keys (
    tenant_id    bigint not null,
    mailbox_id   bigint not null,
    epoch        integer not null,
    user_key_id  bigint not null,
    wrap         bytea not null,
    created_at   timestamptz not null default now(),
    constraint mailbox_keys_pkey primary key (tenant_id, mailbox_id, epoch, user_key_id),
    constraint mailbox_keys_epoch_fkey foreign key (tenant_id, mailbox_id, epoch)
        references mailbox_epochs (tenant_id, mailbox_id, epoch),
    constraint mailbox_keys_user_key_fkey foreign key (tenant_id, user_key_id) references user_keys (tenant_id, id),
    constraint mailbox_keys_wrap_size check (octet_length(wrap) = 80)
);
create index mailbox_keys_user_key_idx on mailbox_keys (tenant_id, user_key_id);
comment on table mailbox_keys is 'The private key of a mailbox''s epoch, wrapped to a member (HPKE, RFC 9180).';

create table reader_mailboxes (
    tenant_id    bigint not null,
    mailbox_id   bigint not null,
    user_key_id  bigint not null,
    added_by     bigint not null,
    created_at   timestamptz not null default now(),
    constraint reader_mailboxes_pkey primary key (tenant_id, mailbox_id, user_key_id),
    constraint reader_mailboxes_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint reader_mailboxes_user_key_fkey foreign key (tenant_id, user_key_id) references user_keys (tenant_id, id),
    constraint reader_mailboxes_added_by_fkey foreign key (tenant_id, added_by) references users (tenant_id, id)
);
create index reader_mailboxes_user_key_idx on reader_mailboxes (tenant_id, user_key_id);
comment on table reader_mailboxes is 'Which mailboxes an API reader reads.';
comment on column reader_mailboxes.added_by is 'The member who let it in. When that one leaves, it goes too.';

create function forget_ended_reader(key bigint) returns void
    language sql security definer set search_path = pg_catalog, public
begin atomic
    delete from mailbox_keys h using user_keys k
    where h.tenant_id = current_tenant() and h.user_key_id = key
      and k.tenant_id = h.tenant_id and k.id = h.user_key_id and k.kind <> 'user' and k.replaced_at is not null
      and exists (
          select from mailbox_keys o
          join user_keys u on u.tenant_id = o.tenant_id and u.id = o.user_key_id and u.replaced_at is null
          join mailbox_members m on m.tenant_id = o.tenant_id and m.mailbox_id = o.mailbox_id and m.user_id = u.user_id
          where o.tenant_id = h.tenant_id and o.mailbox_id = h.mailbox_id and o.epoch >= h.epoch and not exists (
              select from mailbox_epochs e
              where e.tenant_id = o.tenant_id and e.mailbox_id = o.mailbox_id
                and e.epoch > h.epoch and e.epoch <= o.epoch and e.earlier_key is null));
end;
comment on function forget_ended_reader(bigint) is
    'Removes what is wrapped to a recovery key that is off, or a revoked API reader, of what a member opens (vault.readable_epochs): the last '
    'readable wrap stays. Definer: nobody else''s wraps go that way.';

create table transient_keys (
    id           bigint generated always as identity,
    purpose      text not null,
    node         text not null,
    public_key   bytea not null,
    created_at   timestamptz not null default now(),
    retired_at   timestamptz,
    constraint transient_keys_pkey primary key (id),
    constraint transient_keys_purpose_known check (purpose in ('dispatch', 'mailer')),
    constraint transient_keys_public_key_key unique (public_key),
    constraint transient_keys_public_key_size check (octet_length(public_key) = 32),
    constraint transient_keys_one_current exclude (purpose with =, node with =) where (retired_at is null)
);
comment on table transient_keys is
    'Readers for a while: dispatch reads what waits to be sent, mailer what waits to be mailed. The private keys lie on their nodes, outside database, store and backups.';
comment on column transient_keys.retired_at is 'Since then nothing new is wrapped to it. It goes with its last wrap.';

create table mailbox_wraps (
    tenant_id    bigint not null,
    document_id  bigint not null,
    mailbox_id   bigint not null,
    epoch        integer not null,
    wrap         bytea not null,
    created_at   timestamptz not null default now(),
    constraint mailbox_wraps_pkey primary key (tenant_id, document_id, mailbox_id, epoch),
    constraint mailbox_wraps_document_fkey foreign key (tenant_id, document_id) references documents (tenant_id, id),
    constraint mailbox_wraps_epoch_fkey foreign key (tenant_id, mailbox_id, epoch)
        references mailbox_epochs (tenant_id, mailbox_id, epoch),
    constraint mailbox_wraps_wrap_size check (octet_length(wrap) = 80)
);
comment on table mailbox_wraps is 'A document''s file key, wrapped to a mailbox: whoever has that epoch''s private key reads it.';

create table sealed_mailboxes (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    mailbox_id   bigint not null,
    noted_at     timestamptz not null default now(),
    constraint sealed_mailboxes_pkey primary key (tenant_id, id),
    constraint sealed_mailboxes_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id)
);
create index sealed_mailboxes_mailbox_idx on sealed_mailboxes (tenant_id, mailbox_id);
comment on table sealed_mailboxes is
    'To which mailboxes something was ever sealed, whether or not it was purged since: their keys open that in every backup, so the '
    'administrator alone lets nobody into them. A row each, or some where the first came at once: no transaction waits for another here.';
create function sealed_mailboxes_refuse() returns trigger
    language plpgsql
as $$
begin
    raise exception 'what was sealed to a mailbox once, was' using errcode = 'insufficient_privilege';
end $$;
comment on function sealed_mailboxes_refuse() is 'Nobody makes a mailbox look as if nothing had ever been sealed to it.';
create trigger sealed_mailboxes_refuse before delete on sealed_mailboxes for each row execute function sealed_mailboxes_refuse();
create trigger sealed_mailboxes_refuse_change after update on sealed_mailboxes for each row
    when (old is distinct from new) execute function sealed_mailboxes_refuse();
create trigger sealed_mailboxes_refuse_truncate before truncate on sealed_mailboxes
    for each statement execute function sealed_mailboxes_refuse();

create function mailbox_wraps_note() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into sealed_mailboxes (tenant_id, mailbox_id)
        select distinct w.tenant_id, w.mailbox_id from wrapped w where not exists (
            select from sealed_mailboxes s where s.tenant_id = w.tenant_id and s.mailbox_id = w.mailbox_id);
    return null;
end $$;
comment on function mailbox_wraps_note() is 'Notes in sealed_mailboxes where the first is sealed to. Definer: no role may write that itself.';
create trigger mailbox_wraps_note after insert on mailbox_wraps referencing new table as wrapped
    for each statement execute function mailbox_wraps_note();

create table transient_wraps (
    tenant_id    bigint not null,
    document_id  bigint not null,
    key_id       bigint not null,
    wrap         bytea not null,
    digest       bytea not null,
    created_at   timestamptz not null default now(),
    constraint transient_wraps_pkey primary key (tenant_id, document_id, key_id),
    constraint transient_wraps_document_fkey foreign key (tenant_id, document_id) references documents (tenant_id, id),
    constraint transient_wraps_key_fkey foreign key (key_id) references transient_keys (id),
    constraint transient_wraps_sizes check (octet_length(wrap) = 80 and octet_length(digest) = 32)
);
create index transient_wraps_key_idx on transient_wraps (key_id);
comment on table transient_wraps is 'A document''s file key, wrapped to a reader for a while; gone as soon as nothing waits for it.';
comment on column transient_wraps.created_at is 'Since when it waits, under whatever key.';
comment on column transient_wraps.digest is 'As documents.header_digest: keys are renewed over all tenants.';

-- ------------------------------------------------------------------------------------------------------------------ portal

create table sessions (
    tenant_id      bigint not null,
    id             bigint generated always as identity,
    user_id        bigint not null,
    token_hash     bytea not null,
    secret         bytea not null,
    authenticated  text not null,
    address        text not null,
    agent          text not null,
    created_at     timestamptz not null default now(),
    seen_at        timestamptz not null default now(),
    is_shut        boolean not null default false,
    issuer         text,
    subject        text,
    constraint sessions_pkey primary key (tenant_id, id),
    constraint sessions_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint sessions_token_hash_key unique (tenant_id, token_hash),
    constraint sessions_sizes check (octet_length(token_hash) = 32 and octet_length(secret) = 32),
    constraint sessions_identity_whole check ((issuer is null) = (subject is null))
);
create index sessions_user_idx on sessions (tenant_id, user_id);
comment on table sessions is 'Who is logged in to the portal. A row goes at log-out, or once it is over.';
comment on column sessions.is_shut is 'Begun on another''s word: it does nothing until its user has given password or recovery code.';
comment on column sessions.secret is 'What the browser keeps of the user''s key is locked by it; given to the live session only.';
comment on column sessions.subject is 'Of whom the identity provider spoke, with its issuer: written to identities when the session is opened.';
comment on column sessions.agent is 'The browser, as it names itself.';

create table login_tries (
    tenant_id    bigint not null,
    key          bytea not null,
    failures     integer not null,
    window_ends  timestamptz not null,
    constraint login_tries_pkey primary key (tenant_id, key),
    constraint login_tries_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table login_tries is 'How often who has failed to log in. key: a keyed hash of a network address, of an e-mail address, of both, or of a browser.';

create table login_secret (
    secret  bytea not null,
    constraint login_secret_pkey primary key (secret)
);
comment on table login_secret is 'One row: of it the salts are made of users that do not exist, so that they look like those that do.';
insert into login_secret (secret) values (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

create table brands (
    tenant_id    bigint not null,
    name         text not null default '',
    colour       text not null default '',
    support      text not null default '',
    legal        text not null default '',
    mail_sender  text not null default '',
    logo         bytea,
    icon         bytea,
    changed_at   timestamptz not null default now(),
    mail_reply_to text not null default '',
    constraint brands_pkey primary key (tenant_id),
    constraint brands_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint brands_name_form check (length(name) <= 80 and name !~ '[[:cntrl:]]'),
    constraint brands_colour_form check (colour ~ '^(#[0-9a-f]{6})?$'),
    constraint brands_support_form check (length(support) <= 200 and support !~ '[[:cntrl:]]'),
    constraint brands_legal_form check (length(legal) <= 4000),
    constraint brands_mail_sender_form check (mail_sender ~ '^([^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+)?$' and length(mail_sender) <= 254),
    constraint brands_picture_sizes check (length(logo) <= 65536 and length(icon) <= 65536),
    constraint brands_mail_reply_to_form check (mail_reply_to ~ '^([^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+)?$' and length(mail_reply_to) <= 254)
);
comment on table brands is 'How a tenant''s pages and mails look, and what they are called. No row: as shipped, with the tenant''s name.';
comment on column brands.colour is 'As #rrggbb: pages compute shades of it that are legible. Empty: as shipped.';
comment on column brands.support is 'Whom its people ask: an address, a telephone number or a sentence.';
comment on column brands.logo is 'PNG; as icon.';
comment on column brands.mail_reply_to is 'To whom answers to its mails go; empty: to the sender.';

create table brand_hosts (
    tenant_id     bigint not null,
    host          text not null,
    confirmed_at  timestamptz,
    created_at    timestamptz not null default now(),
    constraint brand_hosts_pkey primary key (tenant_id, host),
    constraint brand_hosts_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint brand_hosts_confirmed_key exclude using btree (host with =) where (confirmed_at is not null),
    constraint brand_hosts_host_form check (host ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$' and length(host) <= 253)
);
comment on table brand_hosts is 'Host names of a tenant''s own. An operator confirms each: it needs a certificate, and must be the tenant''s.';

create table cover_templates (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    name        text not null,
    body        text not null,
    footer      text not null default '',
    is_default  boolean not null default false,
    changed_at  timestamptz not null default now(),
    constraint cover_templates_pkey primary key (tenant_id, id),
    constraint cover_templates_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint cover_templates_name_key unique (tenant_id, name),
    constraint cover_templates_name_form check (length(name) between 1 and 80 and name !~ '[[:cntrl:]]'),
    constraint cover_templates_body_length check (length(body) between 1 and 4000),
    constraint cover_templates_footer_length check (length(footer) <= 600)
);
create unique index cover_templates_default_idx on cover_templates (tenant_id) where is_default;
comment on table cover_templates is 'What an organisation''s cover pages say, beside the plain one that each has. Faxes keep what they were sent with.';
comment on column cover_templates.body is 'What stands below the fields, in the words of cover_words.py.';
comment on column cover_templates.footer is 'What stands at the foot of each page, likewise.';
comment on column cover_templates.is_default is 'Chosen unless its sender chooses another, or none.';

create table invitations (
    tenant_id   bigint not null,
    user_id     bigint not null,
    token_hash  bytea not null,
    made_by     text not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    constraint invitations_pkey primary key (tenant_id, user_id),
    constraint invitations_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint invitations_token_hash_key unique (tenant_id, token_hash),
    constraint invitations_token_hash_size check (octet_length(token_hash) = 32)
);
comment on table invitations is 'A user may choose a password by a link, once. A row goes with that, and with a newer one.';

create table second_factors (
    tenant_id   bigint not null,
    user_id     bigint not null,
    sealed      bytea not null,
    last_step   bigint not null,
    created_at  timestamptz not null default now(),
    constraint second_factors_pkey primary key (tenant_id, user_id),
    constraint second_factors_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint second_factors_sealed_size check (octet_length(sealed) = 48)
);
comment on table second_factors is 'Codes that a user''s telephone makes (TOTP, RFC 6238), asked for after the password.';
comment on column second_factors.sealed is 'The secret, AES-256-GCM under a key of what the password gives for the log-in, which is kept nowhere.';
comment on column second_factors.last_step is 'Of the code used last: it, and those before it, log in no more.';

create table passkeys (
    tenant_id      bigint not null,
    id             bigint generated always as identity,
    user_id        bigint not null,
    credential_id  bytea not null,
    public_key     bytea not null,
    sign_count     bigint not null,
    name           text not null,
    created_at     timestamptz not null default now(),
    used_at        timestamptz,
    constraint passkeys_pkey primary key (tenant_id, id),
    constraint passkeys_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint passkeys_credential_key unique (tenant_id, credential_id),
    constraint passkeys_name_key unique (tenant_id, user_id, name),
    constraint passkeys_name_form check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
    constraint passkeys_sizes check (octet_length(credential_id) between 1 and 1023 and octet_length(public_key) between 1 and 4096)
);
comment on table passkeys is 'By which users log in (WebAuthn). Those that also open the user''s key have a lock of it in key_locks.';
comment on column passkeys.public_key is 'COSE (RFC 9052).';
comment on column passkeys.sign_count is 'As the passkey said last; 0: it counts nothing.';

create table spent_challenges (
    tenant_id   bigint not null,
    hash        bytea not null,
    expires_at  timestamptz not null,
    constraint spent_challenges_pkey primary key (tenant_id, hash),
    constraint spent_challenges_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint spent_challenges_hash_size check (octet_length(hash) = 32)
);
comment on table spent_challenges is 'What passkeys have signed: once. A row goes once its challenge is too old anyway.';

create table known_browsers (
    tenant_id   bigint not null,
    user_id     bigint not null,
    token_hash  bytea not null,
    seen_at     timestamptz not null default now(),
    constraint known_browsers_pkey primary key (tenant_id, user_id, token_hash),
    constraint known_browsers_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
    constraint known_browsers_token_hash_size check (octet_length(token_hash) = 32)
);
comment on table known_browsers is 'In which a user has logged in before: who tries that user''s password elsewhere does not shut these out.';

-- ----------------------------------------------------------------------------------------------------------------- reports

create table report_days (
    tenant_id   bigint not null,
    report      text not null,
    day         date not null,
    what        text not null,
    calls       integer not null,
    successful  integer not null,
    pages       integer not null,
    t38         integer not null,
    seconds     integer not null,
    constraint report_days_pkey primary key (tenant_id, report, day, what),
    constraint report_days_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table report_days is 'Attempts that have ended, by the day in the tenant''s time zone on which they began, as each report counts them.';
comment on column report_days.what is 'Of which the report counts: a trunk, a country (ISO 3166-1 alpha-2), a rule, a direction, or a direction and its T.38; empty: none, or not known.';
comment on column report_days.calls is 'Attempts; of report volume, faxes that arrived.';
comment on column report_days.successful is 'Attempts that brought pages across.';
comment on column report_days.seconds is 'From answer to end.';

create table report_hours (
    tenant_id  bigint not null,
    day        date not null,
    direction  text not null,
    attempts   integer[] not null,
    constraint report_hours_pkey primary key (tenant_id, day, direction),
    constraint report_hours_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint report_hours_of_a_day check (cardinality(attempts) = 24 and array_position(attempts, null) is null)
);
comment on table report_hours is 'The same attempts, by the hour of the day in which they began, of which the first is from midnight on.';

create table report_people (
    tenant_id     bigint not null,
    day           date not null,
    user_id       bigint not null,
    billing_code  text not null,
    faxes         integer not null,
    pages         integer not null,
    constraint report_people_pkey primary key (tenant_id, day, user_id, billing_code),
    constraint report_people_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint report_people_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index report_people_user_idx on report_people (tenant_id, user_id);
comment on table report_people is 'What was sent, by whom and charged to whom: faxes that arrived whole, and pages of all.';

create table report_states (
    tenant_id    bigint not null,
    open_from    date not null,
    computed_at  timestamptz not null,
    constraint report_states_pkey primary key (tenant_id),
    constraint report_states_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table report_states is 'Days before open_from are counted for good; the others were at computed_at.';

-- ---------------------------------------------------------------------------------------------------------------- contacts

create table contacts (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    owner_id    bigint,
    scope       bigint not null generated always as (coalesce(owner_id, 0)) stored,
    made_by     bigint not null,
    name        text not null,
    company     text not null default '',
    number      text collate "C" not null,
    email       text not null default '',
    note        text not null default '',
    sort_key    text collate "C" not null,
    created_at  timestamptz not null default now(),
    changed_at  timestamptz not null default now(),
    constraint contacts_pkey primary key (tenant_id, id),
    constraint contacts_owner_fkey foreign key (tenant_id, owner_id) references users (tenant_id, id),
    constraint contacts_made_by_fkey foreign key (tenant_id, made_by) references users (tenant_id, id),
    constraint contacts_name_given check (name <> '' or company <> ''),
    constraint contacts_name_form check (char_length(name) <= 200 and name !~ '[[:cntrl:]]'),
    constraint contacts_company_form check (char_length(company) <= 200 and company !~ '[[:cntrl:]]'),
    constraint contacts_number_form check (number ~ '^\+[1-9][0-9]{2,14}$'),
    constraint contacts_email_form check (char_length(email) <= 254 and email ~ '^([^[:space:][:cntrl:]@]+@[^[:space:][:cntrl:]@]+)?$'),
    constraint contacts_note_length check (char_length(note) <= 2000),
    constraint contacts_sort_key_length check (char_length(sort_key) <= 200)
);
create index contacts_sort_idx on contacts (tenant_id, scope, sort_key, id);
create index contacts_number_idx on contacts (tenant_id, number, scope);
comment on table contacts is 'Whom faxes go to and come from. Numbers are E.164, and may be there several times.';
comment on column contacts.owner_id is 'Whose alone it is; null: it is shared by the whole tenant.';
comment on column contacts.scope is 'The owner''s id, or 0 for shared: so that an index has both.';
comment on column contacts.sort_key is 'By which lists are in order: the name, or the company where there is none, folded (contact_words.py).';

create table contact_words (
    tenant_id   bigint not null,
    contact_id  bigint not null,
    word        text collate "C" not null,
    constraint contact_words_pkey primary key (tenant_id, contact_id, word),
    constraint contact_words_contact_fkey foreign key (tenant_id, contact_id) references contacts (tenant_id, id) on delete cascade,
    constraint contact_words_word_length check (char_length(word) between 1 and 40)
);
create index contact_words_word_idx on contact_words (tenant_id, word, contact_id);
comment on table contact_words is 'By what a contact is found: the words of name and company, folded, and the number. Under a policy no operator but <, = and > reaches an index.';

create table contact_groups (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    owner_id    bigint,
    scope       bigint not null generated always as (coalesce(owner_id, 0)) stored,
    made_by     bigint not null,
    name        text not null,
    sort_key    text collate "C" not null,
    created_at  timestamptz not null default now(),
    constraint contact_groups_pkey primary key (tenant_id, id),
    constraint contact_groups_owner_fkey foreign key (tenant_id, owner_id) references users (tenant_id, id),
    constraint contact_groups_made_by_fkey foreign key (tenant_id, made_by) references users (tenant_id, id),
    constraint contact_groups_name_form check (char_length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
    constraint contact_groups_name_key unique (tenant_id, scope, sort_key)
);
comment on table contact_groups is 'Groups of contacts: a user''s own, or the whole tenant''s.';
comment on column contact_groups.sort_key is 'The name, folded: none is there twice.';

create table contact_group_members (
    tenant_id   bigint not null,
    group_id    bigint not null,
    contact_id  bigint not null,
    constraint contact_group_members_pkey primary key (tenant_id, group_id, contact_id),
    constraint contact_group_members_group_fkey foreign key (tenant_id, group_id) references contact_groups (tenant_id, id) on delete cascade,
    constraint contact_group_members_contact_fkey foreign key (tenant_id, contact_id) references contacts (tenant_id, id) on delete cascade
);
create index contact_group_members_contact_idx on contact_group_members (tenant_id, contact_id);
comment on table contact_group_members is 'Which contacts are in a group. A shared group has shared ones only.';

create table contact_imports (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    user_id     bigint not null,
    file_name   text not null,
    content     bytea not null,
    created_at  timestamptz not null default now(),
    taken       jsonb,
    constraint contact_imports_pkey primary key (tenant_id, id),
    constraint contact_imports_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint contact_imports_size check (octet_length(content) <= 5242880)
);
create index contact_imports_user_idx on contact_imports (tenant_id, user_id);
comment on table contact_imports is 'Files of contacts that users look at before they take them in. A row goes with its user''s next one, or after a day.';
comment on column contact_imports.taken is 'How it was taken in and what came of it (contact_imports.py); null: it was not yet.';

create table identity_providers (
    tenant_id      bigint not null,
    issuer         text not null,
    client_id      text not null,
    client_secret  text not null default '',
    label          text not null default '',
    trusts_email   boolean not null default false,
    changed_at     timestamptz not null default now(),
    constraint identity_providers_pkey primary key (tenant_id),
    constraint identity_providers_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint identity_providers_issuer_form check (issuer ~ '^https?://[!-~]+$' and length(issuer) <= 500),
    constraint identity_providers_client_form check (client_id ~ '^[!-~]([ -~]*[!-~])?$' and length(client_id) <= 255
        and client_secret ~ '^[ -~]*$' and length(client_secret) <= 1000),
    constraint identity_providers_label_form check (length(label) <= 40 and label !~ '[[:cntrl:]]')
);
comment on table identity_providers is 'Where a tenant''s people may log in as well: OpenID Connect. No row: nowhere.';
comment on column identity_providers.client_secret is 'Empty: a public client, by PKCE alone. It logs nobody in and opens nothing by itself.';
comment on column identity_providers.label is 'What the button says. Empty: the issuer''s host.';
comment on column identity_providers.trusts_email is 'Whether its addresses count though it does not say that it has verified them.';

create table identities (
    tenant_id  bigint not null,
    issuer     text not null,
    subject    text not null,
    user_id    bigint not null,
    linked_at  timestamptz not null default now(),
    constraint identities_pkey primary key (tenant_id, issuer, subject),
    constraint identities_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint identities_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint identities_user_key unique (tenant_id, user_id, issuer),
    constraint identities_subject_form check (subject ~ '^[ -~]+$' and length(subject) <= 255)
);
comment on table identities is 'Who is who at an identity provider. Made when the first session that began by it, by the address, is opened; from then on the subject counts.';

-- --------------------------------------------------------------------------------------------------- quotas, notices, audit

create table quotas (
    tenant_id       bigint not null,
    id              bigint generated always as identity,
    user_id         bigint,
    period          text not null,
    limit_pages     integer not null,
    reserved_pages  integer not null default 0,
    used_pages      integer not null default 0,
    period_start    date not null,
    counted_since   timestamptz not null default now(),
    warn_percent    smallint default 80,
    warned_on       date,
    warned_percent  smallint not null default 0,
    constraint quotas_pkey primary key (tenant_id, id),
    constraint quotas_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint quotas_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint quotas_entry_key unique nulls not distinct (tenant_id, user_id, period),
    constraint quotas_period_known check (period in ('day', 'month')),
    constraint quotas_counts_range check (limit_pages >= 0 and reserved_pages >= 0 and used_pages >= 0),
    constraint quotas_warnings_range check (warn_percent between 1 and 100 and warned_percent between 0 and 100)
);
comment on table quotas is 'Page quotas: reserved when a fax is submitted, settled by acknowledged pages. user_id null: the whole tenant.';
comment on column quotas.used_pages is
    'In the period that began on period_start. Once that is over they count no more, whether a later change has begun the next period here or not.';
comment on column quotas.reserved_pages is 'Held for faxes that are not final, in whatever period they were submitted.';
comment on column quotas.period_start is 'A day in tenants.time_zone. Never goes back.';
comment on column quotas.warn_percent is 'Once so much of it is used or held, a mail tells; another one at the limit itself. Null: no mail.';
comment on column quotas.warned_percent is 'The highest of the two that was told in the period that began on warned_on.';
comment on column quotas.counted_since is 'What was used before is not in used_pages: when the quota was made.';

create function held_pages(whose bigint) returns bigint
    language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select coalesce(sum(f.reserved_pages), 0)::bigint from faxes f
    where f.tenant_id = current_tenant() and f.direction = 'outbound' and f.finished_at is null and (whose is null or f.user_id = whose);
end;
comment on function held_pages(bigint) is
    'What faxes hold that are not final, of the current tenant''s user; null: of all. Definer: who sets a quota need not read faxes.';

create table notices (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    user_id     bigint,
    mailbox_id  bigint,
    fax_id      bigint not null,
    kind        text not null,
    text        text not null,
    created_at  timestamptz not null default now(),
    seen_at     timestamptz,
    constraint notices_pkey primary key (tenant_id, id),
    constraint notices_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint notices_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint notices_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id),
    constraint notices_kind_known check (kind in ('sent', 'failed', 'cancelled', 'received', 'partial', 'alert', 'accepted', 'webhook')),
    constraint notices_reader check ((user_id is null) <> (mailbox_id is null))
);
create index notices_told_idx on notices (tenant_id, user_id, id) where seen_at is null and kind in ('failed', 'alert');
create index notices_alert_idx on notices (tenant_id, user_id, created_at) where kind = 'alert';
create index notices_fax_idx on notices (tenant_id, fax_id);
comment on table notices is 'What a user or the members of a mailbox are to be told.';

create table mail_recipients (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    mailbox_id   bigint not null,
    address      text not null,
    certificate  bytea,
    openpgp_key  bytea,
    added_by     bigint not null,
    added_at     timestamptz not null default now(),
    constraint mail_recipients_pkey primary key (tenant_id, id),
    constraint mail_recipients_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint mail_recipients_added_by_fkey foreign key (tenant_id, added_by) references users (tenant_id, id),
    constraint mail_recipients_address_key unique (tenant_id, mailbox_id, address),
    constraint mail_recipients_address_form check (address ~ '^[^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+$' and length(address) <= 254),
    constraint mail_recipients_sizes check (octet_length(certificate) <= 65536 and octet_length(openpgp_key) <= 262144)
);
create index mail_recipients_added_by_idx on mail_recipients (tenant_id, added_by);
comment on table mail_recipients is 'Whom a mailbox''s faxes, or notices of them, are mailed to; where there is none, notices go to who reads it.';
comment on column mail_recipients.certificate is 'X.509, DER: for S/MIME. openpgp_key: for OpenPGP, without armor.';

create table outbox (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    notice_id    bigint not null,
    recipient    text not null,
    token        text not null default replace(gen_random_uuid()::text, '-', ''),
    state        text not null default 'waiting',
    tries        integer not null default 0,
    not_before   timestamptz not null default now(),
    worker       text,
    lease_until  timestamptz,
    said         text not null default '',
    sent_as      text,
    created_at   timestamptz not null default now(),
    ended_at     timestamptz,
    constraint outbox_pkey primary key (tenant_id, id),
    constraint outbox_notice_fkey foreign key (tenant_id, notice_id) references notices (tenant_id, id),
    constraint outbox_recipient_key unique (tenant_id, notice_id, recipient),
    constraint outbox_token_key unique (token),
    constraint outbox_state_known check (state in ('waiting', 'accepted', 'refused', 'given-up', 'bounced')),
    constraint outbox_ended check ((state = 'waiting') = (ended_at is null)),
    constraint outbox_lease check ((worker is null) = (lease_until is null))
);
create index outbox_due_idx on outbox (not_before) where state = 'waiting';
create index outbox_failed_idx on outbox (tenant_id, recipient, ended_at) where state in ('refused', 'given-up', 'bounced');
comment on table outbox is 'Mails that wait to be handed over, and what became of them: one a notice and recipient. None is kept: each is made when it goes out.';
comment on column outbox.token is 'Its Message-ID, whenever it is tried, and by which a bounce is known.';
comment on column outbox.said is 'What the mail server said last, or why none was asked.';
comment on column outbox.sent_as is 'The mode by which it went out: one that could not be kept to is a notice.';

create table mail_senders (
    tenant_id  bigint not null,
    address    text not null,
    user_id    bigint not null,
    added_at   timestamptz not null default now(),
    constraint mail_senders_pkey primary key (tenant_id, address),
    constraint mail_senders_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mail_senders_address_form check (
        address = lower(address) and address ~ '^[^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+$' and length(address) <= 254)
);
create index mail_senders_user_idx on mail_senders (tenant_id, user_id);
comment on table mail_senders is 'Further addresses from which mails of a user come that become faxes; the user''s own is always one.';

create table mail_tokens (
    tenant_id   bigint not null,
    user_id     bigint not null,
    token_hash  bytea not null,
    created_at  timestamptz not null default now(),
    constraint mail_tokens_pkey primary key (tenant_id, user_id),
    constraint mail_tokens_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mail_tokens_hash_key unique (tenant_id, token_hash),
    constraint mail_tokens_hash_size check (octet_length(token_hash) = 32)
);
comment on table mail_tokens is 'The secret part of an address with which whoever has it faxes in a user''s name; one a user.';

create table mail_pins (
    tenant_id   bigint not null,
    user_id     bigint not null,
    salt        bytea not null,
    pin_hash    bytea not null,
    changed_at  timestamptz not null default now(),
    constraint mail_pins_pkey primary key (tenant_id, user_id),
    constraint mail_pins_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mail_pins_sizes check (octet_length(salt) = 16 and octet_length(pin_hash) = 32)
);
comment on table mail_pins is 'Digits that prove a mail, where the tenant allows that: Argon2id of them.';

create table mails_in (
    tenant_id    bigint not null,
    user_id      bigint not null,
    digest       bytea not null,
    fax_id       bigint,
    message_id   text,
    answer_to    text,
    received_at  timestamptz not null default now(),
    constraint mails_in_pkey primary key (tenant_id, user_id, digest),
    constraint mails_in_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint mails_in_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete set null (fax_id),
    constraint mails_in_digest_size check (octet_length(digest) = 32),
    constraint mails_in_message_id_form check (message_id ~ '^[!-;=?-~]{1,250}$'),
    constraint mails_in_answer_to_form check (answer_to ~ '^[^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+$' and length(answer_to) <= 254)
);
create index mails_in_fax_idx on mails_in (tenant_id, fax_id);
create index mails_in_received_idx on mails_in (tenant_id, received_at);
comment on table mails_in is 'Which mail became which fax, a row for each recipient: what comes a second time is known, and becomes no second fax.';
comment on column mails_in.digest is 'SHA-256 of sender, Message-ID, recipient and content.';
comment on column mails_in.message_id is 'To which its answers refer, without < >; null: it had none, or the fax is purged.';
comment on column mails_in.answer_to is 'Who is told by mail how the fax has ended; null: as for faxes that did not come by mail.';

create table campaigns (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    user_id      bigint not null,
    name         text not null,
    state        text not null default 'draft',
    draft_id     bigint,
    rendering_id bigint,
    calling      text,
    billing_code text not null default '',
    per_minute   integer not null default 30,
    at_once      integer not null default 10,
    opens        text not null default '00:00',
    closes       text not null default '24:00',
    weekdays     integer[] not null default '{1,2,3,4,5,6,7}',
    start_at     timestamptz,
    paced_from   timestamptz,
    paced        bigint not null default 0,
    why          text not null default '',
    created_at   timestamptz not null default now(),
    started_at   timestamptz,
    ended_at     timestamptz,
    cover_id     bigint,
    cover_fields text[] not null default '{}',
    code         text,
    notice       text not null default '',
    max_attempts integer,
    retry_delays integer[],
    kept_counts  jsonb,
    purged_at    timestamptz,
    constraint campaigns_pkey primary key (tenant_id, id),
    constraint campaigns_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint campaigns_draft_fkey foreign key (tenant_id, draft_id) references drafts (tenant_id, id) on delete set null (draft_id),
    constraint campaigns_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id) on delete set null (rendering_id),
    constraint campaigns_name_form check (length(name) between 1 and 80 and name !~ '[[:cntrl:]]'),
    constraint campaigns_state_known check (state in ('draft', 'running', 'paused', 'cancelled', 'finished')),
    constraint campaigns_ended check ((ended_at is not null) = (state in ('cancelled', 'finished'))),
    constraint campaigns_pace_range check (per_minute between 1 and 6000 and at_once between 1 and 1000),
    constraint campaigns_hours_form check (opens ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' and closes ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' and opens < closes),
    constraint campaigns_weekdays_form check (cardinality(weekdays) between 1 and 7 and weekdays <@ array[1, 2, 3, 4, 5, 6, 7]),
    constraint campaigns_tries_range check (max_attempts between 1 and 20),
    constraint campaigns_delays_range check (cardinality(retry_delays) between 1 and 19 and 60 <= all (retry_delays) and 86400 >= all (retry_delays)),
    constraint campaigns_purged check ((purged_at is not null) = (kept_counts is not null) and (purged_at is null or ended_at is not null)),
    constraint campaigns_cover_fkey foreign key (tenant_id, cover_id) references documents (tenant_id, id),
    constraint campaigns_code_form check (code ~ '^[2-9A-HJKMNP-Z]{8}$'),
    constraint campaigns_has_pages check (rendering_id is not null or ended_at is not null)
);
create index campaigns_user_idx on campaigns (tenant_id, user_id, id);
create index campaigns_draft_idx on campaigns (tenant_id, draft_id);
create index campaigns_rendering_idx on campaigns (tenant_id, rendering_id);
create index campaigns_running_idx on campaigns (tenant_id, id) where state = 'running';
create unique index campaigns_code_idx on campaigns (tenant_id, code);
create index campaigns_cover_idx on campaigns (tenant_id, cover_id) where cover_id is not null;
comment on table campaigns is 'A document that goes to many numbers: each recipient becomes a fax when its turn comes.';
comment on column campaigns.draft_id is 'Keeps the document, for the machines that send as well, until the campaign has ended.';
comment on column campaigns.paced_from is 'Since when `paced` faxes were let go, at per_minute.';
comment on column campaigns.max_attempts is 'Tries of each of its faxes; null: as many as the tenant has.';
comment on column campaigns.retry_delays is 'Seconds before the second try, the third and so on, the last for all further ones; null: as the failure policy has it.';
comment on column campaigns.kept_counts is 'Recipients by state and why, of a campaign whose recipients were purged.';
comment on column campaigns.why is 'Why it is paused, if nobody has paused it.';
comment on column campaigns.cover_id is 'What the covers of its faxes say, sealed; null: they have none. Purge destroys one that no campaign has any more.';
comment on column campaigns.code is 'By which who got its fax asks for no more.';
comment on column campaigns.notice is 'What its first page says of that; empty: nothing.';
comment on column campaigns.cover_fields is 'Fields of recipients that its cover has.';

create table campaign_files (
    tenant_id    bigint not null,
    campaign_id  bigint not null,
    content      bytea not null,
    reading      text not null,
    lines        integer not null,
    lines_read   integer not null default 0,
    wrong        text not null default '',
    brought_at   timestamptz not null default now(),
    constraint campaign_files_pkey primary key (tenant_id, campaign_id),
    constraint campaign_files_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade
);
comment on table campaign_files is 'A file of recipients that is being read: so many lines are done. It goes when all are.';
comment on column campaign_files.reading is 'How it is to be read, as JSON (contact_files.Reading).';

create table campaign_recipients (
    tenant_id    bigint not null,
    campaign_id  bigint not null,
    id           bigint generated always as identity,
    line         integer not null,
    written      text not null,
    number       text,
    name         text not null default '',
    fields       jsonb not null default '{}',
    state        text not null default 'waiting',
    why          text,
    fax_id       bigint,
    released_at  timestamptz,
    ended_at     timestamptz,
    constraint campaign_recipients_pkey primary key (tenant_id, campaign_id, id),
    constraint campaign_recipients_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade,
    constraint campaign_recipients_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete set null (fax_id),
    constraint campaign_recipients_state_known check (state in ('waiting', 'released', 'sent', 'failed', 'cancelled', 'left-out')),
    constraint campaign_recipients_why check ((state = 'left-out') = (why is not null)),
    constraint campaign_recipients_why_known check (why in ('invalid-number', 'duplicate', 'do-not-fax', 'number-barred', 'cover-failed')),
    constraint campaign_recipients_number_form check (number ~ '^\+[1-9][0-9]{2,14}$'),
    constraint campaign_recipients_has_number check (number is not null or state = 'left-out')
);
create unique index campaign_recipients_number_idx on campaign_recipients (tenant_id, campaign_id, number) where state <> 'left-out';
create index campaign_recipients_waiting_idx on campaign_recipients (tenant_id, campaign_id, id) where state = 'waiting';
create index campaign_recipients_released_idx on campaign_recipients (tenant_id, campaign_id, id) where state = 'released';
create index campaign_recipients_fax_idx on campaign_recipients (tenant_id, fax_id) where fax_id is not null;
comment on table campaign_recipients is 'Whom a campaign goes to, a row for each line of its files: also those who get nothing, and why.';

create table campaign_uploads (
    tenant_id    bigint not null,
    campaign_id  bigint not null,
    file_name    text not null,
    content      bytea not null,
    brought_at   timestamptz not null default now(),
    constraint campaign_uploads_pkey primary key (tenant_id, campaign_id),
    constraint campaign_uploads_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade
);
comment on table campaign_uploads is 'Files of recipients that are looked at before they are added. A row goes then, with the next file, or after a day.';
create table campaign_tests (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    campaign_id  bigint not null,
    user_id      bigint not null,
    number       text not null,
    recipient_id bigint,
    asked_at     timestamptz not null default now(),
    done_at      timestamptz,
    fax_id       bigint,
    why          text not null default '',
    constraint campaign_tests_pkey primary key (tenant_id, id),
    constraint campaign_tests_campaign_fkey foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id) on delete cascade,
    constraint campaign_tests_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint campaign_tests_recipient_fkey foreign key (tenant_id, campaign_id, recipient_id)
        references campaign_recipients (tenant_id, campaign_id, id) on delete set null (recipient_id),
    constraint campaign_tests_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete set null (fax_id)
);
create index campaign_tests_campaign_idx on campaign_tests (tenant_id, campaign_id, id);
create index campaign_tests_fax_idx on campaign_tests (tenant_id, fax_id) where fax_id is not null;
create index campaign_tests_due_idx on campaign_tests (tenant_id, id) where done_at is null;
comment on table campaign_tests is 'A fax of a campaign as a recipient would get it, to a number of its user''s own: a worker sends it, as only machines open the campaign''s cover.';
comment on column campaign_tests.recipient_id is 'Whose fields it has; null: the first one''s.';
comment on column campaign_tests.why is 'Why there is no fax, once it is done.';

create table api_keys (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    user_id     bigint not null,
    name        text not null,
    digest      bytea not null,
    ending      text not null,
    scopes      text[] not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz,
    used_at     timestamptz,
    ended_at    timestamptz,
    constraint api_keys_pkey primary key (tenant_id, id),
    constraint api_keys_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint api_keys_digest_key unique (tenant_id, digest),
    constraint api_keys_digest_size check (octet_length(digest) = 32),
    constraint api_keys_name_form check (length(name) between 1 and 60 and name !~ '[[:cntrl:]]'),
    constraint api_keys_scopes_form check (
        cardinality(scopes) between 1 and 50 and array_position(scopes, null) is null
        and array_to_string(scopes, ' ') ~ '^[a-z]+([:-][a-z]+)*( [a-z]+([:-][a-z]+)*)*$')
);
create index api_keys_user_idx on api_keys (tenant_id, user_id);
comment on table api_keys is 'By what programs act for a user of the tenant: the secret is shown once, and kept as SHA-256.';
comment on column api_keys.ending is 'Its last characters, by which people tell one from another.';
comment on column api_keys.used_at is 'When it was used last, to a minute.';

create unlogged table api_use (
    tenant_id  bigint not null,
    key_id     bigint not null,
    began_at   timestamptz not null,
    requests   integer not null,
    constraint api_use_pkey primary key (tenant_id, key_id),
    constraint api_use_key_fkey foreign key (tenant_id, key_id) references api_keys (tenant_id, id) on delete cascade
);
comment on table api_use is 'How many requests a key has made since its minute began.';

create table api_requests (
    tenant_id   bigint not null,
    key_id      bigint not null,
    key         text not null,
    asked       bytea not null,
    attempt     text not null,
    status      integer,
    answer      text,
    begun_at    timestamptz not null default now(),
    constraint api_requests_pkey primary key (tenant_id, key_id, key),
    constraint api_requests_key_fkey foreign key (tenant_id, key_id) references api_keys (tenant_id, id) on delete cascade,
    constraint api_requests_key_form check (key ~ '^[!-~]{1,255}$'),
    constraint api_requests_asked_size check (octet_length(asked) = 32),
    constraint api_requests_answered check ((status is null) = (answer is null))
);
create index api_requests_begun_idx on api_requests (tenant_id, begun_at);
comment on table api_requests is 'Requests with an Idempotency-Key: what was asked (SHA-256), and the answer, once there is one; for a day.';
comment on column api_requests.attempt is 'Who works on it: an answer of somebody else is not taken any more.';

create table webhook_endpoints (
    tenant_id      bigint not null,
    id             bigint generated always as identity,
    made_by        bigint not null,
    own_only       boolean not null,
    address        text not null,
    description    text not null default '',
    types          text[] not null,
    enabled        boolean not null default true,
    off_because    text not null default '',
    created_at     timestamptz not null default now(),
    failures       integer not null default 0,
    failing_since  timestamptz,
    rests_until    timestamptz,
    served_at      timestamptz,
    worker         text,
    lease_until    timestamptz,
    constraint webhook_endpoints_pkey primary key (tenant_id, id),
    constraint webhook_endpoints_made_by_fkey foreign key (tenant_id, made_by) references users (tenant_id, id),
    constraint webhook_endpoints_address_form check (address ~ '^https?://[!-~]+$' and length(address) <= 2000),
    constraint webhook_endpoints_description_form check (length(description) <= 200 and description !~ '[[:cntrl:]]'),
    constraint webhook_endpoints_types_known check (
        cardinality(types) > 0 and array_position(types, null) is null
        and types <@ array['fax.accepted', 'fax.queued', 'fax.dialing', 'fax.sending', 'fax.sent', 'fax.failed', 'fax.cancelled',
                           'fax.receiving', 'fax.received', 'fax.partial']),
    constraint webhook_endpoints_off_because_known check (off_because in ('', 'gone', 'failing') and (off_because = '' or not enabled)),
    constraint webhook_endpoints_failing check ((failures = 0) = (failing_since is null)),
    constraint webhook_endpoints_lease check ((worker is null) = (lease_until is null))
);
create index webhook_endpoints_made_by_idx on webhook_endpoints (tenant_id, made_by);
create index webhook_endpoints_enabled_idx on webhook_endpoints (tenant_id) where enabled;
comment on table webhook_endpoints is 'Where a tenant''s programs are told of what becomes of its faxes.';
comment on column webhook_endpoints.own_only is 'Of the faxes of made_by alone: those that they send, and those in mailboxes that they read.';
comment on column webhook_endpoints.off_because is 'Why a worker has turned it off: it said that it is gone (410), or failed for days.';
comment on column webhook_endpoints.worker is 'Which thread is at it, until lease_until. rests_until: after failures it is left alone for a while. served_at: they take turns.';

create table webhook_secrets (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    endpoint_id  bigint not null,
    secret       bytea not null,
    private_key  bytea not null,
    public_key   bytea not null,
    created_at   timestamptz not null default now(),
    ends_at      timestamptz,
    constraint webhook_secrets_pkey primary key (tenant_id, id),
    constraint webhook_secrets_endpoint_fkey foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, id) on delete cascade,
    constraint webhook_secrets_sizes check (octet_length(secret) = 32 and octet_length(private_key) = 32 and octet_length(public_key) = 32)
);
create index webhook_secrets_endpoint_idx on webhook_secrets (tenant_id, endpoint_id);
comment on table webhook_secrets is 'By what is signed what an endpoint is told (Standard Webhooks): HMAC-SHA256 and Ed25519. Two while one takes another''s place.';
comment on column webhook_secrets.ends_at is 'Until then it signs beside the one in its place; null: it is the one.';

create table webhook_deliveries (
    tenant_id    bigint not null,
    id           bigint generated always as identity,
    endpoint_id  bigint not null,
    message      text not null,
    type         text not null,
    at           timestamptz not null,
    fax_id       bigint,
    direction    text,
    fax_state    text,
    state        text not null default 'waiting',
    tries        integer not null default 0,
    not_before   timestamptz not null default now(),
    waits_since  timestamptz not null default now(),
    tried_at     timestamptz,
    status       integer,
    said         text not null default '',
    answer       text not null default '',
    ended_at     timestamptz,
    constraint webhook_deliveries_pkey primary key (tenant_id, id),
    constraint webhook_deliveries_endpoint_fkey foreign key (tenant_id, endpoint_id)
        references webhook_endpoints (tenant_id, id) on delete cascade,
    constraint webhook_deliveries_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete cascade,
    constraint webhook_deliveries_message_key unique (tenant_id, endpoint_id, message),
    constraint webhook_deliveries_state_known check (state in ('waiting', 'delivered', 'failed', 'given-up')),
    constraint webhook_deliveries_ended check ((state = 'waiting') = (ended_at is null)),
    constraint webhook_deliveries_of_fax check ((fax_id is null) = (direction is null) and (fax_id is null) = (fax_state is null))
);
create index webhook_deliveries_due_idx on webhook_deliveries (tenant_id, endpoint_id, not_before, id) where state = 'waiting';
create index webhook_deliveries_list_idx on webhook_deliveries (tenant_id, endpoint_id, id);
create index webhook_deliveries_fax_idx on webhook_deliveries (tenant_id, fax_id);
create index webhook_deliveries_ended_idx on webhook_deliveries (ended_at) where ended_at is not null;
comment on table webhook_deliveries is 'What endpoints are told: one an event and endpoint. Written by a trigger in the transaction of what happened.';
comment on column webhook_deliveries.message is 'webhook-id: the same for all endpoints, and whenever it is tried.';
comment on column webhook_deliveries.state is 'failed: the endpoint has said that it is gone. given-up: it was tried for three days.';
comment on column webhook_deliveries.said is 'Why the last try has failed. status, answer: what the endpoint answered to it, and how that began.';

create function webhooks_fill() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
    event text := 'fax.' || new.state;
    message text;
begin
    -- Most tenants have none, and this is all that it costs them.
    if not exists (select from webhook_endpoints e where e.tenant_id = new.tenant_id and e.enabled) then
        return null;
    end if;
    message := 'msg_' || replace(gen_random_uuid()::text, '-', '');
    insert into webhook_deliveries (tenant_id, endpoint_id, message, type, at, fax_id, direction, fax_state)
    select e.tenant_id, e.id, message, event, clock_timestamp(), new.id, new.direction, new.state
    from webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.enabled and event = any(e.types)
      and exists (select from tenants t where t.id = new.tenant_id and 'api' = any(t.permissions))
      and (not e.own_only
           or new.direction = 'outbound' and e.made_by = new.user_id
           or new.direction = 'inbound' and exists (
               select from mailbox_members m join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
               where m.tenant_id = e.tenant_id and m.mailbox_id = new.mailbox_id and m.user_id = e.made_by and u.enabled
                 and array['receive', 'api'] <@ u.permissions))
    -- One that is being deleted is passed over: what has happened neither fails by that nor waits for it.
    for key share of e skip locked;
    if found then
        perform pg_notify('faxplan_webhooks', '');
    end if;
    return null;
end $$;
comment on function webhooks_fill() is 'Who is told of a fax''s state. Definer: who changes one need not see any endpoint.';
create trigger faxes_told after insert on faxes for each row execute function webhooks_fill();
create trigger faxes_told_again after update of state on faxes for each row when (old.state <> new.state) execute function webhooks_fill();

create function outbox_fill() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into outbox (tenant_id, notice_id, recipient)
    select distinct new.tenant_id, new.id, told.address from (
        select r.address from mailboxes b
        join mail_recipients r on r.tenant_id = b.tenant_id and r.mailbox_id = b.id
        where b.tenant_id = new.tenant_id and b.id = new.mailbox_id and b.mail_mode <> 'off'
          and exists (select from tenants t where t.id = new.tenant_id and 'mail-out' = any(t.permissions))
          -- Pages go out in the name of somebody who reads them.
          and (not b.mail or exists (
              select from mailbox_members m join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
              where m.tenant_id = b.tenant_id and m.mailbox_id = b.id and m.user_id = r.added_by and u.enabled
                and array['receive', 'mail-out'] <@ u.permissions))
        union all
        select u.email from mailboxes b
        join mailbox_members m on m.tenant_id = b.tenant_id and m.mailbox_id = b.id
        join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
        join tenants t on t.id = u.tenant_id
        where b.tenant_id = new.tenant_id and b.id = new.mailbox_id and b.mail_mode = 'notice' and u.enabled
          and array['receive', 'mail-out'] <@ u.permissions and array['receive', 'mail-out'] <@ t.permissions
          and not exists (select from mail_recipients r where r.tenant_id = b.tenant_id and r.mailbox_id = b.id)
        union all
        select u.email from users u
        where u.tenant_id = new.tenant_id and u.id = new.user_id and u.enabled
          and (new.kind in ('alert', 'webhook') or (u.mail_results = 'all' and new.kind <> 'accepted' or u.mail_results = 'failed' and new.kind = 'failed')
               and not exists (select from mails_in i where i.tenant_id = new.tenant_id and i.fax_id = new.fax_id
                               and i.user_id = new.user_id and i.answer_to is not null))
        union all
        -- A fax that came by mail is answered by mail, whatever its user has chosen for others.
        select i.answer_to from mails_in i join users u on u.tenant_id = i.tenant_id and u.id = i.user_id
        where i.tenant_id = new.tenant_id and i.fax_id = new.fax_id and i.user_id = new.user_id and i.answer_to is not null
          and u.enabled and new.kind in ('accepted', 'sent', 'failed', 'cancelled')) told;
    if found then
        perform pg_notify('faxplan_mail', '');
    end if;
    return null;
end $$;
comment on function outbox_fill() is 'Who is told by mail of a notice. Definer: who writes one need not read whom a mailbox mails.';
create trigger outbox_fill after insert on notices for each row execute function outbox_fill();

create function outbox_bounce(of_mail text, why text) returns boolean
    language sql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
    with changed as (
        update outbox o set state = 'bounced', said = why, ended_at = now()
        where o.tenant_id = current_tenant() and o.token = of_mail and o.state = 'accepted'
        returning o.id)
    select exists (select from changed);
$$;
comment on function outbox_bounce(text, text) is 'A mail of the tenant that a server had taken has come back. Definer: whoever takes mails in changes nothing else of those that go out.';
revoke execute on function outbox_bounce(text, text) from public;
grant execute on function outbox_bounce(text, text) to faxplan_portal;

create table mail_accounts (
    tenant_id      bigint not null,
    host           text not null,
    port           integer not null,
    security       text not null default 'starttls',
    sender         text not null,
    user_name      text not null,
    password       text not null default '',
    token_url      text not null default '',
    client_id      text not null default '',
    client_secret  text not null default '',
    refresh_token  text not null default '',
    scope          text not null default '',
    changed_at     timestamptz not null default now(),
    constraint mail_accounts_pkey primary key (tenant_id),
    constraint mail_accounts_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint mail_accounts_security_known check (security in ('starttls', 'tls')),
    constraint mail_accounts_port_range check (port between 1 and 65535),
    constraint mail_accounts_host_form check (host ~ '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$'),
    constraint mail_accounts_log_in check ((password = '') <> (refresh_token = '') and (token_url = '') = (refresh_token = '')),
    constraint mail_accounts_sizes check (
        length(user_name) between 1 and 254 and length(sender) between 3 and 254 and length(password) <= 1000
        and length(token_url) <= 2000 and length(client_id) <= 500 and length(client_secret) <= 1000 and length(refresh_token) <= 8000
        and length(scope) <= 1000)
);
comment on table mail_accounts is 'The account of a mail provider by which a tenant''s mail goes out. No row: by the installation''s mail server.';
comment on column mail_accounts.refresh_token is 'By which the provider gives out what logs in (OAuth 2.0, XOAUTH2), instead of a password.';

create table mail_signing_keys (
    tenant_id    bigint not null,
    domain       text not null,
    selector     text not null,
    private_key  text not null,
    record       text not null,
    created_at   timestamptz not null default now(),
    constraint mail_signing_keys_pkey primary key (tenant_id, domain),
    constraint mail_signing_keys_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint mail_signing_keys_domain_form check (domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$' and length(domain) <= 253),
    constraint mail_signing_keys_selector_form check (selector ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')
);
comment on table mail_signing_keys is 'By which mail from a domain of a tenant''s is signed (DKIM, RFC 6376).';
comment on column mail_signing_keys.record is 'What the DNS has to say at selector._domainkey.domain.';

create table mail_templates (
    tenant_id   bigint not null,
    kind        text not null,
    language    text not null,
    subject     text not null,
    body        text not null,
    changed_at  timestamptz not null default now(),
    constraint mail_templates_pkey primary key (tenant_id, kind, language),
    constraint mail_templates_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint mail_templates_kind_known check (kind in ('received', 'sent', 'failed')),
    constraint mail_templates_language_form check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(language) <= 35),
    constraint mail_templates_lengths check (length(subject) between 1 and 200 and subject !~ '[[:cntrl:]]' and length(body) between 1 and 4000)
);
comment on table mail_templates is 'What mails about faxes say in a tenant''s own words, by what they tell of and in which language. No row: as shipped.';

create table audit (
    tenant_id      bigint not null,
    sequence       bigint not null,
    at             timestamptz not null,
    actor          text not null,
    action         text not null,
    object         text not null,
    result         text not null,
    details        jsonb not null,
    previous_hash  text not null,
    hash           text not null,
    authenticated  text not null default '',
    address        text not null default '',
    form           smallint not null default 1,
    constraint audit_pkey primary key (tenant_id, sequence),
    constraint audit_result_known check (result in ('done', 'refused', 'failed'))
);
create index audit_refused_idx on audit (tenant_id, sequence) where result = 'refused';
create index audit_refused_lately_idx on audit (at) where result = 'refused';
comment on table audit is 'Append-only, one hash chain a tenant; tenant_id 0: acts on the installation itself.';
comment on column audit.authenticated is 'How the actor was authenticated, such as machine-account; empty: nobody was.';
comment on column audit.address is 'The network address that the actor came from; empty: there was none.';
comment on column audit.form is 'How hash covers the row. 1: what jsonb_build_array printed, until the migration audit_checkpoints. 2: docs/audit.md has it byte by byte.';

create table audit_heads (
    tenant_id  bigint not null,
    sequence   bigint not null,
    hash       text not null,
    constraint audit_heads_pkey primary key (tenant_id)
);
comment on table audit_heads is 'The last link of each chain. Its row lock orders the writers, so write audit last in a transaction.';

create function audit_link() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
begin
    select h.sequence + 1, h.hash into new.sequence, new.previous_hash from audit_heads h where h.tenant_id = new.tenant_id for update;
    if not found then
        insert into audit_heads (tenant_id, sequence, hash) values (new.tenant_id, 0, '')
            on conflict on constraint audit_heads_pkey do nothing;
        select h.sequence + 1, h.hash into strict new.sequence, new.previous_hash
            from audit_heads h where h.tenant_id = new.tenant_id for update;
    end if;
    -- Once the head is ours: later rows have later times.
    new.at := clock_timestamp();
    new.form := 2;
    new.hash := encode(sha256(convert_to(concat(
        '15:faxplan-audit-2,',
        octet_length(new.tenant_id::text), ':', new.tenant_id, ',',
        octet_length(new.sequence::text), ':', new.sequence, ',',
        '27:', to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ',',
        octet_length(new.actor), ':', new.actor, ',',
        octet_length(new.authenticated), ':', new.authenticated, ',',
        octet_length(new.address), ':', new.address, ',',
        octet_length(new.action), ':', new.action, ',',
        octet_length(new.object), ':', new.object, ',',
        octet_length(new.result), ':', new.result, ',',
        '64:', encode(sha256(convert_to(new.details::text, 'UTF8')), 'hex'), ',',
        octet_length(new.previous_hash), ':', new.previous_hash, ','), 'UTF8')), 'hex');
    update audit_heads h set sequence = new.sequence, hash = new.hash where h.tenant_id = new.tenant_id;
    return new;
end $$;
comment on function audit_link() is 'Numbers and hashes a new audit row onto its chain. Definer: no role may write audit_heads itself.';
create trigger audit_link before insert on audit for each row execute function audit_link();

create function audit_refuse() returns trigger
    language plpgsql
as $$
begin
    raise exception 'audit is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_refuse before update or delete on audit for each row execute function audit_refuse();
create trigger audit_refuse_truncate before truncate on audit for each statement execute function audit_refuse();

create table audit_leaves (
    tenant_id       bigint not null,
    first_sequence  bigint not null,
    last_sequence   bigint not null,
    last_hash       text not null,
    first_leaf      bigint not null,
    constraint audit_leaves_pkey primary key (tenant_id, first_sequence),
    constraint audit_leaves_first_leaf_key unique (first_leaf),
    constraint audit_leaves_order check (first_sequence > 0 and last_sequence >= first_sequence and first_leaf >= 0)
);
comment on table audit_leaves is 'Which rows of audit are which leaves of the Merkle tree that checkpoints sign: those of one chain that one checkpoint took in.';
comment on column audit_leaves.first_leaf is 'Where in the tree, from 0; the rows follow in their order.';
create trigger audit_leaves_refuse before update or delete on audit_leaves for each row execute function audit_refuse();
create trigger audit_leaves_refuse_truncate before truncate on audit_leaves for each statement execute function audit_refuse();

create table audit_tree (
    generation  integer not null,
    size        bigint not null,
    frontier    text[] not null,
    constraint audit_tree_pkey primary key (generation),
    constraint audit_tree_size check (size >= 0 and cardinality(frontier) <= 64)
);
comment on table audit_tree is 'One row: how far the Merkle tree over all chains has grown (RFC 6962).';
comment on column audit_tree.generation is '1, and one more after each restore of the database: a log of its own for whoever keeps checkpoints.';
comment on column audit_tree.frontier is 'Hashes of its whole subtrees, the largest first, in hexadecimal: one for each 1 in the size as a binary number.';
insert into audit_tree (generation, size, frontier) values (1, 0, '{}');

-- ------------------------------------------------------------------------------------------------------------------ lists

create table listings (
    tenant_id  bigint not null,
    list       text not null,
    owner_id   bigint not null,
    at         timestamptz not null,
    fax_id     bigint not null,
    number     text collate "C",
    standing   text not null,
    unread     boolean not null default false,
    number_6   text collate "C" generated always as (left(number, 6)) stored,
    number_9   text collate "C" generated always as (left(number, 9)) stored,
    number_12  text collate "C" generated always as (left(number, 12)) stored,
    constraint listings_pkey primary key (tenant_id, list, owner_id, at, fax_id),
    constraint listings_fax_key unique (tenant_id, fax_id),
    constraint listings_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete cascade,
    constraint listings_list_known check (list in ('inbox', 'sent', 'deleted')),
    constraint listings_standing_known check (standing in ('open', 'arrived', 'partial', 'failed', 'stopped'))
);
create index listings_unread_idx on listings (tenant_id, list, owner_id, at, fax_id) where unread;
create index listings_standing_idx on listings (tenant_id, list, owner_id, standing, at, fax_id);
create index listings_number_6_idx on listings (tenant_id, list, owner_id, number_6, at, fax_id);
create index listings_number_9_idx on listings (tenant_id, list, owner_id, number_9, at, fax_id);
create index listings_number_12_idx on listings (tenant_id, list, owner_id, number_12, at, fax_id);
comment on table listings is
    'Where each fax stands in a list of the portal: beside faxes, so that what is listed by is indexed, and the state of a fax is not. Written by triggers.';
comment on column listings.list is 'inbox, of the mailbox owner_id; sent, of the user owner_id; or deleted, of whose it was before.';
comment on column listings.at is 'When it was laid into the mailbox, or handed in.';
comment on column listings.number is 'The other one''s, E.164; null: withheld. number_6 and the others: its beginning, by which lists are searched.';
comment on column listings.standing is 'open: not ended. As users are told: arrived, partial, failed, stopped.';

create table labels (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    name        text not null,
    key         text collate "C" not null,
    created_at  timestamptz not null default now(),
    constraint labels_pkey primary key (tenant_id, id),
    constraint labels_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint labels_key_key unique (tenant_id, key),
    constraint labels_name_form check (length(name) between 1 and 40 and name !~ '[[:cntrl:]]')
);
comment on table labels is 'What users call faxes. One that is on no fax goes when a new one is made.';
comment on column labels.key is 'The name as names are compared: folded.';

create table fax_labels (
    tenant_id  bigint not null,
    fax_id     bigint not null,
    label_id   bigint not null,
    list       text not null,
    owner_id   bigint not null,
    at         timestamptz not null,
    constraint fax_labels_pkey primary key (tenant_id, fax_id, label_id),
    constraint fax_labels_label_fkey foreign key (tenant_id, label_id) references labels (tenant_id, id) on delete cascade,
    constraint fax_labels_listing_fkey foreign key (tenant_id, list, owner_id, at, fax_id)
        references listings (tenant_id, list, owner_id, at, fax_id) on update cascade on delete cascade
);
create index fax_labels_label_idx on fax_labels (tenant_id, label_id, list, owner_id, at, fax_id);
comment on table fax_labels is 'Which labels are on a fax. list, owner_id, at: as its listing has them, for lists of a label.';

create function standing_of(state text) returns text
    language sql immutable parallel safe
    return case when state in ('sent', 'received') then 'arrived' when state in ('partial', 'failed') then state
                when state = 'cancelled' then 'stopped' else 'open' end;
comment on function standing_of(text) is 'Of a fax''s state: listings.standing.';

create function list_fax() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    update listings l
        set list = case when new.deleted_at is not null then 'deleted' when new.direction = 'inbound' then 'inbox' else 'sent' end,
            at = case when new.direction = 'outbound' then new.created_at else l.at end,
            number = case when new.direction = 'outbound' then new.called_number else new.calling_number end,
            standing = standing_of(new.state)
        where l.tenant_id = new.tenant_id and l.fax_id = new.id;
    if found or new.direction = 'outbound' and new.user_id is null
        or new.direction = 'inbound' and (new.mailbox_id is null or new.finished_at is null) then
        return null;
    end if;
    insert into listings (tenant_id, list, owner_id, at, fax_id, number, standing)
        values (new.tenant_id, case when new.deleted_at is not null then 'deleted' when new.direction = 'inbound' then 'inbox' else 'sent' end,
                case when new.direction = 'inbound' then new.mailbox_id else new.user_id end, new.created_at, new.id,
                case when new.direction = 'inbound' then new.calling_number else new.called_number end, standing_of(new.state));
    return null;
end $$;
comment on function list_fax() is
    'Lists a fax that a user sends from the beginning, and one that came in from its end, or once it lies in its mailbox (list_entry).';
create trigger faxes_listed after insert on faxes for each row
    when (new.direction = 'outbound' and new.user_id is not null or new.direction = 'inbound' and new.finished_at is not null)
    execute function list_fax();
create trigger faxes_listed_again after update of state, finished_at, deleted_at, created_at, calling_number on faxes for each row
    when (old.finished_at is distinct from new.finished_at or old.deleted_at is distinct from new.deleted_at
          or old.created_at <> new.created_at or old.calling_number is distinct from new.calling_number
          or new.finished_at is not null and old.state <> new.state)
    execute function list_fax();

create function list_entry() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into listings (tenant_id, list, owner_id, at, fax_id, number, standing, unread)
        select f.tenant_id, case when f.deleted_at is null then 'inbox' else 'deleted' end, new.mailbox_id, new.added_at, f.id,
               f.calling_number, standing_of(f.state), new.read_at is null
        from faxes f where f.tenant_id = new.tenant_id and f.id = new.fax_id
        on conflict on constraint listings_fax_key
        do update set owner_id = excluded.owner_id, at = excluded.at, unread = excluded.unread;
    return null;
end $$;
comment on function list_entry() is 'Lists a fax by its entry: in that mailbox, from when it was laid there, and unread until it is read.';
create trigger mailbox_entries_listed after insert or update of mailbox_id, added_at, read_at on mailbox_entries
    for each row execute function list_entry();

-- -------------------------------------------------------------------------------------------------------------- retention

create table retention_bounds (
    id              bigint generated always as identity,
    only_for        bigint,
    min_days        integer,
    max_days        integer,
    remove_records  boolean,
    constraint retention_bounds_pkey primary key (id),
    constraint retention_bounds_only_for_fkey foreign key (only_for) references tenants (id),
    constraint retention_bounds_entry_key unique nulls not distinct (only_for),
    constraint retention_bounds_min_days_range check (min_days between 0 and 36500),
    constraint retention_bounds_max_days_range check (max_days between 1 and 36500),
    constraint retention_bounds_order check (min_days <= max_days)
);
comment on table retention_bounds is 'What the administrator asks of how long faxes are kept: of all tenants, or of one.';
comment on column retention_bounds.only_for is 'Of this tenant, in place of what holds for all; null: of all tenants.';
comment on column retention_bounds.min_days is 'Since its end a fax is kept so long at least, whoever deletes it; null: as for all, or none.';
comment on column retention_bounds.max_days is 'And so long at most; null: as for all, or no limit.';
comment on column retention_bounds.remove_records is 'Whether the rows of a fax and its calls go as well, in the month after; null: as for all, or no.';

create table retention_choices (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    mailbox_id  bigint,
    direction   text,
    days        integer not null,
    constraint retention_choices_pkey primary key (tenant_id, id),
    constraint retention_choices_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint retention_choices_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint retention_choices_entry_key unique nulls not distinct (tenant_id, mailbox_id, direction),
    constraint retention_choices_direction_known check (direction in ('outbound', 'inbound')),
    constraint retention_choices_days_range check (days between 1 and 36500)
);
comment on table retention_choices is 'How long a tenant wants its faxes to be kept. What is beyond the bounds of now counts as the bound.';
comment on column retention_choices.mailbox_id is 'Of faxes of this mailbox; null: of each that has no choice of its own.';
comment on column retention_choices.direction is 'Of these only; null: of both.';

create table holds (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    mailbox_id  bigint,
    fax_id      bigint,
    reason      text not null,
    set_by      text not null,
    set_at      timestamptz not null default now(),
    constraint holds_pkey primary key (tenant_id, id),
    constraint holds_tenant_fkey foreign key (tenant_id) references tenants (id),
    constraint holds_mailbox_fkey foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id),
    constraint holds_fax_fkey foreign key (tenant_id, fax_id) references faxes (tenant_id, id),
    constraint holds_reason_given check (length(btrim(reason)) between 1 and 500)
);
create index holds_fax_idx on holds (tenant_id, fax_id);
comment on table holds is 'Legal holds: of a fax, of all of a mailbox, or of all of a tenant. What is held is neither deleted nor purged.';
comment on column holds.mailbox_id is 'Of a hold of a fax: the mailbox that it is of.';
comment on column holds.fax_id is 'Null: all faxes of the mailbox; where that is null as well, all of the tenant.';

create table tombstones (
    tenant_id    bigint not null,
    object_name  text not null,
    buried_at    timestamptz not null default now(),
    constraint tombstones_pkey primary key (tenant_id, object_name)
);
comment on table tombstones is
    'Objects of purged faxes that may lie in the store still. Nothing opens them: their wraps went in the transaction that wrote the row.';

create table purge_state (
    id               integer not null,
    database         text not null,
    generation       integer not null,
    runs             bigint not null default 0,
    ended_at         timestamptz,
    finished         boolean not null default true,
    next_folder      integer not null default 0,
    swept_at         timestamptz,
    removed_records  boolean not null default false,
    constraint purge_state_pkey primary key (id),
    constraint purge_state_one check (id = 1),
    constraint purge_state_folder_range check (next_folder between 0 and 255)
);
comment on table purge_state is 'One row: how far purge is, and for which database and store.';
comment on column purge_state.database is 'database_identity when an administrator last said that database and store belong together. Another one now: it was restored.';
comment on column purge_state.generation is 'audit_tree.generation likewise.';
comment on column purge_state.runs is 'How many there were. The store notes it as well: one that knows of more belongs to a database that was restored.';
comment on column purge_state.ended_at is 'When the last one came to its end; null: there was none. finished: nothing due was left then.';
comment on column purge_state.next_folder is 'Of the store, where the search goes on for objects that no row names; swept_at: when all were looked through.';
comment on column purge_state.removed_records is 'Whether rows of faxes were ever removed: records of all time do not add up between tenants since.';

create function database_identity() returns text
    language sql stable
    return (select system_identifier from pg_control_system()) || '/' || (select timeline_id from pg_control_checkpoint())
           || '/' || (select oid from pg_database where datname = current_database());
comment on function database_identity() is 'Another one after a dump was restored, a standby promoted, or a backup recovered to a point in time.';
insert into purge_state (id, database, generation) values (1, database_identity(), 1);

create function fax_to_hold(fax bigint) returns table (mailbox_id bigint, purged_at timestamptz)
    language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select f.mailbox_id, f.purged_at from faxes f where f.tenant_id = current_tenant() and f.id = fax;
end;
comment on function fax_to_hold(bigint) is
    'Of a fax of the current tenant, what a hold has to know; no row: there is none. Definer: who sets a hold need not read faxes.';

create function let_in(mailbox bigint, member bigint, newcomer bigint, epoch integer, key bigint, wrap bytea) returns bigint
    language sql security definer set search_path = pg_catalog, public
begin atomic
    with joined as (
        insert into mailbox_members (tenant_id, mailbox_id, user_id)
        select b.tenant_id, b.id, u.id from mailboxes b
        join users u on u.tenant_id = b.tenant_id and u.id = let_in.newcomer and u.enabled
        join user_keys n on n.tenant_id = u.tenant_id and n.user_id = u.id and n.replaced_at is null and n.id = let_in.key
        where b.tenant_id = current_tenant() and b.id = let_in.mailbox and b.kind = 'group' and exists (
            select from mailbox_members m
            join user_keys k on k.tenant_id = m.tenant_id and k.user_id = m.user_id and k.replaced_at is null
            join mailbox_keys h on h.tenant_id = m.tenant_id and h.mailbox_id = m.mailbox_id and h.user_key_id = k.id
            where m.tenant_id = b.tenant_id and m.mailbox_id = b.id and m.user_id = let_in.member and h.epoch = let_in.epoch
              and h.epoch = (select max(e.epoch) from mailbox_epochs e where e.tenant_id = b.tenant_id and e.mailbox_id = b.id))
        on conflict on constraint mailbox_members_pkey do nothing returning tenant_id, mailbox_id),
    handed as (
        insert into mailbox_keys (tenant_id, mailbox_id, epoch, user_key_id, wrap)
        select j.tenant_id, j.mailbox_id, let_in.epoch, let_in.key, let_in.wrap from joined j returning 1)
    select count(*) from handed;
end;
comment on function let_in(bigint, bigint, bigint, integer, bigint, bytea) is
    'Lets a user of the current tenant read a group''s mailbox, by one who reads it and has its newest key, with a wrap of that to the '
    'newcomer''s own; 1, or 0 where that is not so or they do already. Definer: the portal makes nobody a member otherwise.';
revoke execute on function let_in(bigint, bigint, bigint, integer, bigint, bytea) from public;
grant execute on function let_in(bigint, bigint, bigint, integer, bigint, bytea) to faxplan_portal;

create function refuse_held() returns trigger
    language plpgsql
as $$
begin
    if exists (select from holds h where h.tenant_id = old.tenant_id
               and case when h.fax_id is not null then h.fax_id = old.id
                        else h.mailbox_id is null or h.mailbox_id = old.mailbox_id end)
       or (old.left_by is not null or old.forwarded_by is null) and (tg_op = 'DELETE' or new.mailbox_id is not distinct from old.mailbox_id) and exists (
           select from faxes f join holds h on h.tenant_id = f.tenant_id
                and (h.fax_id = f.id or h.fax_id is null and h.mailbox_id = f.mailbox_id)
           where f.tenant_id = old.tenant_id and f.tiff_id = old.tiff_id) then
        raise exception 'fax % is under legal hold', old.id using errcode = 'restrict_violation', constraint = 'faxes_held';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function refuse_held() is 'Whatever the application forgets: what is under legal hold is not purged, loses none of its documents, and is not moved to where nothing holds it; nor what it was a copy of, or left where it was moved away.';
create trigger faxes_held_delete before delete on faxes for each row execute function refuse_held();
create trigger faxes_held_purge before update of purged_at on faxes for each row
    when (new.purged_at is not null and old.purged_at is null) execute function refuse_held();
create trigger faxes_held_move before update of mailbox_id on faxes for each row
    when (new.mailbox_id is distinct from old.mailbox_id and coalesce(old.tiff_id, old.rendering_id) is not null)
    execute function refuse_held();
create trigger faxes_held_documents before update of tiff_id, pdf_id, images_id, thumbnail_id on faxes for each row
    when (new.tiff_id is distinct from coalesce(old.tiff_id, new.tiff_id) or new.pdf_id is distinct from coalesce(old.pdf_id, new.pdf_id)
          or new.images_id is distinct from coalesce(old.images_id, new.images_id)
          or new.thumbnail_id is distinct from coalesce(old.thumbnail_id, new.thumbnail_id))
    execute function refuse_held();

-- -------------------------------------------------------------------------------------------------------------- monitoring

create table counters (
    name    text not null,
    labels  text[] not null,
    value   double precision not null,
    constraint counters_pkey primary key (name, labels)
);
comment on table counters is 'Counts since the beginning, of all tenants together: they never fall (counters.py).';
comment on column counters.labels is 'Of what it is a count, in the order that counters.py gives.';

create table uncounted (
    id         bigint generated always as identity,
    what       text not null,
    direction  text not null,
    trunk      text not null default '',
    result     text not null default '',
    reason     text not null default '',
    number     integer not null default 1,
    pages      integer not null default 0,
    by_t38     boolean not null default false,
    talked     double precision,
    waited     double precision,
    constraint uncounted_pkey primary key (id),
    constraint uncounted_what_known check (what in ('call', 'fax', 'submitted'))
);
comment on table uncounted is
    'What has ended and is not in counters yet. Written beside what it counts, without a common row: calls that end at once do not wait for each other.';
comment on column uncounted.trunk is '(within): delivered without a call; empty: none.';
comment on column uncounted.result is 'Of a call as attempts.outcome, of a fax as faxes.state.';
comment on column uncounted.reason is 'Of a call as attempts.rule, of a fax as faxes.error_id.';
comment on column uncounted.talked is 'Seconds from answer to end; null: nobody answered.';
comment on column uncounted.waited is 'Seconds from submission, or the time that its user had asked for, to the first call; null: it is not the first.';

create function count_call() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into uncounted (what, direction, trunk, result, reason, pages, by_t38, talked, waited)
    select 'call', f.direction, case when new.internal then '(within)' else coalesce(new.trunk, '') end, new.outcome,
           coalesce(new.rule, ''), new.pages, coalesce(new.t38_status = 'negotiated', false),
           case when new.answered_at is not null then greatest(extract(epoch from new.ended_at - new.answered_at), 0) end,
           case when f.direction = 'outbound' and new.number = 1
                then greatest(extract(epoch from new.started_at - greatest(f.created_at, f.send_at)), 0) end
    from faxes f where f.tenant_id = new.tenant_id and f.id = new.fax_id and not f.is_test;
    return null;
end $$;
create trigger attempts_counted after update of outcome on attempts for each row
    when (old.outcome is null and new.outcome is not null) execute function count_call();

create function count_fax() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into uncounted (what, direction, result, reason) values ('fax', new.direction, new.state, coalesce(new.error_id, ''));
    return null;
end $$;
create trigger faxes_counted after update of finished_at on faxes for each row
    when (old.finished_at is null and new.finished_at is not null and not new.is_test) execute function count_fax();
create trigger faxes_counted_at_once after insert on faxes for each row
    when (new.finished_at is not null and new.copy_of is null and not new.is_test) execute function count_fax();

create function count_submitted() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into uncounted (what, direction, number)
    select 'submitted', 'outbound', count(*) from submitted where direction = 'outbound' and not is_test having count(*) > 0;
    return null;
end $$;
create trigger faxes_submitted after insert on faxes referencing new table as submitted
    for each statement execute function count_submitted();

-- ------------------------------------------------------------------------------------------------------ row-level security

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_directory on tenants for select using (true);
create policy tenants_admin on tenants for all to faxplan_admin using (true) with check (true);

do $$
declare
    t text;
begin
    foreach t in array array['users', 'logins', 'mailboxes', 'mailbox_members', 'dids', 'documents', 'renderings', 'render_jobs', 'faxes',
                             'fax_queue', 'attempts', 'calls', 'mailbox_entries', 'quotas', 'notices', 'sending_hours', 'tenant_turns',
                             'destinations', 'verified_numbers', 'trunk_tests', 'did_callers', 'did_refusals', 't30_traces', 'user_keys',
                             'key_locks', 'mailbox_epochs', 'mailbox_keys', 'reader_mailboxes', 'mailbox_wraps', 'sealed_mailboxes',
                             'transient_wraps', 'fax_deadlines', 'drafts', 'sessions', 'login_tries', 'identity_providers', 'identities', 'brands', 'brand_hosts', 'cover_templates',
                             'report_days', 'report_hours', 'report_people', 'report_states', 'contacts', 'contact_words',
                             'contact_groups', 'contact_group_members', 'contact_imports', 'invitations', 'second_factors', 'passkeys',
                             'spent_challenges', 'known_browsers', 'retention_choices', 'holds', 'tombstones', 'do_not_fax', 'listings',
                             'labels', 'fax_labels', 'mail_recipients', 'outbox', 'mail_accounts', 'mail_signing_keys', 'mail_templates',
                             'mail_senders', 'mail_tokens', 'mail_pins', 'mails_in', 'api_keys', 'api_use', 'api_requests', 'campaigns', 'campaign_files', 'campaign_recipients',
                             'campaign_tests', 'campaign_uploads',
                             'webhook_endpoints', 'webhook_secrets', 'webhook_deliveries'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
    foreach t in array array['audit', 'audit_heads', 'audit_leaves'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select coalesce(current_tenant(), 0))) '
                       'with check (tenant_id = (select coalesce(current_tenant(), 0)))', t || '_tenant', t);
    end loop;
end $$;

-- Read or written before a tenant is known, or across tenants by nature: ids and routing data only.
create policy logins_lookup on logins for select to faxplan_portal, faxplan_admin using (true);
create policy brand_hosts_lookup on brand_hosts for select to faxplan_portal, faxplan_admin using (true);
create policy dids_lookup on dids for select to faxplan_switch, faxplan_admin using (true);
create policy dids_owner on dids for select to faxplan_owner using (true);
create policy fax_queue_claim on fax_queue for all to faxplan_switch using (true) with check (true);
create policy calls_node on calls for all to faxplan_switch using (true) with check (true);
create policy calls_removed_nodes on calls for update to faxplan_admin using (true) with check (true);
create policy calls_overview on calls for select to faxplan_admin using (true);
create policy fax_queue_overview on fax_queue for select to faxplan_admin using (true);
create policy attempts_overview on attempts for select to faxplan_admin using (true);
create policy faxes_overview on faxes for select to faxplan_admin
    using (exists (select from calls c where c.tenant_id = faxes.tenant_id and c.fax_id = faxes.id));
create policy quotas_overview on quotas for select to faxplan_admin using (true);
create policy audit_refused on audit for select to faxplan_admin using (result = 'refused');
create policy sending_hours_claim on sending_hours for select to faxplan_switch using (true);
create policy audit_heads_checkpoint on audit_heads for select to faxplan_admin using (true);
create policy audit_leaves_checkpoint on audit_leaves to faxplan_admin using (true) with check (true);
-- A claim opens the calls of several tenants in one statement, and names them: app.claim.
do $$
declare
    t text;
begin
    foreach t in array array['faxes', 'attempts', 'renderings', 'documents', 'destinations', 'verified_numbers'] loop
        execute format('create policy %I on %I to faxplan_switch using (tenant_id = any ((select claimed_tenants())::bigint[])) '
                       'with check (tenant_id = any ((select claimed_tenants())::bigint[]))', t || '_claim', t);
    end loop;
end $$;
-- webhooks_fill in such a claim, and the worker that hands over.
do $$
declare
    t text;
begin
    foreach t in array array['webhook_endpoints', 'webhook_deliveries'] loop
        execute format('create policy %I on %I to faxplan_owner using (tenant_id = any ((select claimed_tenants())::bigint[])) '
                       'with check (tenant_id = any ((select claimed_tenants())::bigint[]))', t || '_claim', t);
        execute format('create policy %I on %I to faxplan_worker using (true) with check (true)', t || '_sender', t);
    end loop;
end $$;
create policy documents_orphans on documents for select to faxplan_purge using (true);
create policy tenant_turns_claim on tenant_turns for all to faxplan_switch using (true) with check (true);
create policy trunk_tests_claim on trunk_tests for all to faxplan_switch using (true) with check (true);
create policy render_jobs_claim on render_jobs for all to faxplan_worker using (true) with check (true);
-- The switch has no key of its own to mail with, and takes none of the workers' away.
alter table transient_keys enable row level security;
alter table transient_keys force row level security;
create policy transient_keys_public on transient_keys for select using (true);
create policy transient_keys_dispatch on transient_keys for all to faxplan_switch using (purpose = 'dispatch') with check (purpose = 'dispatch');
create policy transient_keys_removed_nodes on transient_keys for update to faxplan_admin using (purpose = 'dispatch') with check (purpose = 'dispatch');
create policy transient_keys_workers on transient_keys for all to faxplan_worker using (true) with check (true);
create policy transient_wraps_renewal on transient_wraps for all to faxplan_switch, faxplan_worker using (true) with check (true);
create policy mail_accounts_mailer on mail_accounts for select to faxplan_worker using (true);
create policy campaigns_due on campaigns for select to faxplan_worker using (state in ('running', 'paused', 'cancelled'));
create policy campaign_files_due on campaign_files for select to faxplan_worker using (wrong = '');
create policy campaign_recipients_due on campaign_recipients for select to faxplan_worker using (state = 'released');
create policy campaign_tests_due on campaign_tests for select to faxplan_worker using (done_at is null);
create policy outbox_mailer on outbox for all to faxplan_worker using (true) with check (true);
create policy outbox_overview on outbox for select to faxplan_admin using (state = 'waiting');
create policy drafts_watch on drafts to faxplan_worker using (true) with check (true);
create policy fax_deadlines_watch on fax_deadlines for all to faxplan_switch, faxplan_worker, faxplan_admin using (true) with check (true);
create policy fax_queue_metrics on fax_queue for select to faxplan_metrics using (true);
create policy calls_metrics on calls for select to faxplan_metrics using (true);
create policy outbox_metrics on outbox for select to faxplan_metrics using (state = 'waiting');
create policy render_jobs_metrics on render_jobs for select to faxplan_metrics using (true);

-- ------------------------------------------------------------------------------------------------------------------ grants

grant usage on schema public to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_worker, faxplan_backup, faxplan_purge;
grant select on all tables in schema public to faxplan_backup;
-- pg_dump reads where each identity column stands.
grant select on all sequences in schema public to faxplan_backup;
grant select on schema_migration, tenants, routing_version to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_worker;
grant insert on audit to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_worker;
grant select on audit to faxplan_admin, faxplan_portal;

-- admin: the installation, and the people and numbers of tenants; never a document or a fax.
grant insert, update on tenants to faxplan_admin;
grant select, insert, update, delete on trunks, routes, users, logins, mailbox_members, dids, quotas to faxplan_admin;
grant insert, update, delete on mailboxes to faxplan_admin;
grant select, insert, update, delete on failure_rules, sending_hours to faxplan_admin;
grant select, delete on trunk_states to faxplan_admin;
grant select, update on nodes to faxplan_admin;
grant delete on nodes to faxplan_admin;
grant update (lease_until) on calls to faxplan_admin;
grant select on node_trunks, trunk_holders to faxplan_admin;
grant select on calls, fax_queue to faxplan_admin;
grant select (tenant_id, id, pages, pages_done) on faxes to faxplan_admin;
grant select, insert, delete on verified_numbers to faxplan_admin;

-- portal: a tenant's users at work (the portal, the command line).
grant select on routes, nodes, users, logins, mailbox_members, dids, renderings, render_jobs, calls, attempts to faxplan_portal;
-- Not how a trunk logs in: who reads that can call at our cost.
grant select (id, name, host, port, transport, register, realm, ping_seconds, source_networks, called_format, calling_format, inbound_country,
              inbound_format, t38, enabled, created_at, max_calls, calls_per_second, dedicated_to, overflow, caller_id_in, privacy, from_user, from_domain,
              t38_request, t38_redundancy, v17, ecm, codec, encrypted_media, trusts_identity, called_from, t30_trace, called_prefix, inbound_prefix, inbound_calling_format, version, changed_at) on trunks to faxplan_portal;
-- Not which numbers a trunk failed, by whomever they were called.
grant select (trunk_id, rests_until, node_rests) on trunk_states to faxplan_portal;
grant select on failure_rules, sending_hours, verified_numbers to faxplan_portal;
grant select, insert, update, delete on destinations to faxplan_portal;
grant select, insert, delete on documents to faxplan_portal;
grant select, insert, update on faxes, mailbox_entries, quotas, notices to faxplan_portal;
grant insert on renderings, render_jobs, fax_queue to faxplan_portal;
grant update (state, error_id, error_text) on renderings to faxplan_portal;
grant delete on render_jobs to faxplan_portal;
grant update (cancel_requested) on calls to faxplan_portal;
grant update (language) on users to faxplan_portal;
grant update (time_zone) on users to faxplan_portal;
grant select, delete on fax_queue to faxplan_portal;
grant select, insert, delete on trunk_tests to faxplan_portal;

-- switch: claim, dial, receive, settle.
grant select, insert on renderings to faxplan_switch;
grant select on trunks, routes, dids, users, sending_hours, failure_rules, verified_numbers to faxplan_switch;
grant select, insert, update on trunk_states, tenant_turns, destinations to faxplan_switch;
grant delete on destinations to faxplan_switch;
grant select, insert, update on nodes, faxes, attempts, documents, quotas to faxplan_switch;
grant select, insert, update, delete on fax_queue, calls to faxplan_switch;
grant select, insert, update, delete on node_trunks, trunk_holders to faxplan_switch;
grant insert on mailbox_entries, notices to faxplan_switch;
grant select, delete on trunk_tests to faxplan_switch;

-- worker: render.
grant select, insert, update, delete on render_jobs to faxplan_worker;
grant select, update on renderings, faxes, quotas to faxplan_worker;
grant select, insert on documents to faxplan_worker;
grant select, insert on fax_queue to faxplan_worker;
grant select on routes to faxplan_worker;
grant select (id, dedicated_to, overflow, enabled, encrypted_media) on trunks to faxplan_worker;
grant insert on notices to faxplan_worker;
grant select on users, mailboxes, dids to faxplan_worker;

-- The switch orders pages to be made anew, for a machine that did not take them.
grant insert on render_jobs to faxplan_switch;

-- Who may call a DID, and who was refused.
grant select, insert, update, delete on did_callers to faxplan_admin;
grant select, insert, delete on do_not_fax to faxplan_admin;
grant select, insert on do_not_fax to faxplan_portal;
grant select, insert on do_not_fax to faxplan_switch;
grant select on did_refusals to faxplan_admin;
grant select on did_callers, did_refusals to faxplan_portal;
grant select on did_callers to faxplan_switch;
grant select, insert, update on did_refusals to faxplan_switch;

-- What spandsp logged of a call.
grant select on t30_traces to faxplan_portal;
grant insert on t30_traces to faxplan_switch;
-- What is left of an hour, for people.
grant select on tenant_turns to faxplan_admin;
grant select on tenant_turns to faxplan_portal;

-- Users' clients bring their own keys, and those of the mailboxes that they read.
grant select, insert on user_keys, mailbox_epochs, mailbox_keys to faxplan_portal;
grant select on user_keys to faxplan_admin;
grant select, insert on mailbox_epochs, mailbox_keys to faxplan_admin;
grant update (replaced_at) on user_keys to faxplan_portal;
grant update (earlier_key) on mailbox_epochs to faxplan_portal;
grant select, insert, delete on key_locks to faxplan_portal;
grant select on mailbox_epochs to faxplan_switch, faxplan_worker;
-- API readers, and a recovery key that is switched off.
grant select, insert, delete on reader_mailboxes to faxplan_portal;
grant select, delete on reader_mailboxes to faxplan_admin;
grant update (mail_mode, mail_format, mail_password, mail_set_by, mail_set_at) on mailboxes to faxplan_portal;

-- Who stores a document wraps its key; who sends it unwraps that, and takes it away.
grant select, insert on mailbox_wraps to faxplan_portal, faxplan_switch, faxplan_worker;
grant select on transient_keys to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_worker;
grant insert, delete on transient_keys to faxplan_switch, faxplan_worker;
grant update (retired_at) on transient_keys to faxplan_switch, faxplan_worker;
grant update (retired_at) on transient_keys to faxplan_admin;
grant select, insert, delete on transient_wraps to faxplan_portal, faxplan_switch, faxplan_worker;

-- `faxplan vault adopt` seals what was stored before.
grant update (object_name, bytes, header_digest, sealed_name, sha256, file_name) on documents to faxplan_worker;

-- Checkpoints of the audit: the heads of all chains, and the tree over them.
grant select on audit_heads, audit_tree to faxplan_admin;
-- A tenant verifies its own chain.
grant select on audit_heads to faxplan_portal;
grant update on audit_tree to faxplan_admin;
grant select, insert on audit_leaves to faxplan_admin;

-- What waits for too long is ended by whoever runs, a switch or a worker, in words that say why it was still waiting.
grant select, insert, delete on fax_deadlines to faxplan_portal;
grant select, update, delete on fax_deadlines to faxplan_switch, faxplan_worker;
grant select, update (ends_at) on fax_deadlines to faxplan_admin;
grant select on render_jobs to faxplan_switch;
grant delete on fax_queue to faxplan_worker;
grant select, delete on trunk_tests to faxplan_worker;
grant select on nodes, sending_hours, tenant_turns to faxplan_worker;
grant select (trunk_id, failures, rests_until, node_rests) on trunk_states to faxplan_worker;
grant select (tenant_id, fax_id, number, rule) on attempts to faxplan_worker;

-- What the operator has to mend is counted for the doctor, and told to tenants' administrators once a day.
grant select, insert, update, delete on configuration_faults to faxplan_switch;
grant select on configuration_faults to faxplan_admin;
grant select on notices to faxplan_switch;
-- How long faxes are kept, and what is held.
grant select, insert, update on retention_bounds to faxplan_admin;
grant select on retention_bounds to faxplan_portal, faxplan_purge;
grant select on retention_choices to faxplan_admin, faxplan_purge;
grant select, insert, update, delete on retention_choices to faxplan_portal;
grant select, insert, delete on holds to faxplan_admin;
grant select on holds to faxplan_portal, faxplan_purge;
grant select on purge_state to faxplan_admin, faxplan_portal, faxplan_purge;
grant update (database, generation) on purge_state to faxplan_admin;

-- purge: destroys what was kept for long enough. It reads no wrap, no trace and no notice.
grant select on schema_migration, tenants, faxes, renderings, audit_tree to faxplan_purge;
grant insert on audit to faxplan_purge;
grant update (purged_at, rendering_id, tiff_id, pdf_id, images_id, thumbnail_id, cover_id, cover_pages_id, cover_images_id)
    on faxes to faxplan_purge;
grant delete on faxes, attempts, renderings, render_jobs, documents, mailbox_wraps, transient_wraps, mailbox_entries, notices, t30_traces
    to faxplan_purge;
grant select (tenant_id, id, fax_id, channel_uuid) on attempts to faxplan_purge;
grant select (tenant_id, id, bytes, object_name) on documents to faxplan_purge;
grant select (tenant_id, rendering_id) on render_jobs to faxplan_purge;
grant select (tenant_id, document_id, mailbox_id) on mailbox_wraps to faxplan_purge;
grant select (tenant_id, document_id) on transient_wraps to faxplan_purge;
grant select (tenant_id, fax_id) on mailbox_entries, notices to faxplan_purge;
grant select (tenant_id, attempt_id) on t30_traces to faxplan_purge;
grant select, insert, delete on tombstones to faxplan_purge;
grant update (runs, ended_at, finished, next_folder, swept_at, removed_records) on purge_state to faxplan_purge;

-- Into what was ever sealed to the administrator alone lets nobody.
grant select on sealed_mailboxes to faxplan_admin;

-- Drafts: made, sent and dropped by users; the worker closes those that have expired, and purge destroys what they were.
grant select, insert, delete, update (rendering_id, expires_at, closed) on drafts to faxplan_portal;
grant select, update (closed) on drafts to faxplan_worker;
grant select, delete on drafts to faxplan_purge;

-- The portal: who is logged in.
grant select, insert, delete, update (seen_at) on sessions to faxplan_portal;
grant select, insert, delete, update (failures) on login_tries to faxplan_portal;
grant select on login_secret to faxplan_portal;
grant select, insert, delete on invitations to faxplan_admin, faxplan_portal;
grant select, insert, delete, update (sealed, last_step) on second_factors to faxplan_portal;
grant select, insert, delete, update (sign_count, used_at) on passkeys to faxplan_portal;
grant select, insert, delete on spent_challenges to faxplan_portal;
grant select, insert, delete, update (seen_at) on known_browsers to faxplan_portal;

-- What operators are shown over all tenants: counts and times.
grant select (trunk, outcome, rule, started_at, internal) on attempts to faxplan_admin;
grant select (tenant_id, id, pages, pages_done) on faxes to faxplan_admin;

-- Brands: set by administrators, and a host name is looked up before its tenant is known.
grant select on brands, brand_hosts to faxplan_backup, faxplan_admin, faxplan_portal, faxplan_worker;
grant insert, update on brands to faxplan_admin;
grant insert, delete, update (confirmed_at) on brand_hosts to faxplan_admin;

-- Cover pages: what they say is set by administrators, and drawn for users.
grant select on cover_templates to faxplan_backup, faxplan_admin, faxplan_portal;
grant insert, delete, update (name, body, footer, is_default, changed_at) on cover_templates to faxplan_admin;

-- Reports: whoever looks counts first.
grant select on report_days, report_hours, report_people, report_states to faxplan_backup, faxplan_portal;
grant insert, delete on report_days, report_hours, report_people to faxplan_portal;
grant insert, update on report_states to faxplan_portal;

-- Contacts are users' own affair.
grant select, insert, delete, update (owner_id, name, company, number, email, note, sort_key, changed_at) on contacts to faxplan_portal;
grant select, insert, delete on contact_words, contact_group_members to faxplan_portal;
grant select, insert, delete, update (owner_id, name, sort_key) on contact_groups to faxplan_portal;
grant select, insert, delete, update (taken) on contact_imports to faxplan_portal;

-- Lists: triggers write where a fax stands, with the rights of whoever changes it.
grant select, insert, update on listings to faxplan_portal, faxplan_switch;
grant select, update on listings to faxplan_worker;
grant select, insert, delete on labels to faxplan_portal;
grant select, insert, delete on fax_labels to faxplan_portal;

-- Single sign-on: who is who there is noted at the first log-in.
grant select on identity_providers, identities to faxplan_backup, faxplan_portal, faxplan_admin;
grant insert, update, delete on identity_providers to faxplan_admin;
grant insert on identities to faxplan_portal;
grant delete on identities to faxplan_admin;
grant update (is_shut, token_hash) on sessions to faxplan_portal;

-- Mail: recipients are who reads a mailbox to choose; the worker hands over. The password of a mailbox's PDFs is for it alone.
grant select (tenant_id, id, name, kind, created_at, mail_mode, mail_format, mail) on mailboxes
    to faxplan_admin, faxplan_portal, faxplan_switch, faxplan_purge;
grant select (mail_set_by, mail_set_at) on mailboxes to faxplan_admin, faxplan_portal;
grant update (mail_results) on users to faxplan_portal;
grant select, insert, update, delete on mail_recipients to faxplan_portal;
grant select, delete on mail_recipients to faxplan_admin;
grant select on mail_recipients, notices to faxplan_worker;
grant select on outbox to faxplan_portal, faxplan_admin;
grant select, update on outbox to faxplan_worker;
grant delete on outbox to faxplan_purge;
grant select (tenant_id, notice_id) on outbox to faxplan_purge;
grant select (id) on notices to faxplan_purge;

-- What logs in, and what signs, only the worker reads.
grant select (tenant_id, host, port, security, sender, user_name, token_url, client_id, scope, changed_at) on mail_accounts to faxplan_admin;
grant select (tenant_id, domain, selector, record, created_at) on mail_signing_keys to faxplan_admin;
grant insert, update, delete on mail_accounts, mail_signing_keys to faxplan_admin;
grant select, update (refresh_token) on mail_accounts to faxplan_worker;
grant select on mail_signing_keys to faxplan_worker;
grant select on mail_templates to faxplan_backup, faxplan_admin, faxplan_worker;
grant insert, update, delete on mail_templates to faxplan_admin;
-- Mail that comes in.
grant update (mail_accepted) on users to faxplan_portal;
grant update (mail_thumbnail) on users to faxplan_portal;
-- What hashes PINs can be guessed from: only where they are compared.
grant select on mail_senders, mail_tokens, mail_pins, mails_in to faxplan_backup, faxplan_portal;
-- Another address is given by an administrator alone: whoever had somebody else's would read what that one faxes.
grant delete on mail_senders to faxplan_portal;
grant insert, delete on mail_tokens, mail_pins to faxplan_portal;
grant insert on mails_in to faxplan_portal;
grant select, insert, delete on mail_senders, mail_tokens to faxplan_admin;
grant insert, delete, select (tenant_id, user_id, changed_at) on mail_pins to faxplan_admin;
grant select on mails_in to faxplan_worker;
grant select (tenant_id, fax_id, outcome, answered_at, ended_at) on attempts to faxplan_worker;
grant delete, update (message_id, answer_to), select (tenant_id, fax_id, received_at) on mails_in to faxplan_purge;
-- Programs.
grant select on api_keys, api_use, api_requests to faxplan_backup;
grant select on api_keys_id_seq to faxplan_backup;
grant usage on fax_batches to faxplan_portal;
grant select, insert on api_keys to faxplan_portal;
grant update (used_at, ended_at) on api_keys to faxplan_portal;
-- Administrators see the API keys of their people, and end them; by what a key is known they do not see.
grant select (tenant_id, id, user_id, name, ending, scopes, created_at, expires_at, used_at, ended_at) on api_keys to faxplan_admin;
grant update (ended_at) on api_keys to faxplan_admin;
grant select, insert, update, delete on api_use, api_requests to faxplan_portal;

-- Monitoring.
grant select on counters, uncounted, uncounted_id_seq to faxplan_backup;
grant insert on uncounted to faxplan_portal, faxplan_switch, faxplan_worker;
grant select, delete on uncounted to faxplan_worker;
grant select, insert, update on counters to faxplan_worker;

-- metrics: how much, how long and since when; never whose, but for tenants' short names.
grant usage on schema public to faxplan_metrics;
grant select on schema_migration, nodes, counters, uncounted to faxplan_metrics;
grant select (id, slug) on tenants to faxplan_metrics;
grant select (id, name, enabled, max_calls) on trunks to faxplan_metrics;
grant select (trunk_id, failures, rests_until, node_rests, last_success_at) on trunk_states to faxplan_metrics;
grant select (tenant_id, not_before) on fax_queue to faxplan_metrics;
grant select (direction, node, trunk_id) on calls to faxplan_metrics;
grant select (state, created_at) on outbox to faxplan_metrics;
grant select (not_before, worker, lease_until) on render_jobs to faxplan_metrics;

-- Campaigns.
grant update (kept) on drafts to faxplan_portal;
grant select (tenant_id, rendering_id, closed) on drafts to faxplan_switch;
grant select on campaigns, campaign_files, campaign_recipients to faxplan_backup;
grant select on campaigns_id_seq, campaign_recipients_id_seq to faxplan_backup;
grant select, insert, update, delete on campaigns, campaign_files, campaign_recipients to faxplan_portal;
grant select on campaign_uploads to faxplan_backup;
grant select, insert, delete on campaign_uploads to faxplan_portal;
grant select (tenant_id, id, state, ended_at) on campaigns to faxplan_worker;
grant select (tenant_id, campaign_id, wrong) on campaign_files to faxplan_worker;
grant select (tenant_id, campaign_id, state) on campaign_recipients to faxplan_worker;
grant select (tenant_id, campaign_id, fax_id), update (fax_id) on campaign_recipients to faxplan_purge;
grant select on campaigns, campaign_recipients to faxplan_purge;
grant update (kept_counts, purged_at) on campaigns to faxplan_purge;
grant delete on campaign_recipients to faxplan_purge;
grant select (tenant_id, id, mailbox_id) on users to faxplan_purge;
grant select (tenant_id, cover_id, rendering_id), update (rendering_id) on campaigns to faxplan_purge;
grant select (kind) on documents to faxplan_purge;
grant select on campaign_tests, campaign_tests_id_seq to faxplan_backup;
grant select, insert, update, delete on campaign_tests to faxplan_portal;
grant select (tenant_id, id, campaign_id, done_at) on campaign_tests to faxplan_worker;
grant select (tenant_id, fax_id), update (fax_id) on campaign_tests to faxplan_purge;
grant select (tenant_id, brought_at), delete on campaign_uploads to faxplan_purge;
grant select (campaign_id), delete on campaign_tests to faxplan_purge;
-- Webhooks.
-- What signs only the worker reads.
grant select on webhook_endpoints, webhook_secrets, webhook_deliveries to faxplan_backup;
grant select on webhook_endpoints_id_seq, webhook_secrets_id_seq, webhook_deliveries_id_seq to faxplan_backup;
grant select, insert, delete, update (address, description, types, enabled, off_because, failures, failing_since, rests_until)
    on webhook_endpoints to faxplan_portal;
grant insert, delete, update (ends_at), select (tenant_id, id, endpoint_id, public_key, created_at, ends_at) on webhook_secrets to faxplan_portal;
grant select, insert, update (state, tries, not_before, waits_since, ended_at) on webhook_deliveries to faxplan_portal;
grant select, update (enabled, off_because, failures, failing_since, rests_until, served_at, worker, lease_until)
    on webhook_endpoints to faxplan_worker;
grant select on webhook_secrets to faxplan_worker;
grant select, delete, update (state, tries, not_before, tried_at, status, said, answer, ended_at) on webhook_deliveries to faxplan_worker;
grant select (tenant_id, id, address, enabled, off_because, failures, failing_since, rests_until, served_at)
    on webhook_endpoints to faxplan_admin;
grant select (tenant_id, endpoint_id, created_at) on webhook_secrets to faxplan_admin;
grant select (tenant_id, endpoint_id, state, not_before) on webhook_deliveries to faxplan_admin;
create policy webhook_endpoints_overview on webhook_endpoints for select to faxplan_admin using (true);
create policy webhook_secrets_overview on webhook_secrets for select to faxplan_admin using (true);
create policy webhook_deliveries_overview on webhook_deliveries for select to faxplan_admin using (state = 'waiting');
