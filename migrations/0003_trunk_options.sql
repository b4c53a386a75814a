-- How each trunk wants its calls: the caller ID, the media.

alter table trunks
    add column caller_id_in text not null default 'pai',
    add column privacy boolean not null default false,
    add column from_user text,
    add column from_domain text,
    add constraint trunks_caller_id_in_known check (caller_id_in in ('from', 'pai', 'rpid')),
    add constraint trunks_caller_id_told check (caller_id_in <> 'from' or (from_user is null and not privacy));
comment on column trunks.caller_id_in is
    'Where the calling number stands: from: in From alone; pai, rpid: in P-Asserted-Identity (RFC 3325) or Remote-Party-ID too.';
comment on column trunks.privacy is 'The called party is not told the number: From is anonymous, and Privacy says id (RFC 3323).';
comment on column trunks.from_user is 'What carriers want in From in the number''s place, such as the account; null: the number.';
comment on column trunks.from_domain is 'The domain of From and of the calling number; null: the switch''s address.';

grant select (caller_id_in, privacy, from_user, from_domain) on trunks to faxplan_portal;
