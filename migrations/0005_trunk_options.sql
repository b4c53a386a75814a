-- How each trunk wants its calls: the caller ID, the media. And the numbers that a tenant may call as.

alter table trunks
    add column caller_id_in text not null default 'pai',
    add column privacy boolean not null default false,
    add column from_user text,
    add column from_domain text,
    add column t38_request text not null default 'receiver',
    add column t38_redundancy integer not null default 3,
    add column v17 boolean not null default true,
    add column ecm boolean not null default true,
    add column codec text not null default 'any',
    add column encrypted_media boolean not null default false,
    add column trusts_identity boolean not null default false,
    add constraint trunks_caller_id_in_known check (caller_id_in in ('from', 'pai', 'rpid')),
    add constraint trunks_caller_id_told check (caller_id_in <> 'from' or (from_user is null and not privacy)),
    add constraint trunks_t38_request_known check (t38_request in ('receiver', 'sender', 'nobody')),
    add constraint trunks_t38_redundancy_range check (t38_redundancy between 0 and 3),
    add constraint trunks_codec_known check (codec in ('any', 'pcmu', 'pcma')),
    add constraint trunks_encrypted_media_keys check (not encrypted_media or transport = 'tls'),
    add constraint trunks_encrypted_media_audio check (not (encrypted_media and t38));
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
    'P-Asserted-Identity, Remote-Party-ID and Diversion of received calls count: the carrier answers for them (RFC 3325). Else From alone.';
comment on column trunks.encrypted_media is 'SRTP or no call, in both directions. Its keys stand in SDP, which TLS hides; T.38 has no encryption.';

grant select (caller_id_in, privacy, from_user, from_domain, t38_request, t38_redundancy, v17, ecm, codec, encrypted_media,
              trusts_identity) on trunks to faxplan_portal;

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

alter table verified_numbers enable row level security;
alter table verified_numbers force row level security;
create policy verified_numbers_tenant on verified_numbers using (tenant_id = (select current_tenant()))
    with check (tenant_id = (select current_tenant()));
create policy verified_numbers_claim on verified_numbers to faxplan_switch using (tenant_id = any ((select claimed_tenants())::bigint[]))
    with check (tenant_id = any ((select claimed_tenants())::bigint[]));
grant select on verified_numbers to faxplan_backup;
grant select, insert, delete on verified_numbers to faxplan_admin;
grant select on verified_numbers to faxplan_portal;
grant select on verified_numbers to faxplan_switch;
